package onnxrun

import (
	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/batching"
)

// store holds the blocks of one device's key-value cache, where that device's forwards want them.
type store interface {
	// open gathers the past of a forward out of the plan's slots, and makes room for its present if the plan keeps some
	// of it. What it gives must be closed. Two forwards may have some at once, or the second waits for the first.
	open(plan *batching.Plan) (forwardKV, error)
	free()
}

// forwardKV are the keys and values of one forward: those of the tokens before it, its past, and those that it
// computes, its present. A part is one layer's keys or one layer's values, in the order of Session.pasts.
type forwardKV interface {
	past(part int) (ort.Value, error)    // (BlockTokens · blocks, kv_heads, head_dim), which the caller destroys
	present(part int) (ort.Value, error) // (tokens, kv_heads, head_dim), likewise
	keep() error                         // copies what the plan keeps of the present into its slots, after the forward
	close()
}

// blockShape is the shape of a block of the cache: (parts, BlockTokens, heads, dim), float32.
type blockShape struct {
	parts      int
	heads, dim int64
}

// width is how many numbers a token has in one part.
func (b blockShape) width() int { return int(b.heads * b.dim) }

// floats is how many numbers a block has.
func (b blockShape) floats() int { return b.parts * batching.BlockTokens * b.width() }

package onnxrun

import (
	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/batching"
)

// store holds the blocks of one device's key-value cache, where that device's forwards want them.
type store interface {
	// lend makes a forward's past, out of the plan's slots, and room for its present, if the plan keeps any of it. The loan must be ended.
	lend(plan *batching.Plan) (loan, error)
	free()
}

// loan is a forward's past and present. A part is one layer's keys or its values, in the order of a session's pasts.
type loan interface {
	past(part int) (ort.Value, error)    // (BlockTokens · blocks, kv_heads, head_dim), which the caller destroys
	present(part int) (ort.Value, error) // (tokens, kv_heads, head_dim), likewise
	keep() error                         // fills the slots that the plan keeps, once the forward has written its present
	end()
}

// blockShape is that of a block: (parts, BlockTokens, heads, dim) float32.
type blockShape struct {
	parts      int
	heads, dim int64
}

// width is the numbers of a token in one part.
func (b blockShape) width() int { return int(b.heads * b.dim) }

// floats is the numbers of a block.
func (b blockShape) floats() int { return b.parts * batching.BlockTokens * b.width() }

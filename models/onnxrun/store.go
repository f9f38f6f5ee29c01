package onnxrun

import (
	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/onnx"
	"github.com/assay-rm/assay/models/manifest"
)

// store holds the blocks of one device's key-value cache, where that device's forwards want them.
type store interface {
	// open gathers the past of a forward out of the plan's slots, and makes room for its present if the plan keeps some
	// of it. What it gives must be closed. Two forwards may have some at once, or the second waits for the first.
	open(plan *batching.Plan) (forwardKV, error)
	free()
}

// forwardKV are the keys and values of one forward: those of the tokens before it, its past, and those that it
// computes, its present. A part is one layer's keys or one layer's values, in the order of stage.pasts.
type forwardKV interface {
	past(part int) (ort.Value, error)    // (BlockTokens · blocks, kv_heads, head_dim), which the caller destroys
	present(part int) (ort.Value, error) // (tokens, kv_heads, head_dim), likewise
	keep() error                         // copies what the plan keeps of the present into its slots, after the forward
	close()
}

// numbers is the type of keys and values, under the names of those who hold them.
type numbers struct {
	graph  onnx.Kind
	tensor ort.TensorElementDataType
	device kernels.Type
}

// numbersOf is the type of a graph's keys and values: that in which it computes.
func numbersOf(g *manifest.Graph) numbers {
	switch {
	case g.BFloat16():
		return numbers{onnx.BFloat16, ort.TensorElementDataTypeBFloat16, kernels.BFloat16}
	case g.Halves():
		return numbers{onnx.Float16, ort.TensorElementDataTypeFloat16, kernels.Float16}
	}
	return numbers{onnx.Float32, ort.TensorElementDataTypeFloat, kernels.Float32}
}

// KeyKind is the type of the inputs and outputs that are a graph's keys and values.
func KeyKind(g *manifest.Graph) onnx.Kind { return numbersOf(g).graph }

// blockShape is the shape of a block of the cache: (parts, BlockTokens, heads, dim) numbers of one type.
type blockShape struct {
	numbers    numbers
	parts      int
	heads, dim int64
}

// width is how many numbers a token has in one part.
func (b blockShape) width() int { return int(b.heads * b.dim) }

// tokenBytes is the size of a token in one part.
func (b blockShape) tokenBytes() int { return b.width() * b.numbers.device.Size() }

// bytes is the size of a block.
func (b blockShape) bytes() int { return b.parts * batching.BlockTokens * b.tokenBytes() }

package nodes

import ort "github.com/yalue/onnxruntime_go"

// computeType stands for the type that a file computes in.
const computeType = ort.TensorElementDataTypeUndefined

const (
	float32s = ort.TensorElementDataTypeFloat
	int64s   = ort.TensorElementDataTypeInt64
	int8s    = ort.TensorElementDataTypeInt8
)

// declared is an operator's line of the table.
type declared struct {
	name            string
	inputs, outputs []ort.TensorElementDataType
	floats          []string // attributes, each with its name; one that is absent is 0
	ints            []string
	lists           []string // of at most four numbers
}

// table has the operators as assay_export/operators defines them, which says what each computes.
var table = []declared{
	{
		name:   "AddRmsNorm", // residual, x, weight → normed, summed
		inputs: []ort.TensorElementDataType{float32s, computeType, float32s}, outputs: []ort.TensorElementDataType{computeType, float32s}, floats: []string{"epsilon"},
	},
	{
		name:   "AddLayerNorm", // residual, x, weight, bias → normed, flows
		inputs: []ort.TensorElementDataType{float32s, computeType, float32s, float32s}, outputs: []ort.TensorElementDataType{computeType, float32s},
		floats: []string{"epsilon"}, ints: []string{"behind"},
	},
	{
		name:   "Linear", // x, weight, bias
		inputs: []ort.TensorElementDataType{computeType, computeType, computeType}, outputs: []ort.TensorElementDataType{computeType},
	},
	{
		name:    "Rotate", // qkv, positions, cos, sin, query_norm, key_norm, slots, key_pool, value_pool → queries and both pools
		inputs:  []ort.TensorElementDataType{computeType, int64s, float32s, float32s, float32s, float32s, int64s, computeType, computeType},
		outputs: []ort.TensorElementDataType{computeType, computeType, computeType},
		floats:  []string{"epsilon"}, ints: []string{"normed"}, lists: []string{"heads", "turned"},
	},
	{
		name:    "RotateQkv", // qkv, positions, cos, sin, query_norm, key_norm → queries, keys, values
		inputs:  []ort.TensorElementDataType{computeType, int64s, float32s, float32s, float32s, float32s},
		outputs: []ort.TensorElementDataType{computeType, computeType, computeType},
		floats:  []string{"epsilon"}, ints: []string{"normed"}, lists: []string{"heads", "turned"},
	},
	{
		name:   "TileAttention", // queries, positions, query_index, key_slots, key_len, scatter_index, key_pool, value_pool
		inputs: []ort.TensorElementDataType{computeType, int64s, int64s, int64s, int64s, int64s, computeType, computeType}, outputs: []ort.TensorElementDataType{computeType},
		floats: []string{"scale", "softcap"}, ints: []string{"window", "causal"},
	},
	{
		name:   "QuantizeRows", // x → levels, row_scale
		inputs: []ort.TensorElementDataType{computeType}, outputs: []ort.TensorElementDataType{int8s, float32s},
	},
	{
		name:   "Linear8", // levels, row_scale, weight, scale, bias
		inputs: []ort.TensorElementDataType{int8s, float32s, int8s, float32s, computeType}, outputs: []ort.TensorElementDataType{computeType},
	},
	{name: "GeGLU", inputs: []ort.TensorElementDataType{computeType}, outputs: []ort.TensorElementDataType{computeType}},
	{name: "Gelu", inputs: []ort.TensorElementDataType{computeType}, outputs: []ort.TensorElementDataType{computeType}},
	{name: "SwiGLU", inputs: []ort.TensorElementDataType{computeType}, outputs: []ort.TensorElementDataType{computeType}},
}

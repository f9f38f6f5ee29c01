package onnx

import (
	"errors"
	"fmt"
	"slices"
)

// What a file may hold at most for ONNX Runtime to load it in moments. Exporters nest a few graphs, and ONNX Runtime
// takes twice as long to load a graph for each that stands around it: 8 are nothing, 12 a second, and 20, in a file of
// 3 KB, minutes.
const (
	maxNested    = 8       // graphs around a graph
	maxAllNodes  = 1 << 20 // of the graph, its subgraphs and functions
	maxWeights   = 1 << 16 // initializers of the graph
	maxLocations = 1 << 14 // files beside it
	maxFunctions = 4096
	maxInlined   = 1 << 16 // the count of the nodes that calls of functions become
)

// Signature is what a file says of its graph beside the computation. Nobody else holds its slices.
type Signature struct {
	// The graph's inputs, without those that are weights, and its outputs. One that is no tensor has Kind 0.
	Inputs, Outputs []Value
	// External has the locations of external data: wherever in the file a tensor has one, each once, in the file's
	// order.
	External []string
	// ExternalBytes is what those files hold together at most, by what the tensors say of themselves.
	ExternalBytes int64
	// Outside are those weights of the graph of which the file says exactly where their numbers lie outside of it.
	Outside []Outside
	// BatchScale is an operation, wherever in the file, that rounds its whole input by one scale, so that a row's
	// result depends on the rows beside it: DynamicQuantizeLinear, or ONNX Runtime's …MatMul or …LSTM. Empty: there is
	// none.
	BatchScale string
}

// ReadSignature reads what a ModelProto says of its graph. Weights are passed over, so that a backbone may be as large
// as it is: nothing is kept but what the signature has and the names of the weights. It keeps no reference to data. See
// [Brief] for its errors.
func ReadSignature(data []byte) (*Signature, error) {
	r := signatureReader{weights: map[string]bool{}, external: map[string]bool{}, calls: calls{}, functions: functions{}}
	if err := r.model(data); err != nil {
		return nil, Brief(err)
	}
	r.found.Inputs = withoutWeights(r.found.Inputs, r.weights)
	return &r.found, nil
}

// withoutWeights takes those inputs away that have the name of a weight: files of old have each weight among the
// inputs, too.
func withoutWeights[T any](inputs []Value, weights map[string]T) []Value {
	return slices.DeleteFunc(inputs, func(input Value) bool {
		_, weight := weights[input.Name]
		return weight
	})
}

// oneGraph refuses a file that has not one graph.
func oneGraph(graphs int) error {
	switch graphs {
	case 0:
		return errors.New("not an ONNX file: it has no graph")
	case 1:
		return nil
	}
	return fmt.Errorf("%d graphs, and one is wanted", graphs)
}

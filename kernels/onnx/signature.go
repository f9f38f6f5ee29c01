package onnx

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// What the signature of a file may hold at most.
const (
	maxAllNodes  = 1 << 20 // of the graph, its subgraphs and functions
	maxWeights   = 1 << 16 // initializers of the graph
	maxLocations = 1 << 14 // files beside it
)

// Signature is what a file says of its graph beside the computation. Nobody else holds its slices.
type Signature struct {
	// The graph's inputs, without those that are weights, and its outputs. One that is no tensor has Kind 0.
	Inputs, Outputs []Value
	// External has the locations of external data: wherever in the file a tensor has one, each once, in the file's order.
	External []string
	// BatchScale is an operation, wherever in the file, that rounds its whole input by one scale, so that a row's result depends on the
	// rows beside it: DynamicQuantizeLinear, or ONNX Runtime's …MatMul or …LSTM. Empty: there is none.
	BatchScale string
}

// ReadSignature reads what a ModelProto says of its graph. Weights are passed over, so that a backbone may be as large as it is: nothing
// is kept but what the signature has and the names of the weights. It keeps no reference to data. See [Brief] for its errors.
func ReadSignature(data []byte) (*Signature, error) {
	r := signatureReader{weights: map[string]bool{}, external: map[string]bool{}}
	if err := r.model(data); err != nil {
		return nil, Brief(err)
	}
	r.found.Inputs = withoutWeights(r.found.Inputs, r.weights)
	return &r.found, nil
}

// withoutWeights takes those inputs away that have the name of a weight: files of old have each weight among the inputs, too.
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

// signatureReader goes through a file. Its methods read a message each, whose fields have the numbers of onnx.proto3.
type signatureReader struct {
	found    Signature
	weights  map[string]bool // names of the graph's initializers
	external map[string]bool // locations that were found
	nodes    int             // so far
}

// model reads a ModelProto: graph 7, functions 25.
func (r *signatureReader) model(data []byte) error {
	graphs := 0
	err := new(walker).walk(data, func(f field) error {
		switch f.number {
		case 7:
			graphs++
			return f.message(r.graph)
		case 25:
			return f.message(r.function)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return oneGraph(graphs)
}

// graph reads a field of the outer GraphProto: initializer 5, input 11, output 12, sparse_initializer 15, and what inner ones have.
func (r *signatureReader) graph(f field) error {
	var err error
	switch f.number {
	case 5:
		return r.tensor(f, r.weights)
	case 11:
		r.found.Inputs, err = appendValue(r.found.Inputs, f)
	case 12:
		r.found.Outputs, err = appendValue(r.found.Outputs, f)
	case 15:
		return r.sparse(f, r.weights)
	default:
		return r.subgraph(f)
	}
	return err
}

// subgraph reads a field of an inner GraphProto: node 1, initializer 5, sparse_initializer 15. Its inputs and outputs are nobody's.
func (r *signatureReader) subgraph(f field) error {
	switch f.number {
	case 1:
		return r.node(f)
	case 5:
		return r.tensor(f, nil)
	case 15:
		return r.sparse(f, nil)
	}
	return nil
}

// function reads a field of a FunctionProto: node 7, attribute_proto 11.
func (r *signatureReader) function(f field) error {
	switch f.number {
	case 7:
		return r.node(f)
	case 11:
		return f.message(r.attribute)
	}
	return nil
}

// node reads a NodeProto: op_type 4, attribute 5.
func (r *signatureReader) node(f field) error {
	if r.nodes++; r.nodes > maxAllNodes {
		return fmt.Errorf("more than %d nodes", maxAllNodes)
	}
	return f.message(func(f field) error {
		switch f.number {
		case 4:
			var op string
			err := f.text(&op)
			if strings.HasPrefix(op, "DynamicQuantize") {
				r.found.BatchScale = op
			}
			return err
		case 5:
			return f.message(r.attribute)
		}
		return nil
	})
}

// attribute reads a field of an AttributeProto: t 5, g 6, tensors 10, graphs 11, sparse_tensor 22, sparse_tensors 23.
func (r *signatureReader) attribute(f field) error {
	switch f.number {
	case 5, 10:
		return r.tensor(f, nil)
	case 6, 11:
		return f.message(r.subgraph)
	case 22, 23:
		return r.sparse(f, nil)
	}
	return nil
}

// sparse reads a SparseTensorProto: values 1, which has the name, and indices 2.
func (r *signatureReader) sparse(f field, names map[string]bool) error {
	return f.message(func(f field) error {
		switch f.number {
		case 1:
			return r.tensor(f, names)
		case 2:
			return r.tensor(f, nil)
		}
		return nil
	})
}

// tensor reads a TensorProto: name 8, external_data 13. The name goes to names unless they are nil.
func (r *signatureReader) tensor(f field, names map[string]bool) error {
	return f.message(func(f field) error {
		switch f.number {
		case 8:
			var name string
			err := f.text(&name)
			if names == nil || err != nil {
				return err
			}
			if names[name] = true; len(names) > maxWeights {
				return fmt.Errorf("more than %d initializers", maxWeights)
			}
		case 13:
			location, err := readLocation(f)
			if err != nil || location == "" {
				return err
			}
			return r.locate(location)
		}
		return nil
	})
}

// locate keeps the location of external data.
func (r *signatureReader) locate(location string) error {
	if strings.HasPrefix(location, "*/_ORT_") {
		return fmt.Errorf("external data %q: ONNX Runtime takes this name for an address in its own memory", location)
	}
	if r.external[location] {
		return nil
	}
	if len(r.external) == maxLocations {
		return fmt.Errorf("external data in more than %d files", maxLocations)
	}
	r.external[location] = true
	r.found.External = append(r.found.External, location)
	return nil
}

// readLocation reads a StringStringEntryProto, key 1 and value 2, of a tensor's external data. It gives the value of the key "location",
// which is a path; other entries give nothing.
func readLocation(f field) (string, error) {
	var key, value string
	err := f.message(func(f field) error {
		switch f.number {
		case 1:
			return f.text(&key)
		case 2:
			return f.text(&value)
		}
		return nil
	})
	if key != "location" {
		return "", err
	}
	return value, err
}

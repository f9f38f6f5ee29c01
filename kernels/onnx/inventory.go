package onnx

import (
	"fmt"
	"strings"
)

// signatureReader goes through a file. Its methods read a message each, whose fields have the numbers of onnx.proto3.
type signatureReader struct {
	found     Signature
	weights   map[string]bool // names of the graph's initializers
	external  map[string]bool // locations that were found
	nodes     int             // so far
	nested    int             // graphs around the one that is read
	calls     calls           // of the graph, or of the function that is read
	functions functions       // that were read
}

// model reads a ModelProto: graph 7, training_info 20, functions 25.
func (r *signatureReader) model(data []byte) error {
	graphs := 0
	err := new(walker).walk(data, func(f field) error {
		switch f.number {
		case 7:
			graphs++
			return f.message(r.graph)
		case 20:
			return f.message(r.training)
		case 25:
			return r.function(f)
		}
		return nil
	})
	if err == nil {
		err = oneGraph(graphs)
	}
	if err != nil {
		return err
	}
	return r.boundFunctions()
}

// graph reads a field of the outer GraphProto: initializer 5, input 11, output 12, sparse_initializer 15, and what
// inner ones have.
func (r *signatureReader) graph(f field) error {
	var err error
	switch f.number {
	case 5:
		return r.tensor(f, r.weights, &r.found.Outside)
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

// subgraph reads a field of an inner GraphProto: node 1, initializer 5, sparse_initializer 15. Its inputs and outputs
// are nobody's.
func (r *signatureReader) subgraph(f field) error {
	switch f.number {
	case 1:
		return r.node(f)
	case 5:
		return r.tensor(f, nil, nil)
	case 15:
		return r.sparse(f, nil)
	}
	return nil
}

// training reads a field of a TrainingInfoProto: initialization 1 and algorithm 2, graphs that are never run, but may
// name files.
func (r *signatureReader) training(f field) error {
	if f.number == 1 || f.number == 2 {
		return f.message(r.subgraph)
	}
	return nil
}

// inner reads the GraphProto of an attribute, a level deeper.
func (r *signatureReader) inner(f field) error {
	if r.nested == maxNested {
		return fmt.Errorf("graphs are nested more than %d deep", maxNested)
	}
	r.nested++
	defer func() { r.nested-- }()
	return f.message(r.subgraph)
}

// function reads a FunctionProto: name 1, node 7, domain 10, attribute_proto 11. Functions of one name that are
// overloads count as one that does what all do.
func (r *signatureReader) function(f field) error {
	var op operation
	graph := r.calls
	defer func() { r.calls = graph }()
	r.calls = calls{}
	err := f.message(func(f field) error {
		switch f.number {
		case 1:
			return f.text(&op.name)
		case 7:
			return r.node(f)
		case 10:
			return f.text(&op.domain)
		case 11:
			return f.message(r.attribute)
		}
		return nil
	})
	if err != nil {
		return err
	}
	op.domain = ownDomain(op.domain)
	if r.functions[op] == nil && len(r.functions) == maxFunctions {
		return fmt.Errorf("more than %d functions", maxFunctions)
	}
	for other, count := range r.functions[op] {
		r.calls[other] += count
	}
	r.functions[op] = r.calls
	return nil
}

// node reads a NodeProto: op_type 4, attribute 5, domain 7.
func (r *signatureReader) node(f field) error {
	if r.nodes++; r.nodes > maxAllNodes {
		return fmt.Errorf("more than %d nodes", maxAllNodes)
	}
	var op operation
	err := f.message(func(f field) error {
		switch f.number {
		case 4:
			return f.text(&op.name)
		case 5:
			return f.message(r.attribute)
		case 7:
			return f.text(&op.domain)
		}
		return nil
	})
	if strings.HasPrefix(op.name, "DynamicQuantize") {
		r.found.BatchScale = op.name
	}
	op.domain = ownDomain(op.domain)
	r.calls[op] += 1 << r.nested
	return err
}

// attribute reads a field of an AttributeProto: t 5, g 6, tensors 10, graphs 11, sparse_tensor 22, sparse_tensors 23.
func (r *signatureReader) attribute(f field) error {
	switch f.number {
	case 5, 10:
		return r.tensor(f, nil, nil)
	case 6, 11:
		return r.inner(f)
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
			return r.tensor(f, names, nil)
		case 2:
			return r.tensor(f, nil, nil)
		}
		return nil
	})
}

// tensor reads a TensorProto: dims 1, data_type 2, name 8, external_data 13. The name goes to names, and what is
// exactly known of external data to exact, unless they are nil.
func (r *signatureReader) tensor(f field, names map[string]bool, exact *[]Outside) error {
	elements, kind, outside, found := int64(1), int64(0), false, Outside{Length: -1}
	err := f.message(func(f field) error {
		switch f.number {
		case 1:
			if err := found.addDims(f); err != nil {
				return err
			}
			return f.product(&elements)
		case 2:
			return f.int(&kind)
		case 8:
			if names == nil {
				return nil
			}
			if err := f.text(&found.Name); err != nil {
				return err
			}
			if names[found.Name] = true; len(names) > maxWeights {
				return fmt.Errorf("more than %d initializers", maxWeights)
			}
		case 13:
			location, err := found.readEntry(f)
			if err != nil || location == "" {
				return err
			}
			outside = true
			return r.locate(location)
		}
		return nil
	})
	if outside {
		r.found.ExternalBytes = sum(r.found.ExternalBytes, sum(times(elements, widest(kind)), alignment))
	}
	if found.Kind = Kind(kind); exact != nil && found.exact() && len(*exact) < maxWeights {
		*exact = append(*exact, found)
	}
	return err
}

// alignment is how many bytes exporters leave free at most before a tensor's data, so that it begins on a page of
// memory.
const alignment = 64 << 10

// widest is how many bytes an element of a kind takes at most.
func widest(kind int64) int64 {
	switch kind {
	case 2, 3, 9, 17, 18, 19, 20, 21, 22, 23: // integers and floats of a byte or less, and truths
		return 1
	case 4, 5, 10, 16: // of two
		return 2
	case 1, 6, 12: // of four
		return 4
	case 7, 8, 11, 13, 14: // of eight
		return 8
	}
	return 16
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

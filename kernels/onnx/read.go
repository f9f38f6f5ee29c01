package onnx

import (
	"errors"
	"fmt"
	"slices"
)

// What a file that is read whole may hold at most.
const (
	maxFile     = 256 << 20 // bytes
	maxNodes    = 4096
	maxTensors  = 4096    // initializers
	maxElements = 1 << 27 // numbers of one tensor
	maxRank     = 8
	maxPorts    = 4096 // inputs or outputs of a node or of the graph
)

// Read reads a ModelProto whole. It keeps no reference to data. See [Brief] for its errors.
func Read(data []byte) (*Model, error) {
	m, err := readModel(data)
	if err != nil {
		return nil, Brief(fmt.Errorf("read ONNX: %w", err))
	}
	return m, nil
}

func readModel(data []byte) (*Model, error) {
	if len(data) > maxFile {
		return nil, fmt.Errorf("%d bytes, and at most %d are read", len(data), maxFile)
	}
	m := &Model{Opsets: map[string]int64{}, Weights: map[string]*Tensor{}}
	graphs := 0
	err := new(walker).walk(data, func(f field) error {
		switch f.number {
		case 1:
			return f.int(&m.IR)
		case 7:
			graphs++
			return f.message(m.graphField)
		case 8:
			return m.opset(f)
		case 25:
			return errors.New("functions of a model's own are not read")
		}
		return nil // producer, documentation, metadata
	})
	if err == nil {
		err = oneGraph(graphs)
	}
	if err != nil {
		return nil, err
	}
	if m.IR < 4 || m.IR > 13 {
		return nil, fmt.Errorf("IR version %d, and 4 to 13 are read", m.IR)
	}
	for _, value := range slices.Concat(m.Graph.Inputs, m.Graph.Outputs) {
		if value.Kind == 0 {
			return nil, fmt.Errorf("value %q is not a tensor", value.Name)
		}
	}
	m.Graph.Inputs = withoutWeights(m.Graph.Inputs, m.Weights)
	return m, nil
}

// opset reads an OperatorSetIdProto: domain 1, version 2.
func (m *Model) opset(f field) error {
	var domain string
	var version int64
	err := f.message(func(f field) error {
		switch f.number {
		case 1:
			return f.text(&domain)
		case 2:
			return f.int(&version)
		}
		return nil
	})
	domain = ownDomain(domain)
	if before, twice := m.Opsets[domain]; twice && before != version {
		return fmt.Errorf("domain %q has opsets %d and %d", domain, before, version)
	}
	m.Opsets[domain] = version
	return err
}

// graphField reads a field of a GraphProto.
func (m *Model) graphField(f field) error {
	var err error
	switch f.number {
	case 1:
		if len(m.Graph.Nodes) == maxNodes {
			return fmt.Errorf("more than %d nodes", maxNodes)
		}
		node, err := readNode(f)
		if err != nil {
			return fmt.Errorf("node %d, %s %q: %w", len(m.Graph.Nodes), node.Op, node.Name, err)
		}
		m.Graph.Nodes = append(m.Graph.Nodes, node)
	case 5:
		tensor, err := readTensor(f)
		switch {
		case err != nil:
			return err
		case len(m.Weights) == maxTensors:
			return fmt.Errorf("more than %d initializers", maxTensors)
		case m.Weights[tensor.Name] != nil:
			return fmt.Errorf("two initializers are named %q", tensor.Name)
		}
		m.Weights[tensor.Name] = tensor
	case 11:
		m.Graph.Inputs, err = appendValue(m.Graph.Inputs, f)
	case 12:
		m.Graph.Outputs, err = appendValue(m.Graph.Outputs, f)
	case 15:
		return errors.New("sparse initializers are not read")
	}
	return err // nil of name, documentation, shapes of inner values, quantisation notes
}

// readNode reads a NodeProto; what was read is returned beside an error, so that the error can name it.
func readNode(f field) (Node, error) {
	node := Node{Attributes: map[string]Attribute{}}
	port := func(into *[]string, f field) error {
		if len(*into) == maxPorts {
			return fmt.Errorf("more than %d inputs or outputs", maxPorts)
		}
		var name string
		err := f.text(&name)
		*into = append(*into, name)
		return err
	}
	err := f.message(func(f field) error {
		switch f.number {
		case 1:
			return port(&node.Inputs, f)
		case 2:
			return port(&node.Outputs, f)
		case 3:
			return f.text(&node.Name)
		case 4:
			return f.text(&node.Op)
		case 5:
			return node.attribute(f)
		case 7:
			return f.text(&node.Domain)
		case 8:
			var overload string
			if err := f.text(&overload); err != nil || overload != "" {
				return fmt.Errorf("an overload, %q, is not read", overload)
			}
		}
		return nil // documentation, metadata, device notes
	})
	node.Domain = ownDomain(node.Domain)
	return node, err
}

// ownDomain is the domain's name in this package: ONNX's own has two, and is "".
func ownDomain(domain string) string {
	if domain == "ai.onnx" {
		return ""
	}
	return domain
}

package graphs

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/onnx"
)

// fusion is a part of the file's graph that one call of a kernel computes: the pooled head of the rows of its input.
type fusion struct {
	nodes         []*onnx.Node // in the file's order; the last computes the result
	input, result string
	head          kernels.Head
}

// labels is the number of values that a row has in the end.
func (f *fusion) labels() int { return f.head.Layers[len(f.head.Layers)-1].Weight.Rows }

// ops lists the operators of the nodes.
func (f *fusion) ops() []string {
	var ops []string
	for _, node := range f.nodes {
		ops = append(ops, node.Op)
	}
	return ops
}

// matcher finds the fusions of a graph that was proved.
type matcher struct {
	outputs []string
	values  map[string]*value       // of a proof, with its dimensions and constants
	nodes   []*onnx.Node            // those that the outputs need, in the file's order
	place   map[*onnx.Node]int      // in nodes
	makers  map[string]*onnx.Node   // the node that computes each value
	readers map[string][]*onnx.Node // and those that read it
	owner   map[*onnx.Node]*fusion
}

func newMatcher(g *Graph, b *builder) *matcher {
	m := &matcher{
		outputs: g.outputNames(), values: b.values, place: map[*onnx.Node]int{}, makers: map[string]*onnx.Node{},
		readers: map[string][]*onnx.Node{}, owner: map[*onnx.Node]*fusion{},
	}
	for i := range g.model.Graph.Nodes {
		node := &g.model.Graph.Nodes[i]
		if !slices.ContainsFunc(node.Outputs, func(name string) bool { return b.values[name] != nil }) {
			continue
		}
		m.place[node] = len(m.nodes)
		m.nodes = append(m.nodes, node)
		for _, name := range node.Outputs {
			m.makers[name] = node
		}
		for _, name := range node.Inputs {
			m.readers[name] = append(m.readers[name], node)
		}
	}
	return m
}

// all matches from the last node to the first, so that a head is found whole before its parts are.
func (m *matcher) all() []*fusion {
	var fusions []*fusion
	for _, node := range slices.Backward(m.nodes) {
		if m.owner[node] != nil {
			continue
		}
		if f := m.endingAt(node); f != nil {
			fusions = append(fusions, f)
			for _, node := range f.nodes {
				m.owner[node] = f
			}
		}
	}
	slices.Reverse(fusions)
	return fusions
}

// endingAt matches the largest head whose last node that is.
func (m *matcher) endingAt(node *onnx.Node) *fusion {
	result := node.Outputs[0]
	from, output, nodes := m.output(result)
	last, ok := m.linear(from)
	if !ok {
		return nil
	}
	nodes = append(nodes, last.nodes...)
	middle, activation, between := m.activation(last.input)
	if first, ok := m.linear(middle); ok {
		whole := kernels.Head{Layers: []kernels.Layer{first.layer, last.layer}, Activation: activation, Output: output}
		if f := m.closed(first.input, result, whole, slices.Concat(nodes, between, first.nodes)); f != nil {
			return f
		}
	}
	return m.closed(last.input, result, kernels.Head{Layers: []kernels.Layer{last.layer}, Output: output}, nodes)
}

// closed makes a fusion if nothing outside it reads what it computes on the way, and no other fusion has its nodes.
func (m *matcher) closed(input, result string, head kernels.Head, nodes []*onnx.Node) *fusion {
	slices.SortFunc(nodes, func(a, b *onnx.Node) int { return m.place[a] - m.place[b] })
	outside := func(reader *onnx.Node) bool { return !slices.Contains(nodes, reader) }
	for _, node := range nodes {
		if m.owner[node] != nil {
			return nil
		}
		for _, name := range node.Outputs {
			if name != result && (slices.Contains(m.outputs, name) || slices.ContainsFunc(m.readers[name], outside)) {
				return nil
			}
		}
	}
	return &fusion{nodes: nodes, input: input, result: result, head: head}
}

// onHost lists the nodes that compute something outside the fusions. What only renames or reshapes a value computes
// nothing.
func (m *matcher) onHost() []string {
	var names []string
	for _, node := range m.nodes {
		computes := func(name string) bool {
			v := m.values[name]
			copied := func(input string) bool { return m.values[input] != nil && m.values[input].node == v.node }
			return v != nil && v.node != nil && !slices.ContainsFunc(node.Inputs, copied)
		}
		if m.owner[node] == nil && slices.ContainsFunc(node.Outputs, computes) {
			names = append(names, node.Op+" "+label(node))
		}
	}
	return names
}

// hostReaders says, for each input that is not read by fused ops alone, why.
func (m *matcher) hostReaders(inputs []Value) map[string]string {
	why := map[string]string{}
	for _, input := range inputs {
		fused := false
		for _, node := range m.readers[input.Name] {
			if m.owner[node] != nil {
				fused = true
			} else if node.Op != "Shape" {
				why[input.Name] = fmt.Sprintf("node %s, %s, reads it on the host", label(node), node.Op)
			}
		}
		switch {
		case slices.Contains(m.outputs, input.Name):
			why[input.Name] = "it is an output too"
		case !fused && why[input.Name] == "":
			why[input.Name] = "none does"
		}
	}
	return why
}

// String says what a fusion computes, for logs: hidden → Gemm Relu Gemm → score.
func (f *fusion) String() string {
	return f.input + " → " + strings.Join(f.ops(), " ") + " → " + f.result
}

package graphs

import (
	"math"
	"slices"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/onnx"
)

// linear is the pattern of a linear layer of constant weights: Gemm, MatMul, or either without a bias and an Add.
type linear struct {
	input string
	layer kernels.Layer // on the host
	nodes []*onnx.Node
}

// linear matches a value that a linear layer computes.
func (m *matcher) linear(name string) (linear, bool) {
	node := m.makers[name]
	if node == nil || node.Op != "Add" {
		return m.product(node)
	}
	for i, other := range node.Inputs {
		l, ok := m.product(m.makers[other])
		if !ok || l.layer.Bias.Rows != 0 {
			continue
		}
		if l.layer.Bias, ok = m.bias(node.Inputs[1-i], l); ok {
			l.nodes = append(l.nodes, node)
			return l, true
		}
	}
	return linear{}, false
}

// product matches a node that multiplies a computed value of at least two axes, the last of them the width, with a
// matrix.
func (m *matcher) product(node *onnx.Node) (linear, bool) {
	if node == nil || node.Op != "MatMul" && node.Op != "Gemm" {
		return linear{}, false
	}
	c := &call{node: node}
	x, weight := m.values[node.Inputs[0]], m.values[node.Inputs[1]]
	if x.node == nil || len(x.dims) < 2 || weight.floats == nil || len(weight.dims) != 2 || c.int("transA", 0) != 0 || c.float("alpha", 1) != 1 {
		return linear{}, false
	}
	units, width, numbers := weight.dims[0], weight.dims[1], weight.floats
	if c.int("transB", 0) == 0 { // (width, units) in the file
		units, width, numbers = width, units, numbers.turned(weight.dims[0], weight.dims[1])
	}
	l := linear{input: node.Inputs[0], layer: kernels.Layer{Weight: kernels.Matrix(units, width, numbers.data)}, nodes: []*onnx.Node{node}}
	if len(node.Inputs) < 3 || node.Inputs[2] == "" {
		return l, true
	}
	var ok bool
	l.layer.Bias, ok = m.bias(node.Inputs[2], l)
	return l, ok && c.float("beta", 1) == 1
}

// bias matches a constant of one number for each unit of a layer, on the last axis.
func (m *matcher) bias(name string, of linear) (kernels.Tensor, bool) {
	v, units := m.values[name], of.layer.Weight.Rows
	if v.floats == nil || size(v.dims) != units || len(v.dims) > len(m.values[of.input].dims) {
		return kernels.Tensor{}, false
	}
	if units > 1 && v.dims[len(v.dims)-1] != units {
		return kernels.Tensor{}, false
	}
	return kernels.Matrix(1, units, v.floats.data), true
}

// activation matches what is done to a value between two layers; one to which nothing is done has Identity.
func (m *matcher) activation(name string) (from string, _ kernels.Activation, _ []*onnx.Node) {
	node := m.makers[name]
	if node == nil {
		return name, kernels.Identity, nil
	}
	switch node.Op {
	case "Relu":
		return node.Inputs[0], kernels.ReLU, []*onnx.Node{node}
	case "Tanh":
		return node.Inputs[0], kernels.Tanh, []*onnx.Node{node}
	case "Gelu":
		if c := (&call{node: node}); c.text("approximate", "none") == "none" {
			return node.Inputs[0], kernels.GELU, []*onnx.Node{node}
		}
	case "Mul":
		if from, nodes := m.silu(node); nodes != nil {
			return from, kernels.SiLU, nodes
		}
		if from, nodes := m.gelu(node); nodes != nil {
			return from, kernels.GELU, nodes
		}
	}
	return name, kernels.Identity, nil
}

// silu matches x · sigmoid(x).
func (m *matcher) silu(product *onnx.Node) (from string, _ []*onnx.Node) {
	for i, x := range product.Inputs {
		if gate := m.makers[product.Inputs[1-i]]; gate != nil && gate.Op == "Sigmoid" && gate.Inputs[0] == x {
			return x, []*onnx.Node{product, gate}
		}
	}
	return "", nil
}

// gelu matches the exact GELU, x · 0.5 · (1 + erf(x / √2)), its three factors in any order.
func (m *matcher) gelu(product *onnx.Node) (from string, _ []*onnx.Node) {
	for i, name := range product.Inputs {
		inner := m.makers[name]
		if inner == nil || inner.Op != "Mul" {
			continue
		}
		factors := append([]string{product.Inputs[1-i]}, inner.Inputs...)
		for k, factor := range factors {
			x, nodes := m.twicePhi(factor)
			rest := slices.Delete(slices.Clone(factors), k, k+1)
			if nodes != nil && (rest[0] == x && m.is(rest[1], 0.5) || rest[1] == x && m.is(rest[0], 0.5)) {
				return x, append(nodes, product, inner)
			}
		}
	}
	return "", nil
}

// twicePhi matches 1 + erf(x / √2), the division also as a product.
func (m *matcher) twicePhi(name string) (x string, _ []*onnx.Node) {
	sum := m.makers[name]
	if sum == nil || sum.Op != "Add" {
		return "", nil
	}
	for i, other := range sum.Inputs {
		erf := m.makers[other]
		if erf == nil || erf.Op != "Erf" || !m.is(sum.Inputs[1-i], 1) {
			continue
		}
		scaled := m.makers[erf.Inputs[0]]
		switch {
		case scaled == nil:
		case scaled.Op == "Div" && m.is(scaled.Inputs[1], math.Sqrt2), scaled.Op == "Mul" && m.is(scaled.Inputs[1], 1/math.Sqrt2):
			return scaled.Inputs[0], []*onnx.Node{sum, erf, scaled}
		case scaled.Op == "Mul" && m.is(scaled.Inputs[0], 1/math.Sqrt2):
			return scaled.Inputs[1], []*onnx.Node{sum, erf, scaled}
		}
	}
	return "", nil
}

// is says whether a value is a constant of one number, that one to float32's rounding.
func (m *matcher) is(name string, number float64) bool {
	v := m.values[name]
	return v.floats != nil && len(v.dims) <= 1 && len(v.floats.data) == 1 && math.Abs(float64(v.floats.data[0])-number) <= 1e-7*number
}

// output matches what is done to the last layer's values; those to which nothing is done are Plain.
func (m *matcher) output(name string) (from string, _ kernels.Output, _ []*onnx.Node) {
	node := m.makers[name]
	if node.Op == "Sigmoid" {
		return node.Inputs[0], kernels.Sigmoid, []*onnx.Node{node}
	}
	if node.Op == "Softmax" {
		rank := int64(len(m.values[name].dims))
		if axis := (&call{node: node}).int("axis", -1); axis == -1 || axis == rank-1 {
			return node.Inputs[0], kernels.Softmax, []*onnx.Node{node}
		}
	}
	return name, kernels.Plain, nil
}

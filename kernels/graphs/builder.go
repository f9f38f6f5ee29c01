package graphs

import (
	"fmt"
	"maps"
	"slices"

	"github.com/assay-rm/assay/kernels/onnx"
)

// What a graph may need at most, in numbers.
const (
	maxPerRow   = 1 << 20 // of all computed values together, for each row
	maxComputed = 1 << 26 // of all computed values together, for the batch that is built
	maxCopied   = 1 << 26 // of all constants that are copied in another order while a graph is made
	maxSpread   = 1 << 22 // of the result of an operator that repeats numbers
	maxIntegers = 1 << 16 // of a constant of integers that is computed
)

// builder makes a graph for a fixed number of rows from the file's graph.
type builder struct {
	tape
	g      *Graph
	opset  int64
	rows   int
	wanted map[string]bool // names of values that the outputs asked for need
	active string          // name of the input whose gradient is wanted, or empty
	tiled  bool            // that input is fed one row, which stands for every row
	leaf   *vector         // that input's node

	fused  map[*onnx.Node]*fusion // the nodes of fusions; nil: the host runs all nodes
	states map[string]*States     // what stands for the inputs that fused ops read

	values   map[string]*value
	nodes    map[*constant]*vector // constants that computed values use
	feeds    map[string][]float32  // the memory of each input
	computed int                   // numbers in computed values so far
	copied   int                   // numbers in constants so far
	largest  int                   // numbers in the largest of them
}

// build makes the values that the outputs need. Inputs are read from the builder's feeds whenever the graph runs.
// active names the input whose gradient is wanted; with tiled it is fed one row.
func (g *Graph) build(rows int, outputs []string, active string, tiled bool) (*builder, error) {
	return g.builder(rows, outputs, active, tiled).build(outputs)
}

func (g *Graph) builder(rows int, outputs []string, active string, tiled bool) *builder {
	return &builder{
		tape: newTape(), g: g, opset: g.model.Opsets[""], rows: rows, active: active, tiled: tiled,
		values: map[string]*value{}, nodes: map[*constant]*vector{}, feeds: map[string][]float32{},
		wanted: g.ancestors(outputs), states: map[string]*States{},
	}
}

func (b *builder) build(outputs []string) (*builder, error) {
	maps.Copy(b.values, b.g.weights)
	for _, input := range b.g.inputs {
		if err := b.addInput(input); err != nil {
			return nil, err
		}
	}
	for i := range b.g.model.Graph.Nodes {
		node := &b.g.model.Graph.Nodes[i]
		needed := false
		for _, name := range node.Outputs {
			needed = needed || b.wanted[name]
		}
		if !needed {
			continue
		}
		if err := b.add(node); err != nil {
			return nil, fmt.Errorf("node %s: %s, opset %d: %w", label(node), node.Op, b.opset, err)
		}
	}
	for _, name := range outputs {
		if err := b.checkOutput(name); err != nil {
			return nil, err
		}
	}
	return b, b.collision()
}

// label names a node in a message: by its name, or by what it computes.
func label(node *onnx.Node) string {
	if node.Name == "" && len(node.Outputs) > 0 {
		return fmt.Sprintf("of %q", node.Outputs[0])
	}
	return fmt.Sprintf("%q", node.Name)
}

func (b *builder) addInput(input Value) error {
	if !b.wanted[input.Name] {
		return nil
	}
	dims, rows := append([]int{}, input.Dims...), -1
	if input.Rows() {
		dims[0], rows = b.rows, 0
	}
	if err := b.spend(size(dims)); err != nil {
		return fmt.Errorf("input %s: %w", input.Name, err)
	}
	v := &value{dims: dims, rows: rows, kind: onnx.Float32, active: input.Name == b.active}
	fed, tiled := size(dims), v.active && b.tiled && rows == 0
	if tiled {
		fed = size(dims[1:])
	}
	b.feeds[input.Name] = make([]float32, fed)
	v.node = b.input("input "+input.Name, b.feeds[input.Name])
	if v.active {
		b.leaf = v.node
	}
	b.values[input.Name] = v
	if !tiled {
		return nil
	}
	var err error
	v.node, err = b.taking(v.node, fed, spread(dims[1:], dims), true)
	return err
}

// add imports one node.
func (b *builder) add(node *onnx.Node) error {
	if b.reuse(node) {
		return nil
	}
	if f := b.fused[node]; f != nil {
		return b.fuse(f, node)
	}
	rule := rules[node.Op] // Load has refused other operators
	if b.opset < rule.since {
		return fmt.Errorf("it exists from opset %d on", rule.since)
	}
	c := &call{b: b, node: node}
	if err := c.prepare(rule); err != nil {
		return err
	}
	outs, err := rule.build(c)
	switch {
	case err != nil:
		return err
	case c.err != nil:
		return c.err
	case len(outs) < len(node.Outputs):
		for _, name := range node.Outputs[len(outs):] {
			if name != "" {
				return fmt.Errorf("output %d, %q, is not supported", len(outs), name)
			}
		}
	}
	return b.store(c, outs)
}

// store names what a node computed, and keeps constants for the graphs of other batch sizes.
func (b *builder) store(c *call, outs []*value) error {
	counted := false
	for _, in := range c.in {
		counted = counted || (in != nil && slices.ContainsFunc(in.ints, func(one integer) bool { return one.counted }))
	}
	for i, name := range c.node.Outputs {
		if name == "" {
			continue
		}
		out := outs[i]
		if b.values[name] != nil {
			return fmt.Errorf("output %q has the name of another value", name)
		}
		if known, ok := b.g.rowsOf[name]; ok && out.node != nil {
			out.rows = known
		}
		b.values[name] = out
		if out.floats != nil && !counted && !b.g.proved {
			b.g.folded[name] = out
		}
	}
	return nil
}

// reuse takes a node's outputs from an earlier build when they are constants.
func (b *builder) reuse(node *onnx.Node) bool {
	for _, name := range node.Outputs {
		if name != "" && b.g.folded[name] == nil {
			return false
		}
	}
	for _, name := range node.Outputs {
		if name != "" {
			b.values[name] = b.g.folded[name]
		}
	}
	return true
}

// checkOutput proves that an output is float, computed, and has the rows as its first axis.
func (b *builder) checkOutput(name string) error {
	v := b.values[name]
	switch {
	case v == nil:
		return fmt.Errorf("output %s: no node computes it", name)
	case v.node == nil || v.rows < 0:
		return fmt.Errorf("output %s: it is the same for every row", name)
	case v.kind != onnx.Float32:
		return fmt.Errorf("output %s: element type %s, and float is supported", name, v.kind)
	case v.rows != 0:
		return fmt.Errorf("output %s: its axis %d carries the rows, and the first must", name, v.rows)
	}
	return nil
}

// spend counts the numbers of a computed value.
func (b *builder) spend(n int) error {
	if n == 0 {
		return errEmpty
	}
	b.largest = max(b.largest, n)
	most := min(maxComputed, b.rows*maxPerRow)
	if b.computed += n; n > most || b.computed > most {
		return fmt.Errorf("the graph computes more than %d numbers for %d rows", most, b.rows)
	}
	return nil
}

// copies counts the numbers of a constant.
func (b *builder) copies(n int) error {
	if b.copied += n; n > maxCopied || b.copied > maxCopied {
		return fmt.Errorf("the graph copies more than %d numbers of constants", maxCopied)
	}
	return nil
}

// on gives the node of a value, and for a constant makes one.
func (b *builder) on(v *value) *vector {
	if v.node != nil {
		return v.node
	}
	node := b.nodes[v.floats]
	if node == nil {
		node = b.input(fmt.Sprintf("constant %d", len(b.nodes)), v.floats.data)
		b.nodes[v.floats] = node
	}
	return node
}

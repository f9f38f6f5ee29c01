package graphs

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/onnx"
)

// Graph is a head that was loaded and proved. It is safe for concurrent use.
type Graph struct {
	model   *onnx.Model
	inputs  []Value
	outputs []Value
	weights map[string]*value

	// Written by Load's proof only.
	rowsOf map[string]int    // the axis that carries the rows, of each computed value
	folded map[string]*value // constants computed from weights

	proved   bool
	batch    int // rows of the largest batch that is computed at once
	programs programs

	// Written by LoadOn only; without a backend they are empty.
	backend kernels.Backend
	fusions []*fusion
	hostOps []string          // the nodes that the host runs
	reader  map[string]string // of each input that fused ops do not read alone, why
	kept    []kernels.Tensor  // the weights that the backend keeps

	mu     sync.RWMutex // read-locked during a run; guards closed
	closed bool
}

// Value is an input or output: float32, with the dimensions that the file fixes and -1 for the rows.
type Value struct {
	Name string
	Dims []int
}

// Rows says whether the value has a row for each item; otherwise it is one for all.
func (v Value) Rows() bool { return len(v.Dims) > 0 && v.Dims[0] < 0 }

func (v Value) String() string { return fmt.Sprintf("%s %v", v.Name, v.Dims) }

// Tensor is a dense row-major array: the product of Dims is len(Data).
type Tensor struct {
	Dims []int
	Data []float32
}

// Two numbers of rows for which Load makes the graph. They are prime, so that no other dimension is likely to be the
// same.
var proved = [2]int{7, 11}

// largestBatch bounds the rows computed at once, and maxBatchSize the numbers of the largest value among them.
const (
	largestBatch = 64
	maxBatchSize = 1 << 22
)

// Load reads an ONNX file and proves that every output can be computed row by row. It keeps no reference to data. The
// error names the node, input or output that stands in the way, in one line of at most 500 bytes.
func Load(data []byte) (*Graph, error) { return LoadOn(data, nil) }

// onHost is LoadOn without a backend.
func onHost(data []byte) (*Graph, error) {
	model, err := onnx.Read(data)
	if err != nil {
		return nil, err
	}
	g := &Graph{model: model, weights: map[string]*value{}, rowsOf: map[string]int{}, folded: map[string]*value{}}
	if err := g.load(); err != nil {
		return nil, fmt.Errorf("head graph: %w", err)
	}
	return g, nil
}

func (g *Graph) load() error {
	opset, known := g.model.Opsets[""]
	if !known || opset < minOpset || opset > maxOpset {
		return fmt.Errorf("opset %d, and %d to %d are supported", opset, minOpset, maxOpset)
	}
	if err := g.addInputs(); err != nil {
		return err
	}
	for name, tensor := range g.model.Weights {
		var err error
		if g.weights[name], err = fromTensor(tensor); err != nil {
			return err
		}
	}
	g.model.Weights = nil
	if len(g.model.Graph.Outputs) == 0 {
		return errors.New("it has no outputs")
	}
	if err := g.refuseUnknown(); err != nil {
		return err
	}
	return g.prove()
}

// addInputs checks that every input is float and free in nothing but its rows.
func (g *Graph) addInputs() error {
	rows := false
	for _, input := range g.model.Graph.Inputs {
		if input.Kind != onnx.Float32 {
			return fmt.Errorf("input %s: element type %s, and float is supported", input.Name, input.Kind)
		}
		if input.Dims == nil {
			return fmt.Errorf("input %s: the file does not say its dimensions", input.Name)
		}
		for i, d := range input.Dims {
			if d == 0 || (d < 0 && i > 0) {
				return fmt.Errorf("input %s: dimension %d is not fixed, and only the first, the rows, may be free", input.Name, i)
			}
		}
		v := Value{input.Name, input.Dims}
		fixed := v.Dims
		if v.Rows() {
			fixed = v.Dims[1:]
		}
		if err := few(fixed, maxPerRow); err != nil {
			return fmt.Errorf("input %s: %w", v.Name, err)
		}
		if _, err := find(g.inputs, v.Name, "input"); err == nil {
			return fmt.Errorf("two inputs are named %s", v.Name)
		}
		rows = rows || v.Rows()
		g.inputs = append(g.inputs, v)
	}
	if !rows {
		return errors.New("no input has a free first dimension, so it has no rows")
	}
	return nil
}

// refuseUnknown names every operator that is not supported at once, rather than the first.
func (g *Graph) refuseUnknown() error {
	wanted := g.ancestors(g.outputNames())
	unknown := map[string]string{}
	for i := range g.model.Graph.Nodes {
		node := &g.model.Graph.Nodes[i]
		if !slices.ContainsFunc(node.Outputs, func(name string) bool { return wanted[name] }) {
			continue
		}
		op := node.Op
		if node.Domain != "" {
			op = node.Domain + "." + op
		}
		if _, ok := rules[node.Op]; (!ok || node.Domain != "") && unknown[op] == "" {
			unknown[op] = fmt.Sprintf("%s (node %s)", op, label(node))
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	return fmt.Errorf("opset %d: not supported in head graphs: %s", g.model.Opsets[""], strings.Join(slices.Sorted(maps.Values(unknown)), ", "))
}

// prove makes the graph for two numbers of rows, which must agree on where the rows are.
func (g *Graph) prove() error {
	var found [2]map[string]int
	for i, rows := range proved {
		b, err := g.build(rows, g.outputNames(), "", false)
		if err != nil {
			return err
		}
		found[i] = map[string]int{}
		for name, v := range b.values {
			if v.node != nil {
				found[i][name] = v.rows
			}
		}
		if i == 0 {
			g.setOutputs(b)
		}
		g.batch = largestBatch
		for g.batch > 1 && b.largest/rows*g.batch > maxBatchSize {
			g.batch /= 2
		}
	}
	if !maps.Equal(found[0], found[1]) {
		return fmt.Errorf("the axis that carries the rows differs between batches of %d and %d", proved[0], proved[1])
	}
	g.rowsOf, g.proved = found[0], true
	return nil
}

func (g *Graph) setOutputs(b *builder) {
	for _, name := range g.outputNames() {
		dims := append([]int{}, b.values[name].dims...)
		dims[0] = -1
		g.outputs = append(g.outputs, Value{name, dims})
	}
}

// Inputs lists the inputs in the file's order. The slices are the graph's: do not change them.
func (g *Graph) Inputs() []Value { return g.inputs }

// Outputs lists the outputs in the file's order, each with the rows first. The slices are the graph's: do not change
// them.
func (g *Graph) Outputs() []Value { return g.outputs }

func (g *Graph) outputNames() []string {
	var names []string
	for _, output := range g.model.Graph.Outputs {
		names = append(names, output.Name)
	}
	return names
}

// ancestors gives the names of the values that some outputs need, themselves among them.
func (g *Graph) ancestors(outputs []string) map[string]bool {
	wanted := map[string]bool{}
	for _, name := range outputs {
		wanted[name] = true
	}
	for i := len(g.model.Graph.Nodes) - 1; i >= 0; i-- {
		node := &g.model.Graph.Nodes[i]
		if !slices.ContainsFunc(node.Outputs, func(name string) bool { return name != "" && wanted[name] }) {
			continue
		}
		for _, name := range node.Inputs {
			wanted[name] = wanted[name] || name != ""
		}
	}
	return wanted
}

// find gives the value of that name in a list.
func find(list []Value, name, what string) (Value, error) {
	for _, v := range list {
		if v.Name == name {
			return v, nil
		}
	}
	return Value{}, fmt.Errorf("%s %q: the graph has %v", what, name, list)
}

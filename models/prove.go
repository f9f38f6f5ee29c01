package models

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assay-rm/assay/kernels/onnx"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/onnxrun"
)

// Check is one thing that was proved of a bundle.
type Check struct {
	Name   string // what was checked, in a word
	Detail string // what was seen
}

// report notes one thing that was proved.
func (m *Model) report(name, format string, args ...any) {
	m.proof = append(m.proof, Check{Name: name, Detail: fmt.Sprintf(format, args...)})
}

// proveSignature holds the graph's inputs and output to the manifest, those of each stage where it is cut.
func (m *Model) proveSignature(stages []stageFile) error {
	g := &m.info.Manifest.Graph
	inputs := 0
	for i, file := range stages {
		var handed []onnx.Value
		if i > 0 {
			var err error
			if handed, err = m.handed(i, stages[i-1]); err != nil {
				return err
			}
		}
		if err := m.proveInputs(i, file, handed); err != nil {
			return err
		}
		inputs += len(file.Inputs)
	}
	file := stages[len(stages)-1]
	columns, field := g.Columns(), fmt.Sprintf("%d labels", len(g.Labels))
	if g.Head != nil {
		field = fmt.Sprintf("graph.head.width %d", columns)
	}
	want := onnx.Value{Name: g.Output, Kind: onnx.Float32, Dims: []int{-1, columns}}
	if g.Padded() && !m.info.Manifest.PoolsInGraph() {
		want.Dims = []int{-1, -1, columns}
	}
	at := slices.IndexFunc(file.Outputs, func(v onnx.Value) bool { return v.Name == g.Output })
	if at < 0 {
		return fault.New(fault.CodeBundle, "graph.output: the graph has no output %q", g.Output)
	}
	if output := file.Outputs[at]; !output.Fits(want) {
		return fault.New(fault.CodeBundle, "graph.output: the graph's output is %s, and pooling %s with %s needs %s",
			output, m.info.Manifest.Pooling, field, want)
	}
	m.report("signature", "%d inputs, output %s with %s", inputs, g.Output, field)
	if len(stages) > 1 {
		m.report("stages", "%d graphs of %d layers together", len(stages), g.Layers)
	}
	return nil
}

// proveInputs holds the inputs of a stage to the manifest, and to what the stage before hands on.
func (m *Model) proveInputs(stage int, file stageFile, handed []onnx.Value) error {
	g := &m.info.Manifest.Graph
	known := map[string]onnx.Value{}
	for _, value := range append(m.expectedInputs(stage), handed...) {
		known[value.Name] = value
	}
	graph, seen := "the graph", map[string]bool{}
	if g.Stages != nil {
		graph += " " + file.name
	}
	for _, input := range file.Inputs {
		want, ok := known[input.Name]
		switch {
		case ok && g.Fused() && holdsKeys(input.Name) && input.Kind != want.Kind:
			return m.otherType("input", input, want.Kind)
		case !ok:
			return fault.New(fault.CodeBundle,
				"graph.layout %s: %s asks for input %q, which this layout does not give", g.Layout, graph, fault.Short(input.Name))
		case !input.Fits(want):
			return fault.New(fault.CodeBundle, "graph.layout %s: %s's input is %s, and the layout gives %s",
				g.Layout, graph, input, want)
		}
		seen[input.Name] = true
	}
	needed := m.neededInputs(stage)
	for _, value := range handed {
		needed = append(needed, value.Name)
	}
	for _, name := range needed {
		if !seen[name] {
			return fault.New(fault.CodeBundle, "graph.layout %s: %s has no input %q", g.Layout, graph, name)
		}
	}
	from, to := g.LayersOf(stage)
	if last := fmt.Sprintf("past_key.%d", to-1); seen[fmt.Sprintf("past_key.%d", from)] && !seen[last] {
		return fault.New(fault.CodeBundle, "graph.layers is %d, and %s has no input %q", g.Layers, graph, last)
	}
	for _, output := range file.Outputs {
		if kind := onnxrun.KeyKind(g); g.Fused() && strings.HasPrefix(output.Name, "present_") && output.Kind != kind {
			return m.otherType("output", output, kind)
		}
	}
	return nil
}

// holdsKeys tells whether an input has keys or values, by its name.
func holdsKeys(input string) bool {
	return slices.ContainsFunc([]string{"past_key.", "past_value.", "pool_"}, func(start string) bool { return strings.HasPrefix(input, start) })
}

// otherType refuses keys or values that are not of the type that the graph computes in.
func (m *Model) otherType(what string, value onnx.Value, want onnx.Kind) error {
	return fault.New(fault.CodeBundle, "graph.compute is %s: the graph's %s %s is %s, and must be %s", m.info.Manifest.Graph.Compute, what,
		fault.Short(value.Name), value.Kind, want)
}

// expectedInputs lists what the layout can give a stage, but for what the stage before hands on.
func (m *Model) expectedInputs(stage int) []onnx.Value {
	g := &m.info.Manifest.Graph
	var values []onnx.Value
	add := func(name string, kind onnx.Kind, dims ...int) {
		values = append(values, onnx.Value{Name: name, Kind: kind, Dims: dims})
	}
	if g.Padded() {
		for _, name := range []string{"input_ids", "attention_mask", "token_type_ids", "position_ids"} {
			add(name, onnx.Int64, -1, -1)
		}
		return values
	}
	first, last := stage == 0, stage == len(g.Files())-1
	for _, name := range []string{"position_ids", "key_len", "scatter_index"} {
		add(name, onnx.Int64, -1)
	}
	if first {
		add("input_ids", onnx.Int64, -1)
	}
	if last {
		add("read_index", onnx.Int64, -1)
	}
	add("query_index", onnx.Int64, -1, -1)
	kind := onnxrun.KeyKind(g)
	keys := func(prefix string) {
		for layer, to := g.LayersOf(stage); layer < to; layer++ {
			add(fmt.Sprintf("%s_key.%d", prefix, layer), kind, -1, int(g.KVHeads), int(g.HeadDim))
			add(fmt.Sprintf("%s_value.%d", prefix, layer), kind, -1, int(g.KVHeads), int(g.HeadDim))
		}
	}
	if g.Pooled() {
		add("slots", onnx.Int64, -1)
		add("key_slots", onnx.Int64, -1, -1)
		keys("pool")
		return values
	}
	add("key_index", onnx.Int64, -1, -1)
	if m.info.Manifest.ReadsNext() && last {
		add("target_ids", onnx.Int64, -1)
	}
	if g.Bidirectional() {
		add("token_type_ids", onnx.Int64, -1)
		return values
	}
	add("past_position_ids", onnx.Int64, -1)
	keys("past")
	return values
}

// neededInputs names the inputs that a stage of this layout must ask for. One that ignores one of them cannot be right.
func (m *Model) neededInputs(stage int) []string {
	g := &m.info.Manifest.Graph
	if g.Padded() {
		return []string{"input_ids", "attention_mask"}
	}
	names := []string{"position_ids", "query_index", "key_len", "scatter_index"}
	if stage == 0 {
		names = append(names, "input_ids")
	}
	if stage == len(g.Files())-1 {
		names = append(names, "read_index")
		if m.info.Manifest.ReadsNext() {
			names = append(names, "target_ids")
		}
	}
	if !g.Pooled() {
		return append(names, "key_index")
	}
	names = append(names, "slots", "key_slots")
	for layer, to := g.LayersOf(stage); layer < to; layer++ {
		names = append(names, fmt.Sprintf("pool_key.%d", layer), fmt.Sprintf("pool_value.%d", layer))
	}
	return names
}

// reportEncoder notes what the encoder has found in the tokenizer and the template.
func (m *Model) reportEncoder() {
	spec := &m.info.Manifest
	if id := m.encoder.Separator(); id >= 0 {
		m.report("separator", "%q is id %d wherever a step ends", spec.Steps.Separator, id)
	}
	m.report("tokenizer", "%d tokens, bos %s, end %s", m.encoder.VocabSize(), spec.Tokenizer.BOS, spec.Tokenizer.End)
	if tail, ok := m.encoder.Tail(); ok {
		m.report("template", "renders; %d tokens follow a response", tail)
	}
}

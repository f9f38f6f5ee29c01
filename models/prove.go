package models

import (
	"fmt"
	"slices"
)

// Check is one thing that was proved of a bundle.
type Check struct {
	Name   string // of what was checked
	Detail string // what was seen
}

func (m *Model) passed(name, format string, args ...any) {
	m.proof = append(m.proof, Check{Name: name, Detail: fmt.Sprintf(format, args...)})
}

// proveSignature holds the graph's inputs and output to the manifest.
func (m *Model) proveSignature(file *onnxFile) error {
	g := &m.info.Manifest.Graph
	known := map[string]onnxValue{}
	for _, value := range m.expectedInputs() {
		known[value.name] = value
	}
	seen := map[string]bool{}
	for _, input := range file.inputs {
		want, ok := known[input.name]
		switch {
		case !ok:
			return fail(CodeBundle, "graph.layout %s: the graph asks for input %q, which this layout does not give", g.Layout, input.name)
		case input.kind != want.kind || !fits(input.dims, want.dims):
			return fail(CodeBundle, "graph.layout %s: the graph's input is %s, and the layout gives %s", g.Layout, input, want)
		}
		seen[input.name] = true
	}
	for _, name := range m.neededInputs() {
		if !seen[name] {
			return fail(CodeBundle, "graph.layout %s: the graph has no input %q", g.Layout, name)
		}
	}
	columns, field := int64(g.columns()), fmt.Sprintf("%d labels", len(g.Labels))
	if g.Head != nil {
		field = fmt.Sprintf("graph.head.width %d", columns)
	}
	want := onnxValue{name: g.Output, kind: onnxFloat, dims: []int64{-1, columns}}
	if g.Layout == LayoutPadded && m.info.Manifest.Pooling != PoolInGraph {
		want.dims = []int64{-1, -1, columns}
	}
	at := slices.IndexFunc(file.outputs, func(v onnxValue) bool { return v.name == g.Output })
	if at < 0 {
		return fail(CodeBundle, "graph.output: the graph has no output %q", g.Output)
	}
	if output := file.outputs[at]; output.kind != want.kind || !fits(output.dims, want.dims) {
		return fail(CodeBundle, "graph.output: the graph's output is %s, and pooling %s with %s needs %s",
			output, m.info.Manifest.Pooling, field, want)
	}
	m.passed("signature", "%d inputs, output %s with %s", len(file.inputs), g.Output, field)
	return nil
}

// fits tells whether a graph's dimensions allow those wanted; -1 is any size, on either side. A graph that names no
// dimensions at all is held to its shape by the forward.
func fits(have, want []int64) bool {
	if len(have) == 0 {
		return true
	}
	if len(have) != len(want) {
		return false
	}
	for i := range have {
		if have[i] >= 0 && want[i] >= 0 && have[i] != want[i] {
			return false
		}
	}
	return true
}

// expectedInputs lists what the layout can give.
func (m *Model) expectedInputs() []onnxValue {
	g := &m.info.Manifest.Graph
	var values []onnxValue
	add := func(name string, kind int64, dims ...int64) {
		values = append(values, onnxValue{name: name, kind: kind, dims: dims})
	}
	if g.Layout == LayoutPadded {
		for _, name := range []string{"input_ids", "attention_mask", "token_type_ids", "position_ids"} {
			add(name, onnxInt64, -1, -1)
		}
		return values
	}
	for _, name := range []string{"input_ids", "position_ids", "past_position_ids", "key_len", "scatter_index", "read_index"} {
		add(name, onnxInt64, -1)
	}
	add("query_index", onnxInt64, -1, -1)
	add("key_index", onnxInt64, -1, -1)
	if m.info.Manifest.Likelihood != nil {
		add("target_ids", onnxInt64, -1)
	}
	for layer := range g.Layers {
		add(fmt.Sprintf("past_key.%d", layer), onnxFloat, -1, g.KVHeads, g.HeadDim)
		add(fmt.Sprintf("past_value.%d", layer), onnxFloat, -1, g.KVHeads, g.HeadDim)
	}
	return values
}

// neededInputs lists what a graph of the layout must ask for: without one of them it cannot be right.
func (m *Model) neededInputs() []string {
	if m.info.Manifest.Graph.Layout == LayoutPadded {
		return []string{"input_ids", "attention_mask"}
	}
	names := []string{"input_ids", "position_ids", "query_index", "key_index", "key_len", "scatter_index", "read_index"}
	if m.info.Manifest.Likelihood != nil {
		names = append(names, "target_ids")
	}
	return names
}

// proveTokens holds the tokenizer and the template to the manifest.
func (m *Model) proveTokens() error {
	manifest, e := &m.info.Manifest, &m.encoder
	if have := e.tokens.VocabSize(); have > manifest.Graph.VocabSize {
		return fail(CodeBundle, "graph.vocab_size is %d, and the tokenizer has %d tokens", manifest.Graph.VocabSize, have)
	}
	if manifest.Kind == Process && manifest.Steps.Tokenize == TokenizeJoint {
		if err := m.proveSeparator(); err != nil {
			return err
		}
	}
	if token := manifest.Read.Token; token != "" {
		ids, err := e.tokens.Encode(token)
		if err != nil || len(ids) != 1 {
			return fail(CodeBundle, "read.token %q gives %d tokens, and must be one", token, len(ids))
		}
		e.mark = ids[0]
	}
	for _, id := range promptPattern(manifest) {
		if id < 0 || id >= manifest.Graph.VocabSize {
			return fail(CodeBundle, "read.prompt.pattern has id %d, and graph.vocab_size is %d", id, manifest.Graph.VocabSize)
		}
	}
	if err := e.newSegments(); err != nil {
		return err
	}
	m.passed("tokenizer", "%d tokens, bos %s, end %s", e.tokens.VocabSize(), manifest.Tokenizer.BOS, manifest.Tokenizer.End)
	if e.template == nil && e.segments == nil {
		return nil
	}
	return m.proveTemplate()
}

func promptPattern(manifest *Manifest) []int64 {
	if manifest.Read.Prompt == nil {
		return nil
	}
	return manifest.Read.Prompt.Pattern
}

// proveTemplate encodes two conversations of two turns, and finds how many tokens follow any response.
func (m *Model) proveTemplate() error {
	manifest, e := &m.info.Manifest, &m.encoder
	first, err := e.probeConversation("1 + 1?", "It is two.")
	if err != nil {
		return err
	}
	second, err := e.probeConversation("Who?", "Nobody!")
	if err != nil {
		return err
	}
	for e.tail < min(len(first), len(second)) && first[len(first)-1-e.tail] == second[len(second)-1-e.tail] {
		e.tail++
	}
	if e.tail >= manifest.Limits.MaxTokens {
		return fail(CodeBundle, "limits.max_tokens is %d, and the template alone puts %d tokens after a response", manifest.Limits.MaxTokens, e.tail)
	}
	m.passed("template", "renders; %d tokens follow a response", e.tail)
	return nil
}

// probeConversation gives the ids of a short item of the model's kind.
func (e *encoder) probeConversation(user, assistant string) ([]int64, error) {
	item := Item{Prompt: &user, Response: &assistant}
	switch e.manifest.Kind {
	case Process:
		item = Item{Prompt: &user, Steps: slices.Repeat([]string{assistant}, e.manifest.Steps.Skip+1)}
	case PairKind:
		item = Item{Prompt: &user, First: &user, Second: &assistant}
	case Reward, Preference, FeatureReward:
	}
	if e.user > 0 {
		item.User = make([]float64, e.user)
	}
	unlimited := *e.manifest
	unlimited.Limits.MaxTokens = MaxTokensLimit
	probe := *e
	probe.manifest = &unlimited
	encoded, err := probe.encode(item, TruncateError)
	if err != nil {
		return nil, fail(CodeBundle, "template %s: a conversation of two turns cannot be encoded: %v", e.manifest.Template.File, err)
	}
	return encoded.IDs, nil
}

// proveSeparator finds the separator's id and proves that it is the same one id whatever stands around it. One that is no
// token of its own need only hold in the places where the steps put it.
func (m *Model) proveSeparator() error {
	e, spec := &m.encoder, &m.info.Manifest.Steps
	separator := spec.Separator
	step, err := e.tokens.Encode("x = 12")
	if err != nil {
		return fail(CodeBundle, "steps.separator %q: %v", separator, err)
	}
	behind, err := e.tokens.Encode("x = 12" + separator)
	if err != nil || len(behind) != len(step)+1 {
		return fail(CodeBundle, "steps.separator %q gives %d tokens behind a step, and must be one", separator, len(behind)-len(step))
	}
	e.separator = behind[len(step)]
	around := [][2]string{{"", ""}, {"x = 12", "y"}, {"done. ", " next"}, {"\n", "\n\n"}, {"é", "日"}, {separator, separator}}
	if !e.tokens.Added(separator) {
		around = [][2]string{{"x = 12", ""}, {"x = 12", spec.Join + "y"}, {"done.", spec.Join + "Next"}, {"so 4", spec.Join + "Step 2: 5"}}
	}
	for _, texts := range around {
		ids, err := e.tokens.Encode(texts[0] + separator + texts[1])
		if err != nil {
			return fail(CodeBundle, "steps.separator %q: %v", separator, err)
		}
		want := 1
		if texts[0] == separator {
			want = 3
		}
		if have := countOf(ids, e.separator); have != want {
			return fail(CodeBundle, "steps.separator %q is not one token in every context: between %q and %q its id %d occurs %d times, not %d",
				separator, texts[0], texts[1], e.separator, have, want)
		}
	}
	for _, text := range []string{"x = 12", "done. next", "\n\n", "é日"} {
		ids, err := e.tokens.Encode(text)
		if err != nil || slices.Contains(ids, e.separator) {
			return fail(CodeBundle, "steps.separator %q: its id %d stands for other text too", separator, e.separator)
		}
	}
	m.passed("separator", "%q is id %d wherever a step ends", separator, e.separator)
	return nil
}

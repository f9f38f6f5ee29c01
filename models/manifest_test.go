package models

import (
	"errors"
	"strings"
	"testing"
)

const goodManifest = `version: 1
name: tiny
kind: reward
licence: Apache-2.0
source: {checkpoint: random, class: Qwen3ForSequenceClassification}
graph: {file: model.onnx, layout: packed, precision: float32, output: readings, labels: [reward], vocab_size: 300, layers: 2, kv_heads: 2, head_dim: 32}
tokenizer: {file: tokenizer.json, bos: none, pad_id: 0}
template: {file: chat_template.jinja, variables: {bos_token: "<s>"}}
pooling: last_attended
limits: {max_tokens: 512}
`

func TestManifestDefaults(t *testing.T) {
	m, err := ParseManifest([]byte(goodManifest + "golden: {file: golden.jsonl}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if *m.Head.Std != 1 || m.Head.Mean != 0 || m.Golden.Tolerance != 1e-4 {
		t.Errorf("head %+v, golden %+v; want mean 0, std 1, tolerance 1e-4", m.Head, m.Golden)
	}
}

func TestManifestRefusals(t *testing.T) {
	process := []string{"kind: reward", "kind: process", "pooling: last_attended", "pooling: at_token"}
	tests := []struct {
		name    string
		replace []string // pairs, applied to goodManifest
		append  string
		want    string
	}{
		{name: "unknown field", append: "colour: red\n", want: `unknown field "colour"`},
		{name: "wrong type", replace: []string{"max_tokens: 512", "max_tokens: many"}, want: "max_tokens"},
		{name: "version", replace: []string{"version: 1", "version: 2"}, want: "version is 2"},
		{name: "name", replace: []string{"name: tiny", "name: a/b"}, want: `name "a/b"`},
		{name: "kind", replace: []string{"kind: reward", "kind: chat"}, want: `kind is "chat"`},
		{name: "licence", replace: []string{"licence: Apache-2.0", "licence: ''"}, want: "licence is missing"},
		{name: "layout", replace: []string{"layout: packed", "layout: flat"}, want: `graph.layout is "flat"`},
		{name: "precision", replace: []string{"precision: float32", "precision: float8"}, want: `graph.precision is "float8"`},
		{name: "labels", replace: []string{"labels: [reward]", "labels: []"}, want: "graph.labels is empty"},
		{name: "label twice", replace: []string{"labels: [reward]", "labels: [a, a]"}, want: "graph.labels[1]"},
		{name: "layers", replace: []string{"layers: 2", "layers: 0"}, want: "graph.layers is 0"},
		{name: "bos", replace: []string{"bos: none", "bos: three"}, want: `tokenizer.bos is "three"`},
		{name: "bos id missing", replace: []string{"bos: none", "bos: one"}, want: "tokenizer.bos_id is missing"},
		{name: "pad id", replace: []string{"pad_id: 0", "pad_id: 300"}, want: "tokenizer.pad_id is outside graph.vocab_size 300"},
		{name: "padded needs pad", replace: []string{"layout: packed", "layout: padded", ", pad_id: 0", ""}, want: "tokenizer.pad_id is missing"},
		{name: "pooling", replace: []string{"pooling: last_attended", "pooling: mean"}, want: `pooling is "mean"`},
		{name: "steps of a reward model", append: "steps: {separator: x}\n", want: "steps is for process models"},
		{name: "separator", replace: process, append: "steps: {label: reward, activation: none}\n", want: "steps.separator is missing"},
		{name: "step label", replace: process, append: "steps: {separator: x, label: good, activation: none}\n", want: `steps.label "good"`},
		{name: "step activation", replace: process, append: "steps: {separator: x, label: reward, activation: tanh}\n", want: `steps.activation is "tanh"`},
		{name: "softmax of one", replace: process, append: "steps: {separator: x, label: reward, activation: softmax}\n", want: "two labels or more"},
		{name: "limit", replace: []string{"max_tokens: 512", "max_tokens: 0"}, want: "limits.max_tokens is 0"},
		{name: "std", append: "head: {std: -1}\n", want: "head.std is -1"},
		{name: "graph outside", replace: []string{"file: model.onnx", "file: ../model.onnx"}, want: `graph.file "../model.onnx" leaves the bundle`},
		{name: "absolute file", replace: []string{"file: tokenizer.json", "file: /etc/passwd"}, want: `tokenizer.file "/etc/passwd" leaves the bundle`},
		{name: "not YAML", replace: []string{"version: 1", "version: ["}, want: ManifestFile},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			text := strings.NewReplacer(test.replace...).Replace(goodManifest) + test.append
			_, err := ParseManifest([]byte(text))
			var known *Error
			if !errors.As(err, &known) || known.Code != CodeBundle || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %s with %q", err, CodeBundle, test.want)
			}
		})
	}
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(goodManifest))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 10<<10 {
			t.Skip("inputs are capped at 10 KiB")
		}
		if m, err := ParseManifest(data); err == nil && (m.Name == "" || len(m.Graph.Labels) == 0) {
			t.Errorf("accepted a manifest without a name or labels: %q", data)
		}
	})
}

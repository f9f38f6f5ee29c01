package manifest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// compiled is the good manifest with these labels, its text replaced in pairs, and more text behind it.
func compiled(t *testing.T, labels, more string, replace ...string) Manifest {
	t.Helper()
	replace = append([]string{"labels: [reward]", "labels: [" + labels + "]"}, replace...)
	m, err := Parse([]byte(strings.NewReplacer(replace...).Replace(goodManifest) + more))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestLabelsBecomeIndices: whatever names a label is compiled to its index in graph.labels, and what is left out to its
// default.
func TestLabelsBecomeIndices(t *testing.T) {
	for name, test := range map[string]struct {
		more string
		want Head
	}{
		"the first label":  {"", Head{Activation: "none", Std: 1}},
		"a label":          {"head: {label: c, activation: softmax, mean: 2, std: 3}", Head{Activation: "softmax", Label: 2, Named: true, Mean: 2, Std: 3}},
		"the first, named": {"head: {label: a}", Head{Activation: "none", Named: true, Std: 1}},
		"weights":          {"head: {weights: {c: 3, a: 1}}", Head{Activation: "none", Label: -1, Weights: []float64{1, 0, 3, 0}, Std: 1}},
		"calibrated":       {"head: {weights: {a: 1}, mean: 4.5, final: sigmoid}", Head{Activation: "none", Label: -1, Weights: []float64{1, 0, 0, 0}, Mean: 4.5, Std: 1, Final: "sigmoid"}},
		"gates": {
			"head: {gates: {values: [b, a], gates: [d, c]}}\nread: {prompt: {pattern: [7]}}",
			Head{Activation: "none", Label: -1, Gates: []Gate{{Value: 1, Gate: 3}, {Value: 0, Gate: 2}}, Std: 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := compiled(t, "a, b, c, d", test.more)
			test.want.Final = finalOr(test.want.Final)
			if diff := cmp.Diff(test.want, m.Head); diff != "" {
				t.Errorf("head (-want +got):\n%s", diff)
			}
			if one := name == "the first label" || name == "the first, named"; m.Head.ReadsOneLabel() != one {
				t.Errorf("it reads one label: %t", !one)
			}
		})
	}
	likelihood := compiled(t, "policy", "likelihood: {beta: 2, norm: mean}")
	if likelihood.Head.Label != -1 || !likelihood.Likelihood.Mean() {
		t.Errorf("of a likelihood: %+v, %+v", likelihood.Head, likelihood.Likelihood)
	}
	process := []string{"kind: reward", "kind: process", "pooling: last_attended", "pooling: at_token"}
	steps := compiled(t, "a, b, c", "steps: {separator: x, label: [c, a], activation: sigmoid}", process...).Steps
	if want := (Steps{Separator: "x", Tokenize: "joint", Right: []int{2, 0}, Activation: "sigmoid", Accumulate: true}); !cmp.Equal(steps, want) || !steps.Joint() {
		t.Errorf("steps %+v, want %+v", steps, want)
	}
	pair := compiled(t, "a, b", "pair: {label: b, activation: softmax, orders: logit}", "kind: reward", "kind: pair").Pair
	if want := (Pair{Label: 1, Activation: "softmax", Orders: "logit"}); !cmp.Equal(*pair, want) || !pair.Logits() {
		t.Errorf("pair %+v, want %+v", pair, want)
	}
	preference := compiled(t, "v, w, s", "preference: {embedding: [w, v], scale: [s], temperature: 2}\nread: {prompt: {rendered: true}}",
		"kind: reward", "kind: preference")
	if want := (Preference{Embedding: []int{1, 0}, Scale: []int{2}, Temperature: 2}); !cmp.Equal(*preference.Preference, want) || !preference.Prompt.Read() {
		t.Errorf("preference %+v, want %+v", preference.Preference, want)
	}
}

// TestFeaturesAreTheLimit: an item of features is as long as the features are many.
func TestFeaturesAreTheLimit(t *testing.T) {
	const text = `{version: 1, name: f, kind: reward, licence: MIT, source: {class: C},
graph: {file: f.onnx, layout: features, precision: float32, output: o, labels: [a], input: i, features: [x, y, z]}}`
	m, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if m.Limits.MaxTokens != 3 || !m.ReadsFeatures() || m.Asked() != KindFeatures {
		t.Errorf("%+v", m)
	}
}

// finalOr is the final activation that a head has which names none.
func finalOr(final string) string {
	if final == "" {
		return "none"
	}
	return final
}

// TestAnEmbeddingsNumbersAreCounted: the file says how many there are, and the graph has as many columns.
func TestAnEmbeddingsNumbersAreCounted(t *testing.T) {
	text := strings.NewReplacer("kind: reward", "kind: embedding", ", labels: [reward]", "",
		"template: {file: chat_template.jinja, variables: {bos_token: \"<s>\"}}\n", "embedding: {size: 384, similarity: cosine, before: {response: \"passage: \"}}\n",
		"bos: none", "bos: none, frame: {before: [1], after: [2]}").Replace(goodManifest)
	m, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := embedding{Size: 384, Similarity: "cosine", Before: before{Response: "passage: "}}
	if m.Embedding != want || !m.Embedding.Cosine() || m.Graph.Columns() != 384 || m.Graph.Labels[383] != "v383" {
		t.Errorf("embedding %+v, %d columns, last %q", m.Embedding, m.Graph.Columns(), m.Graph.Labels[len(m.Graph.Labels)-1])
	}
}

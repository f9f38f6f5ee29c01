package manifest

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/assay-rm/assay/models/fault"
)

const goodManifest = `version: 1
name: tiny
kind: reward
licence: Apache-2.0
source: {checkpoint: random, class: Qwen3ForSequenceClassification, harmless: [lab_notes]}
graph: {file: model.onnx, layout: packed, precision: float32, output: readings, labels: [reward], vocab_size: 300, layers: 2, kv_heads: 2, head_dim: 32}
tokenizer: {file: tokenizer.json, bos: none, pad_id: 0}
template: {file: chat_template.jinja, variables: {bos_token: "<s>"}}
pooling: last_attended
limits: {max_tokens: 512}
`

func TestManifestDefaults(t *testing.T) {
	m, err := Parse([]byte(goodManifest + "golden: {file: golden.jsonl}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if m.Head.Std != 1 || m.Head.Mean != 0 || m.Golden.Tolerance != 1e-4 {
		t.Errorf("head %+v, golden %+v; want mean 0, std 1, tolerance 1e-4", m.Head, m.Golden)
	}
}

// TestToleranceFollowsDrift: golden pairs of a graph that computes in 16 bits may differ by twice its drift, and by
// what others may at least. A manifest may ask for less.
func TestToleranceFollowsDrift(t *testing.T) {
	for golden, want := range map[string][2]float64{
		"golden: {file: golden.jsonl}\n":                    {1e-4, 0.006},
		"golden: {file: golden.jsonl, tolerance: 5.0e-5}\n": {5e-5, 5e-5},
	} {
		for i, score := range []string{"0.00001", "0.003"} {
			graph := "precision: bfloat16, compute: bfloat16, drift: {score: " + score + ", order: 0.99, items: 9}"
			m, err := Parse([]byte(strings.Replace(goodManifest, "precision: float32", graph, 1) + golden))
			if err != nil {
				t.Fatal(err)
			}
			if m.Golden.Tolerance != want[i] || !m.Graph.Halves() || !m.Graph.Fused() {
				t.Errorf("drift %s, %s: tolerance %g, want %g; %+v", score, golden, m.Golden.Tolerance, want[i], m.Graph)
			}
		}
	}
	m, err := Parse([]byte(goodManifest))
	if err != nil || m.Graph.Halves() || m.Graph.Fused() {
		t.Errorf("a graph of the older form: %v, %+v", err, m.Graph)
	}
	int4 := "precision: int4, compute: float16, drift: {score: 0.2, order: 0.99, items: 9, computed: 0.003}"
	m, err = Parse([]byte(strings.Replace(goodManifest, "precision: float32", int4, 1) + "golden: {file: golden.jsonl}\n"))
	if err != nil || m.Golden.Tolerance != 0.4 || m.Graph.Drift.Moved() != 0.006 {
		t.Errorf("weights of four bits: %v, tolerance %g, %+v", err, m.Golden.Tolerance, m.Graph.Drift)
	}
}

func TestManifestRefusals(t *testing.T) {
	process := []string{"kind: reward", "kind: process", "pooling: last_attended", "pooling: at_token"}
	preference := []string{"kind: reward", "kind: preference", "labels: [reward]", "labels: [a, b]"}
	choice := slices.Clip([]string{"kind: reward", "kind: choice", "labels: [reward]", "labels: [logit, log_sum]"})
	segments := []string{"file: chat_template.jinja", "segments: [{text: prompt}, {text: response}]"}
	embedding := slices.Clip([]string{
		"kind: reward", "kind: embedding", ", labels: [reward]", "",
		"template: {file: chat_template.jinja, variables: {bos_token: \"<s>\"}}\n", "",
	})
	bare := slices.Clip([]string{"template: {file: chat_template.jinja, variables: {bos_token: \"<s>\"}}\n", ""})
	half := func(drift string) []string {
		return []string{"precision: float32", "precision: float16, compute: float16, drift: {" + drift + "}"}
	}
	staged := func(stages string) []string {
		return []string{"file: model.onnx", "stages: " + stages, "precision: float32", "precision: float32, compute: float32"}
	}
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
		{name: "choice labels", replace: []string{"kind: reward", "kind: choice"}, want: `graph.labels is ["reward"], and a choice model's rows are ["logit" "log_sum"]`},
		{name: "choice layout", replace: append(choice, "layout: packed", "layout: padded"), want: `graph.layout is "padded", and a choice model`},
		{name: "choice of what is seen", replace: append(choice, "layout: packed", "layout: packed, attention: bidirectional"), want: "graph.attention is bidirectional, and a choice model needs causal"},
		{name: "choice end", replace: append(choice, "pad_id: 0", "end: append, end_id: 2"), want: `tokenizer.end is "append", and a choice model`},
		{name: "choice pooling", replace: append(choice, "last_attended", "last_not_pad"), want: `pooling is "last_not_pad", and a choice model`},
		{name: "choice head", replace: choice, append: "head: {mean: 1}\n", want: "head is for reward models"},
		{
			name: "choice head graph", replace: append(choice, "kv_heads: 2", "kv_heads: 2, head: {file: head.onnx, width: 4, input: a, output: b}"),
			want: "graph.head does not go with a choice model",
		},
		{
			name: "choice segments", replace: append(choice, "file: chat_template.jinja", "segments: [{text: prompt}, {text: response}]"),
			want: "template.segments render no prompt alone, and a choice model needs it",
		},
		{name: "choice likelihood", replace: choice, append: "likelihood: {beta: 1, norm: sum}\n", want: "likelihood is for reward and process models"},
		{name: "no embedding", replace: embedding, want: "embedding is missing, and an embedding model needs it"},
		{name: "embedding size missing", replace: embedding, append: "embedding: {similarity: dot}\n", want: "embedding.size is 0, and must be between 1 and 16384"},
		{name: "embedding size", replace: embedding, append: "embedding: {size: 16385, similarity: dot}\n", want: "embedding.size is 16385, and must be between 1 and 16384"},
		{
			name: "similarity", replace: embedding, append: "embedding: {size: 4, similarity: euclidean}\n",
			want: `embedding.similarity is "euclidean", and must be cosine or dot`,
		},
		{
			name: "words before", replace: embedding, append: "embedding: {size: 4, similarity: dot, before: {prompt: " + strings.Repeat("q", 8193) + "}}\n",
			want: "embedding.before.prompt has 8193 bytes, and must have 8192 at most",
		},
		{
			name: "embedding labels", replace: append(embedding, "vocab_size", "labels: [a], vocab_size"), append: "embedding: {size: 4, similarity: dot}\n",
			want: "graph.labels is for numbers with names",
		},
		{name: "embedding template", replace: embedding[:4], append: "embedding: {size: 4, similarity: dot}\n", want: "template is for conversations"},
		{name: "embedding head", replace: embedding, append: "embedding: {size: 4, similarity: dot}\nhead: {mean: 1}\n", want: "head is for reward models"},
		{name: "embedding of a reward model", append: "embedding: {size: 4, similarity: dot}\n", want: "embedding is for embedding models"},
		{name: "licence", replace: []string{"licence: Apache-2.0", "licence: ''"}, want: "licence is missing"},
		{name: "layout", replace: []string{"layout: packed", "layout: flat"}, want: `graph.layout is "flat"`},
		{name: "precision", replace: []string{"precision: float32", "precision: float8"}, want: `graph.precision is "float8"`},
		{name: "compute", replace: []string{"precision: float32", "precision: float32, compute: float8"}, want: `graph.compute is "float8", and must be one of float32, float16, bfloat16`},
		{name: "compute of a padded graph", replace: []string{"layout: packed, precision: float32", "layout: padded, precision: float32, compute: float32"}, want: "graph.compute is for the packed layout, and the layout is padded"},
		{name: "operators", replace: []string{"precision: float32", "precision: float32, compute: float32, operators: own"}, want: `graph.operators is "own", and must be assay`},
		{name: "operators without compute", replace: []string{"precision: float32", "precision: float32, operators: assay"}, want: "graph.compute is missing, and graph.operators needs it"},
		{name: "stages without compute", replace: []string{"file: model.onnx", "stages: [{file: a, layers: 1}, {file: b, layers: 1}]"}, want: "graph.compute is missing, and graph.stages needs it"},
		{name: "one stage", replace: staged("[{file: a, layers: 2}]"), want: "graph.stages has 1 stages, and must have 2 to 16"},
		{name: "stages beside a file", replace: append(staged("[{file: a, layers: 1}, {file: b, layers: 1}]"), "layout:", "file: c, layout:"), want: `graph.file is "c", and graph.stages begins with "a"`},
		{name: "stages of one file", replace: staged("[{file: a, layers: 1}, {file: a, layers: 1}]"), want: `graph.stages[1].file "a" is the file of another graph`},
		{name: "a stage elsewhere", replace: staged("[{file: a, layers: 1}, {file: ../b, layers: 1}]"), want: `graph.stages[1].file "../b" leaves the bundle`},
		{name: "a stage of no layers", replace: staged("[{file: a, layers: 2}, {file: b, layers: 0}]"), want: "graph.stages[1].layers is 0, and must be from 1 to graph.layers, 2"},
		{name: "stages whose layers overflow", replace: staged("[{file: a, layers: 9223372036854775807}, {file: b, layers: 9223372036854775807}, {file: c, layers: 4}]"), want: "graph.stages[0].layers is 9223372036854775807, and must be from 1 to graph.layers, 2"},
		{name: "layers of stages", replace: staged("[{file: a, layers: 1}, {file: b, layers: 2}]"), want: "graph.stages has 3 layers, and graph.layers is 2"},
		{name: "compute without drift", replace: []string{"precision: float32", "precision: float16, compute: float16"}, want: "graph.drift is missing, and graph.compute float16 with precision float16 needs it"},
		{name: "integers without drift", replace: []string{"precision: float32", "precision: int8, compute: float32, operators: assay"}, want: "graph.drift is missing, and graph.compute float32 with precision int8 needs it"},
		{name: "integers of stock operators", replace: []string{"precision: float32", "precision: int8, compute: float16, drift: {score: 0, order: 1, items: 9}"}, want: "graph.precision is int8, and a graph that computes in float16 stores its weights so, or as int4, or as int8 with graph.operators assay"},
		{name: "drift of float32", replace: []string{"precision: float32", "precision: float32, compute: float32, drift: {score: 0, order: 1, items: 9}"}, want: "graph.drift is for graph.compute float16 and bfloat16, and for precision int8 and int4 beside it"},
		{name: "drift without compute", replace: []string{"precision: float32", "precision: float32, drift: {score: 0, order: 1, items: 9}"}, want: "graph.drift is for graph.compute float16 and bfloat16, and for precision int8 and int4 beside it"},
		{name: "compute and precision", replace: []string{"precision: float32", "precision: float32, compute: float16, drift: {score: 0, order: 1, items: 9}"}, want: "graph.precision is float32, and a graph that computes in float16 stores its weights so"},
		{name: "float32 of stored halves", replace: []string{"precision: float32", "precision: float16, compute: float32"}, append: "drift: {items: 1, max: 0, mean: 0, pairs: 1, order: 1}\n", want: "graph.precision is float16, and a graph that computes in float32 stores its weights so"},
		{name: "int4 without compute", replace: []string{"precision: float32", "precision: int4"}, want: "graph.compute is missing, and graph.precision int4 needs it"},
		{name: "int4 of domain assay", replace: []string{"precision: float32", "precision: int4, compute: float32, operators: assay, drift: {score: 0, order: 1, items: 9}"}, want: "graph.precision is int4, which no operator of domain assay reads"},
		{name: "int4 without drift", replace: []string{"precision: float32", "precision: int4, compute: float32"}, want: "graph.drift is missing, and graph.compute float32 with precision int4 needs it"},
		{name: "int4 without what computing changes", replace: []string{"precision: float32", "precision: int4, compute: float16, drift: {score: 0, order: 1, items: 9}"}, want: "graph.drift.computed is for weights that are narrower than graph.compute, which need it"},
		{name: "what computing changes, of no int4", replace: half("score: 0, order: 1, items: 9, computed: 0"), want: "graph.drift.computed is for weights that are narrower than graph.compute"},
		{name: "computing changes less than nothing", replace: []string{"precision: float32", "precision: int4, compute: float16, drift: {score: 0, order: 1, items: 9, computed: -1}"}, want: "graph.drift.computed must be finite and not negative"},
		{name: "two drifts", replace: half("score: 0, order: 1, items: 9"), append: "drift: {items: 1, max: 0, mean: 0, pairs: 1, order: 1}\n", want: "drift does not go with graph.drift"},
		{name: "no items of drift", replace: half("score: 0, order: 1, items: 0"), want: "graph.drift.items is 0, and must be positive"},
		{name: "drift below nothing", replace: half("score: -1, order: 1, items: 9"), want: "graph.drift.score is -1, and must be finite and not negative"},
		{name: "endless drift", replace: half("score: .inf, order: 1, items: 9"), want: "graph.drift.score is +Inf, and must be finite and not negative"},
		{name: "drift of no order", replace: half("score: 0, order: 1.5, items: 9"), want: "graph.drift.order is 1.5, and must be a share"},
		{name: "tolerance beyond drift", replace: half("score: 0.002, order: 1, items: 9"), append: "golden: {file: golden.jsonl, tolerance: 0.01}\n", want: "golden.tolerance is 0.01, and graph.drift.score 0.002 allows 0.004"},
		{name: "labels", replace: []string{"labels: [reward]", "labels: []"}, want: "graph.labels is empty"},
		{name: "label twice", replace: []string{"labels: [reward]", "labels: [a, a]"}, want: "graph.labels[1]"},
		{name: "layers", replace: []string{"layers: 2", "layers: 0"}, want: "graph.layers is 0"},
		{name: "bos", replace: []string{"bos: none", "bos: three"}, want: `tokenizer.bos is "three"`},
		{name: "bos id missing", replace: []string{"bos: none", "bos: one"}, want: "tokenizer.bos_id is missing"},
		{name: "pad id", replace: []string{"pad_id: 0", "pad_id: 300"}, want: "tokenizer.pad_id is outside graph.vocab_size 300"},
		{name: "padded needs pad", replace: []string{"layout: packed", "layout: padded", ", pad_id: 0", ""}, want: "tokenizer.pad_id is missing"},
		{name: "pooling", replace: []string{"pooling: last_attended", "pooling: mean"}, want: `pooling is "mean"`},
		{name: "pooling of an embedding", replace: []string{"pooling: last_attended", "pooling: first"}, want: `pooling is "first", and a reward model needs`},
		{name: "steps of a reward model", append: "steps: {separator: x}\n", want: "steps is for process models"},
		{name: "separator", replace: process, append: "steps: {label: reward, activation: none}\n", want: "steps.separator is missing"},
		{name: "step label", replace: process, append: "steps: {separator: x, label: good, activation: none}\n", want: `steps.label "good"`},
		{name: "step activation", replace: process, append: "steps: {separator: x, label: reward, activation: tanh}\n", want: `steps.activation is "tanh"`},
		{name: "softmax of one", replace: process, append: "steps: {separator: x, label: reward, activation: softmax}\n", want: "two labels or more"},
		{name: "two BOS without id", replace: []string{"bos: none", "bos: two"}, want: "tokenizer.bos_id is missing, and bos: two needs it"},
		{name: "end", replace: []string{"bos: none", "bos: none, end: cut"}, want: `tokenizer.end is "cut"`},
		{name: "end id missing", replace: []string{"bos: none", "bos: none, end: append"}, want: "tokenizer.end_id is missing"},
		{name: "frame outside", replace: []string{"bos: none", "bos: none, frame: {before: [300]}"}, want: "tokenizer.frame.before has id 300, which is outside graph.vocab_size 300"},
		{name: "frame of many", replace: []string{"bos: none", "bos: none, frame: {after: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]}"}, want: "tokenizer.frame.after has 17 ids, and must have 16 at most"},
		{name: "frame of nothing", replace: []string{"bos: none", "bos: none, frame: {before: []}"}, want: "tokenizer.frame has no ids"},
		{name: "frame and BOS", replace: []string{"bos: none", "bos: one, bos_id: 1, frame: {before: [1]}"}, want: "bos must be none and end keep"},
		{name: "frame and end", replace: []string{"bos: none", "bos: none, end: append, end_id: 1, frame: {after: [1]}"}, want: "bos must be none and end keep"},
		{name: "frame and segments", replace: append([]string{"bos: none", "bos: none, frame: {after: [1]}"}, segments...), want: "tokenizer.frame does not go with template.segments"},
		{name: "frame of steps", replace: append([]string{"bos: none", "bos: none, frame: {after: [1]}"}, process...), append: "steps: {separator: x, label: reward, activation: none}\n", want: "tokenizer.frame is for reward and embedding models that read one text"},
		{name: "frame of a likelihood", replace: []string{"bos: none", "bos: none, frame: {after: [1]}"}, append: "likelihood: {beta: 1, norm: sum}\n", want: "without likelihood and read.prompt"},
		{name: "rule without pad", replace: []string{"last_attended", "last_not_pad", ", pad_id: 0", ""}, want: "tokenizer.pad_id is missing, and pooling last_not_pad needs it"},
		{name: "rule without token", replace: []string{"last_attended", "at_token"}, want: "read.token is \"\""},
		{name: "offset alone", append: "read: {offset: 2}\n", want: "read.offset is for pooling from_end"},
		{name: "two prompt rules", append: "read: {prompt: {pattern: [1], rendered: true}}\n", want: "one of pattern and rendered"},
		{name: "prompt without gates", append: "read: {prompt: {pattern: [1]}}\n", want: "read.prompt needs head.gates"},
		{name: "head label", append: "head: {label: good}\n", want: `head.label "good" is not among graph.labels`},
		{name: "two heads", append: "head: {label: reward, weights: {reward: 1}}\n", want: "one of label, weights and gates"},
		{name: "gates", append: "head: {gates: {values: [reward], gates: []}}\n", want: "1 values and 0 gates"},
		{name: "head softmax of one", append: "head: {activation: softmax}\n", want: "head.activation softmax needs two labels"},
		{name: "file and segments", replace: []string{"file: chat_template.jinja", "file: a, segments: [{text: prompt}]"}, want: "template has file and segments"},
		{name: "segment word", replace: []string{"file: chat_template.jinja", "segments: [{text: first}]"}, want: `template.segments[0].text is "first"`},
		{name: "empty segment", replace: []string{"file: chat_template.jinja", "segments: [{max_tokens: 3}]"}, want: "template.segments[0] must have either token, or fixed, text or both"},
		{name: "token and fixed", replace: []string{"file: chat_template.jinja", `segments: [{token: "[SEP]", fixed: a}, {text: prompt}, {text: response}]`}, want: "template.segments[0] must have either token"},
		{name: "long fixed text", replace: []string{"file: chat_template.jinja", "segments: [{text: response}, {fixed: " + strings.Repeat("a", 8<<10+1) + "}]"}, want: "template.segments[1].fixed has 8193 bytes, and must have 8192 at most"},
		{name: "bound of fixed text", replace: []string{"file: chat_template.jinja", "segments: [{text: response}, {fixed: a, max_tokens: 3}]"}, want: "template.segments[1].max_tokens bounds a part of the item"},
		{name: "many segments", replace: []string{"file: chat_template.jinja", "segments: [{text: response}" + strings.Repeat(", {fixed: a}", 64) + "]"}, want: "template.segments has 65 entries, and must have 64 at most"},
		{name: "likelihood norm", append: "likelihood: {beta: 1, norm: max}\n", want: `likelihood.norm is "max"`},
		{name: "likelihood beta", append: "likelihood: {beta: 0, norm: sum}\n", want: "likelihood.beta is 0"},
		{name: "likelihood labels", replace: []string{"labels: [reward]", "labels: [a, b, c]"}, append: "likelihood: {beta: 1, norm: sum}\n", want: "graph.labels has 3 labels"},
		{name: "pair missing", replace: []string{"kind: reward", "kind: pair"}, want: "pair is missing"},
		{name: "pair orders", replace: []string{"kind: reward", "kind: pair"}, append: "pair: {label: reward, activation: sigmoid, orders: none}\n", want: `pair.orders is "none"`},
		{name: "preference missing", replace: []string{"kind: reward", "kind: preference"}, want: "preference is missing"},
		{name: "odd embedding", replace: []string{"kind: reward", "kind: preference"}, append: "preference: {embedding: [reward], temperature: 1}\n", want: "needs an even number"},
		{name: "drift missing", replace: []string{"precision: float32", "precision: int8"}, want: "drift is missing, and precision int8 needs it"},
		{name: "drift share", append: "drift: {items: 1, max: 1, mean: 0, pairs: 1, order: 2}\n", want: "drift.order is 2"},
		{name: "tokenize", replace: process, append: "steps: {separator: x, tokenize: apart, label: reward, activation: none}\n", want: `steps.tokenize is "apart"`},
		{name: "place of steps", replace: process, append: "steps: {separator: x, tokenize: separate, label: reward, activation: none}\n", want: "needs at_step"},
		{name: "turns", replace: process, append: "steps: {separator: x, turns: true, label: reward, activation: none}\n", want: "steps.turns needs steps.tokenize prefix"},
		{name: "step offset", replace: process, append: "steps: {separator: x, offset: 1, label: reward, activation: none}\n", want: "steps.offset needs steps.tokenize separate or prefix"},
		{name: "skip", replace: process, append: "steps: {separator: x, skip: -1, label: reward, activation: none}\n", want: "steps.skip is -1"},
		{name: "accumulate", replace: process, append: "steps: {separator: x, accumulate: true, label: reward, activation: none}\n", want: "steps.accumulate goes with likelihood"},
		{name: "limit", replace: []string{"max_tokens: 512", "max_tokens: 0"}, want: "limits.max_tokens is 0"},
		{name: "final activation", append: "head: {final: softmax}\n", want: `head.final is "softmax", and must be none or sigmoid`},
		{name: "a day that is none", replace: []string{"file: chat_template.jinja", "file: chat_template.jinja, date: 2024-13-01"}, want: `template.date is "2024-13-01"`},
		{name: "heads", replace: []string{"kv_heads: 2", "kv_heads: 2, heads: 5"}, want: "graph.heads is 5, and must be a multiple of graph.kv_heads 2"},
		{name: "std", append: "head: {std: -1}\n", want: "head.std is -1"},
		{name: "graph outside", replace: []string{"file: model.onnx", "file: ../model.onnx"}, want: `graph.file "../model.onnx" leaves the bundle`},
		{name: "absolute file", replace: []string{"file: tokenizer.json", "file: /etc/passwd"}, want: `tokenizer.file "/etc/passwd" leaves the bundle`},
		{name: "infinite mean", append: "head: {mean: .inf}\n", want: "head.mean is +Inf, and must be finite"},
		{name: "infinite std", append: "head: {std: .inf}\n", want: "head.std is +Inf"},
		{name: "weight of no number", append: "head: {weights: {reward: .nan}}\n", want: "head.weights.reward is NaN"},
		{name: "infinite beta", append: "likelihood: {beta: .inf, norm: sum}\n", want: "likelihood.beta is +Inf"},
		{name: "no calibration of steps", replace: []string{"kind: reward", "kind: process"}, append: "calibration: {temperature: 2}\n", want: "calibration is for models that give preferences"},
		{name: "cold calibration", append: "calibration: {temperature: 0}\n", want: "calibration.temperature is 0, and must be positive"},
		{name: "infinite calibration", append: "calibration: {temperature: .inf}\n", want: "calibration.temperature is +Inf"},
		{name: "a calibration's proof", append: "calibration: {temperature: 2, log_loss: {before: 1}, proof: 1}\n", want: "proof"},
		{name: "infinite temperature", replace: preference, append: "preference: {embedding: [a, b], temperature: .inf}\n", want: "preference.temperature is +Inf"},
		{name: "infinite tolerance", append: "golden: {file: a, tolerance: .inf}\n", want: "golden.tolerance is +Inf"},
		{name: "infinite drift", append: "drift: {items: 1, max: .inf, mean: 0, pairs: 1, order: 1}\n", want: "drift.max is +Inf"},
		{name: "many layers", replace: []string{"layers: 2", "layers: 99999999"}, want: "graph.layers is 99999999, and must be below 4096"},
		{name: "wide heads", replace: []string{"head_dim: 32", "head_dim: 65536"}, want: "graph.head_dim is 65536"},
		{name: "many heads", replace: []string{"kv_heads: 2", "kv_heads: 65536"}, want: "graph.kv_heads is 65536"},
		{name: "vast vocabulary", replace: []string{"vocab_size: 300", "vocab_size: 4294967296"}, want: "graph.vocab_size is 4294967296"},
		{name: "far offset", replace: []string{"pooling: last_attended", "pooling: from_end"}, append: "read: {offset: 512}\n", want: "read.offset is 512, and must be below 512"},
		{name: "far step offset", replace: process, append: "steps: {tokenize: prefix, offset: 512, label: reward, activation: none}\n", want: "steps.offset is 512"},
		{name: "many skipped", replace: process, append: "steps: {separator: x, skip: 64, label: reward, activation: none}\n", want: "steps.skip is 64, and must be below 64"},
		{name: "more skipped than fit", replace: append([]string{"max_tokens: 512", "max_tokens: 5"}, process...), append: "steps: {separator: x, skip: 5, label: reward, activation: none}\n", want: "steps.skip is 5, and must be below 5"},
		{name: "segments of a likelihood", replace: segments, append: "likelihood: {beta: 1, norm: sum}\n", want: "template.segments render no prompt alone"},
		{name: "segments and a rendered prompt", replace: segments, append: "read: {prompt: {rendered: true}}\n", want: "template.segments render no prompt alone"},
		{name: "segments without response", replace: []string{"file: chat_template.jinja", "segments: [{text: prompt}]"}, want: "template.segments lacks the text response"},
		{name: "segments without second", replace: []string{"kind: reward", "kind: pair", "file: chat_template.jinja", "segments: [{text: first}]"}, want: "template.segments lacks the text second"},
		{name: "likelihood without template", replace: bare, append: "likelihood: {beta: 1, norm: sum}\n", want: "template is missing, and likelihood needs it"},
		{name: "separate without template", replace: append(bare, process...), append: "steps: {tokenize: separate, label: reward, activation: none}\n", want: "steps.tokenize separate needs it"},
		{name: "prefix without template", replace: append(bare, process...), append: "steps: {tokenize: prefix, label: reward, activation: none}\n", want: "steps.tokenize prefix needs it"},
		{name: "rendered prompt without template", replace: bare, append: "read: {prompt: {rendered: true}}\n", want: "read.prompt.rendered needs it"},
		{name: "pair without template", replace: append(bare, "kind: reward", "kind: pair"), want: "kind pair needs it"},
		{name: "preference without template", replace: append(bare, preference...), want: "kind preference needs it"},
		{name: "likelihood of turns", replace: process, append: "likelihood: {beta: 1, norm: sum}\nsteps: {separator: x, tokenize: prefix, turns: true, activation: none}\n", want: "steps.turns does not go with likelihood"},
		{name: "no weights", append: "head: {weights: {}}\n", want: "head.weights is empty"},
		{name: "step label twice", replace: process, append: "steps: {separator: x, label: [reward, reward], activation: none}\n", want: `steps.label has "reward" twice`},
		{name: "embedding twice", replace: preference, append: "preference: {embedding: [a, a], temperature: 1}\n", want: `preference.embedding has "a" twice`},
		{name: "variable messages", replace: []string{"bos_token:", "messages:"}, want: `template.variables has "messages"`},
		{name: "variable of the prompt", replace: []string{"bos_token:", "add_generation_prompt:"}, want: `template.variables has "add_generation_prompt"`},
		{name: "variable reference", replace: []string{"bos_token:", "reference:"}, want: `template.variables has "reference"`},
		{name: "field that is none", replace: []string{"file: chat_template.jinja", "file: chat_template.jinja, fields: {rubric: required}"}, want: `template.fields has "rubric", and a template may name reference and principle`},
		{name: "field that may be", replace: []string{"file: chat_template.jinja", "file: chat_template.jinja, fields: {reference: maybe}"}, want: `template.fields.reference is "maybe", and must be required or optional`},
		{name: "fields of segments", replace: []string{"file: chat_template.jinja", "segments: [{text: prompt}, {text: response}], fields: {reference: required}"}, want: "template.fields names variables of template.file, which is missing"},
		{name: "fields of features", replace: []string{"layout: packed", "layout: features", "file: chat_template.jinja", "fields: {reference: required}"}, want: "template is for models that read tokens"},
		{name: "features of tokens", replace: []string{"labels: [reward]", "labels: [reward], features: [a]"}, want: "graph.input and graph.features are for the layout features"},
		{name: "layout of tokens", replace: []string{"layout: packed", "layout: features"}, want: "tokenizer is for models that read tokens, and graph.layout is features"},
		{name: "features with pooling", replace: []string{"layout: packed", "layout: features"}, want: "pooling is for models that read tokens"},
		{name: "features with a limit", replace: []string{"layout: packed", "layout: features"}, want: "limits.max_tokens is for models that read tokens"},
		{name: "no features", replace: []string{"layout: packed", "layout: features"}, want: "graph.features has 0 names, and must have 1 to 4096"},
		{name: "features without input", replace: []string{"layout: packed", "layout: features"}, want: "graph.input is missing"},
		{name: "feature twice", replace: []string{"layout: packed", "layout: features, features: [a, a]"}, want: `graph.features[1] is "a"`},
		{name: "feature preference", replace: append([]string{"layout: packed", "layout: features"}, preference...), want: `kind is "preference", and a model with graph.layout features must be a reward model`},
		{name: "head without input", replace: []string{"labels: [reward]", "labels: [reward], head: {file: a, width: 3, output: b}"}, want: "graph.head.input is missing"},
		{name: "head without output", replace: []string{"labels: [reward]", "labels: [reward], head: {file: a, width: 3, input: b}"}, want: "graph.head.output is missing"},
		{name: "head without file", replace: []string{"labels: [reward]", "labels: [reward], head: {width: 3, input: b, output: b}"}, want: "graph.head.file is missing"},
		{name: "head whose user is its input", replace: []string{"labels: [reward]", "labels: [reward], head: {file: a, width: 3, input: b, output: c, user: b}"}, want: "graph.head.user is graph.head.input"},
		{name: "attention", replace: []string{"layout: packed", "layout: packed, attention: full"}, want: `graph.attention is "full", and must be causal or bidirectional`},
		{name: "attention of rows", replace: []string{"layout: packed", "layout: padded, attention: bidirectional"}, want: "only the packed layout has it: the layout is padded"},
		{name: "attention of features", replace: []string{"layout: packed", "layout: features, attention: causal"}, want: "graph.attention is for models that read tokens"},
		{name: "steps that see the next", replace: append([]string{"layout: packed", "layout: packed, attention: bidirectional"}, process...), append: "steps: {separator: x, label: reward, activation: none}\n", want: "graph.attention is bidirectional, and a process model needs causal"},
		{name: "likelihood of what is seen", replace: []string{"layout: packed", "layout: packed, attention: bidirectional"}, append: "likelihood: {beta: 1, norm: sum}\n", want: "graph.attention is bidirectional, and likelihood needs causal"},
		{name: "a causal graph that pools", replace: []string{"layout: packed", "layout: packed, attention: causal", "pooling: last_attended", "pooling: in_graph"}, want: "in_graph when the layout is padded or graph.attention bidirectional"},
		{name: "not YAML", replace: []string{"version: 1", "version: ["}, want: File},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			text := strings.NewReplacer(test.replace...).Replace(goodManifest) + test.append
			_, err := Parse([]byte(text))
			var known *fault.Error
			if !errors.As(err, &known) || known.Code != fault.CodeBundle || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %s with %q", err, fault.CodeBundle, test.want)
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
		if m, err := Parse(data); err == nil && (m.Name == "" || len(m.Graph.Labels) == 0) {
			t.Errorf("accepted a manifest without a name or labels: %q", data)
		}
	})
}

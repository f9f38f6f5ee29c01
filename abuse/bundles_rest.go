package main

import (
	"fmt"
	"strings"
)

// badTemplates would run for ever, take all memory or end the process.
func badTemplates() []hostileBundle {
	var all []hostileBundle
	for _, t := range []struct{ name, text string }{
		{"a macro that calls itself", `{% macro f(n) %}{{ f(n) }}{% endmacro %}{{ f(1) }}`},
		{"a template that includes itself", `{% include "/chat_template.jinja" %}`},
		{
			"loops of 3,000,000 rounds, two deep",
			`{% for i in range(3000000) %}{% for j in range(3000000) %}{% endfor %}{% endfor %}`,
		},
		{"a range that overflows", `{% for i in range(-9223372036854775807, 9223372036854775807) %}{% endfor %}`},
		{
			"a text that doubles 40 times",
			`{% set ns = namespace(t='a') %}{% for i in range(40) %}{% set ns.t = ns.t ~ ns.t %}{% endfor %}{{ ns.t }}`,
		},
		{"a letter 10^12 times", `{{ 'a' * 1000000000000 }}`},
		{
			"a list that doubles 60 times",
			`{% set ns = namespace(t=[1]) %}{% for i in range(60) %}{% set ns.t = ns.t + ns.t %}{% endfor %}{{ ns.t }}`,
		},
		{
			"namespaces in namespaces",
			`{% set ns = namespace(t=1) %}{% for i in range(99999) %}{% set ns.t = namespace(t=ns.t) %}{% endfor %}`,
		},
		{"a replacement of each letter by all", `{% set x = 'a' * 1000000 %}{{ x | replace('a', x) }}`},
		{"constants of 300 MB", `{{ ('a' * 100000000) ~ ('b' * 100000000) ~ ('c' * 100000000) }}`},
		{"100,000 brackets", strings.Repeat("{{ (", 1) + strings.Repeat("(", 100_000)},
		{"20,000 conditions inside one another", strings.Repeat("{% if 1 %}", 20_000) + strings.Repeat("{% endif %}", 20_000)},
		{"a sum of 100,000", "{{ 1" + strings.Repeat(" + 1", 100_000) + " }}"},
	} {
		all = append(all, hostileBundle{
			name: "template: " + t.name, base: padded,
			change: []change{put("chat_template.jinja", text(t.text))},
		})
	}
	return all
}

// badGolden are golden pairs without end, and such that lie.
func badGolden() []hostileBundle {
	var all []hostileBundle
	pair := `{"item":{"prompt":"a","response":"b"},"ids":[3,1],"score":1}`
	for _, g := range []struct {
		name    string
		content func() []byte
	}{
		{"a line of 7 MiB", text(`{"item":{"text":"`, strings.Repeat("a", 7*mib), `"},"ids":[1],"score":1}`)},
		{"a line of 7 MiB of ids", many(`{"item":{"text":"a"},"ids":[`, "1", 7*mib/2, `],"score":1}`)},
		{"100,000 pairs", text(strings.Repeat(pair+"\n", 100_000))},
		{"a million brackets", text(`{"ids":`, strings.Repeat("[", 1_000_000))},
		{"a pair that is no number", text(`{"item":{"prompt":"a","response":"b"},"ids":[3,1],"score":NaN}`)},
		{"ids that lie", text(pair)},
		{"a score of 1e308", text(strings.Replace(pair, `"score":1`, `"score":1e308`, 1))},
		{"1000 pairs of 4 KiB", text(strings.Repeat(strings.Replace(pair, `"a"`, `"`+words(4*kib)+`"`, 1)+"\n",
			1000))},
		{"an unknown field of 6 MiB", text(`{"`, strings.Repeat("a\\n", 2*mib), `":1}`)},
		{"a text of 7 MiB", text(`{"item":{"text":"`, words(7*mib), `"},"ids":[1],"score":1}`)},
		{"7 MiB of blanks", text(strings.Repeat(" \n", 7*mib/2))},
		{"nothing", text("")},
	} {
		all = append(all, hostileBundle{
			name: "golden: " + g.name, base: padded,
			change: []change{put("golden.jsonl", g.content)},
		})
	}
	return append(all,
		hostileBundle{
			name: "golden: a tolerance of -1", base: padded,
			change: []change{manifest("tolerance: 0.0001", "tolerance: -1")},
		},
		hostileBundle{
			name: "golden: a line of 48 MiB", base: padded,
			change: []change{put("golden.jsonl", text(strings.Repeat("1", 48*mib)))},
		})
}

// badCounts are manifests whose counts the graph does not bear out.
func badCounts() []hostileBundle {
	var all []hostileBundle
	for _, c := range []struct{ base, name, old, now string }{
		{packed, "max_tokens of 100,000, and 320 positions", "max_tokens: 320", "max_tokens: 100000"},
		{packed, "max_tokens of 2^20, and 320 positions", "max_tokens: 320", "max_tokens: 1048576"},
		{padded, "max_tokens of 2^20, padded", "max_tokens: 320", "max_tokens: 1048576"},
		{packed, "a vocabulary larger than the table", "vocab_size: 400", "vocab_size: 40000"},
		{packed, "a vocabulary of 2^40", "vocab_size: 400", "vocab_size: 1099511627776"},
		{packed, "a vocabulary smaller than the tokenizer's", "vocab_size: 400", "vocab_size: 4"},
		{packed, "3 layers of 2", "layers: 2", "layers: 3"},
		{packed, "a million layers", "layers: 2", "layers: 1000000"},
		{packed, "2^40 layers", "layers: 2", "layers: 1099511627776"},
		{packed, "twice the heads", "kv_heads: 2", "kv_heads: 4"},
		{packed, "2^40 heads", "kv_heads: 2", "kv_heads: 1099511627776"},
		{packed, "heads of 2^40", "head_dim: 8", "head_dim: 1099511627776"},
		{packed, "a bos that no table has", "bos_id: 1", "bos_id: 399999"},
		{padded, "a pad that no table has", "pad_id: 0", "pad_id: 399999"},
		{steps, "2^40 steps without score", "activation: softmax", "activation: softmax, skip: 1099511627776"},
		{packed, "a decoder that sees what follows", "layout: packed", "layout: packed\n  attention: bidirectional"},
		{encoder, "an encoder that sees what stands before alone", "attention: bidirectional", "attention: causal"},
		{encoder, "an encoder whose steps see the next", "kind: reward", "kind: process"},
		{encoder, "an encoder of 2^20 tokens, and 256 positions", "max_tokens: 256", "max_tokens: 1048576"},
		{encoder, "an encoder of 2^40 heads", "kv_heads: 4", "kv_heads: 1099511627776"},
		{headed, "a head 65535 wide", "width: 32", "width: 65535"},
		{
			headed, "a place of 2^62", "pooling: last_attended",
			"pooling: from_end\nread: {offset: 4611686018427387904}",
		},
		{
			tabular, "4096 features of a graph that has 2", "features: [compared, smooth]",
			"features: " + string(numbered("[", "f%d", 4096, "]")()),
		},
		{
			tabular, "5000 labels of a graph that has 2", "labels: [rule, sum]",
			"labels: " + string(numbered("[", "l%d", 5000, "]")()),
		},
	} {
		all = append(all, hostileBundle{
			name: "counts: " + c.name, base: c.base,
			change: []change{withoutGolden(), manifest(c.old, c.now)},
		})
	}
	return all
}

// badHeads are head graphs and graphs of features, which are not run by ONNX Runtime.
func badHeads() []hostileBundle {
	var all []hostileBundle
	one := func(name string, parts ...[]byte) {
		file := onnxModel(append([][]byte{
			input("features", float32Type, -1, 2),
			output("readings", float32Type, -1, 2), real32("nought", 0),
		}, parts...)...)
		all = append(all, hostileBundle{
			name: "head: " + name, base: tabular,
			change: []change{withoutGolden(), put("judge.onnx", func() []byte { return file })},
		})
	}
	swell := func(name string, parts ...[]byte) {
		one(name, append(parts, node("ReduceMax", names("big"), names("greatest"), whole("keepdims", 0)),
			node("Mul", names("greatest", "nought"), names("nothing")), node("Add", names("features", "nothing"),
				names("readings")))...)
	}
	one("a loop without end", loop("readings", scalar("rounds", 1<<62),
		node("Identity", names("features"), names("sum")))...)
	one("100,000 branches inside each other", nested(100_000), node("Identity", names("features"), names("readings")))
	one("a cycle", node("Add", names("features", "b"), names("a")), node("Add", names("a", "a"), names("b")),
		node("Identity", names("b"), names("readings")))
	one("200,000 nodes in a row", node("Identity", names("features"), names("n0")),
		node("Identity", names("n200000"), names("readings")),
		repeatedNodes(200_000))
	swell("a tensor of 400 GB", integers("shape", 100_000, 1_000_000),
		node("ConstantOfShape", names("shape"), names("big")))
	swell("a tensor of 8 GB", integers("shape", 2000, 1_000_000), real32("x", 1),
		node("Expand", names("x", "shape"), names("big")))
	swell("a tile of 10^12", integers("times", 1, 500_000_000_000),
		node("Tile", names("features", "times"), names("big")))
	swell("40 doublings", doubled("features", 0, 40))
	swell("40 doublings of a row", doubled("features", 1, 40))
	swell("a range of 10^12", real32("begin", 0), real32("end", 1e12), real32("pace", 1),
		node("Range", names("begin", "end", "pace"), names("big")))
	one("products 20,000 wide", integers("tall", 2, 1), integers("across", 1, 20_000),
		integers("square", 20_000, 20_000), real32("x", 0.5),
		node("Expand", names("x", "square"), names("w")), node("Expand", names("x", "across"),
			names("v")), node("ReduceSum", names("features"), names("s"), whole("keepdims", 1)),
		node("MatMul", names("s", "v"), names("a")), node("MatMul", names("a", "w"), names("b")), node("MatMul",
			names("b", "w"), names("big")), node("Slice", names("big", "from", "to", "at"), names("readings")),
		integers("from", 0), integers("to", 2), integers("at", 1))
	one("a weight of 2^60 numbers", message(5,
		tensorOf("weight", float32Type, []int64{1 << 30, 1 << 30},
			message(9, make([]byte, 4)))), node("MatMul", names("features", "weight"), names("readings")))
	one("a weight of 2^64 numbers", message(5,
		tensorOf("weight", float32Type, []int64{1 << 32, 1 << 32},
			message(9, make([]byte, 4)))), node("MatMul", names("features", "weight"), names("readings")))
	one("an input with a million dimensions", input("x", float32Type, make([]int64, 1_000_000)...),
		node("Identity", names("features"), names("readings")))
	return all
}

func repeatedNodes(n int) []byte {
	return repeated(n, func(i int) []byte {
		return node("Neg", names(fmt.Sprint("n", i)),
			names(fmt.Sprint("n", i+1)))
	})
}

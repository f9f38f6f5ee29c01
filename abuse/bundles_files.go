package main

import (
	"fmt"
	"strings"
)

// Honest bundles that hostile ones begin as.
const (
	padded  = "bundles/qwen3-reward-padded"
	packed  = "bundles/llama-reward-packed"
	outside = "bundles/qwen3-reward-packed-external"
	steps   = "bundles/llama-process-packed"
	headed  = "heads/mlp-padded"
	encoder = "encoders/roberta-reranker-packed"
	tabular = "heads/thresholds"
)

const huge = 10 << 30 // bytes

// badFiles are bundles whose files are none, or have no end.
func badFiles() []hostileBundle {
	var all []hostileBundle
	for _, f := range []struct{ base, name string }{
		{padded, "assay.yaml"},
		{padded, "model.onnx"},
		{padded, "tokenizer.json"},
		{padded, "chat_template.jinja"},
		{padded, "golden.jsonl"},
		{headed, "head.onnx"},
		{outside, "model.onnx_data"},
	} {
		for _, is := range []struct {
			what   string
			change change
		}{
			{"a named pipe", pipe(f.name)},
			{"a device", device(f.name)},
			{"a directory", folder(f.name)},
			{"a file of 10 GiB", sparse(f.name, huge)},
			{"a link to itself", link(f.name, f.name)},
		} {
			all = append(all, hostileBundle{
				name: f.name + " is " + is.what, base: f.base,
				change: []change{is.change},
			})
		}
	}
	one := func(name string, changes ...change) {
		all = append(all, hostileBundle{name: name, base: padded, change: changes})
	}
	one("the manifest links out of the bundle", link("assay.yaml", "/etc/passwd"))
	one("the graph links out of the bundle", link("model.onnx", "/dev/zero"))
	one("the graph's name leads out of the bundle", manifest("file: model.onnx", "file: ../../../../../../dev/zero"))
	one("the graph's name is absolute", manifest("file: model.onnx", "file: /dev/zero"))
	one("the graph's name has 100,000 folders",
		manifest("file: model.onnx", "file: "+strings.Repeat("a/", 100_000)+"b"))
	one("the graph is empty", put("model.onnx", text("")))
	one("the tokenizer is missing", remove("tokenizer.json"))
	one("the manifest is missing", remove("assay.yaml"))
	return all
}

// badManifests are manifests without end or without sense.
func badManifests() []hostileBundle {
	var all []hostileBundle
	one := func(name string, content func() []byte) {
		all = append(all, hostileBundle{
			name: "manifest: " + name, base: padded,
			change: []change{put("assay.yaml", content)},
		})
	}
	edited := func(name, old, now string) {
		all = append(all, hostileBundle{
			name: "manifest: " + name, base: padded,
			change: []change{manifest(old, now)},
		})
	}
	one("a billion laughs", text(laughs("[%s]", "lol,")))
	one("an alias of itself", text("version: &a [*a]\n"))
	one("merges of merges", text(laughs("{<<: [%s]}", "{version: 1},"), "graph: {<<: *a11}\n"))
	one("100,000 lists deep", text("version: ", strings.Repeat("[", 100_000)))
	one("100,000 maps deep", text(strings.Repeat("{a: ", 100_000)))
	one("10,000 levels of indentation", deepIndent)
	one("10,000 block lists deep", text("version:\n  ", strings.Repeat("- ", 10_000)))
	one("a million keys", numbered("", "\nk%d: 1", 1_000_000, "\n"))
	one("40,000 keys", numbered("", "\nk%d: 1", 40_000, "\n"))
	one("a scalar of 16 MiB", text("version: ", strings.Repeat("1", 16*mib)))
	one("16 MiB of comments", text(strings.Repeat("#\n", 8*mib)))
	one("a million documents", text(strings.Repeat("---\n", 1_000_000)))
	one("300,000 escapes", text(`version: "`, strings.Repeat(`\x00`, 300_000), `"`))
	one("300,000 anchors", text("version: ", strings.Repeat("&a ", 300_000), "1"))
	one("300,000 tags", text("version: ", strings.Repeat("!!str ", 300_000), "1"))
	one("300,000 question marks", text(strings.Repeat("? ", 300_000)))
	one("300,000 open quotes", text(strings.Repeat(`"a": '`, 150_000)))
	one("a block scalar 1000 times", text(strings.Repeat("a: |\n  b\n", 1000)))
	one("bytes that are no text", text(strings.Repeat("\xff\x00", mib)))
	one("nothing", text(""))
	edited("a version that is a list", "version: 1", "version: [[1]]")
	edited("a name of 16 MiB", "name: qwen3-reward-padded", "name: "+strings.Repeat("a", 16*mib))
	edited("a name of 500 KiB", "name: qwen3-reward-padded", "name: "+strings.Repeat("a", 500*kib))
	edited("a name with lines and escapes", "name: qwen3-reward-padded", `name: "a\n\n\e[31m\n"`)
	edited("a kind of 500 KiB", "kind: reward", "kind: "+strings.Repeat("a", 500*kib))
	edited("a million labels", "labels: [reward]",
		"labels: ["+strings.TrimSuffix(strings.Repeat("a,", 1_000_000), ",")+"]")
	edited("60,000 labels", "labels: [reward]", "labels: "+string(numbered("[", "l%d", 60_000, "]")()))
	edited("a label of 500 KiB", "labels: [reward]", "labels: ["+strings.Repeat("a", 500*kib)+", b]")
	edited("30,000 weights", "limits:", "head: {weights: "+string(numbered("{", "w%d: 1", 30_000,
		"}")())+"}\nlimits:")
	edited("10,000 segments", "template: {file: chat_template.jinja}",
		"template: {segments: "+string(numbered("[", "{token: a%d}", 10_000, "]")())+"}")
	edited("50,000 ids in a pattern", "limits:",
		"read: {prompt: {pattern: "+string(numbered("[", "%d", 50_000, "]")())+"}}\nlimits:")
	edited("a key given twice", "kind: reward", "kind: reward\nkind: process")
	edited("max_tokens of 1e400", "max_tokens: 320", "max_tokens: 1e400")
	edited("max_tokens of 2^63", "max_tokens: 320", "max_tokens: 9223372036854775808")
	edited("max_tokens of -1", "max_tokens: 320", "max_tokens: -1")
	edited("max_tokens of 2^40", "max_tokens: 320", "max_tokens: 1099511627776")
	edited("vocab_size of 2^62", "vocab_size: 400", "vocab_size: 4611686018427387904")
	edited("a tolerance of .inf", "tolerance: 0.0001", "tolerance: .inf")
	edited("a pad of 2^62", "pad_id: 0", "pad_id: 4611686018427387904")
	edited("a std of .nan", "limits:", "head: {std: .nan}\nlimits:")
	return all
}

// laughs is a small text of twelve anchors, each of which holds the one before ten times.
func laughs(holds, first string) string {
	var all strings.Builder
	for i := range 12 {
		if i > 0 {
			first = fmt.Sprintf("*a%d,", i-1)
		}
		fmt.Fprintf(&all, "a%d: &a%d %s\n", i, i, fmt.Sprintf(holds, strings.Repeat(first, 10)))
	}
	return all.String()
}

// deepIndent opens a map inside a map, ten thousand times.
func deepIndent() []byte {
	var text strings.Builder
	for i := range 10_000 {
		text.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return []byte(text.String())
}

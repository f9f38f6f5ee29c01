package models

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

// damaged is a copy of a fixture bundle that a test breaks.
type damaged struct {
	*testing.T
	dir string
}

func copyBundle(t *testing.T, name string) damaged {
	t.Helper()
	dir := filepath.Join(t.TempDir(), filepath.Base(name))
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "bundles", name))); err != nil {
		t.Fatal(err)
	}
	return damaged{t, dir}
}

func (d damaged) must(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

func (d damaged) path(file string) string { return filepath.Join(d.dir, file) }

func (d damaged) remove(file string) { d.must(os.Remove(d.path(file))) }

func (d damaged) write(file, text string) { d.must(os.WriteFile(d.path(file), []byte(text), 0o600)) }

func (d damaged) cut(file string, size int64) { d.must(os.Truncate(d.path(file), size)) }

func (d damaged) read(file string) string {
	data, err := os.ReadFile(d.path(file))
	d.must(err)
	return string(data)
}

// edit replaces text in one file, which must have it.
func (d damaged) edit(file string, replace ...string) {
	d.Helper()
	before := d.read(file)
	after := strings.NewReplacer(replace...).Replace(before)
	if after == before {
		d.Fatalf("%s has none of %q", file, replace)
	}
	d.write(file, after)
}

// number sets a numeric field of the manifest.
func (d damaged) number(field, value string) {
	d.Helper()
	text := d.read(manifest.File)
	rule := regexp.MustCompile(`\b` + field + `: \d+`)
	if !rule.MatchString(text) {
		d.Fatalf("%s has no %s", manifest.File, field)
	}
	d.write(manifest.File, rule.ReplaceAllString(text, field+": "+value))
}

// TestDamagedBundlesAreRefused: each bundle that lies or is damaged is refused with a sentence that names the field or
// file.
func TestDamagedBundlesAreRefused(t *testing.T) {
	const (
		reward, process, padded = "qwen3-reward-packed", "qwen3-process-packed", "qwen3-reward-padded"

		graph, tokens, template = "model.onnx", "tokenizer.json", "chat_template.jinja"
	)
	tests := []struct {
		name   string
		bundle string
		damage func(d damaged)
		want   string
	}{
		{"no manifest", reward, func(d damaged) { d.remove(manifest.File) }, manifest.File},
		{"no graph", reward, func(d damaged) { d.remove(graph) }, `graph.file "model.onnx"`},
		{"no tokenizer", reward, func(d damaged) { d.remove(tokens) }, `tokenizer.file "tokenizer.json"`},
		{"no template", reward, func(d damaged) { d.remove(template) }, `template.file "chat_template.jinja"`},
		{"graph cut short", reward, func(d damaged) { d.cut(graph, 2000) }, "not an ONNX file"},
		{"graph of zeros", reward, func(d damaged) { d.write(graph, strings.Repeat("\x00", 9000)) }, "not an ONNX file"},
		{"subgraphs without end", reward, func(d damaged) {
			var file []byte
			for range 1000 { // a node with an attribute with a graph
				file = message(1, message(5, message(6, file)))
			}
			d.write(graph, string(message(7, file)))
		}, "graph.file model.onnx: graphs are nested more than 8 deep"},
		{"graph empty", reward, func(d damaged) { d.cut(graph, 0) }, "it has no graph"},
		{"tokenizer cut short", reward, func(d damaged) { d.cut(tokens, 100) }, "tokenizer.file"},
		{"template broken", reward, func(d damaged) { d.write(template, "{% for %}") }, "template.file"},
		{"template raises", reward, func(d damaged) { d.write(template, "{{ raise_exception('never') }}") }, "never"},
		{"layout lies", reward, func(d damaged) { d.edit(manifest.File, "layout: packed", "layout: padded") }, "graph.layout padded"},
		{"output lies", reward, func(d damaged) { d.edit(manifest.File, "output: readings", "output: logits") }, `no output "logits"`},
		{"labels lie", reward, func(d damaged) { d.edit(manifest.File, "labels: [reward]", "labels: [good, bad]") }, "with 2 labels"},
		{"layers lie", reward, func(d damaged) { d.number("layers", "1") }, `input "past_`},
		{"too many layers", reward, func(d damaged) { d.number("layers", "3") }, "graph.layers is 3, and the graph has no input"},
		{"kv_heads lie", reward, func(d damaged) { d.number("kv_heads", "1") }, "past_key.0"},
		{"vocabulary lies", reward, func(d damaged) { d.number("vocab_size", "20") }, "graph.vocab_size"},
		{"vocabulary too large", reward, func(d damaged) { d.number("vocab_size", "900000") }, "does not run"},
		{"pooling lies", padded, func(d damaged) {
			d.edit(manifest.File, "pooling: in_graph", "pooling: last_attended")
		}, "pooling last_attended"},
		{"limit of a packed graph lies", reward, func(d damaged) {
			d.number("max_tokens", "321")
		}, "limits.max_tokens is 321, and a token at position 320 cannot be read"},
		{"limit of a table lies", padded, func(d damaged) {
			d.number("max_tokens", "100000")
		}, "limits.max_tokens is 100000, and a sequence of 512 tokens does not run"},
		{"separator of several tokens", process, func(d damaged) {
			d.edit(manifest.File, "<extra_0>", " = = ")
		}, "steps.separator"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := copyBundle(t, test.bundle)
			test.damage(d)
			d.refused(test.want)
		})
	}
}

// refused opens the bundle and wants an error of its code that has these words.
func (d damaged) refused(want string) {
	d.Helper()
	m, err := Open(d.Context(), Dir(d.dir), Options{Tokens: 512})
	if err == nil {
		m.freeSession()
		d.Fatal("the bundle was accepted")
	}
	var known *fault.Error
	if !errors.As(err, &known) || known.Code != fault.CodeBundle || !strings.Contains(err.Error(), want) {
		d.Errorf("error %v, want %s with %q", err, fault.CodeBundle, want)
	}
}

// TestExternalDataStaysInside: a location or a link that leads out of the bundle is refused.
func TestExternalDataStaysInside(t *testing.T) {
	const name = "qwen3-reward-packed-external"
	const graph, data = "model.onnx", "model.onnx_data"
	t.Run("inside", func(t *testing.T) { fixture(t, name) })
	t.Run("missing", func(t *testing.T) {
		d := copyBundle(t, name)
		d.remove(data)
		d.refused(data)
	})
	t.Run("link", func(t *testing.T) {
		d := copyBundle(t, name)
		outside := filepath.Join(t.TempDir(), data)
		d.must(os.Rename(d.path(data), outside))
		d.must(os.Symlink(outside, d.path(data)))
		d.refused(data)
	})
	t.Run("location", func(t *testing.T) {
		d := copyBundle(t, name)
		d.edit(graph, data, "../model.onnx_d"[:len(data)])
		d.refused("leaves the bundle")
	})
}

// message is a field of a protobuf message that holds the parts.
func message(field protowire.Number, parts ...[]byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, field, protowire.BytesType), slices.Concat(parts...))
}

// TestExternalDataIsFoundWhereverItStands: a file that a graph would read is checked in whatever part of the graph it
// is named.
func TestExternalDataIsFoundWhereverItStands(t *testing.T) {
	tensor := func(field protowire.Number) []byte {
		return message(field, message(8, []byte("w")), message(13, message(1, []byte("location")), message(2, []byte("../secret"))))
	}
	node := func(attribute []byte) []byte {
		return message(1, message(4, []byte("Constant")), message(5, attribute))
	}
	for place, file := range map[string][]byte{
		"an initializer":           message(7, tensor(5)),
		"values of a sparse one":   message(7, message(15, tensor(1))),
		"indices of a sparse one":  message(7, message(15, tensor(2))),
		"an attribute":             message(7, node(tensor(5))),
		"a list of tensors":        message(7, node(tensor(10))),
		"a sparse attribute":       message(7, node(message(22, tensor(1)))),
		"a list of sparse tensors": message(7, node(message(23, tensor(2)))),
		"a branch":                 message(7, node(message(6, tensor(5)))),
		"a function":               append(message(7), message(25, message(7, message(5, tensor(5))))...),
		"a function's default":     append(message(7), message(25, message(11, tensor(5)))...),
		"a training graph":         append(message(7), message(20, message(2, tensor(5)))...),
	} {
		t.Run(place, func(t *testing.T) {
			d := copyBundle(t, "qwen3-reward-packed")
			d.write("model.onnx", string(file))
			d.refused(`external data "../secret" of model.onnx leaves the bundle`)
		})
	}
}

// TestBatchScalesAreRefused: a graph with an operation that rounds activations by one scale for the whole batch is
// refused, wherever in the file the operation stands.
func TestBatchScalesAreRefused(t *testing.T) {
	node := func(op string, parts ...[]byte) []byte {
		return message(1, append(parts, message(1, []byte("x")), message(2, []byte("y")), message(4, []byte(op)))...)
	}
	for _, op := range []string{"DynamicQuantizeLinear", "DynamicQuantizeMatMul", "DynamicQuantizeLSTM"} {
		function := message(7, node(op)[2:]) // without the tag and length of a graph's node
		for place, file := range map[string][]byte{
			"graph":    message(7, node("Abs"), node(op)),
			"branch":   message(7, node("If", message(5, message(6, node(op))))),
			"branches": message(7, node("Some", message(5, message(11, node("Abs")), message(11, node(op)), message(11, node("Abs"))))),
			"function": append(message(7, node("Abs")), message(25, function)...),
		} {
			t.Run(op+"/"+place, func(t *testing.T) {
				d := copyBundle(t, "qwen3-reward-packed")
				d.write("model.onnx", string(file))
				d.refused("graph.file model.onnx: " + op + " takes one activation scale for the whole batch")
			})
		}
	}
	if _, err := readSignature(message(7, node("QuantizeLinear"), node("MatMulInteger"))); err != nil {
		t.Errorf("a graph whose rows are rounded apart: %v", err)
	}
}

// TestTheProofReadsLongSequences: a packed graph is read at its last position and over as many tokens as an item may
// have, and a padded one likewise.
func TestTheProofReadsLongSequences(t *testing.T) {
	for name, want := range map[string][]string{
		"qwen3-reward-packed": {"positions", "length"}, "qwen3-reward-padded": {"length"},
	} {
		m := fixture(t, name)
		said := map[string]string{}
		for _, check := range m.Proof() {
			said[check.Name] = check.Detail
		}
		for _, check := range want {
			if limit := strconv.Itoa(m.Info().Manifest.Limits.MaxTokens); !strings.Contains(said[check], "max_tokens") || check == "length" && !strings.Contains(said[check], limit) {
				t.Errorf("%s: %s: %q", name, check, said[check])
			}
		}
	}
}

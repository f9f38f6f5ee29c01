package models

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/assay-rm/assay/models/manifest"
)

// TestHeadsThatDoNotFitAreRefused: the sentence names the field.
func TestHeadsThatDoNotFitAreRefused(t *testing.T) {
	const head = "head: {file: head.onnx, width: 32, input: hidden, output: readings}"
	for name, test := range map[string]struct {
		bundle, file, old, new, want string
	}{
		"width":           {"mlp-packed", manifest.File, "width: 32", "width: 31", "graph.output: the graph's output is hidden float [-1 32], and pooling last_attended with graph.head.width 31 needs"},
		"input":           {"mlp-packed", manifest.File, "input: hidden", "input: rows", `graph.head.input: the head asks for input "hidden"`},
		"output":          {"mlp-packed", manifest.File, "output: readings}", "output: scores}", `graph.head.output: the graph has no output "scores"`},
		"labels":          {"mlp-packed", manifest.File, "labels: [reward]", "labels: [a, b]", "graph.head.output: the graph's output is readings [-1 1], and 2 labels need [-1 2]"},
		"no user":         {"mlp-packed", manifest.File, "output: readings}", "output: readings, user: user}", `graph.head.user: the head has no input "user"`},
		"user not named":  {"user-rows", manifest.File, ", user: user}", "}", `graph.head.input: the head asks for input "user"`},
		"no file":         {"mlp-packed", manifest.File, "file: head.onnx", "file: other.onnx", `graph.head.file "other.onnx" cannot be read`},
		"outside":         {"mlp-packed", manifest.File, "file: head.onnx", "file: ../head.onnx", `graph.head.file "../head.onnx" leaves the bundle`},
		"itself":          {"mlp-packed", manifest.File, "file: head.onnx", "file: model.onnx", "graph.head.file is graph.file"},
		"no width":        {"mlp-packed", manifest.File, "width: 32", "width: 0", "graph.head.width is 0, and must be between 1 and 65535"},
		"likelihood":      {"mlp-packed", manifest.File, "pooling:", "likelihood: {beta: 1, norm: sum}\npooling:", "graph.head does not go with likelihood"},
		"forgotten":       {"mlp-packed", manifest.File, head, "", "graph.output: the graph's output is hidden float [-1 32], and pooling last_attended with 1 labels needs"},
		"not a graph":     {"mlp-packed", "head.onnx", "", "", "graph.head.file head.onnx: read ONNX"},
		"feature missing": {"judge", manifest.File, ", spam]", "]", "graph.features has 4 names, and the graph's input is features [-1 5]"},
		"feature input":   {"judge", manifest.File, "input: features", "input: numbers", `graph.input: the graph's inputs are [features [-1 5]], and it must have "numbers" alone`},
		"feature output":  {"judge", manifest.File, "output: readings", "output: scores", `graph.output: the graph has no output "scores"`},
		"feature labels":  {"judge", manifest.File, "labels: [quality, honesty]", "labels: [quality, honesty, more]", "graph.output: the graph's output is readings [-1 2], and 3 labels need [-1 3]"},
	} {
		t.Run(name, func(t *testing.T) {
			d := copyHead(t, test.bundle)
			if test.file == manifest.File {
				d.edit(manifest.File, test.old, test.new)
			} else {
				d.write(test.file, "no graph")
			}
			d.refused(test.want)
		})
	}
}

func copyHead(t *testing.T, name string) damaged {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "heads", name))); err != nil {
		t.Fatal(err)
	}
	return damaged{t, dir}
}

// TestAHeadOfAnotherWidthIsRefused: the graph gives rows of 32 numbers, as the manifest says, and the head reads five.
func TestAHeadOfAnotherWidthIsRefused(t *testing.T) {
	d := copyHead(t, "mlp-packed")
	d.write("head.onnx", copyHead(t, "judge").read("judge.onnx"))
	d.edit(manifest.File, "input: hidden", "input: features")
	d.refused("graph.head.width is 32, and the head's input is features [-1 5]")
}

package models

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

// Whatever stands in the place of a file of a bundle, only regular files are read, and none that is longer than it may
// be. Nothing waits: a named pipe without a writer would be waited for for ever.
func TestOnlyFilesOfABundleAreRead(t *testing.T) {
	for _, file := range []struct {
		name string
		most int64
	}{
		{"assay.yaml", maxManifest},
		{"model.onnx", maxGraph},
		{"tokenizer.json", maxTokenizer},
		{"chat_template.jinja", maxTemplate},
		{"golden.jsonl", maxGolden},
		{"model.onnx_data", 64 << 20}, // far more than its tensors say
	} {
		for _, shape := range []struct {
			name, want string
			place      func(d damaged)
		}{
			{"a pipe", "it is not a regular file", func(d damaged) { d.must(syscall.Mkfifo(d.path(file.name), 0o600)) }},
			{"a folder", "it is not a regular file", func(d damaged) { d.must(os.Mkdir(d.path(file.name), 0o700)) }},
			{"too long", "bytes, and may have", func(d damaged) {
				d.write(file.name, "")
				d.cut(file.name, file.most+1) // a hole, which takes no room on the disk
			}},
		} {
			t.Run(file.name+" is "+shape.name, func(t *testing.T) {
				d := copyBundle(t, "qwen3-reward-packed-external")
				d.remove(file.name)
				shape.place(d)
				_, err := readBundle(Dir(d.dir))
				if err == nil || !strings.Contains(err.Error(), file.name) || !strings.Contains(err.Error(), shape.want) {
					t.Errorf("error %v, want %s and %q", err, file.name, shape.want)
				}
			})
		}
	}
}

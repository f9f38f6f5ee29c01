package graphs

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// TestGorgoniaStandsBehindOneFile: another graph, or a tape of our own, is then a change of that file alone.
func TestGorgoniaStandsBehindOneFile(t *testing.T) {
	files, err := filepath.Glob("*.go")
	must(t, err)
	found := false
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		must(t, err)
		for _, spec := range parsed.Imports {
			if !strings.HasPrefix(spec.Path.Value, `"gorgonia.org/`) && spec.Path.Value != `"github.com/chewxy/hm"` {
				continue
			}
			if found = true; file != "gorgonia.go" {
				t.Errorf("%s imports %s, and gorgonia.go alone may", file, spec.Path.Value)
			}
		}
	}
	if !found {
		t.Error("no file imports gorgonia, and the test has nothing to hold")
	}
}

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/assay-rm/assay"

// allowed says which rooms each room may import: the one direction of docs/DESIGN.md.
var allowed = map[string][]string{
	"":         {"commands"},
	"commands": {"server", "rewards", "models", "batching"},
	"server":   {"rewards", "models"},
	"rewards":  {"models"},
	"models":   {"batching", "kernels"},
	"batching": {},
	"kernels":  {},
	"bench":    {},
	"abuse":    {},
}

func TestImportsGoOneWay(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	decoder := json.NewDecoder(bytes.NewReader(out))
	for {
		var pkg struct {
			ImportPath string
			Imports    []string
		}
		if err := decoder.Decode(&pkg); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		from := room(pkg.ImportPath)
		rooms, known := allowed[from]
		if !known {
			t.Errorf("%s: docs/DESIGN.md has no room %q", pkg.ImportPath, from)
		}
		seen[from] = true
		for _, imported := range pkg.Imports {
			to := room(imported)
			if !strings.HasPrefix(imported, module) || to == from {
				continue
			}
			ok := false
			for _, may := range rooms {
				ok = ok || may == to
			}
			if !ok {
				t.Errorf("%s imports %s, and %q may import %q only", pkg.ImportPath, imported, from, rooms)
			}
		}
	}
	for _, must := range []string{"", "commands", "server", "rewards", "models", "batching", "kernels", "bench", "abuse"} {
		if !seen[must] {
			t.Errorf("room %q is gone, and the test with it", must)
		}
	}
}

// room is the first folder of a package of this module.
func room(path string) string {
	path = strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
	first, _, _ := strings.Cut(path, "/")
	return first
}

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/assay-rm/assay"

// allowed says which rooms each room may import: the one direction of docs/DESIGN.md. A room is the first folder of a
// package.
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

// inner says the same inside the rooms whose packages have a direction of their own: every package of such a room
// stands here, with the other packages of the room that it may import. What it may import of other rooms, allowed says.
var inner = map[string]map[string][]string{
	"commands": {
		"commands":            {"commands/bulk", "commands/bulk/job", "commands/bulk/tables", "commands/evaluation", "commands/manual", "commands/page"},
		"commands/evaluation": {"commands/bulk", "commands/evaluation/games", "commands/evaluation/metrics", "commands/evaluation/samples", "commands/page"},
		"commands/bulk":       {"commands/page"},
		"commands/bulk/job":   {"commands/bulk/tables"},
		"commands/manual":     {},
		"commands/page":       {},

		"commands/bulk/tables": {"commands/bulk"},

		"commands/evaluation/games":   {"commands/evaluation/samples"},
		"commands/evaluation/metrics": {"commands/evaluation/samples"},
		"commands/evaluation/samples": {},
	},
	"server": {
		"server":         {"server/jobs", "server/native", "server/problem", "server/protocols", "server/record", "server/runs", "server/web", "server/wire"},
		"server/jobs":    {"server/problem", "server/wire"},
		"server/native":  {"server/problem", "server/wire"},
		"server/client":  {"server/problem", "server/wire"},
		"server/problem": {"server/wire"},
		"server/record":  {"server/client", "server/native", "server/wire"},
		"server/runs":    {},
		"server/web":     {},

		"server/protocols": {"server/native", "server/problem", "server/wire"},

		"server/wire": {},
	},
	"rewards": {
		"rewards":           {"rewards/failure", "rewards/ops", "rewards/ops/vectors", "rewards/ranking", "rewards/recipes", "rewards/state", "rewards/tokenwise"},
		"rewards/ranking":   {"rewards/failure", "rewards/ops", "rewards/ops/games", "rewards/ops/groups"},
		"rewards/tokenwise": {"rewards/failure", "rewards/ops"},
		"rewards/recipes":   {"rewards/state", "rewards/ops", "rewards/ops/agreement", "rewards/ops/games", "rewards/ops/groups", "rewards/ops/ordered", "rewards/ops/vectors"},
		"rewards/failure":   {},
		"rewards/ops":       {},

		"rewards/order":          {"rewards"},
		"rewards/recipes/papers": {},

		"rewards/state":           {"rewards/failure", "rewards/ops"},
		"rewards/state/bolt":      {"rewards/state"},
		"rewards/state/postgres":  {"rewards/state"},
		"rewards/state/storetest": {"rewards/state", "rewards/failure"},

		"rewards/ops/agreement": {"rewards/ops"},
		"rewards/ops/games":     {"rewards/ops"},
		"rewards/ops/groups":    {"rewards/ops"},
		"rewards/ops/ordered":   {"rewards/ops"},
		"rewards/ops/vectors":   {},
	},
	"models": {
		"models": {
			"models/encode", "models/onnxrun", "models/heads", "models/manifest", "models/chat", "models/fault",
		},
		"models/builtin":   {"models"},
		"models/encode":    {"models/manifest", "models/chat", "models/tokenizer", "models/fault"},
		"models/onnxrun":   {"models/manifest", "models/fault", "models/inplace", "models/nodes"},
		"models/heads":     {"models/manifest", "models/encode", "models/fault"},
		"models/manifest":  {"models/fault", "models/strictyaml"},
		"models/chat":      {},
		"models/tokenizer": {},
		"models/inplace":   {},
		"models/nodes":     {},
		"models/fault":     {},

		"models/strictyaml": {"models/fault"},

		"models/export/parity/headrun": {}, // a program of the exporter's tests
	},
	"kernels": {
		"kernels":                         {},
		"kernels/blaslt":                  {"kernels", "kernels/operators"},
		"kernels/cuda":                    {"kernels"},
		"kernels/graphs":                  {"kernels", "kernels/onnx"},
		"kernels/kerneltest":              {"kernels", "kernels/operators"},
		"kernels/operators":               {"kernels"},
		"kernels/processor":               {"kernels"},
		"kernels/processor/processortest": {"kernels", "kernels/operators", "kernels/processor"}, // calls of its tests
		"kernels/onnx":                    {},
		"kernels/ptx":                     {},
	},
}

// leaves are packages that import nothing of ours but what inner says.
var leaves = []string{
	"rewards/ops", "models/encode", "models/manifest", "models/chat", "models/tokenizer", "models/inplace", "models/fault",
}

// pkg is a package as `go list` tells of it.
type pkg struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []pkg
	decoder := json.NewDecoder(bytes.NewReader(out))
	for {
		var one pkg
		if err := decoder.Decode(&one); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
}

func TestImportsGoOneWay(t *testing.T) {
	seen := map[string]bool{}
	for _, one := range packages(t) {
		from := room(one.ImportPath)
		rooms, known := allowed[from]
		if !known {
			t.Errorf("%s: docs/DESIGN.md has no room %q", one.ImportPath, from)
		}
		seen[from] = true
		for _, imported := range one.Imports {
			to := room(imported)
			if strings.HasPrefix(imported, module) && to != from && !slices.Contains(rooms, to) {
				t.Errorf("%s imports %s, and %q may import %q only", one.ImportPath, imported, from, rooms)
			}
		}
	}
	for must := range allowed {
		if !seen[must] {
			t.Errorf("room %q is gone, and the test with it", must)
		}
	}
}

func TestImportsInsideARoomGoOneWay(t *testing.T) {
	seen := map[string]bool{}
	for _, one := range packages(t) {
		from := local(one.ImportPath)
		table, has := inner[room(one.ImportPath)]
		if !has {
			continue
		}
		may, known := table[from]
		if !known {
			t.Errorf("%s is not in the table of its room, which says what it may import", from)
		}
		seen[from] = true
		for _, imported := range one.Imports {
			inside := strings.HasPrefix(imported, module) && room(imported) == room(one.ImportPath)
			if inside && !slices.Contains(may, local(imported)) {
				t.Errorf("%s imports %s, and may import %q only of its room", from, local(imported), may)
			}
			if slices.Contains(leaves, from) && strings.HasPrefix(imported, module) && !inside {
				t.Errorf("%s imports %s, and imports of its own room only", from, local(imported))
			}
		}
	}
	for _, table := range inner {
		for must := range table {
			if !seen[must] {
				t.Errorf("package %s is gone, and its line in the table with it", must)
			}
		}
	}
}

// local is a package's path without the module's.
func local(path string) string {
	return strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
}

// room is the first folder of a package of this module.
func room(path string) string {
	first, _, _ := strings.Cut(local(path), "/")
	return first
}

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// mostNames is how many exported names a room may have, so that whoever opens it can hold them in mind.
const mostNames = 25

// wireForms is the one room that may have more: it has a type for each form of the wire.
const wireForms = module + "/server/wire"

// TestRoomsAreSmallAndSayWhatTheyAre: each package begins with a sentence that tells its idea, and exports few names.
// Methods and fields do not count; programs export nothing.
func TestRoomsAreSmallAndSayWhatTheyAre(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Name,Dir,GoFiles,CgoFiles", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(out))
	for {
		var room struct {
			ImportPath, Name, Dir string
			GoFiles, CgoFiles     []string
		}
		if err := decoder.Decode(&room); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		var names []string
		sentence := ""
		for _, file := range append(room.GoFiles, room.CgoFiles...) {
			parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(room.Dir, file), nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, exported(parsed)...)
			if doc := parsed.Doc.Text(); doc != "" {
				sentence, _, _ = strings.Cut(strings.ReplaceAll(doc, "\n", " ")+" ", ". ")
			}
		}
		if room.Name != "main" && !strings.HasPrefix(sentence, "Package "+room.Name+" ") {
			t.Errorf("%s: its comment begins with %q, and must say what Package %s does", room.ImportPath, sentence, room.Name)
		}
		if len(names) > mostNames && room.Name != "main" && room.ImportPath != wireForms {
			t.Errorf("%s exports %d names, and a room may export %d: %s", room.ImportPath, len(names), mostNames, strings.Join(names, " "))
		}
	}
}

// exported lists the exported names that a file declares.
func exported(file *ast.File) (names []string) {
	add := func(idents ...*ast.Ident) {
		for _, ident := range idents {
			if ident.IsExported() {
				names = append(names, ident.Name)
			}
		}
	}
	for _, declaration := range file.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				add(d.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					add(s.Name)
				case *ast.ValueSpec:
					add(s.Names...)
				}
			}
		}
	}
	return names
}

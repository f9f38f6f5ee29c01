// Package papers has the recipes of papers, one file each, named after the method, with the paper's title inside.
//
// The worked example of each was computed by examples.py from the paper's formula, with nothing of ours.
package papers

import (
	"embed"
	"slices"
	"strings"
)

//go:embed *.yaml
var files embed.FS

// Names lists the recipes.
func Names() []string {
	entries, _ := files.ReadDir(".") // an embedded directory is there
	names := make([]string, len(entries))
	for i, entry := range entries {
		names[i] = strings.TrimSuffix(entry.Name(), ".yaml")
	}
	slices.Sort(names)
	return names
}

// Read gives a recipe's text, and false where none has the name.
func Read(name string) ([]byte, bool) {
	text, err := files.ReadFile(name + ".yaml")
	return text, err == nil
}

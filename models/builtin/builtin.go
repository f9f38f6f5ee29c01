// Package builtin holds the models that are embedded in the binary: the reward model and the process reward model that
// are loaded where nothing else is said, and the pair of language models that are asked for by name. CARD.md says what
// they are, how they were made and what they cannot do.
package builtin

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/assay-rm/assay/models"
)

//go:embed arith-rm arith-prm arith-policy arith-reference arith-implicit
var bundles embed.FS

// Heldout holds the problems that no model was trained on, and the card's tables as expected.json and language.json.
//
//go:embed heldout
var Heldout embed.FS

// Prefix begins what stands for an embedded bundle where a bundle's directory could.
const Prefix = "builtin:"

// loaded are the bundles that are there unless a command line says otherwise: one for each question, so that requests
// need not name it. Beside them are those that have to be named.
var (
	loaded = []string{"arith-rm", "arith-prm"}
	beside = []string{"arith-policy", "arith-reference", "arith-implicit"}
)

// Sources lists the bundles that are loaded where nothing else is said.
func Sources() []models.Source {
	var sources []models.Source
	for _, name := range loaded {
		sources = append(sources, embedded(name))
	}
	return sources
}

// Source is the bundle in a directory, or the embedded one that [Prefix] and its name stand for. The error is of a name
// that no embedded bundle has.
func Source(dir string) (models.Source, error) {
	name, ok := strings.CutPrefix(dir, Prefix)
	if !ok {
		return models.Dir(dir), nil
	}
	names := slices.Concat(loaded, beside)
	if !slices.Contains(names, name) {
		return models.Source{}, fmt.Errorf("no embedded bundle is named %q; there are %s", name, strings.Join(names, ", "))
	}
	return embedded(name), nil
}

func embedded(name string) models.Source {
	bundle, err := fs.Sub(bundles, name)
	if err != nil {
		panic(err) // the names are constants
	}
	return models.Embedded(name, bundle)
}

// Package builtin holds the reward model and the process reward model that are embedded in the binary. CARD.md says
// what they are, how they were made and what they cannot do.
package builtin

import (
	"embed"
	"io/fs"

	"github.com/assay-rm/assay/models"
)

//go:embed arith-rm arith-prm
var bundles embed.FS

// Heldout holds the problems that neither model was trained on, and the card's table as expected.json.
//
//go:embed heldout
var Heldout embed.FS

// Sources lists the embedded bundles.
func Sources() []models.Source {
	var sources []models.Source
	for _, name := range []string{"arith-rm", "arith-prm"} {
		bundle, err := fs.Sub(bundles, name)
		if err != nil {
			panic(err) // the names are constants
		}
		sources = append(sources, models.Embedded(name, bundle))
	}
	return sources
}

package rewards

import (
	"slices"

	"github.com/assay-rm/assay/models/encode"
)

// beside gives items as one model of a recipe takes them: without a reference or a principle that its template does not
// name where another model's of the recipe does. What no model takes stays, so that it is refused.
func (c *composed) beside(items []encode.Item, source Source) []encode.Item {
	takes := func(of Source, field string) bool { return of.Info().Manifest.Template.Takes(field) }
	others := func(field string) bool {
		return !takes(source, field) && slices.ContainsFunc(c.sources, func(of Source) bool { return takes(of, field) })
	}
	reference, principle := others("reference"), others("principle")
	if !reference && !principle {
		return items
	}
	items = slices.Clone(items)
	for i := range items {
		if reference {
			items[i].Reference = nil
		}
		if principle {
			items[i].Principle = nil
		}
	}
	return items
}

package rewards

import (
	"slices"
	"strings"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/recipes"
)

// beside gives items as one model of a recipe takes them: without a reference or a principle that its template does not
// name where another model's of the recipe does, or the recipe itself. What nobody takes stays, so that it is refused.
func (c *composed) beside(items []encode.Item, source Source) []encode.Item {
	takes := func(of Source, field string) bool { return of.Info().Manifest.Template.Takes(field) }
	others := func(field string) bool {
		return !takes(source, field) && slices.ContainsFunc(c.sources, func(of Source) bool { return takes(of, field) })
	}
	reference := others(recipes.Reference) || c.NamesReference() && !takes(source, recipes.Reference)
	principle := others("principle")
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

// refuseIDs fails items of token ids where several models read them: ids are of one model's tokenizer, and another one
// would read other text in them.
func (c *composed) refuseIDs(r *Request) {
	if !slices.ContainsFunc(c.sources, func(s Source) bool { return s != c.sources[0] }) {
		return
	}
	for i := range r.Items {
		if r.Items[i].InputIDs != nil {
			r.refuse(i, failure.New(fault.CodeItem, "input_ids are of one model's tokenizer, and recipe %q reads several models: give text", c.Name))
		}
	}
}

// whole gives items as a reward model takes them: steps, or a separator between them, make one response.
func whole(items []encode.Item) []encode.Item {
	out := items
	for i := range items {
		if items[i].Steps == nil && items[i].Separator == nil {
			continue
		}
		if &out[0] == &items[0] {
			out = slices.Clone(items)
		}
		of := &out[i]
		if of.Steps != nil && of.Response == nil {
			of.Response = new(strings.Join(of.Steps, ""))
		}
		of.Steps, of.Separator = nil, nil
	}
	return out
}

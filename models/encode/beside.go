package encode

import (
	"slices"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/fault"
)

// beside are the texts of an item that its template may name beside the conversation. They are compared by what they
// say: items share a rendering only where all of them are equal.
type beside [2]besideText

type besideText struct {
	text  string
	given bool
}

// besideNames are what templates and items call them.
var besideNames = [len(beside{})]string{"reference", "principle"}

func (i *Item) beside() (texts beside) {
	for at, text := range [len(texts)]*string{i.Reference, i.Principle} {
		if text != nil {
			texts[at] = besideText{*text, true}
		}
	}
	return texts
}

// checkBeside refuses a text that the model's template does not name, one that it needs and the item lacks, and one
// beside what is rendered already.
func (e *Encoder) checkBeside(item *Item, form string) error {
	rendered := form == formText || form == formIDs
	for at, text := range item.beside() {
		name := besideNames[at]
		switch t := &e.manifest.Template; {
		case text.given && !t.Takes(name):
			return fault.New(fault.CodeItem, "%s is for models whose template names it, and that of model %q does not", name, e.manifest.Name)
		case text.given && rendered:
			return fault.New(fault.CodeItem, "%s stands alone: %s goes with prompt or messages, where the template puts it", form, name)
		case !text.given && !rendered && t.Needs(name):
			return fault.New(fault.CodeItem, "%s is missing, and the template of model %q needs it beside the conversation", name, e.manifest.Name)
		}
	}
	return nil
}

// templateOf is the template as it renders the conversation of an item with these texts beside it. One that is not
// given is undefined there.
func (e *Encoder) templateOf(texts beside) *chat.Template {
	if texts == (beside{}) {
		return e.template
	}
	variables := map[string]string{}
	for at, text := range texts {
		if text.given {
			variables[besideNames[at]] = text.text
		}
	}
	return e.template.With(variables)
}

// besides are texts of that content in every place that the template names, for a probe.
func (e *Encoder) besides(item *Item, text string) {
	for at, into := range [len(beside{})]**string{&item.Reference, &item.Principle} {
		if e.manifest.Template.Takes(besideNames[at]) {
			*into = &text
		}
	}
}

// findBeside proves that the template writes each text that it is said to name: of another text it makes other ids than
// those of the probe.
func (e *Encoder) findBeside(probe []int64) error {
	for at, name := range besideNames {
		if !e.manifest.Template.Takes(name) {
			continue
		}
		item := e.probeItem("1 + 1?", "It is two.")
		*[len(beside{})]**string{&item.Reference, &item.Principle}[at] = new("Who?")
		ids, err := e.probeIDs(item)
		if err != nil {
			return err
		}
		if slices.Equal(ids, probe) {
			return fault.New(fault.CodeBundle, "template.fields has %s, and template.file %s does not write it", name, e.manifest.Template.File)
		}
	}
	return nil
}

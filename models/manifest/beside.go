package manifest

import (
	"maps"
	"slices"
)

// Fields of an item that a template may name beside the conversation.
const (
	fieldReference = "reference" // an answer that is known to be good
	fieldPrinciple = "principle" // what the response is judged by
)

// Whether an item must have such a field.
const (
	fieldRequired = "required"
	fieldOptional = "optional"
)

var besideFields = []string{fieldReference, fieldPrinciple}

// Takes tells whether the template names that field of an item.
func (t *template) Takes(field string) bool { return t.Fields[field] != "" }

// Needs tells whether a conversation is not rendered without that field.
func (t *template) Needs(field string) bool { return t.Fields[field] == fieldRequired }

// checkFields checks which fields of an item the template names.
func (s *spec) checkFields(check checker) {
	t := s.Template
	for _, name := range slices.Sorted(maps.Keys(t.Fields)) {
		check(slices.Contains(besideFields, name), "template.fields has %q, and a template may name %s and %s", name, fieldReference, fieldPrinciple)
		need := t.Fields[name]
		check(need == fieldRequired || need == fieldOptional, "template.fields.%s is %q, and must be required or optional", name, need)
	}
	check(len(t.Fields) == 0 || t.File != "", "template.fields names variables of template.file, which is missing")
}

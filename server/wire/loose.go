package wire

import (
	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"
)

// What clients of other servers write in several ways, read in each of them.

// Passage is a text, or an object that has it as text.
type Passage string

// Passages are texts, or objects that have them; one text is written without the list, too.
type Passages []string

// Schema describes a passage.
func (Passage) Schema(huma.Registry) *huma.Schema { return passage() }

// Schema describes passages.
func (Passages) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{AnyOf: []*huma.Schema{
		{Type: huma.TypeString}, {Type: huma.TypeArray, Items: passage()},
	}}
}

func passage() *huma.Schema {
	return &huma.Schema{AnyOf: []*huma.Schema{{Type: huma.TypeString}, {
		Type: huma.TypeObject, Properties: map[string]*huma.Schema{"text": {Type: huma.TypeString}}, Required: []string{"text"},
		AdditionalProperties: true,
	}}}
}

// passage reads a text, or an object of which text is all that a model here can read.
func (d *decoder) passage(into *string) error {
	if d.in.PeekKind() == jsontext.KindBeginObject {
		return object(d, &passageForm, (*textOf)(into))
	}
	if d.in.PeekKind() != jsontext.KindString {
		return d.wrong("string or object with text")
	}
	return d.text(into)
}

type textOf string

var passageForm = form[textOf]{
	lenient: true,
	fields:  []field[textOf]{{"text", true, func(d *decoder, of *textOf) error { return d.text((*string)(of)) }}},
}

// passages reads one or several.
func (d *decoder) passages(into *Passages) error {
	if d.in.PeekKind() == jsontext.KindString {
		*into = make(Passages, 1)
		return d.text(&(*into)[0])
	}
	return counted(d, (*[]string)(into), ofRequest(d.limits.Items), `","`, (*decoder).passage)
}

// orNull makes a field whose null says that it is left out.
func orNull[T any](name string, read func(d *decoder, into *T) error) field[T] {
	return field[T]{name, false, func(d *decoder, into *T) error {
		if is, err := d.null(); is || err != nil {
			return err
		}
		return read(d, into)
	}}
}

// truth reads a boolean that may be left out.
func (d *decoder) truth(into **bool) error {
	*into = new(bool)
	return d.boolean(*into)
}

// atLeast reads a whole number of at least that, which may be left out.
func (d *decoder) atLeast(into **int, least int64) error {
	var n int64
	if err := d.integer(&n); err != nil {
		return err
	}
	if n < least {
		return d.invalid("%d is below %d", n, least)
	}
	*into = new(int(n))
	return nil
}

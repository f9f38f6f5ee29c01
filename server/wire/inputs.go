package wire

import (
	"encoding/json"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"
)

// Inputs is what other servers call input: a text, a list of texts, the token ids of one text, or a list of those.
type Inputs struct {
	Texts  []string  // nil: token ids were given
	IDs    [][]int64 // nil: texts were given
	Single bool      // one alone, not in a list

	Refused map[int]*Error // why single ones cannot be read, by index; they are empty
}

// Len is how many inputs there are.
func (i *Inputs) Len() int { return max(len(i.Texts), len(i.IDs)) }

// Items are the inputs as items: texts that are rendered already, or ids.
func (i *Inputs) Items() []Item {
	items := make([]Item, i.Len())
	for at := range items {
		switch {
		case i.Refused[at] != nil:
			items[at].Err = i.Refused[at]
		case i.Texts != nil:
			items[at].Text = &i.Texts[at]
		default:
			items[at].InputIDs = i.IDs[at]
		}
	}
	return items
}

// MarshalJSON writes the inputs in the form that they came in.
func (i Inputs) MarshalJSON() ([]byte, error) {
	switch {
	case i.Texts != nil && i.Single:
		return json.Marshal(i.Texts[0])
	case i.Texts != nil:
		return json.Marshal(i.Texts)
	case i.IDs != nil && i.Single:
		return json.Marshal(i.IDs[0])
	}
	return json.Marshal(i.IDs)
}

// Schema describes the four forms.
func (Inputs) Schema(huma.Registry) *huma.Schema {
	text, ids := &huma.Schema{Type: huma.TypeString}, &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeInteger}}
	several := func(of *huma.Schema) *huma.Schema { return &huma.Schema{Type: huma.TypeArray, Items: of} }
	return &huma.Schema{AnyOf: []*huma.Schema{text, several(text), ids, several(ids)}}
}

// inputs reads any of the four forms. Of a list the first value tells what the others must be; each may fail alone, and
// an empty list is of texts.
func (d *decoder) inputs(into *Inputs) error {
	if d.in.PeekKind() == jsontext.KindString {
		into.Single = true
		return d.one(&into.Texts)
	}
	if err := d.enter(jsontext.KindBeginArray, "string or array"); err != nil {
		return err
	}
	limit := ofRequest(d.limits.Items)
	switch d.in.PeekKind() { //nolint:exhaustive // whatever else it is is no text, which reading it as one says
	case jsontext.KindNumber:
		into.Single, into.IDs = true, make([][]int64, 1)
		why, err := d.alone(func() error { return elements(d, []int64{}, &into.IDs[0], ofItem(d.limits.IDs), (*decoder).integer) })
		into.refuse(0, why)
		return err
	case jsontext.KindBeginArray:
		at := 0
		return elements(d, [][]int64{}, &into.IDs, limit, func(d *decoder, ids *[]int64) error {
			why, err := d.alone(func() error { return d.ids(ids, ofItem(d.limits.IDs)) })
			into.refuse(at, why)
			at++
			return err
		})
	}
	at := 0
	return elements(d, []string{}, &into.Texts, limit, func(d *decoder, text *string) error {
		why, err := d.alone(func() error { return d.text(text) })
		into.refuse(at, why)
		at++
		return err
	})
}

// one reads a string as a list of one.
func (d *decoder) one(into *[]string) error {
	*into = make([]string, 1)
	return d.text(&(*into)[0])
}

// refuse notes why one input cannot be read.
func (i *Inputs) refuse(at int, why *Error) {
	if why == nil {
		return
	}
	if i.Refused == nil {
		i.Refused = map[int]*Error{}
	}
	i.Refused[at] = why
	if i.IDs != nil {
		i.IDs[at] = nil
	}
}

// Never is a field of another server's form that this one refuses, unless it is null, false, 0 or empty.
type Never struct{}

// Schema takes any value: the field's description says what happens to it.
func (Never) Schema(huma.Registry) *huma.Schema { return &huma.Schema{} }

// never reads a field that is refused unless it says nothing.
func (d *decoder) never(why string) error {
	switch d.in.PeekKind() { //nolint:exhaustive // whatever else it is says something
	case jsontext.KindNull, jsontext.KindFalse:
		return d.leave()
	case jsontext.KindNumber:
		var number float64
		if err := d.number(&number); number == 0 || err != nil {
			return err
		}
	case jsontext.KindBeginObject, jsontext.KindBeginArray:
		if err := d.leave(); err != nil {
			return err
		}
		if kind := d.in.PeekKind(); kind == jsontext.KindEndObject || kind == jsontext.KindEndArray {
			return d.leave()
		}
	}
	return d.invalid("%s", why)
}

// flag reads true or false; a null is as good as none.
func (d *decoder) flag(into **bool) error {
	if none, err := d.null(); none || err != nil {
		return err
	}
	*into = new(bool)
	return d.boolean(*into)
}

// wordOrNull reads one of a few words; a null is as good as none.
func (d *decoder) wordOrNull(into *string, of ...string) error {
	if none, err := d.null(); none || err != nil {
		return err
	}
	return d.word(into, of...)
}

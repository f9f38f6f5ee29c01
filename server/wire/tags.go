package wire

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"
)

// Tag is what a client wants back beside what is said of an item, of a response or of a group. It is JSON that nothing
// looks into, as it was sent but for the white space between its tokens.
type Tag struct {
	ID       ID              `json:"id,omitempty" doc:"A string or a whole number, which comes back as it is"`
	Metadata json.RawMessage `json:"metadata,omitempty" doc:"Any JSON value, which comes back as it is"`
}

// ID is a string or a whole number, or null, as JSON writes it.
type ID json.RawMessage

// MarshalJSON gives its bytes.
func (id ID) MarshalJSON() ([]byte, error) { return json.RawMessage(id).MarshalJSON() }

// UnmarshalJSON takes bytes, whatever they say.
func (id *ID) UnmarshalJSON(text []byte) error { return (*json.RawMessage)(id).UnmarshalJSON(text) }

// Schema describes the forms that an id has.
func (ID) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{{Type: huma.TypeString, Nullable: true}, {Type: huma.TypeInteger}}}
}

// Kept is what an answer gives back of its request, though the engine was not told of it.
type Kept struct {
	Group *Tag   // of the whole request
	Each  []*Tag // of each item, pair, response or text, nil of one without; nil where none has any

	Ignored []string // the columns that were passed over
}

// of is the tag of the i-th.
func (k *Kept) of(i int) *Tag {
	if i >= len(k.Each) {
		return nil
	}
	return k.Each[i]
}

// kept is nil where nothing is.
func (c *Common) kept(group *Tag, n int, of func(i int) *Tag) *Kept {
	var each []*Tag
	for i := range n {
		if tag := of(i); tag != nil {
			if each == nil {
				each = make([]*Tag, n)
			}
			each[i] = tag
		}
	}
	if group == nil && each == nil && c.Ignored == nil {
		return nil
	}
	return &Kept{group, each, c.Ignored}
}

// keptItems is what a request about items has.
func (c *Common) keptItems(items []Item) *Kept {
	return c.kept(nil, len(items), func(i int) *Tag { return items[i].Tag })
}

// listed is the tag of a response, or of a text, of a list of them.
func listed(tags []Tag) func(i int) *Tag { return func(i int) *Tag { return &tags[i] } }

// Kept is what the answer gives back; nil: nothing.
func (r *ScoreRequest) Kept() *Kept { return r.keptItems(r.Items) }

// Kept is what the answer gives back; nil: nothing.
func (r *StepsRequest) Kept() *Kept { return r.keptItems(r.Items) }

// Kept is what the answer gives back; nil: nothing.
func (r *ChooseRequest) Kept() *Kept { return r.keptItems(r.Items) }

// Kept is what the answer gives back; nil: nothing.
func (r *LogprobsRequest) Kept() *Kept { return r.keptItems(r.Items) }

// Kept is what the answer gives back; nil: nothing.
func (r *TokenizeRequest) Kept() *Kept { return r.keptItems(r.Items) }

// Kept is what the answer gives back; nil: nothing.
func (r *RankRequest) Kept() *Kept { return r.kept(r.Tag, len(r.Tags), listed(r.Tags)) }

// Kept is what the answer gives back; nil: nothing.
func (r *CompareRequest) Kept() *Kept {
	if r.Pairs == nil {
		return r.kept(r.Tag, len(r.Tags), listed(r.Tags))
	}
	return r.kept(r.Tag, len(r.Pairs), func(i int) *Tag { return r.Pairs[i].Tag })
}

// Kept is what the answer gives back; nil: nothing.
func (r *EmbeddingsRequest) Kept() *Kept { return r.kept(nil, len(r.Tags), listed(r.Tags)) }

// Keep gives back what was kept.
func (a *ScoreAnswer) Keep(k *Kept) {
	a.Ignored = k.Ignored
	keepScores(a.Results, k)
}

// Keep gives back what was kept.
func (a *StepsAnswer) Keep(k *Kept) {
	a.Ignored = k.Ignored
	for i := range a.Results {
		a.Results[i].Tag = k.of(i)
	}
}

// Keep gives back what was kept.
func (a *ChooseAnswer) Keep(k *Kept) {
	a.Ignored = k.Ignored
	for i := range a.Results {
		a.Results[i].Tag = k.of(i)
	}
}

// Keep gives back what was kept.
func (a *LogprobsAnswer) Keep(k *Kept) {
	a.Ignored = k.Ignored
	for i := range a.Results {
		a.Results[i].Tag = k.of(i)
	}
}

// Keep gives back what was kept.
func (a *TokenizeAnswer) Keep(k *Kept) {
	a.Ignored = k.Ignored
	for i := range a.Results {
		a.Results[i].Tag = k.of(i)
	}
}

// Keep gives back what was kept.
func (a *RankAnswer) Keep(k *Kept) {
	a.Tag = k.Group
	keepScores(a.Responses, k)
}

// Keep gives back what was kept.
func (a *CompareAnswer) Keep(k *Kept) {
	a.Ignored = k.Ignored
	a.Tag = k.Group
	keepScores(a.Responses, k)
	for i := range a.Results {
		a.Results[i].Tag = k.of(i)
	}
}

// Keep gives back what was kept.
func (a *EmbeddingsAnswer) Keep(k *Kept) {
	for i := range a.Data {
		a.Data[i].Tag = k.of(i)
	}
}

func keepScores(results []ScoreResult, k *Kept) {
	for i := range results {
		results[i].Tag = k.of(i)
	}
}

var tagFields = []field[Tag]{
	{"id", false, func(d *decoder, t *Tag) error { return d.id(&t.ID) }},
	{"metadata", false, func(d *decoder, t *Tag) error { return d.metadata(&t.Metadata) }},
}

var tagForm = form[Tag]{fields: tagFields}

// tagged turns the fields of a tag into those of a struct that may have one.
func tagged[T any](tag func(*T) **Tag) []field[T] {
	return within(func(of *T) *Tag {
		into := tag(of)
		if *into == nil {
			*into = new(Tag)
		}
		return *into
	}, tagFields)
}

// tags reads a list of tags.
func (d *decoder) tags(into *[]Tag, most int) error {
	return list(d, into, ofRequest(most), func(d *decoder, t *Tag) error { return object(d, &tagForm, t) })
}

// fitting refuses a list of tags that is not one for each of n things.
func (d *decoder) fitting(tags []Tag, n int, of string) error {
	if tags == nil || len(tags) == n {
		return nil
	}
	d.path = append(d.path, member("tags"))
	return d.invalid("is of %d %s, and there are %d", len(tags), of, n)
}

// id reads a string or a whole number, or null. One that is too long fails its item.
func (d *decoder) id(into *ID) error {
	kind := d.in.PeekKind()
	if kind != jsontext.KindString && kind != jsontext.KindNumber && kind != jsontext.KindNull {
		return d.wrong("string or integer")
	}
	raw, err := d.in.ReadValue()
	if err != nil {
		return d.syntax(err)
	}
	switch {
	case kind == jsontext.KindNumber && bytes.ContainsAny(raw, ".eE"):
		return d.invalid("expected string or integer, got %s", short(raw))
	case len(raw) > d.limits.ID:
		return d.spoiled(CodeTooLong, "has %d bytes, and an id may have %d", len(raw), d.limits.ID)
	case kind == jsontext.KindString:
		if _, ok := d.unquote(raw); !ok {
			return d.notUnicode(raw)
		}
	}
	*into = bytes.Clone(raw)
	return nil
}

// metadata reads any value. One that is too long fails its item; one that is too deep refuses the text, and so do more
// of all items than a request may have.
func (d *decoder) metadata(into *json.RawMessage) error {
	raw, err := d.raw()
	if err != nil {
		return err
	}
	if !utf8.Valid(raw) {
		return d.spoiled(d.unread(), "is not Unicode: bytes that are not UTF-8, in the value at byte %d", int(d.in.InputOffset())-len(raw)+1)
	}
	if len(raw) > d.limits.Metadata {
		return d.spoiled(CodeTooLong, "has %d bytes, and the metadata of an item may have %d", len(raw), d.limits.Metadata)
	}
	if d.kept += len(raw); d.kept > d.limits.Kept {
		return d.fail(CodeOverBudget, "brings the metadata of the request to %d bytes, and it may have %d", d.kept, d.limits.Kept)
	}
	value := jsontext.Value(bytes.Clone(raw))
	if err := value.Compact(); err != nil {
		return d.syntax(err)
	}
	*into = json.RawMessage(value)
	return nil
}

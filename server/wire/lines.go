package wire

import "github.com/go-json-experiment/json/jsontext"

// The lines of `assay score` and `assay steps` are an [Item] each.

// TokenizeLine is a line of `assay tokenize`: an item or, of a model that reads two responses at once, a prompt with
// both in the order in which they are read.
type TokenizeLine struct {
	Item
	First  *string `json:"first,omitempty"`
	Second *string `json:"second,omitempty"`
}

// GroupLine is a prompt and its responses.
type GroupLine struct {
	Prompted
	Responses []string `json:"responses,omitzero"`

	Refused map[int]*Error `json:"-"` // why single responses cannot be read, by index; they are empty
}

// RankLine is a line of `assay rank`: a prompt, its responses and, for votes, the answer of each.
type RankLine struct {
	GroupLine
	Answers []string `json:"answers,omitzero"`
}

// CompareLine is a line of `assay compare`: a prompt with responses, or with a pair.
type CompareLine struct {
	GroupLine
	Chosen   *string `json:"chosen,omitempty"`
	Rejected *string `json:"rejected,omitempty"`
}

// FitLine is a line of `assay fit`: two responses to one prompt, or two items.
type FitLine struct {
	Prompt   *string   `json:"prompt,omitempty"`
	Messages []Message `json:"messages,omitzero"`
	Chosen   Side      `json:"chosen"`
	Rejected Side      `json:"rejected"`

	Reference *string `json:"reference,omitempty"`
	Principle *string `json:"principle,omitempty"`
}

// Side is one side of a [FitLine]: a response or a whole item.
type Side struct {
	Response *string
	Item     *Item
}

func (l *TokenizeLine) decode(d *decoder) error { return object(d, &tokenizeLineForm, l) }
func (l *RankLine) decode(d *decoder) error     { return object(d, &rankLineForm, l) }
func (l *CompareLine) decode(d *decoder) error  { return object(d, &compareLineForm, l) }
func (l *FitLine) decode(d *decoder) error      { return object(d, &fitLineForm, l) }

var tokenizeLineForm = form[TokenizeLine]{fields: tokenizeLineFields, other: columnsBeside(tokenizeLineFields)}

var tokenizeLineFields = append(
	within(func(l *TokenizeLine) *Item { return &l.Item }, itemFields),
	field[TokenizeLine]{"first", false, func(d *decoder, l *TokenizeLine) error { return d.optional(&l.First) }},
	field[TokenizeLine]{"second", false, func(d *decoder, l *TokenizeLine) error { return d.optional(&l.Second) }},
)

var rankLineForm = form[RankLine]{fields: append(
	within(func(l *RankLine) *Prompted { return &l.Prompted }, promptedFields),
	field[RankLine]{"responses", false, func(d *decoder, l *RankLine) error {
		return d.responses(&l.Responses, &l.Refused, d.limits.Items)
	}},
	field[RankLine]{"answers", false, func(d *decoder, l *RankLine) error { return d.texts(&l.Answers, ofRequest(d.limits.Items)) }},
)}

var compareLineForm = form[CompareLine]{
	fields: compareLineFields,
	other:  columnsBeside(compareLineFields),
	check: func(d *decoder, l *CompareLine) error {
		if len(d.columns) > 0 && l.Responses != nil { // those of a request to compare responses would be refused
			d.path = append(d.path, member(d.ignored()[0]))
			return d.fail(CodeUnknownField, "unknown field")
		}
		return nil
	},
}

var compareLineFields = append(
	within(func(l *CompareLine) *Prompted { return &l.Prompted }, promptedFields),
	field[CompareLine]{"responses", false, func(d *decoder, l *CompareLine) error {
		return d.responses(&l.Responses, &l.Refused, d.limits.Compared)
	}},
	field[CompareLine]{"chosen", false, func(d *decoder, l *CompareLine) error { return d.optional(&l.Chosen) }},
	field[CompareLine]{"rejected", false, func(d *decoder, l *CompareLine) error { return d.optional(&l.Rejected) }},
)

var fitLineForm = form[FitLine]{fields: []field[FitLine]{
	{"prompt", false, func(d *decoder, l *FitLine) error { return d.optional(&l.Prompt) }},
	{"messages", false, func(d *decoder, l *FitLine) error { return d.messages(&l.Messages) }},
	{"chosen", true, func(d *decoder, l *FitLine) error { return d.side(&l.Chosen) }},
	{"rejected", true, func(d *decoder, l *FitLine) error { return d.side(&l.Rejected) }},
	{"reference", false, func(d *decoder, l *FitLine) error { return d.optional(&l.Reference) }},
	{"principle", false, func(d *decoder, l *FitLine) error { return d.optional(&l.Principle) }},
}}

// side reads text or an item.
func (d *decoder) side(into *Side) error {
	switch d.in.PeekKind() {
	case jsontext.KindString:
		return d.optional(&into.Response)
	case jsontext.KindBeginObject:
		into.Item = new(Item)
		return object(d, &itemForm, into.Item)
	default:
		return d.wrong("string or object")
	}
}

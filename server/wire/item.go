package wire

import "slices"

// Item is one thing to read, in exactly one form: messages; prompt with response (or with steps, or before candidates);
// text, rendered already; input_ids; or features. Which form it has, and whether that is one, is for the model to say.
type Item struct {
	_ struct{} `additionalProperties:"true"`

	Messages  []Message `json:"messages,omitzero" nullable:"false" doc:"A conversation, rendered through the model's chat template"`
	Prompt    *string   `json:"prompt,omitempty" doc:"The user's turn; goes with response or steps"`
	Response  *string   `json:"response,omitempty" doc:"The assistant's turn"`
	Text      *string   `json:"text,omitempty" doc:"Text that is rendered already, tokenized as it is"`
	InputIDs  []int64   `json:"input_ids,omitzero" nullable:"false" doc:"Token ids"`
	Steps     []string  `json:"steps,omitzero" nullable:"false" doc:"The assistant's turn as a list of steps (process models)"`
	Separator *string   `json:"separator,omitempty" doc:"Splits the response into steps (process models)"`

	Candidates []string `json:"candidates,omitzero" nullable:"false" doc:"What may follow the prompt, each one token there; those of the request when left out (choice models)"`

	Reference *string `json:"reference,omitempty" doc:"An answer that is known to be good (models whose template names it: fields of GET /v1/models)"`
	Principle *string `json:"principle,omitempty" doc:"What the response is judged by (models whose template names it)"`

	Features map[string]float64 `json:"features,omitzero" doc:"Every feature of the model, by name (models that read features)"`
	User     []float64          `json:"user,omitzero" nullable:"false" doc:"The user's vector (models whose head takes one)"`

	Given Settings `json:"given,omitzero" doc:"What a recipe names of an item, by name: numbers, words, or lists of either (recipes)"`

	*Tag

	Err *Error `json:"-"` // why this item alone cannot be read; everything else but the tag is zero then
}

// Prompted is what several responses answer: a prompt or the messages before the response.
type Prompted struct {
	Prompt   *string   `json:"prompt,omitempty" doc:"The user's turn; give this or messages"`
	Messages []Message `json:"messages,omitzero" nullable:"false" doc:"The conversation before the response; give this or prompt"`
	User     []float64 `json:"user,omitzero" nullable:"false" doc:"The user's vector (models whose head takes one)"`

	Reference *string `json:"reference,omitempty" doc:"An answer that is known to be good (models whose template names it: fields of GET /v1/models)"`
	Principle *string `json:"principle,omitempty" doc:"What the responses are judged by (models whose template names it)"`
	Separator *string `json:"separator,omitempty" doc:"Splits each response into steps (recipes over process models)"`

	*Tag
}

// Pair is two responses to one prompt.
type Pair struct {
	_ struct{} `additionalProperties:"true"`

	Prompted
	Chosen   *string    `json:"chosen" required:"true" nullable:"false"`
	Rejected *string    `json:"rejected" required:"true" nullable:"false"`
	Given    []Settings `json:"given,omitzero" nullable:"false" doc:"Of chosen and of rejected: the fields that a recipe names (recipes)"`

	Err *Error `json:"-"` // why this pair alone cannot be read; everything else but the tag is zero then
}

func (i *Item) decode(d *decoder) error { return object(d, &itemForm, i) }

var itemForm = form[Item]{fields: itemFields, other: columnsBeside(itemFields)}

var itemFields = slices.Concat([]field[Item]{
	{"messages", false, func(d *decoder, i *Item) error { return d.messages(&i.Messages) }},
	{"prompt", false, func(d *decoder, i *Item) error { return d.optional(&i.Prompt) }},
	{"response", false, func(d *decoder, i *Item) error { return d.optional(&i.Response) }},
	{"text", false, func(d *decoder, i *Item) error { return d.optional(&i.Text) }},
	{"input_ids", false, func(d *decoder, i *Item) error { return d.ids(&i.InputIDs, ofItem(d.limits.IDs)) }},
	{"steps", false, func(d *decoder, i *Item) error { return d.texts(&i.Steps, ofItem(d.limits.Steps)) }},
	{"separator", false, func(d *decoder, i *Item) error { return d.optional(&i.Separator) }},
	{"candidates", false, func(d *decoder, i *Item) error { return d.texts(&i.Candidates, ofItem(d.limits.Candidates)) }},
	{"reference", false, func(d *decoder, i *Item) error { return d.optional(&i.Reference) }},
	{"principle", false, func(d *decoder, i *Item) error { return d.optional(&i.Principle) }},
	{"features", false, func(d *decoder, i *Item) error { return d.named(&i.Features, ofItem(d.limits.Features)) }},
	{"user", false, func(d *decoder, i *Item) error { return d.vector(&i.User, ofItem(d.limits.IDs)) }},
	{"given", false, func(d *decoder, i *Item) error { return d.settings(&i.Given, ofItem(d.limits.Params)) }},
}, tagged(func(i *Item) **Tag { return &i.Tag }))

var promptedFields = slices.Concat([]field[Prompted]{
	{"prompt", false, func(d *decoder, p *Prompted) error { return d.optional(&p.Prompt) }},
	{"messages", false, func(d *decoder, p *Prompted) error { return d.messages(&p.Messages) }},
	{"user", false, func(d *decoder, p *Prompted) error { return d.vector(&p.User, ofItem(d.limits.IDs)) }},
	{"reference", false, func(d *decoder, p *Prompted) error { return d.optional(&p.Reference) }},
	{"principle", false, func(d *decoder, p *Prompted) error { return d.optional(&p.Principle) }},
	{"separator", false, func(d *decoder, p *Prompted) error { return d.optional(&p.Separator) }},
}, tagged(func(p *Prompted) **Tag { return &p.Tag }))

var pairForm = form[Pair]{fields: pairFields, other: columnsBeside(pairFields)}

var pairFields = append(
	within(func(p *Pair) *Prompted { return &p.Prompted }, promptedFields),
	field[Pair]{"chosen", true, func(d *decoder, p *Pair) error { return d.optional(&p.Chosen) }},
	field[Pair]{"rejected", true, func(d *decoder, p *Pair) error { return d.optional(&p.Rejected) }},
	field[Pair]{"given", false, func(d *decoder, p *Pair) error { return d.each(&p.Given, 2) }},
)

// items reads the items of a request. Each may fail alone.
func (d *decoder) items(into *[]Item) error {
	return list(d, into, ofRequest(d.limits.Items), func(d *decoder, item *Item) error {
		spoil, err := d.alone(func() error { return object(d, &itemForm, item) })
		if spoil != nil {
			*item = Item{Err: spoil, Tag: item.Tag}
		}
		return err
	})
}

// pairs reads the pairs of a request, at least one. Each may fail alone, and counts two items.
func (d *decoder) pairs(into *[]Pair) error {
	err := list(d, into, ofRequest(d.limits.Items/2), func(d *decoder, pair *Pair) error {
		spoil, err := d.alone(func() error { return object(d, &pairForm, pair) })
		if spoil != nil {
			*pair = Pair{Err: spoil, Prompted: Prompted{Tag: pair.Tag}}
		}
		return err
	})
	if err == nil && len(*into) == 0 {
		return d.invalid("must hold at least one pair")
	}
	return err
}

// responses reads the responses of a request. Each may fail alone; it is empty then, and refused has its error.
func (d *decoder) responses(into *[]string, refused *map[int]*Error, most int) error {
	at := 0
	return list(d, into, ofRequest(most), func(d *decoder, response *string) error {
		spoil, err := d.alone(func() error { return d.text(response) })
		if spoil != nil {
			if *refused == nil {
				*refused = map[int]*Error{}
			}
			(*refused)[at] = spoil
		}
		at++
		return err
	})
}

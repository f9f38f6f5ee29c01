package wire

import "slices"

// GenerativeRequest is the body of vLLM's /generative_scoring: how likely some tokens are behind a query and an item.
type GenerativeRequest struct {
	_ struct{} `additionalProperties:"true"`

	Model     string  `json:"model,omitempty" nullable:"true" doc:"Name of a choice model; where it is none of ours and one alone answers, that one does"`
	Query     Inputs  `json:"query" required:"true" doc:"A text that is rendered already, or token ids"`
	Items     Inputs  `json:"items" required:"true" doc:"Texts or lists of token ids, as the query is"`
	Labels    []int64 `json:"label_token_ids" nullable:"false" minItems:"1" doc:"Tokens of the model's own vocabulary; score is the first one's probability"`
	Softmax   *bool   `json:"apply_softmax,omitempty" nullable:"true" doc:"true, which it is when left out: among the labels alone; false: over the whole vocabulary"`
	ItemFirst *bool   `json:"item_first,omitempty" nullable:"true" doc:"The item stands before the query"`
	RequestID string  `json:"request_id,omitempty" nullable:"true" doc:"Of the answer, where no X-Request-Id says another"`
}

func (r *GenerativeRequest) decode(d *decoder) error { return object(d, &generativeForm, r) }

var generativeForm = form[GenerativeRequest]{
	lenient: true,
	fields: []field[GenerativeRequest]{
		{"model", false, func(d *decoder, r *GenerativeRequest) error { return d.textOrNull(&r.Model) }},
		{"query", true, func(d *decoder, r *GenerativeRequest) error { return d.inputs(&r.Query) }},
		{"items", true, func(d *decoder, r *GenerativeRequest) error { return d.inputs(&r.Items) }},
		{"label_token_ids", true, func(d *decoder, r *GenerativeRequest) error {
			return d.ids(&r.Labels, ofRequest(d.limits.Candidates))
		}},
		{"apply_softmax", false, func(d *decoder, r *GenerativeRequest) error { return d.flag(&r.Softmax) }},
		{"item_first", false, func(d *decoder, r *GenerativeRequest) error { return d.flag(&r.ItemFirst) }},
		{"request_id", false, func(d *decoder, r *GenerativeRequest) error { return d.textOrNull(&r.RequestID) }},
	},
	check: func(d *decoder, r *GenerativeRequest) error {
		if err := queried(d, &r.Query, &r.Items); err != nil {
			return err
		}
		if err := d.some(len(r.Labels), "label_token_ids", "token"); err != nil {
			return err
		}
		return distinct(d, r.Labels)
	},
}

// queried refuses a query that is not one, and items that are not written as it is.
func queried(d *decoder, query, items *Inputs) error {
	if err := d.some(items.Len(), "items", "item"); err != nil {
		return err
	}
	switch {
	case query.Len() != 1 || !query.Single:
		return d.missing("query", "must be one text, or the token ids of one")
	case (query.IDs == nil) != (items.IDs == nil):
		return d.missing("items", "must be texts where query is a text, and token ids where it is token ids")
	case query.Refused != nil:
		return query.Refused[0]
	}
	return nil
}

// Behind are the items with the query before them, or behind them where the item is first.
func Behind(query, items *Inputs, itemFirst bool) []Item {
	all := items.Items()
	for i := range all {
		switch of := &all[i]; {
		case of.Text != nil && itemFirst:
			of.Text = new(*of.Text + query.Texts[0])
		case of.Text != nil:
			of.Text = new(query.Texts[0] + *of.Text)
		case of.InputIDs != nil && itemFirst:
			of.InputIDs = slices.Concat(of.InputIDs, query.IDs[0])
		case of.InputIDs != nil:
			of.InputIDs = slices.Concat(query.IDs[0], of.InputIDs)
		}
	}
	return all
}

// distinct refuses labels of which two are the same token.
func distinct(d *decoder, labels []int64) error {
	for i, id := range labels {
		if slices.Contains(labels[:i], id) {
			d.path = append(d.path, member("label_token_ids"), element(i))
			return d.invalid("%d is given twice", id)
		}
	}
	return nil
}

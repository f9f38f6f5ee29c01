package wire

import (
	"encoding/json"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"
)

// SGLangScoreRequest is the body of SGLang's /v1/score: one query, and items behind it.
type SGLangScoreRequest struct {
	_ struct{} `additionalProperties:"true"`

	Model       string     `json:"model,omitempty" nullable:"true" doc:"Name of the model; where it is none of ours and one alone answers, that one does"`
	Query       Inputs     `json:"query" required:"true" doc:"A text that is rendered already, or token ids"`
	Items       Inputs     `json:"items" required:"true" doc:"Texts or lists of token ids, as the query is"`
	Labels      LabelLists `json:"label_token_ids,omitzero" doc:"Of a choice model: tokens of its own vocabulary, for all items or a list for each"`
	Softmax     *bool      `json:"apply_softmax,omitempty" nullable:"true" doc:"Among the labels alone; false, which it is when left out: over the vocabulary, or the raw output"`
	Temperature *float64   `json:"temperature,omitempty" nullable:"true" doc:"Divides the logits; another than 1 goes with apply_softmax"`
	ItemFirst   *bool      `json:"item_first,omitempty" nullable:"true" doc:"The item stands before the query"`
	Extraction  *int64     `json:"score_extraction_token,omitempty" nullable:"true" doc:"Of a process model: its step mark, at each of which a row is read"`

	Logprobs     Never `json:"return_token_logprobs,omitzero" doc:"Refused unless false: /v1/logprobs gives them"`
	HiddenStates Never `json:"return_pooled_hidden_states,omitzero" doc:"Refused unless false: they are not given"`
	Override     Never `json:"embed_override_token_id,omitzero" doc:"Refused unless null"`
	LoRA         Never `json:"lora_path,omitzero" doc:"Refused unless null: there are no adapters"`
}

// LabelLists are tokens for all items, or a list of them for each.
type LabelLists struct {
	All  []int64
	Each [][]int64 // nil: All is for every item
}

// MarshalJSON writes them in the form that they came in.
func (l LabelLists) MarshalJSON() ([]byte, error) {
	if l.Each != nil {
		return json.Marshal(l.Each)
	}
	return json.Marshal(l.All)
}

// Schema describes both forms, and null, which is as good as none.
func (LabelLists) Schema(huma.Registry) *huma.Schema {
	ids := &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeInteger}}
	return &huma.Schema{AnyOf: []*huma.Schema{ids, {Type: huma.TypeArray, Items: ids}, {Type: "null"}}}
}

// SGLangScoreAnswer has a row for each item, in order: one number for each label, or rows of them for each step.
type SGLangScoreAnswer struct {
	Scores  []any        `json:"scores" nullable:"false" doc:"Null of an item that failed"`
	Errors  []*Problem   `json:"errors,omitempty" doc:"Of each item, null where it has scores; left out where all have"`
	Hidden  *struct{}    `json:"pooled_hidden_states" doc:"Always null"`
	Logprob *struct{}    `json:"token_logprobs" doc:"Always null"`
	Model   string       `json:"model" doc:"That answered"`
	Digest  string       `json:"digest" doc:"sha256 of the model's bundle's files"`
	Usage   PoolingUsage `json:"usage"`
	Object  string       `json:"object" enum:"scoring"`
}

func (r *SGLangScoreRequest) decode(d *decoder) error { return object(d, &sglangScoreForm, r) }

var sglangScoreForm = form[SGLangScoreRequest]{
	lenient: true,
	fields: []field[SGLangScoreRequest]{
		{"model", false, func(d *decoder, r *SGLangScoreRequest) error { return d.textOrNull(&r.Model) }},
		{"query", true, func(d *decoder, r *SGLangScoreRequest) error { return d.inputs(&r.Query) }},
		{"items", true, func(d *decoder, r *SGLangScoreRequest) error { return d.inputs(&r.Items) }},
		{"label_token_ids", false, func(d *decoder, r *SGLangScoreRequest) error { return d.labelLists(&r.Labels) }},
		{"apply_softmax", false, func(d *decoder, r *SGLangScoreRequest) error { return d.flag(&r.Softmax) }},
		{"temperature", false, func(d *decoder, r *SGLangScoreRequest) error {
			if none, err := d.null(); none || err != nil {
				return err
			}
			if err := d.optionalNumber(&r.Temperature); err != nil {
				return err
			}
			if *r.Temperature <= 0 {
				return d.invalid("%g is not above 0", *r.Temperature)
			}
			return nil
		}},
		{"item_first", false, func(d *decoder, r *SGLangScoreRequest) error { return d.flag(&r.ItemFirst) }},
		{"score_extraction_token", false, func(d *decoder, r *SGLangScoreRequest) error {
			if none, err := d.null(); none || err != nil {
				return err
			}
			r.Extraction = new(int64)
			return d.integer(r.Extraction)
		}},
		{"return_token_logprobs", false, func(d *decoder, _ *SGLangScoreRequest) error { return d.never("POST /v1/logprobs gives them") }},
		{"return_pooled_hidden_states", false, func(d *decoder, _ *SGLangScoreRequest) error { return d.never("hidden states are not given") }},
		{"embed_override_token_id", false, func(d *decoder, _ *SGLangScoreRequest) error { return d.never("vectors of tokens are not replaced") }},
		{"lora_path", false, func(d *decoder, _ *SGLangScoreRequest) error { return d.never("there are no adapters") }},
	},
	check: func(d *decoder, r *SGLangScoreRequest) error {
		if err := queried(d, &r.Query, &r.Items); err != nil {
			return err
		}
		for _, labels := range append([][]int64{r.Labels.All}, r.Labels.Each...) {
			if err := distinct(d, labels); err != nil {
				return err
			}
		}
		if n := len(r.Labels.Each); r.Labels.Each != nil && n != r.Items.Len() {
			d.path = append(d.path, member("label_token_ids"))
			return d.invalid("has %d lists for %d items", n, r.Items.Len())
		}
		return nil
	},
}

// labelLists reads tokens, or a list of lists of them.
func (d *decoder) labelLists(into *LabelLists) error {
	if none, err := d.null(); none || err != nil {
		return err
	}
	if err := d.enter(jsontext.KindBeginArray, "array"); err != nil {
		return err
	}
	if d.in.PeekKind() != jsontext.KindBeginArray {
		return elements(d, []int64{}, &into.All, ofRequest(d.limits.Candidates), (*decoder).integer)
	}
	return elements(d, [][]int64{}, &into.Each, ofRequest(d.limits.Items), func(d *decoder, ids *[]int64) error {
		return d.ids(ids, ofRequest(d.limits.Candidates))
	})
}

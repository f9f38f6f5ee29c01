package wire

import (
	"encoding/json"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"
)

// SGLangRequest is the body of SGLang's /classify and /encode.
type SGLangRequest struct {
	_ struct{} `additionalProperties:"true"`

	Model string       `json:"model,omitempty" nullable:"true" doc:"Name of the model; where it is none of ours and one model alone answers, that one does"`
	Text  PairedInputs `json:"text,omitzero" doc:"A text that is rendered already, a list of them, or a list of [prompt, response]"`
	IDs   Inputs       `json:"input_ids,omitzero" doc:"Token ids of one text, or of several; instead of text"`
	RID   SideTexts    `json:"rid,omitzero" doc:"Ids of the answers: one, or one for each item"`

	Dimensions   Never `json:"dimensions,omitzero" doc:"Refused unless null: an output has the model's own size"`
	LoRA         Never `json:"lora_path,omitzero" doc:"Refused unless null: there are no adapters"`
	HiddenStates Never `json:"return_pooled_hidden_states,omitzero" doc:"Refused unless false: they are not given"`
	PromptTokens Never `json:"return_prompt_token_ids,omitzero" doc:"Refused unless false: /v1/tokenize gives them"`
}

// PairedInputs are inputs of texts, or pairs of a prompt and a response.
type PairedInputs struct {
	Inputs
	Pairs [][]string // nil: there are none
}

// MarshalJSON writes the inputs in the form that they came in.
func (i PairedInputs) MarshalJSON() ([]byte, error) {
	if i.Pairs != nil {
		return json.Marshal(i.Pairs)
	}
	return i.Inputs.MarshalJSON()
}

// Schema describes the three forms.
func (PairedInputs) Schema(huma.Registry) *huma.Schema {
	text := &huma.Schema{Type: huma.TypeString}
	texts := &huma.Schema{Type: huma.TypeArray, Items: text}
	return &huma.Schema{AnyOf: []*huma.Schema{text, texts, {Type: huma.TypeArray, Items: texts}}}
}

// SGLangOutput is the output of an item, or its problem. A failed item has an error and no embedding.
type SGLangOutput struct {
	Embedding []float64  `json:"embedding,omitempty" doc:"The raw reward, each label's, or the vector"`
	Meta      SGLangMeta `json:"meta_info"`
	Error     *Problem   `json:"error,omitempty" doc:"Why there is no embedding"`
}

// SGLangMeta is what is said of an output.
type SGLangMeta struct {
	ID      string       `json:"id"`
	Finish  SGLangFinish `json:"finish_reason"`
	Prompt  int          `json:"prompt_tokens"`
	Version string       `json:"weight_version" doc:"sha256 of the model's bundle's files"`
	Model   string       `json:"model" doc:"That answered"`
	Latency float64      `json:"e2e_latency" doc:"Seconds"`
}

// SGLangFinish says that nothing was generated.
type SGLangFinish struct {
	Type   string `json:"type" enum:"length"`
	Length int    `json:"length"`
}

// SGLangProblem is an error in both of SGLang's forms: that of its native routes, and the flat one. The reason is ours.
type SGLangProblem struct {
	Object  string        `json:"object" enum:"error"`
	Message string        `json:"message"`
	Type    string        `json:"type"`
	Param   *string       `json:"param" doc:"Always null: the message is led by the field"`
	Code    int           `json:"code" doc:"The status"`
	Reason  string        `json:"reason" doc:"The code of docs/API.md"`
	Error   SGLangMessage `json:"error"`
}

// SGLangMessage is the message once more.
type SGLangMessage struct {
	Message string `json:"message"`
}

func (r *SGLangRequest) decode(d *decoder) error { return object(d, &sglangForm, r) }

var sglangForm = form[SGLangRequest]{
	lenient: true,
	fields: []field[SGLangRequest]{
		{"model", false, func(d *decoder, r *SGLangRequest) error { return d.textOrNull(&r.Model) }},
		{"text", false, func(d *decoder, r *SGLangRequest) error { return d.paired(&r.Text) }},
		{"input_ids", false, func(d *decoder, r *SGLangRequest) error {
			if none, err := d.null(); none || err != nil {
				return err
			}
			return d.inputs(&r.IDs)
		}},
		{"rid", false, func(d *decoder, r *SGLangRequest) error { return d.sides(&r.RID) }},
		{"dimensions", false, func(d *decoder, _ *SGLangRequest) error {
			return d.never("is not supported: an output has the model's own size")
		}},
		{"lora_path", false, func(d *decoder, _ *SGLangRequest) error { return d.never("there are no adapters") }},
		{"return_pooled_hidden_states", false, func(d *decoder, _ *SGLangRequest) error { return d.never("hidden states are not given") }},
		{"return_prompt_token_ids", false, func(d *decoder, _ *SGLangRequest) error { return d.never("POST /v1/tokenize gives them") }},
	},
	check: func(d *decoder, r *SGLangRequest) error {
		texts, ids := max(r.Text.Len(), len(r.Text.Pairs)), r.IDs.Len()
		switch {
		case len(r.IDs.Texts) > 0:
			return d.missing("input_ids", "must be token ids")
		case texts > 0 && ids > 0:
			return d.missing("input_ids", "given together with text, and one of them is enough")
		case texts+ids == 0:
			return d.missing("text", "must hold at least one text, unless input_ids are given")
		case r.RID.Refused != nil, len(r.RID.Texts) > 1 && len(r.RID.Texts) != texts+ids:
			return d.missing("rid", "must be one id, or one for each item")
		}
		return nil
	},
}

// paired reads texts, or a list of pairs of texts. Each may fail alone.
func (d *decoder) paired(into *PairedInputs) error {
	if none, err := d.null(); none || err != nil {
		return err
	}
	if d.in.PeekKind() == jsontext.KindString {
		into.Single = true
		return d.one(&into.Texts)
	}
	if err := d.enter(jsontext.KindBeginArray, "string or array"); err != nil {
		return err
	}
	limit, at := ofRequest(d.limits.Items), 0
	if d.in.PeekKind() == jsontext.KindBeginArray {
		return elements(d, [][]string{}, &into.Pairs, limit, func(d *decoder, pair *[]string) error {
			why, err := d.alone(func() error { return d.texts(pair, ofItem(2)) })
			into.refuse(at, why)
			if at++; err == nil && why == nil && len(*pair) != 2 {
				return d.invalid("has %d texts, and must be [prompt, response]", len(*pair))
			}
			return err
		})
	}
	return elements(d, []string{}, &into.Texts, limit, func(d *decoder, text *string) error {
		why, err := d.alone(func() error { return d.text(text) })
		into.refuse(at, why)
		at++
		return err
	})
}

// Items are the inputs as items: texts that are rendered already, or a prompt and a response.
func (i *PairedInputs) Items() []Item {
	if i.Pairs == nil {
		return i.Inputs.Items()
	}
	items := make([]Item, len(i.Pairs))
	for at, pair := range i.Pairs {
		if items[at].Err = i.Refused[at]; items[at].Err == nil {
			items[at].Prompt, items[at].Response = &pair[0], &pair[1]
		}
	}
	return items
}

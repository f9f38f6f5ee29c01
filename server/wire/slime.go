package wire

import (
	"encoding/json"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"
)

// SlimeRequest is what slime's remote_rm posts: one sample.
type SlimeRequest struct {
	_ struct{} `additionalProperties:"true"`

	Prompt   Turns   `json:"prompt" required:"true" doc:"The user's turn, or the conversation before the response"`
	Response *string `json:"response" nullable:"false" doc:"The assistant's turn"`
	Label    *string `json:"label,omitempty" nullable:"true" doc:"Passed over, unless the URL says label=reference"`
}

// Turns are the user's turn, or a conversation.
type Turns struct {
	Text     *string
	Messages []Message // instead of Text
}

// MarshalJSON writes them in the form that they came in.
func (t Turns) MarshalJSON() ([]byte, error) {
	if t.Text != nil {
		return json.Marshal(t.Text)
	}
	return json.Marshal(t.Messages)
}

// Schema describes both forms.
func (Turns) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{AnyOf: []*huma.Schema{{Type: huma.TypeString}, {Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeObject}}}}
}

// SlimeAnswer is what slime reads one number of, where the URL says object=true; else the answer is the number alone.
type SlimeAnswer struct {
	Score  float64  `json:"score" doc:"What /v1/score calls score"`
	Raw    *float64 `json:"raw" doc:"The raw output; null of a recipe"`
	Tokens int      `json:"tokens" doc:"Tokens read"`
	Model  string   `json:"model" doc:"That answered"`
	Digest string   `json:"digest" doc:"sha256 of the model's bundle's files"`
}

func (r *SlimeRequest) decode(d *decoder) error { return object(d, &slimeForm, r) }

var slimeForm = form[SlimeRequest]{
	lenient: true,
	fields: []field[SlimeRequest]{
		{"prompt", true, func(d *decoder, r *SlimeRequest) error {
			if d.in.PeekKind() == jsontext.KindString {
				return d.optional(&r.Prompt.Text)
			}
			return d.messages(&r.Prompt.Messages)
		}},
		{"response", true, func(d *decoder, r *SlimeRequest) error { return d.optional(&r.Response) }},
		{"label", false, func(d *decoder, r *SlimeRequest) error {
			if d.in.PeekKind() != jsontext.KindString {
				return d.skip()
			}
			return d.optional(&r.Label)
		}},
	},
}

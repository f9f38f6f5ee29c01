package wire

import (
	"encoding/json"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// EmbeddingsRequest asks for the vectors of texts, in the form that clients of OpenAI's API send. Token ids are refused,
// since such clients' are of another tokenizer than the model's.
type EmbeddingsRequest struct {
	Common
	Input    Texts  `json:"input" minItems:"1" nullable:"false" doc:"Texts, or one text"`
	Encoding string `json:"encoding_format,omitempty" enum:"float,base64" default:"float" doc:"How a vector is written: numbers, or the bytes of little-endian float32"`

	Tags []Tag `json:"tags,omitzero" nullable:"false" doc:"Of each text: what comes back beside its vector"`

	Refused map[int]*Error `json:"-"` // why single texts cannot be read, by index; they are empty
}

// Texts is a list of texts; one text is written without the list, too.
type Texts []string

// UnmarshalJSON reads a text or a list.
func (t *Texts) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*t = Texts{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(t))
}

// EmbeddingsAnswer has one vector, or one problem, for each text, in order.
type EmbeddingsAnswer struct {
	Object  string          `json:"object" enum:"list"`
	Model   string          `json:"model"`
	Digest  string          `json:"digest" doc:"sha256 of the model's bundle's files"`
	Data    []Embedding     `json:"data" nullable:"false"`
	Usage   EmbeddingsUsage `json:"usage"`
	Timings Timings         `json:"timings"`
}

// Embedding is a text's vector, or its problem. Failed texts have an error only.
type Embedding struct {
	Object    string `json:"object" enum:"embedding"`
	Index     int    `json:"index" doc:"Of the text"`
	Embedding any    `json:"embedding,omitempty" doc:"The vector: a list of numbers, or a text in base64"`
	*Tokens
	*Tag
	Error *Problem `json:"error,omitempty" doc:"Why there is no vector"`
}

// EmbeddingsUsage counts tokens as clients of OpenAI's API read them: both numbers are those of the texts.
type EmbeddingsUsage struct {
	Prompt int `json:"prompt_tokens"`
	Total  int `json:"total_tokens"`
	Failed int `json:"failed,omitempty" doc:"Texts that have an error; left out where none has"`
}

func (r *EmbeddingsRequest) decode(d *decoder) error { return object(d, &embeddingsForm, r) }

var embeddingsForm = form[EmbeddingsRequest]{
	fields: slices.Concat(
		within(func(r *EmbeddingsRequest) *Common { return &r.Common }, commonFields),
		[]field[EmbeddingsRequest]{
			{"input", true, func(d *decoder, r *EmbeddingsRequest) error {
				if d.in.PeekKind() != jsontext.KindString {
					return d.responses((*[]string)(&r.Input), &r.Refused, d.limits.Items)
				}
				r.Input = make(Texts, 1)
				return d.text(&r.Input[0])
			}},
			{"encoding_format", false, func(d *decoder, r *EmbeddingsRequest) error { return d.word(&r.Encoding, "float", "base64") }},
			{"tags", false, func(d *decoder, r *EmbeddingsRequest) error { return d.tags(&r.Tags, d.limits.Items) }},
		},
	),
	check: func(d *decoder, r *EmbeddingsRequest) error {
		if err := d.some(len(r.Input), "input", "text"); err != nil {
			return err
		}
		return d.fitting(r.Tags, len(r.Input), "texts")
	},
}

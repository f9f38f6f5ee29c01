package wire

import "slices"

// EmbeddingsRequest is the body of OpenAI's /v1/embeddings. Token ids are those of the model's own tokenizer, which an
// embedding model's clients do not have, so that it refuses them.
type EmbeddingsRequest struct {
	_ struct{} `additionalProperties:"true"`
	Common
	Input      Inputs `json:"input" required:"true" doc:"A text, a list of texts, the token ids of one text, or a list of those"`
	Encoding   string `json:"encoding_format,omitempty" nullable:"true" doc:"float, which it is when left out, or base64: numbers, or the bytes of little-endian float32"`
	Tags       []Tag  `json:"tags,omitzero" nullable:"false" doc:"Of each text: what comes back beside its vector"`
	Dimensions Never  `json:"dimensions,omitzero" doc:"Refused unless null: a vector has the model's own size"`
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
	Embedding any    `json:"embedding,omitempty" doc:"The vector: a list of numbers, null where a process model reads nothing, or a text in base64"`
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

// EmbeddingsProblem is an error as OpenAI's API tells it, and beside it as the native routes do.
type EmbeddingsProblem struct {
	Error OpenAIError `json:"error"`
	ProblemDetails
}

func (r *EmbeddingsRequest) decode(d *decoder) error { return object(d, &embeddingsForm, r) }

var embeddingsForm = form[EmbeddingsRequest]{
	lenient: true,
	fields: slices.Concat(
		within(func(r *EmbeddingsRequest) *Common { return &r.Common }, commonFields),
		[]field[EmbeddingsRequest]{
			{"input", true, func(d *decoder, r *EmbeddingsRequest) error { return d.inputs(&r.Input) }},
			{"encoding_format", false, func(d *decoder, r *EmbeddingsRequest) error {
				return d.wordOrNull(&r.Encoding, "float", "base64")
			}},
			{"tags", false, func(d *decoder, r *EmbeddingsRequest) error { return d.tags(&r.Tags, d.limits.Items) }},
			{"dimensions", false, func(d *decoder, _ *EmbeddingsRequest) error {
				return d.never("is not supported: a vector has the model's own size")
			}},
		},
	),
	check: func(d *decoder, r *EmbeddingsRequest) error {
		if err := d.some(r.Input.Len(), "input", "text"); err != nil {
			return err
		}
		return d.fitting(r.Tags, r.Input.Len(), "texts")
	},
}

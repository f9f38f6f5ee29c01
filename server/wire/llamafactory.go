package wire

// LLaMAFactoryRequest is what LLaMA-Factory's trainer posts to reward_model, and what its own server takes.
type LLaMAFactoryRequest struct {
	_ struct{} `additionalProperties:"true"`

	Model     string   `json:"model,omitempty" nullable:"true" doc:"Name of the model; the trainer always sends \"model\""`
	Messages  []string `json:"messages" nullable:"false" minItems:"1" doc:"Prompt and response of each sample, rendered"`
	MaxLength Never    `json:"max_length,omitzero" doc:"Refused unless null: nothing is cut unless the URL says truncate"`
}

// LLaMAFactoryAnswer has one score per text, in order.
type LLaMAFactoryAnswer struct {
	ID     string    `json:"id"`
	Object string    `json:"object" enum:"score.evaluation"`
	Model  string    `json:"model" doc:"That answered"`
	Digest string    `json:"digest" doc:"sha256 of the model's bundle's files"`
	Scores []float64 `json:"scores" nullable:"false" doc:"What /v1/score calls score"`
}

func (r *LLaMAFactoryRequest) decode(d *decoder) error { return object(d, &llamaFactoryForm, r) }

var llamaFactoryForm = form[LLaMAFactoryRequest]{
	lenient: true,
	fields: []field[LLaMAFactoryRequest]{
		{"model", false, func(d *decoder, r *LLaMAFactoryRequest) error { return d.textOrNull(&r.Model) }},
		{"messages", true, func(d *decoder, r *LLaMAFactoryRequest) error {
			return d.texts(&r.Messages, ofRequest(d.limits.Items))
		}},
		{"max_length", false, func(d *decoder, _ *LLaMAFactoryRequest) error {
			return d.never("would cut a text in silence; ?truncate=right in the URL cuts to the model's max_tokens")
		}},
	},
	check: func(d *decoder, r *LLaMAFactoryRequest) error { return d.some(len(r.Messages), "messages", "text") },
}

package wire

import "slices"

// PoolingRequest is the body of vLLM's /pooling and of lmdeploy's.
type PoolingRequest struct {
	_ struct{} `additionalProperties:"true"`
	Pooler
	Input Inputs `json:"input,omitzero" doc:"Texts that are rendered already, or token ids; or messages instead"`
	Conversing
	Task       string `json:"task,omitempty" nullable:"true" doc:"classify, token_classify or embed: what the model must do"`
	Encoding   string `json:"encoding_format,omitempty" nullable:"true" doc:"float, base64, bytes or bytes_only"`
	Dtype      string `json:"embed_dtype,omitempty" nullable:"true" doc:"float32: of base64 and bytes"`
	Endianness string `json:"endianness,omitempty" nullable:"true" doc:"native, little or big: of base64 and bytes; native is little"`

	Dimensions Never `json:"dimensions,omitzero" doc:"Refused unless null: an output has the model's own size"`
	Data       Never `json:"data,omitzero" doc:"Refused unless null: it is for plug-ins"`
}

// ClassifyRequest is the body of vLLM's /classify.
type ClassifyRequest struct {
	_ struct{} `additionalProperties:"true"`
	Pooler
	Input Inputs `json:"input,omitzero" doc:"Texts that are rendered already, or token ids; or messages instead"`
	Conversing
}

func (r *PoolingRequest) decode(d *decoder) error  { return object(d, &poolingForm, r) }
func (r *ClassifyRequest) decode(d *decoder) error { return object(d, &classifyForm, r) }

var poolingForm = form[PoolingRequest]{
	lenient: true,
	fields: slices.Concat(
		within(func(r *PoolingRequest) *Pooler { return &r.Pooler }, poolerFields),
		[]field[PoolingRequest]{{"input", false, func(d *decoder, r *PoolingRequest) error { return d.inputs(&r.Input) }}},
		within(func(r *PoolingRequest) *Conversing { return &r.Conversing }, conversingFields),
		[]field[PoolingRequest]{
			{"task", false, func(d *decoder, r *PoolingRequest) error {
				return d.wordOrNull(&r.Task, "classify", "token_classify", "embed")
			}},
			{"encoding_format", false, func(d *decoder, r *PoolingRequest) error {
				return d.wordOrNull(&r.Encoding, "float", "base64", "bytes", "bytes_only")
			}},
			{"embed_dtype", false, func(d *decoder, r *PoolingRequest) error { return d.wordOrNull(&r.Dtype, "float32") }},
			{"endianness", false, func(d *decoder, r *PoolingRequest) error {
				return d.wordOrNull(&r.Endianness, "native", "little", "big")
			}},
			{"dimensions", false, func(d *decoder, _ *PoolingRequest) error {
				return d.never("is not supported: an output has the model's own size")
			}},
			{"data", false, func(d *decoder, _ *PoolingRequest) error {
				return d.never("is for plug-ins, of which there are none")
			}},
		},
	),
	check: func(d *decoder, r *PoolingRequest) error { return judged(d, &r.Pooler, &r.Input, &r.Conversing) },
}

var classifyForm = form[ClassifyRequest]{
	lenient: true,
	fields: slices.Concat(
		within(func(r *ClassifyRequest) *Pooler { return &r.Pooler }, poolerFields),
		[]field[ClassifyRequest]{{"input", false, func(d *decoder, r *ClassifyRequest) error { return d.inputs(&r.Input) }}},
		within(func(r *ClassifyRequest) *Conversing { return &r.Conversing }, conversingFields),
	),
	check: func(d *decoder, r *ClassifyRequest) error { return judged(d, &r.Pooler, &r.Input, &r.Conversing) },
}

// judged refuses a body that has not exactly one of input and messages.
func judged(d *decoder, p *Pooler, input *Inputs, c *Conversing) error {
	given := input.Texts != nil || input.IDs != nil
	switch {
	case given && c.Messages != nil:
		return d.missing("messages", "given together with input, and one of them is enough")
	case c.Messages == nil && (c.Reference != nil || c.Principle != nil):
		return d.missing("messages", "must be there where reference or principle is: a text holds them already")
	case given || c.Messages == nil:
		if err := d.some(input.Len(), "input", "text"); err != nil {
			return err
		}
	}
	return p.agree(d)
}

// PoolingUsage counts tokens as vLLM's clients read them. Both details are always null.
type PoolingUsage struct {
	Prompt            int       `json:"prompt_tokens"`
	Total             int       `json:"total_tokens"`
	Completion        int       `json:"completion_tokens"`
	PromptDetails     *struct{} `json:"prompt_tokens_details"`
	CompletionDetails *struct{} `json:"completion_tokens_details"`
}

// PoolingHead are the fields of every answer of vLLM's pooling routes. The digest is ours.
type PoolingHead struct {
	ID      string `json:"id"`
	Object  string `json:"object" enum:"list"`
	Created int64  `json:"created" doc:"Seconds of Unix time"`
	Model   string `json:"model" doc:"That answered"`
	Digest  string `json:"digest" doc:"sha256 of the model's bundle's files"`
}

// PoolingAnswer has one output for each input, in order.
type PoolingAnswer struct {
	PoolingHead
	Data  []Pooled     `json:"data" nullable:"false"`
	Usage PoolingUsage `json:"usage"`
}

// Pooled is the output of an input, or its problem. Failed inputs have an error and no data.
type Pooled struct {
	Index  int    `json:"index"`
	Object string `json:"object" enum:"pooling"`
	Data   any    `json:"data,omitempty" doc:"Numbers of a reward or an embedding model, rows of a process model, or either in base64; of lmdeploy one number"`

	*Tokens
	Error *Problem `json:"error,omitempty" doc:"Why there is no data"`
}

// ClassifyAnswer has the values of the labels of each input, in order.
type ClassifyAnswer struct {
	PoolingHead
	Data  []Classified `json:"data" nullable:"false"`
	Usage PoolingUsage `json:"usage"`
}

// Classified is the values of an input's labels, or its problem. Failed inputs have an error and no values.
type Classified struct {
	Index   int       `json:"index"`
	Label   *string   `json:"label,omitempty" doc:"That with the largest value"`
	Probs   []float64 `json:"probs,omitempty" doc:"Of each label, in the model's order: what use_activation asks for"`
	Classes int       `json:"num_classes,omitempty"`

	*Tokens
	Error *Problem `json:"error,omitempty" doc:"Why there are no values"`
}

// VLLMProblem is an error as vLLM tells it. The reason is ours.
type VLLMProblem struct {
	Error VLLMError `json:"error"`
}

// VLLMError says what was wrong.
type VLLMError struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param" doc:"Always null: the message is led by the field"`
	Code    int     `json:"code" doc:"The status"`
	Reason  string  `json:"reason" doc:"The code of docs/API.md"`
}

// PoolingMetadata says, in the header metadata, where the outputs of an answer in bytes lie.
type PoolingMetadata struct {
	PoolingHead
	Data  []PooledBytes `json:"data" nullable:"false"`
	Usage PoolingUsage  `json:"usage"`
}

// PooledBytes is the place of one output among the bytes.
type PooledBytes struct {
	Index      int    `json:"index"`
	Dtype      string `json:"embed_dtype" enum:"float32"`
	Endianness string `json:"endianness" enum:"little,big"`
	Start      int    `json:"start"`
	End        int    `json:"end" doc:"Behind its last byte"`
	Shape      []int  `json:"shape" nullable:"false"`
}

// VersionAnswer is the answer of /version.
type VersionAnswer struct {
	Version string `json:"version"`
}

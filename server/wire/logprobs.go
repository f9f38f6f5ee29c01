package wire

import "slices"

// LogprobsRequest asks how likely each token of the response of each item is.
type LogprobsRequest struct {
	Common
	Items []Item `json:"items" minItems:"1" nullable:"false" doc:"Each a prompt with a response, or messages that end with the assistant's turn; of a process model also with steps or a separator"`
}

func (r *LogprobsRequest) decode(d *decoder) error { return object(d, &logprobsForm, r) }

var logprobsForm = form[LogprobsRequest]{
	fields: slices.Concat(
		within(func(r *LogprobsRequest) *Common { return &r.Common }, commonFields),
		[]field[LogprobsRequest]{{"items", false, func(d *decoder, r *LogprobsRequest) error { return d.items(&r.Items) }}},
	),
	check: func(d *decoder, r *LogprobsRequest) error { return d.some(len(r.Items), "items", "item") },
}

// LogprobsAnswer has one result per item, in order.
type LogprobsAnswer struct {
	Answering
	Results []LogprobsResult `json:"results" nullable:"false"`
}

// LogprobsResult is the log-probabilities of an item's response, or its problem. Failed items have an error only.
type LogprobsResult struct {
	Logprobs   []TokenLogprob `json:"logprobs,omitempty" doc:"Of every token behind the prompt, what the template puts behind the response among them"`
	Count      int            `json:"count,omitempty" doc:"Number of these tokens"`
	Policy     *Total         `json:"policy,omitempty" doc:"Of the model's own log-probabilities"`
	Reference  *Total         `json:"reference,omitempty" doc:"Of the reference's, of a model that has one"`
	Difference *Total         `json:"difference,omitempty" doc:"Of the differences, of a model with a reference"`
	*Tokens
	*Tag
	Error *Problem `json:"error,omitempty" doc:"Why there are none"`
}

// TokenLogprob is one token.
type TokenLogprob struct {
	ID         int64    `json:"id" doc:"Of the model's own tokenizer"`
	Text       string   `json:"text" doc:"What the token adds to the texts before it; of a character that several tokens make, all is the last one's"`
	End        int      `json:"end" doc:"Where that text ends, in characters (code points) from where the response begins"`
	Logprob    float64  `json:"logprob" doc:"Natural logarithm of its probability after all tokens before it"`
	Reference  *float64 `json:"reference,omitempty" doc:"The same under the reference, of a model that has one"`
	Difference *float64 `json:"difference,omitempty" doc:"logprob less reference"`
}

// Total is what numbers of tokens come to.
type Total struct {
	Sum  float64 `json:"sum"`
	Mean float64 `json:"mean" doc:"The sum over count"`
}

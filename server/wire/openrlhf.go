package wire

// OpenRLHFRequest is what OpenRLHF's trainers send: text that the client rendered, one query per sample. Prompts,
// labels and unknown keys are passed over: they are for reward functions, and a reward model does not look at them. The
// trainer needs a number for every query, so one bad query refuses the request.
type OpenRLHFRequest struct {
	_     struct{} `additionalProperties:"true"`
	Query []string `json:"query" nullable:"false" doc:"Prompt and response of each sample, rendered, special tokens kept"`
}

// OpenRLHFAnswer has one number per query in each of its lists, in order.
type OpenRLHFAnswer struct {
	Rewards   []float64            `json:"rewards" nullable:"false" doc:"What /v1/score calls score"`
	Scores    []float64            `json:"scores" nullable:"false" doc:"The same numbers; the trainer filters groups by them"`
	ExtraLogs map[string][]float64 `json:"extra_logs" doc:"raw: the graph's output; tokens: read; truncated: cut away"`
}

func (r *OpenRLHFRequest) decode(d *decoder) error { return object(d, &openRLHFForm, r) }

var openRLHFForm = form[OpenRLHFRequest]{
	lenient: true,
	fields: []field[OpenRLHFRequest]{
		{"query", true, func(d *decoder, r *OpenRLHFRequest) error { return d.texts(&r.Query, ofRequest(d.limits.Items)) }},
	},
}

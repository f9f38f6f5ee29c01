package wire

import "github.com/go-json-experiment/json/jsontext"

// EvaluateRequest is what clients of Eval Protocol, formerly reward-kit, send to POST /evaluate.
type EvaluateRequest struct {
	_           struct{}       `additionalProperties:"true"`
	Model       string         `json:"model,omitempty" doc:"The model or the recipe; the one that answers when left out"`
	Messages    []Message      `json:"messages" nullable:"false" doc:"The conversation, the response last"`
	GroundTruth any            `json:"ground_truth,omitempty" doc:"A text is the reference of models whose template names one; anything else is passed over"`
	Separator   string         `json:"separator,omitempty" doc:"Splits the response into steps (process models); an empty line when left out"`
	Kwargs      EvaluateKwargs `json:"kwargs,omitzero"`
}

// EvaluateKwargs holds the same fields for clients that do not write them beside the messages.
type EvaluateKwargs struct {
	_         struct{} `additionalProperties:"true"`
	Model     string   `json:"model,omitempty"`
	Separator string   `json:"separator,omitempty"`
}

// EvaluateAnswer is Eval Protocol's EvaluateResult.
type EvaluateAnswer struct {
	Score   float64                   `json:"score"`
	Valid   bool                      `json:"is_score_valid"`
	Reason  *string                   `json:"reason"`
	Metrics map[string]EvaluateMetric `json:"metrics" doc:"What a recipe reads, or each label of a model that has several"`
	Steps   []EvaluateStep            `json:"step_outputs" doc:"Of a process model: the steps that have a score"`
	Error   *string                   `json:"error"`
	Info    EvaluateInfo              `json:"trajectory_info"`
}

// EvaluateMetric is a component of a score. Success says the same as is_score_valid, to clients that read it.
type EvaluateMetric struct {
	Score   float64 `json:"score"`
	Valid   bool    `json:"is_score_valid"`
	Success bool    `json:"success"`
	Reason  string  `json:"reason"`
}

// EvaluateStep is a step of a response.
type EvaluateStep struct {
	Index      int                `json:"step_index"`
	Reward     float64            `json:"base_reward"`
	Terminated bool               `json:"terminated"`
	Metrics    map[string]float64 `json:"metrics"`
}

// EvaluateInfo says what answered.
type EvaluateInfo struct {
	Model  string `json:"model"`
	Digest string `json:"digest" doc:"sha256 of what answered"`
	Tokens int    `json:"tokens" doc:"That were read"`
}

func (r *EvaluateRequest) decode(d *decoder) error { return object(d, &evaluateForm, r) }

var evaluateForm = form[EvaluateRequest]{
	lenient: true,
	fields: []field[EvaluateRequest]{
		{"model", false, func(d *decoder, r *EvaluateRequest) error {
			return d.unlessNull(func() error { return d.text(&r.Model) })
		}},
		{"messages", true, func(d *decoder, r *EvaluateRequest) error { return d.messages(&r.Messages) }},
		{"ground_truth", false, func(d *decoder, r *EvaluateRequest) error {
			if d.in.PeekKind() != jsontext.KindString {
				return d.skip()
			}
			var text string
			err := d.text(&text)
			r.GroundTruth = text
			return err
		}},
		{"separator", false, func(d *decoder, r *EvaluateRequest) error { return d.text(&r.Separator) }},
		{"kwargs", false, func(d *decoder, r *EvaluateRequest) error {
			return d.unlessNull(func() error { return object(d, &evaluateKwargsForm, &r.Kwargs) })
		}},
	},
	check: func(d *decoder, r *EvaluateRequest) error { return d.some(len(r.Messages), "messages", "turn") },
}

var evaluateKwargsForm = form[EvaluateKwargs]{lenient: true, fields: []field[EvaluateKwargs]{
	{"model", false, func(d *decoder, k *EvaluateKwargs) error { return d.text(&k.Model) }},
	{"separator", false, func(d *decoder, k *EvaluateKwargs) error { return d.text(&k.Separator) }},
}}

package wire

import (
	"encoding/json"

	"github.com/go-json-experiment/json/jsontext"
)

// GraderRequest asks for the reward of a sample under a grader of OpenAI's API for fine-tuning, or whether the grader
// can be run.
type GraderRequest struct {
	_      struct{}        `additionalProperties:"true"`
	Grader Grader          `json:"grader"`
	Sample string          `json:"model_sample,omitempty" doc:"{{sample.output_text}} of the grader's texts"`
	Item   json.RawMessage `json:"item,omitempty" doc:"The row of the dataset: {{item.NAME}} of the grader's texts"`
}

// Grader is a grader.
type Grader struct {
	_         struct{}  `additionalProperties:"true"`
	Type      string    `json:"type" doc:"score_model and string_check can be run"`
	Name      string    `json:"name,omitempty"`
	Model     string    `json:"model,omitempty" doc:"score_model: the reward model or the recipe"`
	Input     any       `json:"input,omitempty" doc:"score_model: turns, the response last; string_check: a text"`
	Range     []float64 `json:"range,omitempty" nullable:"false" doc:"score_model: a reward outside of it is refused"`
	Reference string    `json:"reference,omitempty" doc:"string_check: what the input is compared with"`
	Operation string    `json:"operation,omitempty" doc:"string_check: eq, ne, like or ilike"`
}

// GraderTurn is a turn of a grader's input.
type GraderTurn struct {
	_       struct{} `additionalProperties:"true"`
	Role    string   `json:"role"`
	Content any      `json:"content" doc:"A text, a part with a text, or a list of such parts"`
}

// GraderRun is the reward of a sample.
type GraderRun struct {
	Reward   float64            `json:"reward"`
	Parts    map[string]float64 `json:"sub_rewards" doc:"What a recipe reads, or each label of a model that has several"`
	Metadata GraderMetadata     `json:"metadata"`
	Tokens   map[string]int     `json:"model_grader_token_usage_per_model"`
}

// GraderMetadata says more of a run.
type GraderMetadata struct {
	Name    string             `json:"name"`
	Type    string             `json:"type"`
	Errors  GraderErrors       `json:"errors"`
	Seconds float64            `json:"execution_time"`
	Scores  map[string]float64 `json:"scores"`
	Tokens  *int               `json:"token_usage"`
	Sampled *string            `json:"sampled_model_name"`
	Model   string             `json:"reward_model,omitempty" doc:"That answered"`
	Digest  string             `json:"reward_digest,omitempty" doc:"sha256 of what answered"`
}

// GraderErrors are all false: what they tell of is refused.
type GraderErrors struct {
	Formula       bool    `json:"formula_parse_error"`
	Variable      bool    `json:"invalid_variable_error"`
	Parse         bool    `json:"model_grader_parse_error"`
	Refusal       bool    `json:"model_grader_refusal_error"`
	Server        bool    `json:"model_grader_server_error"`
	ServerDetails *string `json:"model_grader_server_error_details"`
	Other         bool    `json:"other_error"`
	Python        bool    `json:"python_grader_runtime_error"`
	PythonDetails *string `json:"python_grader_runtime_error_details"`
	PythonServer  bool    `json:"python_grader_server_error"`
	PythonType    *string `json:"python_grader_server_error_type"`
	Sample        bool    `json:"sample_parse_error"`
	Truncated     bool    `json:"truncated_observation_error"`
	Unresponsive  bool    `json:"unresponsive_reward_error"`
}

func (r *GraderRequest) decode(d *decoder) error { return object(d, &graderRequestForm, r) }

var graderRequestForm = form[GraderRequest]{lenient: true, fields: []field[GraderRequest]{
	{"grader", true, func(d *decoder, r *GraderRequest) error { return object(d, &graderForm, &r.Grader) }},
	{"model_sample", false, func(d *decoder, r *GraderRequest) error { return d.text(&r.Sample) }},
	{"item", false, func(d *decoder, r *GraderRequest) error { return d.anything(&r.Item) }},
}}

var graderForm = form[Grader]{lenient: true, fields: []field[Grader]{
	{"type", true, func(d *decoder, g *Grader) error { return d.text(&g.Type) }},
	{"name", false, func(d *decoder, g *Grader) error { return d.text(&g.Name) }},
	{"model", false, func(d *decoder, g *Grader) error { return d.text(&g.Model) }},
	{"input", false, func(d *decoder, g *Grader) error {
		if d.in.PeekKind() == jsontext.KindString {
			var text string
			err := d.text(&text)
			g.Input = text
			return err
		}
		var turns []GraderTurn
		err := list(d, &turns, ofItem(d.limits.Messages), func(d *decoder, t *GraderTurn) error { return object(d, &graderTurnForm, t) })
		g.Input = turns
		return err
	}},
	{"range", false, func(d *decoder, g *Grader) error {
		return d.unlessNull(func() error { return d.vector(&g.Range, ofItem(2)) })
	}},
	{"reference", false, func(d *decoder, g *Grader) error { return d.text(&g.Reference) }},
	{"operation", false, func(d *decoder, g *Grader) error { return d.text(&g.Operation) }},
}}

var graderTurnForm = form[GraderTurn]{lenient: true, fields: []field[GraderTurn]{
	{"role", true, func(d *decoder, t *GraderTurn) error { return d.text(&t.Role) }},
	{"content", true, func(d *decoder, t *GraderTurn) error {
		if d.in.PeekKind() != jsontext.KindBeginObject {
			return d.textOfParts(&t.Content)
		}
		var part textPart
		err := object(d, &textPartForm, &part)
		t.Content = part.text
		return err
	}},
}}

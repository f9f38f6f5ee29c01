package wire

import (
	"bytes"
	"encoding/json"
	"slices"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// SystemOneRequest is a state and typed questions about it, in TypeSafe's form (typesafe_sdk, POST /v1/systemone).
type SystemOneRequest struct {
	_         struct{}                     `additionalProperties:"true"`
	Model     string                       `json:"model,omitempty" doc:"Name of a model; may be left out where one alone answers"`
	State     json.RawMessage              `json:"state" required:"true" doc:"What the questions are about: a text, or any JSON"`
	Questions map[string]SystemOneQuestion `json:"questions" nullable:"false" doc:"Each by its id"`
}

// SystemOneQuestion is one of its questions.
type SystemOneQuestion struct {
	_            struct{}        `additionalProperties:"true"`
	Type         string          `json:"type" enum:"noul,choice,score,box" doc:"noul: yes or no; box, of images, is refused"`
	Instructions json.RawMessage `json:"instructions,omitempty" doc:"A text, or any JSON"`
	Criteria     json.RawMessage `json:"criteria,omitempty" doc:"noul: {true, false}; choice: {name: description or null}; score: the levels, the lowest first"`
}

// SystemOneAnswer has an answer for each question that has one; errors says why the others have none.
type SystemOneAnswer struct {
	Model   string                        `json:"model"`
	Digest  string                        `json:"digest" doc:"sha256 of the model's bundle's files"`
	Answers map[string]*SystemOneDecision `json:"answers"`
	Errors  map[string]Problem            `json:"errors,omitempty"`
	Usage   SystemOneUsage                `json:"usage"`
}

// SystemOneDecision is the answer to one question.
type SystemOneDecision struct {
	Type          string             `json:"type" enum:"noul,choice,score"`
	Noul          *float64           `json:"noul,omitempty" doc:"noul: the probability of yes"`
	Choice        string             `json:"choice,omitempty" doc:"choice: the most probable option's name"`
	Score         *float64           `json:"score,omitempty" doc:"score: Σ i·p_i over the levels, from 0"`
	Confidence    *float64           `json:"confidence,omitempty" doc:"choice: (n·max p − 1)/(n − 1); score: 1 less the mean distance from the mode over that of equal levels"`
	Legend        map[string]string  `json:"legend,omitempty" doc:"score: the levels by their index"`
	Probabilities map[string]float64 `json:"probabilities,omitempty"`
	Raw           *float64           `json:"x_raw,omitempty" doc:"Of a reward model: the value before the sigmoid"`
	Mass          *float64           `json:"x_label_mass,omitempty" doc:"The labels' share of the probability of the whole vocabulary"`
}

// SystemOneUsage counts tokens; none is written.
type SystemOneUsage struct {
	Input  int `json:"input_tokens"`
	Output int `json:"output_tokens"`
}

// DecisionsRequest is an input and typed questions about it, in the form of OpenAI's POST /v1/decisions.
type DecisionsRequest struct {
	_         struct{}            `additionalProperties:"true"`
	Model     string              `json:"model,omitempty" doc:"Name of a model; may be left out where one alone answers"`
	Input     json.RawMessage     `json:"input" required:"true" doc:"A text, or messages"`
	Questions []DecisionsQuestion `json:"questions" nullable:"false"`
}

// DecisionsQuestion is one of its questions.
type DecisionsQuestion struct {
	_            struct{}          `additionalProperties:"true"`
	Type         string            `json:"type" enum:"predicate,choice,score"`
	Name         *string           `json:"name,omitempty"`
	Instructions json.RawMessage   `json:"instructions" required:"true" doc:"A text, or parts of text"`
	Choices      []DecisionsChoice `json:"choices,omitzero" nullable:"false"`
	Levels       []DecisionsLevel  `json:"levels,omitzero" nullable:"false" doc:"The lowest first"`
}

// DecisionsChoice is an option of a choice.
type DecisionsChoice struct {
	_           struct{}        `additionalProperties:"true"`
	Value       json.RawMessage `json:"value" required:"true" doc:"A text, true or false"`
	Description string          `json:"description,omitempty"`
}

// DecisionsLevel is a level of a score.
type DecisionsLevel struct {
	_           struct{} `additionalProperties:"true"`
	Label       string   `json:"label"`
	Description string   `json:"description,omitempty"`
}

// DecisionsAnswer has an answer for each question, in their order; one that failed is a refusal with an error.
type DecisionsAnswer struct {
	Model   string         `json:"model"`
	Digest  string         `json:"digest" doc:"sha256 of the model's bundle's files"`
	Answers []Decision     `json:"answers" nullable:"false"`
	Usage   DecisionsUsage `json:"usage"`
}

// Decision is the answer to one question.
type Decision struct {
	Type          string                `json:"type" enum:"predicate,choice,score,refusal"`
	Name          *string               `json:"name"`
	Probability   *float64              `json:"probability,omitempty" doc:"predicate: of yes"`
	Choice        json.RawMessage       `json:"choice,omitempty" doc:"choice: the most probable value"`
	Score         *float64              `json:"score,omitempty" doc:"score: Σ i·p_i over the levels, from 0"`
	Probabilities []DecisionProbability `json:"probabilities,omitempty"`
	Confidence    *float64              `json:"confidence,omitempty" doc:"As /v1/systemone has it"`
	Raw           *float64              `json:"x_raw,omitempty" doc:"Of a reward model: the value before the sigmoid"`
	Mass          *float64              `json:"x_label_mass,omitempty" doc:"The labels' share of the probability of the whole vocabulary"`
	Error         *Problem              `json:"error,omitempty" doc:"refusal: why there is no answer"`
}

// DecisionProbability is that of one option or level.
type DecisionProbability struct {
	Value       json.RawMessage `json:"value" doc:"choice: the option's; score: the level's index"`
	Label       string          `json:"label,omitempty" doc:"score: the level's"`
	Probability float64         `json:"probability"`
}

// DecisionsUsage counts tokens as clients of OpenAI's API read them; none is written.
type DecisionsUsage struct {
	Input        int `json:"input_tokens"`
	InputDetails struct {
		Cached  int `json:"cached_tokens"`
		Written int `json:"cache_write_tokens"`
	} `json:"input_tokens_details"`
	Output        int `json:"output_tokens"`
	OutputDetails struct {
		Reasoning int `json:"reasoning_tokens"`
	} `json:"output_tokens_details"`
	Total int `json:"total_tokens"`
}

func (r *SystemOneRequest) decode(d *decoder) error { return object(d, &systemOneForm, r) }
func (r *DecisionsRequest) decode(d *decoder) error { return object(d, &decisionsForm, r) }

// maxQuestions is how many questions a request may have, as OpenAI's API has it.
const maxQuestions = 400

var systemOneForm = form[SystemOneRequest]{
	lenient: true,
	fields: []field[SystemOneRequest]{
		{"model", false, func(d *decoder, r *SystemOneRequest) error { return d.model(&r.Model) }},
		{"state", true, func(d *decoder, r *SystemOneRequest) error { return d.anything(&r.State) }},
		{"questions", true, func(d *decoder, r *SystemOneRequest) error {
			return byName(d, &r.Questions, ofRequest(maxQuestions), func(d *decoder, q *SystemOneQuestion) error {
				return object(d, &systemOneQuestionForm, q)
			})
		}},
		{"assets", false, func(d *decoder, _ *SystemOneRequest) error { return d.unheard() }},
		{"images", false, func(d *decoder, _ *SystemOneRequest) error { return d.unheard() }},
		{"audio", false, func(d *decoder, _ *SystemOneRequest) error { return d.unheard() }},
		{"videos", false, func(d *decoder, _ *SystemOneRequest) error { return d.unheard() }},
	},
	check: func(d *decoder, r *SystemOneRequest) error { return d.some(len(r.Questions), "questions", "question") },
}

var systemOneQuestionForm = form[SystemOneQuestion]{lenient: true, fields: []field[SystemOneQuestion]{
	{"type", true, func(d *decoder, q *SystemOneQuestion) error { return d.word(&q.Type, "noul", "choice", "score", "box") }},
	{"instructions", false, func(d *decoder, q *SystemOneQuestion) error { return d.anything(&q.Instructions) }},
	{"criteria", false, func(d *decoder, q *SystemOneQuestion) error { return d.anything(&q.Criteria) }},
}}

var decisionsForm = form[DecisionsRequest]{
	lenient: true,
	fields: []field[DecisionsRequest]{
		{"model", false, func(d *decoder, r *DecisionsRequest) error { return d.model(&r.Model) }},
		{"input", true, func(d *decoder, r *DecisionsRequest) error { return d.anything(&r.Input) }},
		{"questions", true, func(d *decoder, r *DecisionsRequest) error {
			return list(d, &r.Questions, ofRequest(maxQuestions), func(d *decoder, q *DecisionsQuestion) error {
				return object(d, &decisionsQuestionForm, q)
			})
		}},
		{"images", false, func(d *decoder, _ *DecisionsRequest) error { return d.unheard() }},
	},
	check: func(d *decoder, r *DecisionsRequest) error { return d.some(len(r.Questions), "questions", "question") },
}

var decisionsQuestionForm = form[DecisionsQuestion]{lenient: true, fields: []field[DecisionsQuestion]{
	{"type", true, func(d *decoder, q *DecisionsQuestion) error { return d.word(&q.Type, "predicate", "choice", "score") }},
	{"name", false, func(d *decoder, q *DecisionsQuestion) error {
		if null, err := d.null(); null || err != nil {
			return err
		}
		return d.optional(&q.Name)
	}},
	{"instructions", true, func(d *decoder, q *DecisionsQuestion) error { return d.anything(&q.Instructions) }},
	{"choices", false, func(d *decoder, q *DecisionsQuestion) error {
		return list(d, &q.Choices, ofItem(d.limits.Candidates), func(d *decoder, c *DecisionsChoice) error { return object(d, &choiceForm, c) })
	}},
	{"levels", false, func(d *decoder, q *DecisionsQuestion) error {
		return list(d, &q.Levels, ofItem(d.limits.Candidates), func(d *decoder, l *DecisionsLevel) error { return object(d, &levelForm, l) })
	}},
}}

var choiceForm = form[DecisionsChoice]{lenient: true, fields: []field[DecisionsChoice]{
	{"value", true, func(d *decoder, c *DecisionsChoice) error {
		if kind := d.in.PeekKind(); kind != jsontext.KindString && kind != jsontext.KindTrue && kind != jsontext.KindFalse {
			return d.wrong("string or boolean")
		}
		return d.anything(&c.Value)
	}},
	{"description", false, func(d *decoder, c *DecisionsChoice) error { return d.textOrNull(&c.Description) }},
}}

var levelForm = form[DecisionsLevel]{lenient: true, fields: []field[DecisionsLevel]{
	{"label", true, func(d *decoder, l *DecisionsLevel) error { return d.text(&l.Label) }},
	{"description", false, func(d *decoder, l *DecisionsLevel) error { return d.textOrNull(&l.Description) }},
}}

// model reads the name of a model, which may be null.
func (d *decoder) model(into *string) error { return d.textOrNull(into) }

// textOrNull reads a string; null is an empty one.
func (d *decoder) textOrNull(into *string) error {
	if null, err := d.null(); null || err != nil {
		return err
	}
	return d.text(into)
}

// anything reads a value of any type, which is kept as it is written but for the white space between its tokens.
func (d *decoder) anything(into *json.RawMessage) error {
	begin := d.in.InputOffset()
	if err := d.skip(); err != nil {
		return err
	}
	raw := bytes.TrimLeft(d.whole[begin:d.in.InputOffset()], " \t\r\n:,")
	value := jsontext.Value(bytes.Clone(raw))
	if !utf8.Valid(raw) || !value.IsValid() {
		return d.fail(CodeBadJSON, "is not Unicode, or has a name twice, in the value at byte %d", int(d.in.InputOffset())-len(raw)+1)
	}
	if err := value.Compact(); err != nil {
		return d.syntax(err)
	}
	*into = json.RawMessage(value)
	return nil
}

// unheard refuses what no model here sees or hears, where there is any.
func (d *decoder) unheard() error {
	var raw json.RawMessage
	if err := d.anything(&raw); err != nil {
		return err
	}
	if !slices.Contains([]string{"null", "[]", "{}"}, string(raw)) {
		return d.invalid("no model here reads anything but text")
	}
	return nil
}

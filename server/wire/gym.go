package wire

import (
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// GymVerify is what NeMo Gym's agents send to POST /verify: the row of a dataset, with the policy's response. All of
// the row comes back beside the reward.
type GymVerify struct {
	_        struct{}    `additionalProperties:"true"`
	Model    string      `json:"reward_model,omitempty" doc:"A field of the row: the model or the recipe that rewards it; the one that answers when left out"`
	Create   GymCreate   `json:"responses_create_params" doc:"What the policy was asked"`
	Response GymResponse `json:"response" doc:"What it answered, in the form of OpenAI's Responses"`
}

// GymCreate is what the policy was asked.
type GymCreate struct {
	_            struct{} `additionalProperties:"true"`
	Input        any      `json:"input" doc:"A text, or the turns before the response"`
	Instructions string   `json:"instructions,omitempty" doc:"A system turn before them"`
}

// GymResponse is what the policy answered.
type GymResponse struct {
	_      struct{}  `additionalProperties:"true"`
	Output []GymTurn `json:"output" nullable:"false"`
}

// GymTurn is a turn of a conversation, or what else stands between two: reasoning, or a call of a tool.
type GymTurn struct {
	_       struct{} `additionalProperties:"true"`
	Type    string   `json:"type,omitempty" doc:"message when left out"`
	Role    string   `json:"role,omitempty"`
	Content any      `json:"content,omitempty" doc:"A text, or parts with a text each"`
}

// GymVerified is what is beside the row in the answer.
type GymVerified struct {
	_          struct{}           `additionalProperties:"true"`
	Reward     float64            `json:"reward" doc:"0 beside _ng_failure_class, where there is no reward"`
	Components map[string]float64 `json:"reward_components,omitempty" doc:"What a recipe reads, or each label of a model that has several"`
	Model      string             `json:"reward_model,omitempty" doc:"That answered"`
	Digest     string             `json:"reward_digest,omitempty" doc:"sha256 of what answered"`

	Failure  string         `json:"_ng_failure_class,omitempty" enum:"judge_failed,verifier_error" doc:"Why there is no reward: the server's fault, or the sample's"`
	Terminal bool           `json:"_ng_failure_terminal,omitempty" doc:"The same sample would fail again"`
	Why      string         `json:"_ng_failure_judge_error,omitempty"`
	Mask     bool           `json:"mask_sample,omitempty" doc:"Trainers leave the sample out"`
	Config   *GymMaskConfig `json:"instance_config,omitempty" doc:"The same for trainers that look here, where the row has none"`
}

// GymMaskConfig says the same as mask_sample.
type GymMaskConfig struct {
	Mask bool `json:"mask_sample"`
}

// GymNothing is the body of POST /seed_session, and its answer: there are no sessions.
type GymNothing struct {
	_ struct{} `additionalProperties:"true"`
}

// GymVerifiedRows is what NeMo Gym sends to POST /aggregate_metrics.
type GymVerifiedRows struct {
	_    struct{} `additionalProperties:"true"`
	Rows []GymRow `json:"verify_responses" nullable:"false" doc:"Answers of /verify; those of a failure class are left out"`
}

// GymRow is the numbers of a row, in its order: those at its top, of its reward_components and of its response's usage.
// A truth is 0 or 1.
type GymRow []GymNumber

// GymNumber is one of them.
type GymNumber struct {
	Name  string
	Value float64
}

// GymMetrics are the mean, the greatest, the least, the median and the standard deviation of each number, by
// "mean/reward" and so on.
type GymMetrics struct {
	Groups []map[string]float64 `json:"group_level_metrics" nullable:"false" doc:"Of each task, by _ng_task_index"`
	Agent  map[string]float64   `json:"agent_metrics" doc:"Of all rows"`
	Key    map[string]float64   `json:"key_metrics" doc:"The means of all rows"`
}

// FastAPIError is a problem in the form of the servers that are written with FastAPI.
type FastAPIError struct {
	Detail string `json:"detail"`
}

func (r *GymVerify) decode(d *decoder) error       { return object(d, &gymVerifyForm, r) }
func (r *GymVerifiedRows) decode(d *decoder) error { return object(d, &gymRowsForm, r) }

var gymVerifyForm = form[GymVerify]{lenient: true, fields: []field[GymVerify]{
	{"reward_model", false, func(d *decoder, r *GymVerify) error { return d.text(&r.Model) }},
	{"responses_create_params", true, func(d *decoder, r *GymVerify) error { return object(d, &gymCreateForm, &r.Create) }},
	{"response", true, func(d *decoder, r *GymVerify) error { return object(d, &gymResponseForm, &r.Response) }},
}}

var gymCreateForm = form[GymCreate]{lenient: true, fields: []field[GymCreate]{
	{"input", true, func(d *decoder, c *GymCreate) error {
		if d.in.PeekKind() == jsontext.KindString {
			var text string
			err := d.text(&text)
			c.Input = text
			return err
		}
		var turns []GymTurn
		err := d.gymTurns(&turns)
		c.Input = turns
		return err
	}},
	{"instructions", false, func(d *decoder, c *GymCreate) error {
		return d.unlessNull(func() error { return d.text(&c.Instructions) })
	}},
}}

var gymResponseForm = form[GymResponse]{lenient: true, fields: []field[GymResponse]{
	{"output", true, func(d *decoder, r *GymResponse) error { return d.gymTurns(&r.Output) }},
}}

func (d *decoder) gymTurns(into *[]GymTurn) error {
	return list(d, into, ofItem(d.limits.Messages), func(d *decoder, t *GymTurn) error { return object(d, &gymTurnForm, t) })
}

var gymTurnForm = form[GymTurn]{lenient: true, fields: []field[GymTurn]{
	{"type", false, func(d *decoder, t *GymTurn) error { return d.text(&t.Type) }},
	{"role", false, func(d *decoder, t *GymTurn) error { return d.text(&t.Role) }},
	{"content", false, func(d *decoder, t *GymTurn) error {
		return d.unlessNull(func() error { return d.textOfParts(&t.Content) })
	}},
}}

var gymRowsForm = form[GymVerifiedRows]{lenient: true, fields: []field[GymVerifiedRows]{
	{"verify_responses", true, func(d *decoder, r *GymVerifiedRows) error {
		if err := list(d, &r.Rows, ofRequest(d.limits.Cells), (*decoder).gymRow); err != nil {
			return err
		}
		r.Rows = slices.DeleteFunc(r.Rows, func(row GymRow) bool { return row == nil })
		return nil
	}},
}}

// mostGymNumbers bounds those of a row.
const mostGymNumbers = 256

// gymRow reads the numbers of a row. It is nil where the row has failed.
func (d *decoder) gymRow(into *GymRow) error {
	row, failed := GymRow{}, false
	err := d.gymMembers(func(name string) error {
		switch {
		case name == "_ng_failure_class":
			failed = d.in.PeekKind() == jsontext.KindString
		case name == "reward_components" && d.in.PeekKind() == jsontext.KindBeginObject:
			return d.gymMembers(func(inner string) error { return d.gymNumber(&row, name+"/"+inner) })
		case name == "response" && d.in.PeekKind() == jsontext.KindBeginObject:
			return d.gymMembers(func(inner string) error {
				if inner != "usage" || d.in.PeekKind() != jsontext.KindBeginObject {
					return d.skip()
				}
				return d.gymMembers(func(of string) error { return d.gymNumber(&row, of) })
			})
		}
		return d.gymNumber(&row, name)
	})
	if !failed {
		*into = row
	}
	return err
}

// gymMembers reads an object, member by member.
func (d *decoder) gymMembers(read func(name string) error) error {
	if err := d.enter(jsontext.KindBeginObject, "object"); err != nil {
		return err
	}
	at := len(d.path)
	for d.in.PeekKind() == jsontext.KindString {
		raw, err := d.in.ReadValue()
		if err != nil {
			return d.syntax(err)
		}
		name, _ := d.unquote(raw)
		d.path = append(d.path, member(name))
		if err := read(name); err != nil {
			return err
		}
		d.path = d.path[:at]
	}
	return d.leave()
}

// gymNumber reads a number or a truth, and passes over everything else.
func (d *decoder) gymNumber(row *GymRow, name string) error {
	var value float64
	switch d.in.PeekKind() {
	case jsontext.KindNumber:
		if err := d.number(&value); err != nil {
			return err
		}
	case jsontext.KindTrue, jsontext.KindFalse:
		var truth bool
		if err := d.boolean(&truth); err != nil {
			return err
		}
		if truth {
			value = 1
		}
	default:
		return d.skip()
	}
	if slices.ContainsFunc(*row, func(n GymNumber) bool { return n.Name == name }) {
		return d.invalid("given twice")
	}
	if len(*row) >= mostGymNumbers {
		return d.fail(CodeTooLong, "more than %d, the limit of a row's numbers", mostGymNumbers)
	}
	*row = append(*row, GymNumber{name, value})
	return nil
}

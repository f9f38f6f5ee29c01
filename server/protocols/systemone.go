package protocols

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// systemOne is TypeSafe's API of decisions (typesafe_sdk), which SGLang, vLLM and the judges of verifiers speak too. A
// question that failed has no answer, and its problem stands under errors.
func systemOne() Protocol {
	return Protocol{
		Name: "systemone", Tell: tellSystemOne,
		Routes: []Route{{
			Method: http.MethodPost, Path: "/v1/systemone", Summary: "Typed questions about a state",
			Takes: wire.SystemOneRequest{}, Gives: wire.SystemOneAnswer{}, Ask: askSystemOne,
		}},
	}
}

func askSystemOne(c *Call) (Asked, error) {
	var form wire.SystemOneRequest
	if err := c.Decode(&form); err != nil {
		return Asked{}, err
	}
	ids := make([]string, 0, len(form.Questions))
	for id := range form.Questions {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	decisions := make([]decision, len(ids))
	for i, id := range ids {
		q := form.Questions[id]
		decisions[i] = decisionOf(&q)
	}
	request, verdicts, err := decide(c, form.Model, stateOf(form.State), decisions)
	return Asked{Request: request, Reply: func(given *rewards.Answer) (Reply, error) {
		return replySystemOne(c.ID, ids, decisions, verdicts(given), given)
	}}, err
}

// decisionOf is the decision that a question asks for.
func decisionOf(q *wire.SystemOneQuestion) decision {
	d := decision{instructions: plain(q.Instructions)}
	switch q.Type {
	case "noul":
		d.options = slices.Clone(yesNo)
		criteria, _ := membersOf(q.Criteria)
		for _, o := range criteria {
			switch o.name {
			case "true":
				d.options[0].description = o.description
			case "false":
				d.options[1].description = o.description
			}
		}
	case "choice":
		d.kind = oneOf
		var isObject bool
		if d.options, isObject = membersOf(q.Criteria); !isObject {
			d.refused = failure.New(failure.CodeInvalidField, "criteria: of a choice must be an object of its options")
		}
		d.check("criteria")
	case "score":
		d.kind = graded
		var isList bool
		if d.options, isList = elementsOf(q.Criteria); !isList {
			d.refused = failure.New(failure.CodeInvalidField, "criteria: of a score must be the list of its levels")
		}
		d.check("criteria")
	default:
		d.refused = failure.New(failure.CodeInvalidField, "type: %s is asked of images, and no model here reads any", q.Type)
	}
	return d
}

// stateOf is what a state says to a choice model, and the item in it that a reward model reads: a question, or prompt,
// and a response.
func stateOf(raw json.RawMessage) *subject {
	about := &subject{text: plain(raw)}
	var item encode.Item
	members, _ := membersOf(raw)
	for i := range members {
		switch m := &members[i]; {
		case m.name == "response":
			item.Response = &m.description
		case m.name == "question", m.name == "prompt" && item.Prompt == nil:
			item.Prompt = &m.description
		}
	}
	if item.Prompt != nil && item.Response != nil {
		about.item = &item
	}
	return about
}

func replySystemOne(id string, ids []string, decisions []decision, verdicts []verdict, given *rewards.Answer) (Reply, error) {
	if err := failedAll(verdicts, "questions."+ids[0]); err != nil {
		return Reply{}, err
	}
	out := make(jsonText, 0, 512)
	out.open()
	out.field("model").text(given.Model)
	out.field("digest").text(given.Digest)
	out.field("answers").open()
	failed := false
	for i, name := range ids {
		if failed = failed || verdicts[i].err != nil; verdicts[i].err == nil {
			out.field(name)
			systemOneDecision(&out, &decisions[i], &verdicts[i])
		}
	}
	out.close()
	if failed {
		errors := map[string]wire.Problem{}
		for i, name := range ids {
			if verdicts[i].err != nil {
				errors[name] = problem.Item(verdicts[i].err)
			}
		}
		out.field("errors").value(errors)
	}
	out.field("usage").value(wire.SystemOneUsage{Input: given.Usage.Tokens})
	out.close()
	return Reply{Body: out.bytes(), Header: http.Header{"X-Typesafe-Request-Id": {id}}}, nil
}

// systemOneDecision writes a [wire.SystemOneDecision], whose options stand in the order in which they were asked.
func systemOneDecision(out *jsonText, d *decision, v *verdict) {
	out.open()
	switch d.kind {
	case yesOrNo:
		out.field("type").text("noul")
		out.field("noul").number(v.probabilities[0])
	case oneOf:
		out.field("type").text("choice")
		out.field("choice").text(d.options[v.best].name)
		out.field("confidence").number(v.confidence(oneOf))
		out.field("probabilities").open()
		for i, o := range d.options {
			out.field(o.name).number(v.probabilities[i])
		}
		out.close()
	case graded:
		out.field("type").text("score")
		out.field("score").number(v.score())
		out.field("confidence").number(v.confidence(graded))
		out.field("legend").open()
		for i, o := range d.options {
			out.field(digits[i]).text(o.name)
		}
		out.close()
		out.field("probabilities").open()
		for i, p := range v.probabilities {
			out.field(digits[i]).number(p)
		}
		out.close()
	}
	if v.raw.Known {
		out.field("x_raw").number(v.raw.Value)
	}
	if v.mass.Known {
		out.field("x_label_mass").number(v.mass.Value)
	}
	out.close()
}

// tellSystemOne has FastAPI's form, of which clients read the message.
func tellSystemOne(p *problem.Problem) Reply {
	type fault struct {
		Where []string `json:"loc"`
		Says  string   `json:"msg"`
		Type  string   `json:"type"`
	}
	return Reply{Status: p.Status, Body: struct {
		Message string  `json:"message"`
		Detail  []fault `json:"detail"`
	}{p.Detail, []fault{{[]string{"body"}, p.Detail, p.Code}}}}
}

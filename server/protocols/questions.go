package protocols

import (
	"math"
	"slices"
	"strings"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/server/problem"
)

// decision is a typed question about a state: which of some options holds. Its options have labels of one token each,
// and a choice model tells how probable each label is behind the state and the question:
//
//	the state
//
//	Question: Is the answer right?
//	A: right - it is what the reference says
//	B: wrong
//
//	Answer with one letter.
//
// The state comes first, so that it is computed once for all questions about it. A scalar reward model reads no
// question: it is asked for one question of two options alone, and the sigmoid of its raw value is the probability of
// the second.
type decision struct {
	kind         decisionKind
	instructions string
	options      []option
	refused      error // why it cannot be asked
}

type decisionKind int

const (
	yesOrNo decisionKind = iota // options: yes, no
	oneOf
	graded // options: the levels, the lowest first
)

// option is what may hold; its description may be empty.
type option struct{ name, description string }

// verdict is how probable each option of a decision is, or why that is not known.
type verdict struct {
	err           *failure.Error
	probabilities []float64
	best          int
	mass          ops.Maybe // the labels' share of the vocabulary's probability; missing under a reward model
	raw           ops.Maybe // under a reward model
}

// Most options of a decision: the letters of the alphabet, and the digits.
const (
	mostChoices = 26
	mostLevels  = 10
)

// labels are the tokens that stand for the options.
func (d *decision) labels() []string {
	switch d.kind {
	case yesOrNo:
		return []string{"yes", "no"}
	case oneOf:
		return letters[:len(d.options)]
	default:
		return digits[:len(d.options)]
	}
}

var (
	letters = strings.Split("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "")
	digits  = strings.Split("0123456789", "")
	yesNo   = []option{{name: "yes"}, {name: "no"}}
)

// text is the prompt of a choice model.
func (d *decision) text(state string) string {
	var out strings.Builder
	out.WriteString(state)
	out.WriteString("\n\nQuestion: ")
	out.WriteString(d.instructions)
	out.WriteString("\n")
	labels := d.labels()
	for i, o := range d.options {
		if d.kind == yesOrNo && o.description == "" {
			continue
		}
		out.WriteString(labels[i])
		out.WriteString(": ")
		if d.kind != yesOrNo {
			out.WriteString(o.name)
			if o.description != "" {
				out.WriteString(" - ")
			}
		}
		out.WriteString(o.description)
		out.WriteString("\n")
	}
	out.WriteString(map[decisionKind]string{yesOrNo: "\nAnswer yes or no.", oneOf: "\nAnswer with one letter.", graded: "\nAnswer with one digit."}[d.kind])
	return out.String()
}

// check refuses a decision that has no options to choose among, or more than there are labels.
func (d *decision) check(options string) {
	n, least, most := len(d.options), 2, mostChoices
	if d.kind == graded {
		least, most = 1, mostLevels
	}
	if d.refused == nil && (n < least || n > most) {
		d.refused = failure.New(failure.CodeInvalidField, "%s: %d are given, and there must be %d to %d", options, n, least, most)
	}
}

// subject is what decisions are about: a text for choice models, and for reward models an item, where there is one.
type subject struct {
	text string
	item *encode.Item
}

// decide asks a model about a subject. verdicts makes one verdict of each decision out of the answer.
func decide(c *Call, model string, about *subject, decisions []decision) (rewards.Request, func(*rewards.Answer) []verdict, error) {
	if model = c.Model(model, rewards.Choose); !answers(c, model, rewards.Choose) && answers(c, c.Model(model, rewards.Score), rewards.Score) {
		return decideByReward(c.Model(model, rewards.Score), about, decisions)
	}
	request := rewards.Request{Question: rewards.Choose, Model: model, Items: make([]encode.Item, len(decisions))}
	for i := range decisions {
		d := &decisions[i]
		if d.refused != nil {
			if request.Refused == nil {
				request.Refused = map[int]error{}
			}
			request.Refused[i] = d.refused
			continue
		}
		prompt := d.text(about.text)
		request.Items[i] = encode.Item{Prompt: &prompt, Candidates: d.labels()}
	}
	return request, verdictsOfChoices, nil
}

// answers tells whether a model of that name answers a question, or, without a name, whether any does. A recipe gives
// scores.
func answers(c *Call, model string, question rewards.Question) bool {
	models := c.Engine.Models()
	for i := range models {
		if m := &models[i]; model == "" && slices.Contains(m.Answers, string(question)) {
			return true
		} else if model != "" && m.Manifest.Name == model {
			return slices.Contains(m.Answers, string(question))
		}
	}
	return model != "" && question == rewards.Score && c.Engine.Serves(model)
}

// decideByReward asks a reward model for the score of what the one decision is about.
func decideByReward(model string, about *subject, decisions []decision) (rewards.Request, func(*rewards.Answer) []verdict, error) {
	d := &decisions[0]
	if len(decisions) != 1 {
		return rewards.Request{}, nil, problem.New(failure.CodeInvalidField,
			"questions: %d are asked of a reward model, which reads no question and would answer all alike; ask one", len(decisions))
	}
	if d.refused != nil {
		return rewards.Request{}, nil, d.refused
	}
	if d.kind == oneOf || len(d.options) != 2 {
		return rewards.Request{}, nil, problem.New(failure.CodeInvalidField,
			"questions: a reward model answers yes or no, or a score of two levels; a choice model answers others")
	}
	if about.item == nil {
		return rewards.Request{}, nil, problem.New(failure.CodeInvalidField,
			"the subject of the question is a text, and a reward model needs a question and a response in it, or messages that end with the assistant's")
	}
	verdicts := func(given *rewards.Answer) []verdict {
		r := &given.Results[0]
		if r.Err != nil {
			return []verdict{{err: r.Err}}
		}
		if !r.Raw.Known {
			return []verdict{{err: failure.New(failure.CodeInvalidField, "model: %q gives no raw value, of which a probability could be made", given.Model)}}
		}
		p := ops.Sigmoid(r.Raw.Value)
		if d.kind == yesOrNo {
			p = 1 - p // yes stands first
		}
		v := verdict{probabilities: []float64{1 - p, p}, raw: r.Raw}
		if v.probabilities[1] > v.probabilities[0] {
			v.best = 1
		}
		return []verdict{v}
	}
	return rewards.Request{Question: rewards.Score, Model: model, Items: []encode.Item{*about.item}}, verdicts, nil
}

func verdictsOfChoices(given *rewards.Answer) []verdict {
	all := make([]verdict, len(given.Choices))
	for i := range given.Choices {
		choice := &given.Choices[i]
		if choice.Err != nil {
			all[i].err = choice.Err
			continue
		}
		all[i] = verdict{probabilities: make([]float64, len(choice.Candidates)), best: choice.Best, mass: ops.Some(choice.Share)}
		for k := range choice.Candidates {
			all[i].probabilities[k] = choice.Candidates[k].Probability
		}
	}
	return all
}

// score is the expected level, from 0.
func (v *verdict) score() float64 {
	sum := 0.0
	for i, p := range v.probabilities {
		sum += float64(i) * p
	}
	return sum
}

// confidence of a choice is (n·max p − 1)/(n − 1), and of a score 1 less the mean distance from its mode, as a share of
// that of equally probable levels from their middle: TypeSafe's, and SGLang's (entrypoints/systemone). It is 1 of one
// option.
func (v *verdict) confidence(kind decisionKind) float64 {
	n := float64(len(v.probabilities))
	if n == 1 {
		return 1
	}
	if kind != graded {
		return (n*v.probabilities[v.best] - 1) / (n - 1)
	}
	distance, equal := 0.0, 0.0
	for i, p := range v.probabilities {
		distance += p * math.Abs(float64(i-v.best))
		equal += math.Abs(float64(i)-(n-1)/2) / n
	}
	return max(0, 1-distance/equal)
}

// failedAll is the error of an answer none of whose decisions has a verdict: that of the first, led by its field.
func failedAll(verdicts []verdict, first string) error {
	for i := range verdicts {
		if verdicts[i].err == nil {
			return nil
		}
	}
	return Failed(verdicts[0].err, first)
}

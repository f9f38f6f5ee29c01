package evaluation

import (
	"cmp"
	"context"

	"github.com/assay-rm/assay/commands/bulk"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
)

// question asks a model about the examples of rows.
type question struct {
	format  *format
	model   string
	answers []string // the questions that the model answers
	options *Options
}

// outcome is what an example came to.
type outcome struct {
	Split   string    `json:"s"`
	Key     string    `json:"k,omitempty"`
	Numbers []float64 `json:"n,omitempty"`
	Err     string    `json:"e,omitempty"` // why there are none: a code and a sentence

	why *failure.Error
}

// Failed is why a row has no score.
func (question) Failed(all []outcome) *failure.Error {
	var first *failure.Error
	for i := range all {
		first = cmp.Or(first, all[i].why)
	}
	return first
}

// Ask asks about the examples of all rows in one request; of a model that compares, about each set of responses in one
// of its own.
func (q question) Ask(ctx context.Context, engine bulk.Engine, rows [][]example) ([][]outcome, error) {
	var flat []*example
	for _, row := range rows {
		for i := range row {
			flat = append(flat, &row[i])
		}
	}
	readings, err := q.readings(ctx, engine, flat)
	if err != nil {
		return nil, err
	}
	all := make([][]outcome, len(rows))
	for i, row := range rows {
		for k := range row {
			all[i] = append(all[i], q.outcome(&row[k], &readings[0]))
			readings = readings[1:]
		}
	}
	return all, nil
}

func (q question) outcome(e *example, r *reading) outcome {
	o := outcome{Split: e.split, Key: e.key}
	if o.why = r.err; o.why == nil {
		o.Numbers, o.why = q.format.observe(e, r)
	}
	if o.why != nil {
		o.Err = o.why.Code + ": " + o.why.Detail
	}
	return o
}

// without are the outcomes of a row that was not asked.
func (q question) without(row []example, err *failure.Error) []outcome {
	all := make([]outcome, len(row))
	for i := range row {
		all[i] = q.outcome(&row[i], &reading{err: err})
	}
	return all
}

func (q question) about(what rewards.Question) rewards.Request {
	return rewards.Request{Question: what, Model: q.model, Truncate: q.options.Truncate}
}

func (q question) readings(ctx context.Context, engine bulk.Engine, all []*example) ([]reading, error) {
	switch q.format.asks {
	case askPair:
		return q.pairs(ctx, engine, all)
	case askSteps:
		return q.steps(ctx, engine, all)
	case askNothing:
		return make([]reading, len(all)), nil
	case askResponses:
	}
	if !asked(q.answers, rewards.Score) && !asked(q.answers, rewards.Steps) {
		return bulk.OneByOne(ctx, all, func(ctx context.Context, e *example) (reading, error) {
			return q.rank(ctx, engine, e)
		}, func(err *failure.Error) reading { return reading{err: err} })
	}
	return q.responses(ctx, engine, all)
}

func (q question) pairs(ctx context.Context, engine bulk.Engine, all []*example) ([]reading, error) {
	request := q.about(rewards.Pairs)
	for _, e := range all {
		request.Groups = append(request.Groups, e.group)
	}
	answer, err := engine.Ask(ctx, request)
	if err != nil {
		return nil, err
	}
	readings := make([]reading, len(all))
	for i := range readings {
		readings[i].pair = &answer.Pairs[i]
	}
	return readings, nil
}

func (q question) steps(ctx context.Context, engine bulk.Engine, all []*example) ([]reading, error) {
	request := q.about(rewards.Steps)
	request.Threshold = q.options.Threshold
	for _, e := range all {
		request.Items = append(request.Items, itemOf(e, nil, e.steps))
	}
	answer, err := engine.Ask(ctx, request)
	if err != nil {
		return nil, err
	}
	if !answer.Threshold.Known {
		return nil, failure.New(failure.CodeInvalidField, "threshold: the scores of model %s have no scale, so it must be given", answer.Model)
	}
	readings := make([]reading, len(all))
	for i := range readings {
		readings[i] = reading{err: answer.Steps[i].Err, steps: &answer.Steps[i], threshold: answer.Threshold.Value}
	}
	return readings, nil
}

// itemOf is one response to the example's prompt, or a solution in steps.
func itemOf(e *example, response *string, steps []string) encode.Item {
	g := &e.group
	return encode.Item{
		Prompt: g.Prompt, Messages: g.Messages, Reference: g.Reference, Principle: g.Principle, Response: response, Steps: steps,
	}
}

// responses scores every response on its own, of a process model by its steps.
func (q question) responses(ctx context.Context, engine bulk.Engine, all []*example) ([]reading, error) {
	process := asked(q.answers, rewards.Steps)
	request := q.about(rewards.Score)
	if process {
		request = q.about(rewards.Steps)
	}
	for _, e := range all {
		for k := range e.group.Responses {
			item := itemOf(e, &e.group.Responses[k], nil)
			switch {
			case process && e.steps != nil:
				item = itemOf(e, nil, e.steps)
			case process:
				item.Separator = &q.options.Separator
			}
			request.Items = append(request.Items, item)
		}
	}
	answer, err := engine.Ask(ctx, request)
	if err != nil {
		return nil, err
	}
	scored := make([]ops.Maybe, len(request.Items))
	for i := range answer.Results {
		if r := &answer.Results[i]; r.Err == nil {
			scored[i] = ops.Some(r.Score)
		}
	}
	for i := range answer.Steps {
		if r := &answer.Steps[i]; r.Err == nil {
			scored[i] = q.options.Aggregate.of(r)
		}
	}
	var errs []*failure.Error
	for err := range answer.Errors() {
		errs = append(errs, err)
	}
	readings := make([]reading, len(all))
	for i, e := range all {
		n := len(e.group.Responses)
		readings[i] = ranked(scored[:n], cmp.Or(errs[:n]...))
		readings[i].threshold = q.options.Threshold.Value
		scored, errs = scored[n:], errs[n:]
	}
	return readings, nil
}

// ranked is the reading of scores, each of which must be there.
func ranked(scored []ops.Maybe, err *failure.Error) reading {
	r := reading{err: err}
	for _, s := range scored {
		if !s.Known && r.err == nil {
			r.err = failure.New(failure.CodeInternal, "the steps of a response have no score of that aggregate")
		}
		r.scores = append(r.scores, s.Value)
	}
	if order := ops.Order(scored, nil); len(order) > 0 {
		r.best = order[0]
	}
	return r
}

// rank asks a model that compares; a response's score is its win rate.
func (q question) rank(ctx context.Context, engine bulk.Engine, e *example) (reading, error) {
	request := q.about(rewards.Rank)
	request.Groups = []rewards.Group{e.group}
	answer, err := engine.Ask(ctx, request)
	if why := failure.Of(err); why != nil {
		if bulk.OfCommand(why) {
			return reading{}, err
		}
		return reading{err: why}, nil
	}
	r := reading{threshold: q.options.Threshold.Value}
	for of := range answer.Errors() {
		r.err = cmp.Or(r.err, of)
	}
	for i := range answer.Results {
		r.scores = append(r.scores, answer.Results[i].Score)
	}
	if len(answer.Ranking) > 0 {
		r.best = answer.Ranking[0]
	}
	return r, nil
}

// Aggregate says how the scores of steps become the score of a response: min, last, mean or product.
type Aggregate string

func (a Aggregate) of(r *rewards.StepsResult) ops.Maybe {
	switch a {
	case "last":
		return ops.Some(r.Last)
	case "mean":
		return ops.Some(r.Mean)
	case "product":
		return r.Product
	}
	return ops.Some(r.Min)
}

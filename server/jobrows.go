package server

import (
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/native"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// jobRow is a row of a job, and what came of it.
type jobRow struct {
	item    wire.Item     // of score and steps
	group   wire.JobGroup // of rank and compare
	ignored []string
	why     *failure.Error // why it could not be read, or asked
	failed  bool           // there is an error in what was answered

	score *jobResult
	steps *stepsOfJob
	ranks *groupOfJob
}

// What a line says of a row. It has what the answer of the route has, but for what is not the same each time that it is
// computed: how many tokens were shared or cached, and how long it took.
type (
	jobResult struct {
		wire.ScoreResult
		*jobTokens
	}
	jobTokens struct {
		Tokens    int `json:"tokens"`
		Truncated int `json:"truncated,omitempty"`
	}
	scoreOfJob struct {
		Row int `json:"row"`
		jobResult
	}
	stepsOfJob struct {
		Row int `json:"row"`
		wire.StepsResult
		*jobTokens
	}
	groupOfJob struct {
		Row int `json:"row"`

		Best       *int           `json:"best,omitempty"`
		Ranking    []wire.Ranked  `json:"ranking,omitempty"`
		Selected   *wire.Selected `json:"selected,omitempty"`
		Preference [][]*float64   `json:"preference,omitempty"`
		WinRate    []*float64     `json:"win_rate,omitempty"`

		Aggregates map[string]wire.Aggregated `json:"aggregates,omitempty"`
		Statistics *wire.Statistics           `json:"statistics,omitempty"`
		Values     map[string]float64         `json:"values,omitempty"`
		Responses  []jobResult                `json:"responses,omitempty"`

		Probability *float64   `json:"probability,omitempty"`
		Margin      *float64   `json:"margin,omitempty"`
		Chosen      *jobResult `json:"chosen,omitempty"`
		Rejected    *jobResult `json:"rejected,omitempty"`

		*wire.Tag
		Error *wire.Problem `json:"error,omitempty"`
	}
)

// line is what a result says of the row of that number.
func (r *jobRow) line(number int) any {
	switch {
	case r.why != nil:
		tag := r.item.Tag
		if tag == nil {
			tag = r.group.Tag
		}
		return groupOfJob{Row: number, Tag: tag, Error: native.Error(r.why)}
	case r.score != nil:
		return scoreOfJob{number, *r.score}
	case r.steps != nil:
		r.steps.Row = number
		return r.steps
	}
	r.ranks.Row = number
	return r.ranks
}

func (c *chunk) groups() bool { return c.form.Question == "rank" || c.form.Question == "compare" }

// read reads the rows. One that cannot be read fails alone.
func (c *chunk) read() {
	limits := wire.Limits{Items: c.work.s.options.MaxItems}
	for i := range c.rows {
		row := &c.rows[i]
		var err error
		if c.groups() {
			err = wire.DecodeLine(c.task.Rows[i], &row.group, limits)
		} else {
			row.ignored, err = wire.DecodeSample(c.task.Rows[i], &row.item, limits)
		}
		if err != nil {
			row.item, row.group, row.why = wire.Item{}, wire.JobGroup{}, refusedRow(err)
		}
	}
}

// refusedRow is why a row could not be read.
func refusedRow(err error) *failure.Error {
	p := problem.Of(err)
	return failure.New(p.Code, "%s", p.Detail)
}

// request is what is asked of rows: of many items, or of one row of responses.
func (c *chunk) request(rows []int) (rewards.Request, error) {
	form := &c.form
	common, scoring := jobHead(form), wire.Scoring{Activation: form.Activation, Label: form.Label}
	if c.groups() {
		row := &c.rows[rows[0]].group
		if form.Question == "rank" {
			return rankRow(form, row, common, scoring)
		}
		return compareRow(form, row, common)
	}
	items := make([]wire.Item, len(rows))
	for i, at := range rows {
		items[i] = c.rows[at].item
	}
	if form.Question == "steps" {
		return native.StepsRequest(&wire.StepsRequest{Common: common, Items: items, Threshold: form.Threshold})
	}
	return native.ScoreRequest(&wire.ScoreRequest{Common: common, Scoring: scoring, Items: items, Explain: form.Explain})
}

func rankRow(form *wire.JobRequest, row *wire.JobGroup, common wire.Common, scoring wire.Scoring) (rewards.Request, error) {
	if row.Chosen != nil || row.Rejected != nil {
		return rewards.Request{}, failure.New(failure.CodeInvalidField, "chosen, rejected: are of a row to compare, and rank takes responses")
	}
	return native.RankRequest(&wire.RankRequest{
		Common: common, Scoring: scoring, Prompted: row.Prompted, Responses: row.Responses, Given: row.Given, Refused: row.Refused,
		Selecting: wire.Selecting{
			Strategy: form.Strategy, N: form.N, Share: form.Share, Power: form.Power, Statistics: form.Statistics, Answers: row.Answers, Seed: row.Seed,
		},
	})
}

func compareRow(form *wire.JobRequest, row *wire.JobGroup, common wire.Common) (rewards.Request, error) {
	request := &wire.CompareRequest{
		Common: common, Label: form.Label, Prompted: row.Prompted, Responses: row.Responses, Given: row.Given, Refused: row.Refused,
		Summing: wire.Summing{Aggregate: form.Aggregate, EloScale: form.EloScale, Statistics: form.Statistics},
	}
	switch {
	case row.Answers != nil || row.Seed != nil:
		return rewards.Request{}, failure.New(failure.CodeInvalidField, "answers, seed: are of a row to rank")
	case row.Chosen == nil && row.Rejected == nil && len(row.Responses) >= 2:
		return native.CompareRequest(request)
	case row.Chosen == nil || row.Rejected == nil || row.Responses != nil:
		return rewards.Request{}, failure.New(failure.CodeInvalidField, "responses: must hold at least two responses, unless chosen and rejected are given")
	}
	request.Pairs = []wire.Pair{{Prompted: row.Prompted, Chosen: row.Chosen, Rejected: row.Rejected, Given: row.Given}}
	request.Prompted, request.Given = wire.Prompted{}, nil
	return native.CompareRequest(request)
}

// fill puts an answer into its rows.
func (c *chunk) fill(rows []int, answer *rewards.Answer) {
	switch c.form.Question {
	case "score":
		for i, at := range rows {
			row, result := &c.rows[at], reproducible(native.Result(&answer.Results[i]))
			result.Tag = row.item.Tag
			row.score, row.failed = &result, result.Error != nil
		}
	case "steps":
		for i, at := range rows {
			row, result := &c.rows[at], native.StepsResult(&answer.Steps[i])
			result.Tag = row.item.Tag
			tokens := jobTokensOf(result.Tokens)
			result.Tokens = nil
			row.steps, row.failed = &stepsOfJob{StepsResult: result, jobTokens: tokens}, result.Error != nil
		}
	default:
		row := &c.rows[rows[0]]
		_, failed := answer.Items()
		row.ranks, row.failed = c.ranks(row, answer), failed > 0
	}
}

// ranks is what came of a row of responses.
func (c *chunk) ranks(row *jobRow, answer *rewards.Answer) *groupOfJob {
	of := &groupOfJob{Tag: row.group.Tag}
	var responses []wire.ScoreResult
	if c.form.Question == "rank" {
		form := native.RankAnswer(answer)
		of.Best, of.Ranking, of.Selected, of.Values, of.Statistics = form.Best, form.Ranking, &form.Selected, form.Values, form.Statistics
		responses = form.Responses
	} else {
		form := native.CompareAnswer(answer)
		if len(form.Results) == 1 {
			pair := &form.Results[0]
			of.Probability, of.Margin, of.Values, of.Error = pair.Probability, pair.Margin, pair.Values, pair.Error
			if pair.Chosen != nil {
				of.Chosen, of.Rejected = new(reproducible(*pair.Chosen)), new(reproducible(*pair.Rejected))
			}
			return of
		}
		of.Preference, of.WinRate, of.Aggregates, of.Values, of.Statistics = form.Preference, form.WinRate, form.Aggregates, form.Values, form.Statistics
		responses = form.Responses
	}
	of.Responses = make([]jobResult, len(responses))
	for i := range responses {
		of.Responses[i] = reproducible(responses[i])
		if i < len(row.group.Tags) {
			of.Responses[i].Tag = &row.group.Tags[i]
		}
	}
	return of
}

// reproducible is a result without what is not the same each time.
func reproducible(of wire.ScoreResult) jobResult {
	tokens := jobTokensOf(of.Tokens)
	of.Tokens = nil
	for name, component := range of.Components {
		component.Tokens = nil
		of.Components[name] = component
	}
	return jobResult{of, tokens}
}

func jobTokensOf(of *wire.Tokens) *jobTokens {
	if of == nil {
		return nil
	}
	return &jobTokens{of.Tokens, of.Truncated}
}

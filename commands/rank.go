package commands

import (
	"context"

	"github.com/assay-rm/assay/commands/bulk"
	"github.com/assay-rm/assay/commands/page"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/native"
	"github.com/assay-rm/assay/server/wire"
)

// listChunk is how many prompts with their responses are asked at once.
const listChunk = 64

// rankCommand is `assay rank`.
type rankCommand struct {
	Offline offlineFlags `embed:""`
	Scoring scoringFlags `embed:""`
	N       int          `name:"n" default:"0" help:"Places to keep; 0 keeps all."`
}

// Help is shown by assay rank --help.
func (*rankCommand) Help() string {
	return `Each line is a prompt and its responses:
  {"prompt": "12 + 30?", "responses": ["42", "43"]}
  {"messages": [{"role": "user", "content": "12 + 30?"}], "responses": ["42", "43"]}`
}

// Validate is called by the parser.
func (c *rankCommand) Validate() error {
	if c.N < 0 {
		return usage("--n is %d, and must not be negative", c.N)
	}
	return nil
}

// Run ranks the responses of every line.
func (c *rankCommand) Run(ctx context.Context, con *console) error {
	return runOffline(ctx, con, &c.Offline, listChunk, c)
}

// title shows the end of the prompt.
func title(line *wire.RankLine) string {
	return preview(wire.Item{Prompt: line.Prompt, Messages: line.Messages})
}

// rankRecord is a line's ranking, or the error of all its responses.
type rankRecord struct {
	Line      int                `json:"line"`
	Best      *int               `json:"best,omitempty"`
	Ranking   []wire.Ranked      `json:"ranking,omitempty"`
	Responses []wire.ScoreResult `json:"responses,omitempty"`
	Error     *wire.Problem      `json:"error,omitempty"`
}

// listAnswer is what a line of responses was answered with, or why it was not.
type listAnswer struct {
	rewards.Answer
	err *failure.Error
}

func refusedList(err *failure.Error) listAnswer { return listAnswer{err: err} }

// failed is why the line, or the first result of it that failed, has no score.
func (a *listAnswer) failed() *failure.Error {
	if a.err != nil {
		return a.err
	}
	for err := range a.Errors() {
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *rankCommand) Ask(ctx context.Context, engine bulk.Engine, lines []wire.RankLine) ([]listAnswer, error) {
	one := func(ctx context.Context, line wire.RankLine) (listAnswer, error) {
		request := c.Offline.about(rewards.Rank)
		request.Activation, request.Label, request.Places = c.Scoring.Activation, c.Scoring.Label, c.N
		native.Responses(&request, &line)
		answer, err := engine.Ask(ctx, request)
		return listAnswer{Answer: answer}, err
	}
	return bulk.OneByOne(ctx, lines, one, refusedList)
}

func (*rankCommand) Failed(answer listAnswer) *failure.Error { return answer.failed() }

func (*rankCommand) Record(number int, answer listAnswer) any {
	record := rankRecord{Line: number, Error: native.Error(answer.err)}
	if answer.err == nil {
		form := native.RankAnswer(&answer.Answer)
		record.Best, record.Ranking, record.Responses = form.Best, form.Ranking, form.Responses
	}
	return record
}

func (*rankCommand) Header() string { return "  line  rank      score  response" }

func (*rankCommand) Show(p *page.Page, number int, line wire.RankLine, answer listAnswer) {
	if answer.err != nil {
		bulk.ShowError(p, number, answer.err)
		return
	}
	p.Line("%6d  %s", number, title(&line))
	for place, at := range answer.Ranking {
		p.Line("        %4d  %9.4f  #%d %s", place+1, answer.Results[at].Score, at, page.OneLine(line.Responses[at], 60))
	}
	for i := range answer.Results {
		if err := answer.Results[i].Err; err != nil {
			p.Line("           -          -  #%d %s: %s", i, err.Code, page.OneLine(err.Detail, 160))
		}
	}
}

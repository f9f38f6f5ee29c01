package commands

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/assay-rm/assay/commands/bulk"
	"github.com/assay-rm/assay/commands/page"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/order"
	"github.com/assay-rm/assay/rewards/ranking"
	"github.com/assay-rm/assay/server/native"
	"github.com/assay-rm/assay/server/wire"
)

// listChunk is how many prompts with their responses are asked at once.
const listChunk = 64

// rankCommand is `assay rank`.
type rankCommand struct {
	Offline offlineFlags `embed:""`
	Scoring scoringFlags `embed:""`
	N       int          `name:"n" default:"0" help:"Places to keep; 0 keeps all. Of top_n also how many are selected."`

	Strategy   ranking.Strategy `enum:"best_of_n,top_n,best_worst,majority,weighted_vote,weighted_mean,tournament,nash" default:"best_of_n" help:"Which responses are selected: best_of_n, top_n, best_worst, majority, weighted_vote, weighted_mean, tournament or nash."`
	Statistics bool             `help:"Tell what the scores of each line are as a group."`
}

// Help is shown by assay rank --help.
func (*rankCommand) Help() string {
	return `Each line is a prompt and its responses:
  {"prompt": "12 + 30?", "responses": ["42", "43"]}
  {"messages": [{"role": "user", "content": "12 + 30?"}], "responses": ["42", "43"]}
For the votes (majority, weighted_vote, weighted_mean) each has the final answer of every response, which may be empty:
  {"prompt": "12 + 30?", "responses": ["It is 42.", "It is 43."], "answers": ["42", "43"]}`
}

// Validate is called by the parser.
func (c *rankCommand) Validate() error {
	if c.N < 0 {
		return usage("--n is %d, and must not be negative", c.N)
	}
	if c.N == 0 && c.Strategy == ranking.TopN {
		return usage("--n is 0, and --strategy top_n selects so many")
	}
	return nil
}

// Run ranks the responses of every line.
func (c *rankCommand) Run(ctx context.Context, con *console) error {
	return runOffline(ctx, con, &c.Offline, listChunk, c)
}

func (c *rankCommand) terms() terms[wire.RankLine] {
	options := c.Scoring.changing()
	options["n"] = given(c.N > 0, strconv.Itoa(c.N))
	options["strategy"] = given(c.Strategy != ranking.BestOfN, string(c.Strategy))
	options["statistics"] = given(c.Statistics, "true")
	return terms[wire.RankLine]{
		"rank", options, rankColumns, listChunk,
		func(line *wire.RankLine) order.Key { return groupKey(&line.GroupLine) },
		func(line *wire.RankLine) **wire.Tag { return &line.Tag },
	}
}

func groupKey(line *wire.GroupLine) order.Key {
	of := native.Group(&line.Prompted, line.Responses)
	return order.Group(&of)
}

// title shows the end of the prompt.
func title(line *wire.GroupLine) string {
	return preview(wire.Item{Prompt: line.Prompt, Messages: line.Messages})
}

// rankRecord is a line's ranking, or the error of all its responses.
type rankRecord struct {
	bulk.Head
	*wire.Tag
	Best       *int               `json:"best,omitempty"`
	Ranking    []wire.Ranked      `json:"ranking,omitempty"`
	Selected   *wire.Selected     `json:"selected,omitempty"`
	Statistics *wire.Statistics   `json:"statistics,omitempty"`
	Responses  []wire.ScoreResult `json:"responses,omitempty"`
	Error      *wire.Problem      `json:"error,omitempty"`
}

// listAnswer is what a line of responses was answered with, or why it was not.
type listAnswer struct {
	rewards.Answer
	err *failure.Error
}

func refusedList(err *failure.Error) listAnswer { return listAnswer{err: err} }

// failed is why the line, or the first result of it that failed, has no score; or why what is asked of the group is not
// there.
func (a *listAnswer) failed() *failure.Error {
	if a.err != nil {
		return a.err
	}
	for err := range a.Errors() {
		if err != nil {
			return err
		}
	}
	for _, one := range a.Aggregates {
		if one.Err != nil {
			return one.Err
		}
	}
	if a.Statistics != nil && a.Statistics.Err != nil {
		return a.Statistics.Err
	}
	return a.Selection.Err
}

func (c *rankCommand) Ask(ctx context.Context, engine bulk.Engine, lines []wire.RankLine) ([]listAnswer, error) {
	one := func(ctx context.Context, line wire.RankLine) (listAnswer, error) {
		request := c.Offline.about(rewards.Rank)
		request.Activation, request.Label, request.Places = c.Scoring.Activation, c.Scoring.Label, c.N
		request.Choice.Strategy, request.Statistics = c.Strategy, c.Statistics
		if c.Strategy.Votes() {
			request.Choice.Answers = line.Answers
		}
		native.Responses(&request, &line.GroupLine)
		answer, err := engine.Ask(ctx, request)
		return listAnswer{Answer: answer}, err
	}
	return bulk.OneByOne(ctx, lines, one, refusedList)
}

func (*rankCommand) Failed(answer listAnswer) *failure.Error { return answer.failed() }

func (*rankCommand) Record(of bulk.Outcome[wire.RankLine, listAnswer]) any {
	answer := &of.Answer
	record := rankRecord{Head: of.Head(), Tag: of.Asked.Tag, Error: native.Error(answer.err)}
	if answer.err == nil {
		form := native.RankAnswer(&answer.Answer)
		record.Best, record.Ranking, record.Statistics, record.Responses = form.Best, form.Ranking, form.Statistics, form.Responses
		if answer.Strategy != ranking.BestOfN {
			record.Selected = &form.Selected
		}
	}
	return record
}

func (*rankCommand) Header() string { return "  line  rank      score  response" }

func (*rankCommand) Show(p *page.Page, number int, line wire.RankLine, answer listAnswer) {
	if answer.err != nil {
		bulk.ShowError(p, number, answer.err)
		return
	}
	p.Line("%6d  %s", number, title(&line.GroupLine))
	for place, at := range answer.Ranking {
		p.Line("        %4d  %9.4f  #%d %s", place+1, answer.Results[at].Score, at, page.OneLine(line.Responses[at], 60))
	}
	for i := range answer.Results {
		if err := answer.Results[i].Err; err != nil {
			p.Line("           -          -  #%d %s: %s", i, err.Code, page.OneLine(err.Detail, 160))
		}
	}
	if answer.Strategy != "" && answer.Strategy != ranking.BestOfN {
		p.Line("        %s: %s", answer.Strategy, picks(&answer.Selection))
	}
	showStatistics(p, answer.Statistics)
}

// picks are the responses that are selected, with their weights.
func picks(s *ranking.Selection) string {
	if s.Err != nil {
		return s.Err.Code + ": " + page.OneLine(s.Err.Detail, 160)
	}
	words := make([]string, len(s.Picks))
	for i, pick := range s.Picks {
		words[i] = fmt.Sprintf("#%d %.4f", pick.Index, pick.Weight)
	}
	text := strings.Join(words, ", ")
	if len(s.Votes) > 0 {
		text += "; answer " + page.OneLine(s.Votes[0].Key, 60)
	}
	return text
}

// showStatistics shows those of a group, where they were asked for.
func showStatistics(p *page.Page, s *ranking.Statistics) {
	switch {
	case s == nil:
	case s.Err != nil:
		p.Line("        %s: %s", s.Err.Code, page.OneLine(s.Err.Detail, 160))
	default:
		none := ""
		if s.Constant && s.Count > 0 {
			none = ", no variance"
		}
		p.Line("        %d scores, mean %s, deviation %s%s", s.Count, probability(s.Mean), probability(s.Deviation), none)
	}
}

package commands

import (
	"context"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards"
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

// promptLine is a prompt with responses.
type promptLine struct {
	rewards.Prompted
	Responses []string `json:"responses"`
}

// title shows the end of the prompt.
func (l *promptLine) title() string {
	item := encode.Item{Prompt: l.Prompt, Messages: l.Messages}
	return preview(item)
}

// rankAnswer is a line's ranking, or the problem of all its responses.
type rankAnswer struct {
	Line      int                   `json:"line"`
	Best      *int                  `json:"best,omitempty"`
	Ranking   []rewards.Ranked      `json:"ranking,omitempty"`
	Responses []rewards.ScoreResult `json:"responses,omitempty"`
	Error     *rewards.Problem      `json:"error,omitempty"`
}

func (c *rankCommand) ask(ctx context.Context, engine *rewards.Engine, lines []promptLine) ([]rankAnswer, error) {
	one := func(ctx context.Context, line promptLine) (rankAnswer, error) {
		answer, err := engine.Rank(ctx, rewards.RankRequest{
			Common: c.Offline.common(), Scoring: c.Scoring.scoring(), Prompted: line.Prompted, Responses: line.Responses, N: c.N,
		})
		return rankAnswer{Best: answer.Best, Ranking: answer.Ranking, Responses: answer.Responses}, err
	}
	return oneByOne(ctx, lines, one, func(problem *rewards.Problem) rankAnswer { return rankAnswer{Error: problem} })
}

func (*rankCommand) failed(answer rankAnswer) *rewards.Problem {
	if answer.Error != nil {
		return answer.Error
	}
	return firstProblem(answer.Responses)
}

func firstProblem(results []rewards.ScoreResult) *rewards.Problem {
	for i := range results {
		if results[i].Error != nil {
			return results[i].Error
		}
	}
	return nil
}

func (*rankCommand) record(number int, answer rankAnswer) any {
	answer.Line = number
	return answer
}

func (*rankCommand) header() string { return "  line  rank      score  response" }

func (*rankCommand) show(p *page, number int, line promptLine, answer rankAnswer) {
	if answer.Error != nil {
		showProblem(p, number, answer.Error)
		return
	}
	p.line("%6d  %s", number, line.title())
	for place, ranked := range answer.Ranking {
		p.line("        %4d  %9.4f  #%d %s", place+1, ranked.Score, ranked.Index, oneLine(line.Responses[ranked.Index], 60))
	}
	for i, response := range answer.Responses {
		if response.Error != nil {
			p.line("           -          -  #%d %s: %s", i, response.Error.Code, oneLine(response.Error.Detail, 160))
		}
	}
}

package commands

import (
	"context"
	"fmt"
	"strings"

	"github.com/assay-rm/assay/rewards"
)

// compareCommand is `assay compare`.
type compareCommand struct {
	Offline offlineFlags `embed:""`
	Label   string       `placeholder:"NAME" help:"The label to go by; the model's first when left out."`
}

// Help is shown by assay compare --help.
func (*compareCommand) Help() string {
	return `Each line is a pair, or a prompt and at least two responses:
  {"prompt": "12 + 30?", "chosen": "42", "rejected": "43"}
  {"prompt": "12 + 30?", "responses": ["42", "43", "44"]}
A preference is made of raw rewards, as the model was trained: the sigmoid of their difference, times beta where they are likelihoods.
Pair and preference models give their own.`
}

// Run compares the responses of every line.
func (c *compareCommand) Run(ctx context.Context, con *console) error {
	return runOffline(ctx, con, &c.Offline, listChunk, c)
}

// compareLine is a pair, or a prompt with responses.
type compareLine struct {
	promptLine
	Chosen   *string `json:"chosen"`
	Rejected *string `json:"rejected"`
}

// compareAnswer has a pair's result or the responses' matrix, or the problem of the line.
type compareAnswer struct {
	Line int `json:"line"`
	*rewards.PairResult
	Preference [][]*float64          `json:"preference,omitempty"`
	WinRate    []*float64            `json:"win_rate,omitempty"`
	Responses  []rewards.ScoreResult `json:"responses,omitempty"`
}

func (c *compareCommand) ask(ctx context.Context, engine *rewards.Engine, lines []compareLine) ([]compareAnswer, error) {
	one := func(ctx context.Context, line compareLine) (compareAnswer, error) {
		request := rewards.CompareRequest{Common: c.Offline.common(), Label: c.Label}
		switch {
		case line.Chosen == nil && line.Rejected == nil:
			request.Prompted, request.Responses = line.Prompted, line.Responses
		case line.Responses != nil:
			return compareAnswer{}, rewards.NewProblem(rewards.CodeInvalidField, "responses: given together with chosen or rejected")
		default:
			request.Pairs = []rewards.Pair{{Prompted: line.Prompted, Chosen: line.Chosen, Rejected: line.Rejected}}
		}
		answer, err := engine.Compare(ctx, request)
		if problem := rewards.ProblemOf(err); problem != nil && len(request.Pairs) > 0 {
			problem.Detail = strings.TrimPrefix(problem.Detail, "pairs[0].") // the line is that pair
			return compareAnswer{}, problem
		}
		if err != nil {
			return compareAnswer{}, err
		}
		given := compareAnswer{Preference: answer.Preference, WinRate: answer.WinRate, Responses: answer.Responses}
		if len(answer.Results) > 0 {
			given.PairResult = &answer.Results[0]
		}
		return given, nil
	}
	return oneByOne(ctx, lines, one, func(problem *rewards.Problem) compareAnswer {
		return compareAnswer{PairResult: &rewards.PairResult{Error: problem}}
	})
}

func (*compareCommand) failed(answer compareAnswer) *rewards.Problem {
	if answer.PairResult != nil {
		return answer.Error
	}
	return firstProblem(answer.Responses)
}

func (*compareCommand) record(number int, answer compareAnswer) any {
	answer.Line = number
	return answer
}

func (*compareCommand) header() string { return "  line  preferred    margin  pair" }

func (*compareCommand) show(p *page, number int, line compareLine, answer compareAnswer) {
	switch {
	case answer.PairResult != nil && answer.Error != nil:
		showProblem(p, number, answer.Error)
	case answer.PairResult != nil:
		p.line("%6d  %9.4f  %8.4f  %s: %s / %s", number, *answer.Probability, *answer.Margin,
			oneLine(line.title(), 30), oneLine(*line.Chosen, 30), oneLine(*line.Rejected, 30))
	default:
		p.line("%6d  %s", number, line.title())
		for i, response := range line.Responses {
			p.line("        %9s  %s  #%d %s", probability(answer.WinRate[i]), preferences(answer.Preference[i]), i, oneLine(response, 40))
		}
	}
}

func preferences(row []*float64) string {
	cells := make([]string, len(row))
	for i, value := range row {
		cells[i] = probability(value)
	}
	return "[" + strings.Join(cells, " ") + "]"
}

func probability(value *float64) string {
	if value == nil {
		return "-"
	}
	return fmt.Sprintf("%.4f", *value)
}

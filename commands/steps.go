package commands

import (
	"context"
	"fmt"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards"
)

// stepsCommand is `assay steps`.
type stepsCommand struct {
	Offline   offlineFlags `embed:""`
	Threshold float64      `default:"0.5" help:"The first step that scores below it is the first error."`
}

// Help is shown by assay steps --help.
func (*stepsCommand) Help() string {
	return `Each line is an item as POST /v1/steps takes it:
  {"prompt": "2 + 3 - 1?", "steps": ["2 + 3 = 5", "5 - 1 = 4"]}
  {"prompt": "2 + 3 - 1?", "response": "2 + 3 = 5\n5 - 1 = 4", "separator": "\n"}`
}

// Run scores the steps of every line.
func (c *stepsCommand) Run(ctx context.Context, con *console) error {
	return runOffline(ctx, con, &c.Offline, itemChunk, c)
}

type stepsRecord struct {
	Line int `json:"line"`
	rewards.StepsResult
}

func (c *stepsCommand) ask(ctx context.Context, engine *rewards.Engine, items []encode.Item) ([]rewards.StepsResult, error) {
	answer, err := engine.Steps(ctx, rewards.StepsRequest{Common: c.Offline.common(), Threshold: &c.Threshold, Items: items})
	return answer.Results, err
}

func (*stepsCommand) failed(result rewards.StepsResult) *rewards.Problem { return result.Error }

func (*stepsCommand) record(number int, result rewards.StepsResult) any {
	return stepsRecord{number, result}
}

func (*stepsCommand) header() string { return "  line  step   score  text" }

func (c *stepsCommand) show(p *page, number int, item encode.Item, result rewards.StepsResult) {
	if result.Error != nil {
		showProblem(p, number, result.Error)
		return
	}
	verdict := "no error"
	if result.FirstError != nil {
		verdict = fmt.Sprintf("first error: step %d", *result.FirstError)
	}
	p.line("%6d  %s — %s", number, preview(encode.Item{Prompt: item.Prompt, Messages: item.Messages, Text: item.Text}), verdict)
	begin := 0
	for i, step := range result.Steps {
		score, mark := "     –", " "
		if step.Score != nil {
			score = fmt.Sprintf("%.4f", *step.Score)
			if *step.Score < c.Threshold {
				mark = "✗"
			}
		}
		p.line("        %4d  %s %s %s", i, score, mark, oneLine(stepText(item, i, begin, step.End), 70))
		if step.End != nil {
			begin = *step.End
		}
	}
}

// stepText is a step's text: as given, or from where the step before it ends; none where the item was rendered already.
func stepText(item encode.Item, i, begin int, end *int) string {
	switch {
	case i < len(item.Steps):
		return item.Steps[i]
	case end == nil:
		return ""
	}
	response := item.Response
	if response == nil {
		response = &item.Messages[len(item.Messages)-1].Content
	}
	runes := []rune(*response)
	return string(runes[min(begin, len(runes)):min(*end, len(runes))])
}

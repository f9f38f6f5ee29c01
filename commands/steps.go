package commands

import (
	"context"
	"fmt"
	"strconv"

	"github.com/assay-rm/assay/commands/bulk"
	"github.com/assay-rm/assay/commands/page"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/server/native"
	"github.com/assay-rm/assay/server/wire"
)

// stepsCommand is `assay steps`.
type stepsCommand struct {
	Offline   offlineFlags `embed:""`
	Threshold *float64     `placeholder:"X" help:"The first step that scores below it is the first error. Left out, it is 0.5 of probabilities, 0 of log-ratios, and none of other scores."`
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

func (c *stepsCommand) terms() terms[wire.Item] {
	options := map[string]string{}
	if c.Threshold != nil {
		options["threshold"] = strconv.FormatFloat(*c.Threshold, 'g', -1, 64)
	}
	return terms[wire.Item]{"steps", options, stepsColumns, itemChunk, itemKey, itemTag}
}

type stepsRecord struct {
	bulk.Head
	wire.StepsResult
}

func (c *stepsCommand) Ask(ctx context.Context, engine bulk.Engine, items []wire.Item) ([]rewards.StepsResult, error) {
	request := c.Offline.about(rewards.Steps)
	if c.Threshold != nil {
		request.Threshold = ops.Some(*c.Threshold)
	}
	native.Items(&request, items)
	answer, err := engine.Ask(ctx, request)
	return answer.Steps, err
}

func (*stepsCommand) Failed(result rewards.StepsResult) *failure.Error { return result.Err }

func (*stepsCommand) Record(of bulk.Outcome[wire.Item, rewards.StepsResult]) any {
	record := stepsRecord{of.Head(), native.StepsResult(&of.Answer)}
	record.Tag = of.Asked.Tag
	return record
}

func (*stepsCommand) Header() string { return "  line  step   score  text" }

func (*stepsCommand) Show(p *page.Page, number int, item wire.Item, result rewards.StepsResult) {
	if result.Err != nil {
		bulk.ShowError(p, number, result.Err)
		return
	}
	verdict := "no error"
	switch {
	case !result.Threshold.Known:
		verdict = "no threshold"
	case result.FirstError >= 0:
		verdict = fmt.Sprintf("first error: step %d", result.FirstError)
	}
	p.Line("%6d  %s — %s", number, preview(wire.Item{Prompt: item.Prompt, Messages: item.Messages, Text: item.Text}), verdict)
	begin := 0
	for i, step := range result.Steps {
		score, mark := "     –", " "
		if step.Score.Known {
			score = fmt.Sprintf("%.4f", step.Score.Value)
			if result.Threshold.Known && step.Score.Value < result.Threshold.Value {
				mark = "✗"
			}
		}
		p.Line("        %4d  %s %s %s", i, score, mark, page.OneLine(stepText(item, i, begin, step.End), 70))
		begin = max(begin, step.End)
	}
}

// stepText is a step's text: as given, or from where the step before it ends; none where the item was rendered already.
func stepText(item wire.Item, i, begin, end int) string {
	switch {
	case i < len(item.Steps):
		return item.Steps[i]
	case end < 0:
		return ""
	}
	response := item.Response
	if response == nil {
		response = new(item.Messages[len(item.Messages)-1].Content.String())
	}
	runes := []rune(*response)
	return string(runes[min(begin, len(runes)):min(end, len(runes))])
}

package commands

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/assay-rm/assay/commands/bulk"
	"github.com/assay-rm/assay/commands/page"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/order"
	"github.com/assay-rm/assay/server/native"
	"github.com/assay-rm/assay/server/wire"
)

// itemChunk is how many items are asked at once: several forwards' worth, so that the planner has a choice.
const itemChunk = 256

// scoreCommand is `assay score`.
type scoreCommand struct {
	Offline offlineFlags `embed:""`
	Scoring scoringFlags `embed:""`
	Explain bool         `help:"Beside each score in --json: how it moves with each feature (models that read features)."`
}

// Help is shown by assay score --help.
func (*scoreCommand) Help() string {
	return `Each line is an item as POST /v1/score takes it, in one of these forms:
  {"prompt": "12 + 30?", "response": "42"}
  {"messages": [{"role": "user", "content": "12 + 30?"}, {"role": "assistant", "content": "42"}]}
  {"text": "rendered text"}
  {"input_ids": [1, 5, 9]}
  {"features": {"length": 120, "citations": 3}}
A model whose head takes a user's vector needs "user": [0.5, -1] beside it. With --json an "id" and "metadata" come back.
Other columns of a data set are passed over, and named.`
}

// Run scores every line.
func (c *scoreCommand) Run(ctx context.Context, con *console) error {
	return runOffline(ctx, con, &c.Offline, itemChunk, c)
}

func (c *scoreCommand) terms() terms[wire.Item] {
	options := c.Scoring.changing()
	options["explain"] = given(c.Explain, "true")
	return terms[wire.Item]{"score", options, scoreColumns, itemChunk, itemKey, itemTag}
}

// changing are the flags that were given.
func (f *scoringFlags) changing() map[string]string {
	return map[string]string{"activation": given(f.Activation != "none", f.Activation), "label": f.Label}
}

func itemKey(item *wire.Item) order.Key {
	of := native.Item(item)
	return order.Item(&of)
}

func itemTag(item *wire.Item) **wire.Tag { return &item.Tag }

type scoreRecord struct {
	bulk.Head
	wire.ScoreResult
}

func (c *scoreCommand) Ask(ctx context.Context, engine bulk.Engine, items []wire.Item) ([]rewards.Result, error) {
	request := c.Offline.about(rewards.Score)
	request.Activation, request.Label, request.Gradient = c.Scoring.Activation, c.Scoring.Label, c.Explain
	native.Items(&request, items)
	answer, err := engine.Ask(ctx, request)
	return answer.Results, err
}

func (*scoreCommand) Failed(result rewards.Result) *failure.Error { return result.Err }

func (*scoreCommand) Record(of bulk.Outcome[wire.Item, rewards.Result]) any {
	record := scoreRecord{of.Head(), native.Result(&of.Answer)}
	record.Tag = of.Asked.Tag
	return record
}

func (*scoreCommand) Header() string { return "  line      score  tokens  item" }

func (*scoreCommand) Show(p *page.Page, number int, item wire.Item, result rewards.Result) {
	if result.Err != nil {
		bulk.ShowError(p, number, result.Err)
		return
	}
	p.Line("%6d  %9.4f  %6d  %s", number, result.Score, result.Tokens.Tokens, preview(item))
}

// preview shows the end of an item that its score is about.
func preview(item wire.Item) string {
	switch {
	case item.Prompt != nil && item.Response != nil:
		return page.OneLine(*item.Prompt, 40) + " → " + page.OneLine(*item.Response, 40)
	case item.Prompt != nil:
		return page.OneLine(*item.Prompt, 80)
	case item.Text != nil:
		return page.OneLine(*item.Text, 80)
	case len(item.Messages) > 1:
		last := item.Messages[len(item.Messages)-2:]
		return page.OneLine(last[0].Content.String(), 40) + " → " + page.OneLine(last[1].Content.String(), 40)
	case len(item.Messages) == 1:
		return page.OneLine(item.Messages[0].Content.String(), 80)
	case item.Features != nil:
		return page.OneLine(previewFeatures(item.Features), 80)
	}
	return fmt.Sprintf("%d ids", len(item.InputIDs))
}

// previewFeatures shows features by name, in the order of names.
func previewFeatures(features map[string]float64) string {
	words := make([]string, 0, len(features))
	for _, name := range slices.Sorted(maps.Keys(features)) {
		words = append(words, fmt.Sprintf("%s=%g", name, features[name]))
	}
	return strings.Join(words, " ")
}

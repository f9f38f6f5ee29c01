package commands

import (
	"context"
	"fmt"
	"strings"

	"github.com/assay-rm/assay/commands/bulk"
	"github.com/assay-rm/assay/commands/page"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/rewards/order"
	"github.com/assay-rm/assay/rewards/ranking"
	"github.com/assay-rm/assay/server/native"
	"github.com/assay-rm/assay/server/wire"
)

// compareCommand is `assay compare`.
type compareCommand struct {
	Offline offlineFlags `embed:""`
	Label   string       `placeholder:"NAME" help:"The label to go by; the model's first when left out."`

	Aggregate  []ranking.Aggregate `enum:"win_rate,copeland,bradley_terry,elo,nash" help:"Of lines with responses: one number for each response of all preferences: win_rate, copeland, bradley_terry, elo or nash. Repeat it for more."`
	Statistics bool                `help:"Of lines with responses: tell what the scores are as a group."`
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

func (c *compareCommand) terms() terms[wire.CompareLine] {
	names := make([]string, len(c.Aggregate))
	for i, name := range c.Aggregate {
		names[i] = string(name)
	}
	return terms[wire.CompareLine]{
		"compare",
		map[string]string{"label": c.Label, "aggregate": strings.Join(names, ","), "statistics": given(c.Statistics, "true")},
		compareColumns, listChunk,
		func(line *wire.CompareLine) order.Key {
			k := groupKey(&line.GroupLine)
			for _, response := range []*string{line.Chosen, line.Rejected} {
				if response != nil {
					k.Size += len(*response)
				}
			}
			return k
		},
		func(line *wire.CompareLine) **wire.Tag { return &line.Tag },
	}
}

// compareRecord has a pair's result or the responses' matrix, or the error of the line.
type compareRecord struct {
	bulk.Head
	*wire.PairResult
	*wire.Tag
	Preference [][]*float64               `json:"preference,omitempty"`
	WinRate    []*float64                 `json:"win_rate,omitempty"`
	Aggregates map[string]wire.Aggregated `json:"aggregates,omitempty"`
	Statistics *wire.Statistics           `json:"statistics,omitempty"`
	Responses  []wire.ScoreResult         `json:"responses,omitempty"`
}

func (c *compareCommand) Ask(ctx context.Context, engine bulk.Engine, lines []wire.CompareLine) ([]listAnswer, error) {
	return bulk.OneByOne(ctx, lines, func(ctx context.Context, line wire.CompareLine) (listAnswer, error) {
		request := c.Offline.about(rewards.Compare)
		request.Label = c.Label
		if err := native.Compared(&request, &line); err != nil {
			return listAnswer{}, err
		}
		if request.Question == rewards.Compare {
			request.Aggregates, request.Statistics = c.Aggregate, c.Statistics
		}
		answer, err := engine.Ask(ctx, request)
		if why := failure.Of(err); why != nil && request.Question == rewards.Pairs {
			why.Detail = strings.TrimPrefix(why.Detail, "pairs[0].") // the line is that pair
			return listAnswer{}, why
		}
		return listAnswer{Answer: answer}, err
	}, refusedList)
}

func (*compareCommand) Failed(answer listAnswer) *failure.Error { return answer.failed() }

func (*compareCommand) Record(of bulk.Outcome[wire.CompareLine, listAnswer]) any {
	answer := &of.Answer
	record := compareRecord{Head: of.Head(), Tag: of.Asked.Tag}
	switch {
	case answer.err != nil:
		record.PairResult = &wire.PairResult{Error: native.Error(answer.err)}
	case len(answer.Pairs) > 0:
		record.PairResult = new(native.PairResult(&answer.Pairs[0]))
	default:
		form := native.CompareAnswer(&answer.Answer)
		record.Preference, record.WinRate, record.Responses = form.Preference, form.WinRate, form.Responses
		record.Aggregates, record.Statistics = form.Aggregates, form.Statistics
	}
	return record
}

func (*compareCommand) Header() string { return "  line  preferred    margin  pair" }

func (*compareCommand) Show(p *page.Page, number int, line wire.CompareLine, answer listAnswer) {
	switch {
	case answer.err != nil:
		bulk.ShowError(p, number, answer.err)
	case len(answer.Pairs) == 0:
		p.Line("%6d  %s", number, title(&line.GroupLine))
		for i, response := range line.Responses {
			p.Line("        %9s  [%s]  #%d %s", probability(answer.WinRates[i]), preferences(answer.Preference.Row(i)), i, page.OneLine(response, 40))
		}
		for _, one := range answer.Aggregates {
			if one.Err != nil {
				p.Line("        %s: %s: %s", one.Of, one.Err.Code, page.OneLine(one.Err.Detail, 160))
				continue
			}
			p.Line("        %s: %s", one.Of, preferences(one.Values))
		}
		showStatistics(p, answer.Statistics)
	case answer.Pairs[0].Err != nil:
		bulk.ShowError(p, number, answer.Pairs[0].Err)
	default:
		p.Line("%6d  %9.4f  %8.4f  %s: %s / %s", number, answer.Pairs[0].Probability, answer.Pairs[0].Margin,
			page.OneLine(title(&line.GroupLine), 30), page.OneLine(*line.Chosen, 30), page.OneLine(*line.Rejected, 30))
	}
}

func preferences(row []ops.Maybe) string {
	cells := make([]string, len(row))
	for i, value := range row {
		cells[i] = probability(value)
	}
	return strings.Join(cells, " ")
}

func probability(value ops.Maybe) string {
	if !value.Known {
		return "-"
	}
	return fmt.Sprintf("%.4f", value.Value)
}

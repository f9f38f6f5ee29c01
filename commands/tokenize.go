package commands

import (
	"context"
	"math"
	"time"

	"github.com/assay-rm/assay/commands/bulk"
	"github.com/assay-rm/assay/commands/page"
	"github.com/assay-rm/assay/models/builtin"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/native"
	"github.com/assay-rm/assay/server/wire"
)

// tokenizeCommand is `assay tokenize`.
type tokenizeCommand struct {
	Date     string            `placeholder:"YYYY-MM-DD" help:"The day that the template writes, where the bundle fixes none (today)."`
	Truncate encode.Truncation `enum:"error,left,right" default:"error" help:"What happens to an item over the model's limit: error, left (drop its oldest tokens) or right (drop its newest)."`
	JSON     bool              `name:"json" help:"Write JSON lines, one per input line in order, instead of a table."`
	Dir      string            `arg:"" help:"Directory of the bundle, or builtin:NAME."`
	File     string            `arg:"" optional:"" default:"-" help:"File of JSON lines; - is the standard input."`
}

// Help is shown by assay tokenize --help.
func (*tokenizeCommand) Help() string {
	return `The graph is not loaded, and ONNX Runtime is not needed. Each line is an item as POST /v1/tokenize takes it; of a model that reads two
responses at once it has both, in the order in which they are read:
  {"prompt": "12 + 30?", "response": "42"}
  {"messages": [{"role": "user", "content": "12 + 30?"}, {"role": "assistant", "content": "42"}]}
  {"prompt": "12 + 30?", "first": "42", "second": "43"}`
}

// Validate is called by the parser.
func (c *tokenizeCommand) Validate() error {
	if _, err := time.Parse(time.DateOnly, c.Date); c.Date != "" && err != nil {
		return usage("--date is %q, and must be a day as 2024-07-26", c.Date)
	}
	return nil
}

// Run tokenizes every line.
func (c *tokenizeCommand) Run(ctx context.Context, con *console) error {
	in, total, err := open(con, c.File)
	if err != nil {
		return err
	}
	defer in.Close()                            //nolint:errcheck // opened for reading
	day, _ := time.Parse(time.DateOnly, c.Date) // the zero time where none is given
	source, err := builtin.Source(c.Dir)
	if err != nil {
		return err
	}
	encoder, err := source.Encoder(ctx, day)
	if err != nil {
		return err
	}
	view := tokenizing{encoder, encode.NewGate(), c.Truncate}
	return answerLines[wire.TokenizeLine, encode.Outcome](ctx, con, nil, lines{in, total, c.JSON}, itemChunk, view)
}

// tokenizing shows what an encoder makes of items. It asks no engine.
type tokenizing struct {
	encoder  *encode.Encoder
	gate     *encode.Gate
	truncate encode.Truncation
}

type tokenizeRecord struct {
	bulk.Head
	wire.TokenizeResult
}

func (v tokenizing) Ask(ctx context.Context, _ bulk.Engine, lines []wire.TokenizeLine) ([]encode.Outcome, error) {
	items := make([]encode.Item, len(lines))
	for i := range lines {
		items[i] = native.Item(&lines[i].Item)
		items[i].First, items[i].Second = lines[i].First, lines[i].Second
	}
	outcomes, err := v.encoder.All(ctx, v.gate, items, encode.Options{Truncate: v.truncate, KeepText: true}, math.MaxInt)
	if err == nil {
		err = ctx.Err()
	}
	return outcomes, err
}

func (tokenizing) Failed(of encode.Outcome) *failure.Error { return failure.Of(of.Err) }

func (tokenizing) Record(line bulk.Outcome[wire.TokenizeLine, encode.Outcome]) any {
	of := &line.Answer
	return tokenizeRecord{line.Head(), wire.TokenizeResult{
		Tag: line.Asked.Tag, Text: of.Text, IDs: of.IDs, Read: of.Positions, Tokens: len(of.IDs), Truncated: of.Truncated, Error: native.Error(failure.Of(of.Err)),
	}}
}

func (tokenizing) Header() string { return "  line  tokens  read  text" }

func (tokenizing) Show(p *page.Page, number int, _ wire.TokenizeLine, of encode.Outcome) {
	if of.Err != nil {
		bulk.ShowError(p, number, failure.Of(of.Err))
		return
	}
	last := -1
	if n := len(of.Positions); n > 0 {
		last = of.Positions[n-1]
	}
	p.Line("%6d  %6d  %4d  %s", number, len(of.IDs), last, page.OneLine(of.Text, 80))
}

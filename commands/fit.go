package commands

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/assay-rm/assay/commands/bulk"
	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/native"
	"github.com/assay-rm/assay/server/wire"
)

// fitCommand is `assay fit`.
type fitCommand struct {
	Runtime runtimeFlags `embed:""`
	Prior   float64      `default:"1" help:"Standard deviation of the numbers of a user's vector before anything is known of the user."`
	Steps   int          `default:"1000" help:"Most steps of gradient descent."`
	Dir     string       `arg:"" help:"Directory of a bundle whose head takes a user's vector."`
	File    string       `arg:"" optional:"" default:"-" help:"File of JSON lines; - is the standard input."`
}

// Help is shown by assay fit --help.
func (*fitCommand) Help() string {
	return `Finds the vector of one user, for "user" of an item, from what that user preferred. Each line is a pair, at most 2048 (a wide head takes fewer):
  {"prompt": "12 + 30?", "chosen": "42", "rejected": "43"}
  {"messages": [{"role": "user", "content": "12 + 30?"}], "chosen": "42", "rejected": "43"}
  {"chosen": {"text": "rendered text"}, "rejected": {"input_ids": [1, 5, 9]}}
The vector is the most probable one where a response is preferred with the probability sigmoid(reward − reward). The same pairs give the
same vector.`
}

// Validate is called by the parser.
func (c *fitCommand) Validate() error {
	switch {
	case !(c.Prior > 0) || math.IsInf(c.Prior, 0):
		return usage("--prior is %g, and must be positive", c.Prior)
	case c.Steps < 1:
		return usage("--steps is %d, and must be positive", c.Steps)
	}
	return nil
}

// Run fits the vector to every pair of the file. One line that is wrong ends it: a fit to some of the pairs would be
// another user's.
func (c *fitCommand) Run(ctx context.Context, con *console) (err error) {
	in, _, err := open(con, c.File)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // opened for reading
	options := c.Runtime.options()
	options.MaxItems, options.MaxTokens = math.MaxInt32, math.MaxInt
	loaded, err := load(ctx, []models.Source{models.Dir(c.Dir)}, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, loaded.stop()) }()
	m := loaded.registry.All()[0]
	if err := m.Fits(); err != nil {
		return err
	}
	chosen, rejected, err := readPairs(ctx, m, bulk.NewReader(in))
	if err != nil {
		return err
	}
	found, err := m.Fit(ctx, chosen, rejected, c.Prior, c.Steps)
	if err != nil {
		return err
	}
	return json.NewEncoder(con.out).Encode(found)
}

// maxPairs is how many pairs a fit takes.
const maxPairs = 2048

// readPairs encodes the pair of every line.
func readPairs(ctx context.Context, m *models.Model, in *bulk.Reader) (chosen, rejected []encode.Encoded, err error) {
	for end := false; !end; {
		lines, err := in.Chunk(itemChunk)
		if end = errors.Is(err, io.EOF); err != nil && !end {
			return nil, nil, err
		}
		for i := range lines {
			pair, problem := encodePair(ctx, m, &lines[i])
			switch {
			case problem != nil:
				return nil, nil, fmt.Errorf("line %d: %s: %s", lines[i].Number, problem.Code, problem.Detail)
			case len(chosen) == maxPairs:
				return nil, nil, fmt.Errorf("line %d: a fit takes %d pairs, and this is one more", lines[i].Number, maxPairs)
			}
			chosen, rejected = append(chosen, pair[0]), append(rejected, pair[1])
		}
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
	}
	if len(chosen) == 0 {
		return nil, nil, errors.New("the file has no pair, and a fit needs at least one")
	}
	return chosen, rejected, nil
}

// encodePair encodes both sides of a line: two responses to one prompt, or two items.
func encodePair(ctx context.Context, m *models.Model, l *bulk.Line) (pair [2]encode.Encoded, problem *failure.Error) {
	var of wire.FitLine
	if problem := l.Decode(&of); problem != nil {
		return pair, problem
	}
	for i, side := range []struct {
		name string
		of   *wire.Side
	}{{"chosen", &of.Chosen}, {"rejected", &of.Rejected}} {
		item, problem := fitItem(&of, side.name, side.of)
		if problem != nil {
			return pair, problem
		}
		item.User = make([]float64, m.Info().User) // which a fit does not read
		var err error
		if pair[i], err = m.Encode(ctx, item, encode.TruncateError); err != nil {
			return pair, failure.Of(err).Within(side.name)
		}
	}
	return pair, nil
}

// fitItem is one side of a line, or what is wrong with it.
func fitItem(of *wire.FitLine, name string, side *wire.Side) (encode.Item, *failure.Error) {
	if side.Response != nil {
		group := native.Group(&wire.Prompted{Prompt: of.Prompt, Messages: of.Messages}, nil)
		if wrong := group.Check(); wrong != "" {
			return encode.Item{}, failure.New(failure.CodeInvalidField, "%s", wrong)
		}
		item := encode.Item{Prompt: group.Prompt, Reference: of.Reference, Principle: of.Principle}
		if group.Prompt != nil {
			item.Response = side.Response
		} else {
			item.Messages = append(group.Messages, chat.Message{Role: "assistant", Content: *side.Response})
		}
		return item, nil
	}
	switch {
	case of.Prompt != nil || of.Messages != nil || of.Reference != nil || of.Principle != nil:
		return encode.Item{}, failure.New(failure.CodeInvalidField, "%s: an item has its own prompt, and the line has one too", name)
	case side.Item.User != nil:
		return encode.Item{}, failure.New(failure.CodeInvalidField, "%s.user: the user's vector is what is looked for", name)
	}
	return native.Item(side.Item), nil
}

package commands

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards"
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

// Run fits the vector to every pair of the file. One line that is wrong ends it: a fit to some of the pairs would be another user's.
func (c *fitCommand) Run(ctx context.Context, con *console) (err error) {
	in, _, err := open(con, c.File)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // opened for reading
	options := c.Runtime.options()
	options.MaxItems, options.MaxTokens = math.MaxInt32, math.MaxInt
	loaded, err := load(ctx, []models.Source{models.Dir(c.Dir)}, options, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, loaded.stop()) }()
	m := loaded.registry.All()[0]
	if err := m.Fits(); err != nil {
		return err
	}
	chosen, rejected, err := readPairs(ctx, m, newLineReader(in))
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
func readPairs(ctx context.Context, m *models.Model, in *lineReader) (chosen, rejected []encode.Encoded, err error) {
	for end := false; !end; {
		lines, err := in.chunk(itemChunk)
		if end = errors.Is(err, io.EOF); err != nil && !end {
			return nil, nil, err
		}
		for i := range lines {
			var pair fitLine
			problem := lines[i].decode(&pair)
			for _, side := range []struct {
				name string
				of   *fitSide
				into *[]encode.Encoded
			}{{"chosen", &pair.Chosen, &chosen}, {"rejected", &pair.Rejected, &rejected}} {
				if problem != nil {
					break
				}
				encoded, err := m.Encode(pair.item(side.of, m.Info().User), encode.TruncateError)
				if problem = rewards.ProblemOf(err); problem != nil {
					problem = problem.Within(side.name)
				}
				*side.into = append(*side.into, encoded)
			}
			switch {
			case problem != nil:
				return nil, nil, fmt.Errorf("line %d: %s: %s", lines[i].number, problem.Code, problem.Detail)
			case len(chosen) > maxPairs:
				return nil, nil, fmt.Errorf("line %d: a fit takes %d pairs, and this is one more", lines[i].number, maxPairs)
			}
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

// fitLine is two responses to one prompt, or two items.
type fitLine struct {
	Prompt   *string        `json:"prompt"`
	Messages []chat.Message `json:"messages"`
	Chosen   fitSide        `json:"chosen"`
	Rejected fitSide        `json:"rejected"`
}

func (l *fitLine) check() *rewards.Problem {
	for _, side := range []struct {
		name string
		of   *fitSide
	}{{"chosen", &l.Chosen}, {"rejected", &l.Rejected}} {
		switch {
		case side.of.response != nil:
			if problem := rewards.ProblemOf(l.prompted().Check("")); problem != nil {
				return problem
			}
		case side.of.item == nil:
			return rewards.NewProblem(rewards.CodeInvalidField, "%s: is missing", side.name)
		case l.Prompt != nil || l.Messages != nil:
			return rewards.NewProblem(rewards.CodeInvalidField, "%s: an item has its own prompt, and the line has one too", side.name)
		case side.of.item.User != nil:
			return rewards.NewProblem(rewards.CodeInvalidField, "%s.user: the user's vector is what is looked for", side.name)
		}
	}
	return nil
}

func (l *fitLine) prompted() rewards.Prompted {
	return rewards.Prompted{Prompt: l.Prompt, Messages: l.Messages}
}

// item is one side's, with a vector of zeros, which a fit does not read.
func (l *fitLine) item(side *fitSide, user int) encode.Item {
	var item encode.Item
	if side.item != nil {
		item = *side.item
	} else {
		item = l.prompted().Item(*side.response)
	}
	item.User = make([]float64, user)
	return item
}

// fitSide is a response or a whole item.
type fitSide struct {
	response *string
	item     *encode.Item
}

// UnmarshalJSON reads text or an object, strictly.
func (s *fitSide) UnmarshalJSON(data []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if data[0] == '{' {
		return decoder.Decode(&s.item)
	}
	return decoder.Decode(&s.response)
}

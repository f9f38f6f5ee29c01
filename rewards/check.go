package rewards

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/rewards/ranking"
)

func invalid(format string, args ...any) error {
	return failure.New(failure.CodeInvalidField, format, args...)
}

// check proves what can be known of a request without its model, and fills in its defaults.
func (r *Request) check() error {
	r.Truncate = cmp.Or(r.Truncate, encode.TruncateError)
	r.Activation = cmp.Or(r.Activation, activationNone)
	if err := oneOf("truncate", r.Truncate, encode.TruncateError, encode.TruncateLeft, encode.TruncateRight); err != nil {
		return err
	}
	err := oneOf("activation", r.Activation, activationNone, activationSigmoid, activationSoftmax)
	if err != nil {
		return err
	}
	switch r.Question {
	case Score, Steps, Logprobs, Embed, Tokenize:
		return r.checkItems()
	case Choose:
		if err := r.checkItems(); err != nil {
			return err
		}
		return r.checkCandidates()
	case Rank:
		if r.Places < 0 {
			return invalid("n: %d is below 0", r.Places)
		}
		if err := r.checkResponses(1, "must hold at least one response"); err != nil {
			return err
		}
		r.Choice.N = r.Places
		return r.Choice.Check(len(r.Groups[0].Responses))
	case Compare:
		r.Activation = activationNone
		if err := r.checkResponses(2, "must hold at least two responses, unless pairs are given"); err != nil {
			return err
		}
		return ranking.CheckAggregates(r.Aggregates, r.EloScale, len(r.Groups[0].Responses))
	case Pairs:
		r.Activation = activationNone
		return r.checkPairs()
	}
	return failure.New(failure.CodeInternal, "question: %q is none", fault.Short(string(r.Question)))
}

func (r *Request) checkItems() error {
	if len(r.Items) == 0 {
		return invalid("items: must hold at least one item")
	}
	if x := r.Threshold; r.Question == Steps && x.Known && !ops.Finite(x.Value) {
		return invalid("threshold: %g is not finite", x.Value)
	}
	for i := range r.Items {
		if ofGroup(&r.Items[i]) {
			r.refuse(i, failure.New(fault.CodeItem, "response goes with prompt; in messages it is the last assistant turn"))
		}
	}
	return nil
}

// ofGroup tells an item whose only form is messages with a response beside it. Within this package that is a response
// of a group, and nothing that can be asked about.
func ofGroup(i *encode.Item) bool {
	return len(i.Messages) > 0 && i.Response != nil && i.Prompt == nil && i.Text == nil && i.InputIDs == nil && i.Features == nil
}

// refuse notes why an item cannot be read. The map of who asked stays as it is.
func (r *Request) refuse(item int, why error) {
	refused := maps.Clone(r.Refused)
	if refused == nil {
		refused = map[int]error{}
	}
	if refused[item] == nil {
		refused[item] = why
	}
	r.Refused = refused
}

// checkResponses proves the one group of a rank or compare request.
func (r *Request) checkResponses(least int, otherwise string) error {
	if len(r.Groups) != 1 || len(r.Groups[0].Responses) < least {
		return invalid("responses: %s", otherwise)
	}
	if wrong := r.Groups[0].Check(); wrong != "" {
		return invalid("%s", wrong)
	}
	return nil
}

func (r *Request) checkPairs() error {
	switch {
	case len(r.Groups) == 0:
		return invalid("pairs: must hold at least one pair")
	case r.Statistics:
		return invalid("statistics: are of the responses to one prompt, and pairs are given")
	case r.Aggregates != nil || r.EloScale.Known:
		return invalid("aggregate: is of the responses to one prompt, and pairs are given")
	}
	for i := range r.Groups {
		if n := len(r.Groups[i].Responses); n != 2 {
			return invalid("pairs[%d]: has %d responses, and must have two", i, n)
		}
		if wrong := r.Groups[i].Check(); wrong != "" && r.Refused[2*i] == nil {
			return invalid("pairs[%d].%s", i, wrong)
		}
	}
	return nil
}

// Check says what is wrong with the group's prompt, of which there must be one; nothing where it is right.
func (g *Group) Check() string {
	switch last := len(g.Messages) - 1; {
	case g.Prompt != nil && last >= 0:
		return "prompt: given together with messages, and one of them is enough"
	case g.Prompt == nil && last < 0:
		return "prompt: is missing, and so is messages"
	case g.Prompt == nil && g.Messages[last].Role == "assistant":
		return fmt.Sprintf("messages[%d].role: the last turn is the assistant's, but that turn is the response", last)
	}
	return ""
}

func oneOf[T ~string](field string, value T, allowed ...T) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	words := make([]string, len(allowed))
	for i, word := range allowed {
		words[i] = string(word)
	}
	return invalid("%s: %q is none of %s", field, fault.Short(string(value)), strings.Join(words, ", "))
}

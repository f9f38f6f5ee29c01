package encode

import (
	"context"
	"slices"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/tokenizer"
)

// encodeCandidate encodes a prompt and the candidate behind it, which must be exactly one token there: what the model
// is read for is the token that follows the prompt.
//
//	<user>12 + 30 = 42?<bot>      the prompt: 31 … 8, read at its last token
//	<user>12 + 30 = 42?<bot>yes   31 … 8 9891: the candidate "yes" is the token 9891
//
// An item without a candidate is its prompt alone. A candidate that is given as a token is the one that it is; behind
// input_ids no text shows what a candidate is: a tokenizer may have one token for a word that begins a text and another
// for the same word inside of it.
func (e *Encoder) encodeCandidate(ctx context.Context, item asked, form string, truncate Truncation, within bound, out *Encoded) error {
	if form == formIDs && item.Candidate != nil {
		return fault.New(fault.CodeItem, "input_ids do not show what token a candidate is behind them: give messages, prompt or text")
	}
	prompt, err := item.mates.prompt(func() (prompt, error) { return e.prompt(ctx, item, form, within) })
	if err != nil {
		return err
	}
	out.Text, out.IDs = prompt.text, slices.Clone(prompt.ids)
	out.Positions = []int{len(out.IDs) - 1}
	switch {
	case item.Candidate != nil:
		id, err := e.follows(ctx, &prompt, *item.Candidate)
		if err != nil {
			return err
		}
		out.IDs = append(out.IDs, id)
	case item.CandidateID != nil:
		id := *item.CandidateID
		if most := e.manifest.Graph.VocabSize; id < 0 || id >= most {
			return fault.New(fault.CodeItem, "candidates: model %q has no token %d, and its vocabulary has %d", e.manifest.Name, id, most)
		}
		out.IDs = append(out.IDs, id)
	}
	return e.cutPrompt(out, truncate)
}

// prompt is what the candidates of an item stand behind, which is rendered and tokenized once for all of them.
type prompt struct {
	text   string
	ids    []int64           // policies applied; of nobody, and never changed
	behind *tokenizer.Prefix // the text, for others behind it; nil: the ids were given
}

// prompt encodes the prompt of an item.
func (e *Encoder) prompt(ctx context.Context, item asked, form string, within bound) (p prompt, err error) {
	var out Encoded
	switch form {
	case formIDs:
		out.IDs = slices.Clone(item.InputIDs)
	case formText:
		out.Text = *item.Text
	default:
		if out.Text, err = e.render(item, turns(item.Item), true); err != nil {
			return p, err
		}
	}
	if form != formIDs {
		if out.IDs, err = e.ids(ctx, form, out.Text, within); err != nil {
			return p, err
		}
	}
	if err := e.applyPolicies(&out, form); err != nil {
		return p, err
	}
	p.text, p.ids = out.Text, out.IDs
	if form != formIDs && item.Candidate != nil {
		if p.behind, err = e.tokens.NewPrefix(ctx, p.text); err != nil {
			return p, e.refused(ctx, form, err)
		}
	}
	return p, nil
}

// follows gives the id of a candidate behind a prompt. Text that is longer than any token is not tokenized to say so.
func (e *Encoder) follows(ctx context.Context, p *prompt, candidate string) (int64, error) {
	if longest := p.behind.MostBytes(1); len(candidate) > longest {
		return 0, fault.New(fault.CodeItem, "candidates: %q has %d bytes, and no token has more than %d", fault.Short(candidate), len(candidate), longest)
	}
	if n := len(p.text) + len(candidate); n > MaxText {
		return 0, fault.New(fault.CodeTooLong, "candidates: the prompt and %q have %d bytes of text, and an item may have %d", fault.Short(candidate), n, MaxText)
	}
	ids, err := p.behind.Encode(ctx, candidate)
	if err != nil {
		return 0, e.refused(ctx, "candidates", err)
	}
	ids = e.applyBOS(ids)
	switch lead := len(p.ids); {
	case len(ids) < lead || !slices.Equal(ids[:lead], p.ids):
		return 0, fault.New(fault.CodeItem, "candidates: %q melts together with the end of the prompt, and must be a token of its own behind it",
			fault.Short(candidate))
	case len(ids) != lead+1:
		return 0, fault.New(fault.CodeItem, "candidates: %q is %d tokens behind the prompt, and must be one", fault.Short(candidate), len(ids)-lead)
	}
	return ids[len(ids)-1], nil
}

// cutPrompt cuts the oldest tokens of a prompt that is too long, where the request asks for it. Its newest ones lead to
// the answer, and are never cut.
func (e *Encoder) cutPrompt(out *Encoded, truncate Truncation) error {
	n, limit, head := len(out.IDs), e.manifest.Limits.MaxTokens, e.manifest.Tokenizer.Leading()
	switch {
	case n <= limit:
		return nil
	case e.partsOnly():
		return e.tooLong(n)
	case truncate == TruncateRight:
		return fault.New(fault.CodeTooLong, "the item has %d tokens, and limits.max_tokens of model %q is %d; a prompt is cut from the left only",
			n, e.manifest.Name, limit)
	case truncate != TruncateLeft:
		return e.tooLong(n)
	case limit < head+2:
		return fault.New(fault.CodeTooLong, "the item has %d tokens, and limits.max_tokens %d of model %q leaves no room for a prompt", n, limit,
			e.manifest.Name)
	}
	out.Truncated = n - limit
	out.IDs = slices.Delete(out.IDs, head, head+out.Truncated)
	out.Positions[0] -= out.Truncated
	return nil
}

package encode

import (
	"slices"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

// truncate cuts an item that is too long, as asked. Positions behind the cut move with it, and the pooling rule's is
// found anew; an item is refused when any other position would be cut away.
func (e *Encoder) truncate(out *Encoded, truncate Truncation, tail int) error {
	limit, n := e.manifest.Limits.MaxTokens, len(out.IDs)
	if n <= limit {
		return nil
	}
	framed, _ := e.frameOf(out.IDs)
	head := e.manifest.Tokenizer.Leading() + framed
	cut := n - limit
	from := head // the cut removes the tokens from … from+cut-1
	switch truncate {
	case TruncateLeft:
	case TruncateRight:
		from = n - tail - cut
	case TruncateError:
		return e.tooLong(n)
	default:
		return fault.New(fault.CodeItem, "truncate is %q, and must be error, left or right", truncate)
	}
	if e.partsOnly() {
		return e.tooLong(n)
	}
	if limit <= head+tail {
		return fault.New(fault.CodeTooLong,
			"the item has %d tokens, and limits.max_tokens %d of model %q leaves no room beside the template's own "+
				"tokens",
			n, limit, e.manifest.Name)
	}
	if e.manifest.Kind == manifest.KindProcess || e.manifest.Likelihood != nil {
		if err := shift(out.Steps, from, cut, "the end of step", n, limit); err != nil {
			return err
		}
		if err := shift(out.Positions, from, cut, "read position", n, limit); err != nil {
			return err
		}
		if out.Response > from {
			out.Response -= cut
		}
	} else if err := shift(out.Positions[:len(out.Positions)-1], from, cut, "read position", n, limit); err != nil {
		return err
	}
	out.IDs = slices.Delete(out.IDs, from, from+cut)
	out.Truncated = cut
	if e.manifest.Kind == manifest.KindProcess || e.manifest.Likelihood != nil {
		return nil
	}
	place, err := e.pooledPosition(out.IDs)
	out.Positions[len(out.Positions)-1] = place
	if before := out.Positions[:len(out.Positions)-1]; err == nil && len(before) > 0 && before[0] >= place {
		return fault.New(fault.CodeTooLong,
			"the item has %d tokens, and cutting it to limits.max_tokens %d would remove the response", n, limit)
	}
	return err
}

// tooLong is the error of an item of n tokens that is not cut.
func (e *Encoder) tooLong(n int) error {
	return fault.New(fault.CodeTooLong, "the item has %d tokens, and limits.max_tokens of model %q is %d; %s", n, e.manifest.Name,
		e.manifest.Limits.MaxTokens, e.remedy())
}

// partsOnly tells whether items of the model are made of parts that a cut would mix up: segments, or further texts that
// the template puts beside the conversation.
func (e *Encoder) partsOnly() bool { return e.segments != nil || len(e.manifest.Template.Fields) > 0 }

// remedy says what can be done about an item that is too long.
func (e *Encoder) remedy() string {
	if e.partsOnly() {
		return "an item made of parts is not cut"
	}
	return "truncate: left or right would cut it"
}

// shift moves the positions that lie behind a cut. A position inside it is an error.
func shift(places []int, from, cut int, what string, n, limit int) error {
	for i, at := range places {
		if at >= from && at < from+cut {
			return fault.New(fault.CodeTooLong,
				"the item has %d tokens, and cutting it to limits.max_tokens %d would remove %s %d", n, limit, what, i)
		}
		if at >= from+cut {
			places[i] = at - cut
		}
	}
	return nil
}

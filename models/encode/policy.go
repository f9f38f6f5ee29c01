package encode

import (
	"slices"

	"github.com/assay-rm/assay/models/fault"
)

// framed puts the frame's ids around those of a text.
func (e *Encoder) framed(ids []int64) []int64 {
	before, after := e.manifest.Tokenizer.Around()
	if len(before)+len(after) == 0 {
		return ids
	}
	return slices.Concat(before, ids, after)
}

// frameOf is how many ids at an item's beginning and at its end are those of the frame. A client's own ids may lack
// them.
func (e *Encoder) frameOf(ids []int64) (before, after int) {
	first, last := e.manifest.Tokenizer.Around()
	if n := len(first); len(ids) >= n && slices.Equal(ids[:n], first) {
		before = n
	}
	if n := len(last); len(ids) >= before+n && slices.Equal(ids[len(ids)-n:], last) {
		after = n
	}
	return before, after
}

// applyPolicies checks the ids and makes their beginning and their end what the manifest says.
func (e *Encoder) applyPolicies(out *Encoded, form string) error {
	if err := e.checkIDs(out.IDs, form); err != nil {
		return err
	}
	out.IDs = e.applyBOS(e.applyEnd(out.IDs))
	return nil
}

// checkIDs refuses an item without ids, and ids that are none of the vocabulary.
func (e *Encoder) checkIDs(ids []int64, form string) error {
	if len(ids) == 0 {
		return fault.New(fault.CodeEmpty, "%s gives no token", form)
	}
	for i, id := range ids {
		if id < 0 || id >= e.manifest.Graph.VocabSize {
			return fault.New(fault.CodeID, "%s: token %d has id %d, and the ids of model %q are 0 to %d",
				form, i, id, e.manifest.Name, e.manifest.Graph.VocabSize-1)
		}
	}
	return nil
}

// applyEnd makes the last id what the end policy says: append puts end_id behind the ids unless they end with it,
// replace puts it in the last one's place.
func (e *Encoder) applyEnd(ids []int64) []int64 {
	policy := &e.manifest.Tokenizer
	if policy.EndID == nil || len(ids) == 0 {
		return ids
	}
	switch {
	case policy.AppendsEnd() && ids[len(ids)-1] != *policy.EndID:
		return append(ids, *policy.EndID)
	case policy.ReplacesEnd():
		ids[len(ids)-1] = *policy.EndID
	}
	return ids
}

// applyBOS makes exactly as many BOS lead the ids as the policy says, whatever the template wrote. The policy none
// leaves the ids alone.
func (e *Encoder) applyBOS(ids []int64) []int64 {
	wanted := e.manifest.Tokenizer.Leading()
	if wanted == 0 {
		return ids
	}
	bos := *e.manifest.Tokenizer.BOSID
	have := 0
	for have < len(ids) && ids[have] == bos {
		have++
	}
	if have >= wanted {
		return ids[have-wanted:]
	}
	return slices.Insert(ids, 0, slices.Repeat([]int64{bos}, wanted-have)...)
}

// spareBOS is how many of the BOS that lead the ids the policy takes away.
func (e *Encoder) spareBOS(ids []int64) int {
	wanted, have := e.manifest.Tokenizer.Leading(), 0
	if wanted == 0 {
		return 0
	}
	for have < len(ids) && ids[have] == *e.manifest.Tokenizer.BOSID {
		have++
	}
	return max(0, have-wanted)
}

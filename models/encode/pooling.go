package encode

import (
	"slices"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

// place is the index that the pooling rule reads, among the sequence's own ids. docs/BUNDLE.md names each rule's users.
func (e *Encoder) place(ids []int64) (int, error) {
	m := e.manifest
	last := len(ids) - 1
	pad := int64(-1)
	if m.Tokenizer.PadID != nil {
		pad = *m.Tokenizer.PadID
	}
	switch m.Pooling {
	case manifest.PoolLastNotPad:
		for at, id := range slices.Backward(ids) {
			if id != pad {
				return at, nil
			}
		}
	case manifest.PoolBeforeFirstPad:
		if first := slices.Index(ids, pad); first > 0 {
			return first - 1, nil
		}
	case manifest.PoolCountNotPad:
		if count := len(ids) - countOf(ids, pad); count > 0 {
			return count - 1, nil
		}
	case manifest.PoolFromEnd:
		if m.Read.Offset > last {
			return 0, fault.New(fault.CodeItem, "the item has %d tokens, and model %q reads %d before the last", len(ids), m.Name, m.Read.Offset)
		}
		return last - m.Read.Offset, nil
	case manifest.PoolAtToken:
		for at, id := range slices.Backward(ids) {
			if id == e.mark {
				return at, nil
			}
		}
		return 0, fault.New(fault.CodeItem, "the item lacks the token %q, and model %q reads there", m.Read.Token, m.Name)
	}
	return last, nil
}

// lastPattern is where the pattern last begins in the ids, -1 when it does not occur.
func lastPattern(ids, pattern []int64) int {
	for at := len(ids) - len(pattern); at >= 0; at-- {
		if slices.Equal(ids[at:at+len(pattern)], pattern) {
			return at
		}
	}
	return -1
}

func countOf(ids []int64, id int64) int {
	n := 0
	for _, have := range ids {
		if have == id {
			n++
		}
	}
	return n
}

package encode

import (
	"slices"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

// pooledPosition is the position that the pooling rule reads, counted in the sequence's own ids, without padding.
// docs/BUNDLE.md says which models use which rule.
func (e *Encoder) pooledPosition(ids []int64) (int, error) {
	m := e.manifest
	last := len(ids) - 1
	if m.PoolsFirst() {
		return 0, nil
	}
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
			return 0, fault.New(fault.CodeItem, "the item has %d tokens, and model %q reads %d before the last",
				len(ids), m.Name, m.Read.Offset)
		}
		return last - m.Read.Offset, nil
	case manifest.PoolAtToken:
		for at, id := range slices.Backward(ids) {
			if id == e.readID {
				return at, nil
			}
		}
		return 0, fault.New(fault.CodeItem, "the item lacks the token %q, and model %q reads there", m.Read.Token,
			m.Name)
	}
	return last, nil
}

// lastPattern is where the last occurrence of the pattern begins in the ids; -1 when there is none.
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

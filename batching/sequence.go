package batching

import (
	"cmp"
	"fmt"
)

// Sequence is what one item asks of a model.
type Sequence struct {
	IDs       []int64 // token ids, at least one
	Positions []int   // places in IDs whose outputs are wanted, ascending, at least one
	Space     Space   // what IDs mean, and to whom; equal ids of two spaces are two sequences
}

// Space sets sequences apart. Nothing of two spaces is ever merged: equal sequences of two spaces run twice, no
// segment of a plan belongs to both, and neither finds what was cached for the other. The zero Space is one like the
// others. A forward has one Revision and one Adapter: those of others wait for another forward.
type Space struct {
	Revision string // of the model's weights
	Adapter  string // that is put on the weights
	Salt     string // of a tenant who shares with nobody
}

// weights is the part of the space that says what a sequence is computed with.
func (s Space) weights() Space { return Space{Revision: s.Revision, Adapter: s.Adapter} }

// compare orders spaces in any one way.
func (s Space) compare(t Space) int {
	if s == t {
		return 0
	}
	return cmp.Or(cmp.Compare(s.Revision, t.Revision), cmp.Compare(s.Adapter, t.Adapter), cmp.Compare(s.Salt, t.Salt))
}

// check returns what keeps the sequence from being planned, an [ErrSequence], or nil.
func (s Sequence) check(targets bool) error {
	if len(s.IDs) == 0 {
		return fmt.Errorf("%w: no ids", ErrSequence)
	}
	if len(s.Positions) == 0 {
		return fmt.Errorf("%w: no position to read", ErrSequence)
	}
	for i, position := range s.Positions {
		if position < 0 || position >= len(s.IDs) {
			return fmt.Errorf("%w: read position %d of %d ids", ErrSequence, position, len(s.IDs))
		}
		if i > 0 && position <= s.Positions[i-1] {
			return fmt.Errorf("%w: read position %d after %d", ErrSequence, position, s.Positions[i-1])
		}
		if targets && position == len(s.IDs)-1 {
			return fmt.Errorf("%w: read position %d is the last, and no id follows it", ErrSequence, position)
		}
	}
	return nil
}

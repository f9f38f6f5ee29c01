package onnxrun

import (
	"slices"
	"testing"

	"github.com/assay-rm/assay/batching"
)

// TestTokenTypesOfPackedSequences: they begin anew at each sequence's first position.
func TestTokenTypesOfPackedSequences(t *testing.T) {
	plan := &batching.Plan{
		IDs:       []int64{1, 3, 7, 3, 8, 1, 7, 3, 7, 9},
		Positions: []int64{0, 1, 2, 3, 4, 0, 0, 1, 2, 0},
	}
	s := &Session{types: new(int64(3))}
	if have, want := s.tokenTypes(plan), []int64{0, 0, 1, 1, 1, 0, 0, 0, 1, 0}; !slices.Equal(have, want) {
		t.Errorf("types %v, want %v", have, want)
	}
}

// TestTokenTypes: they are 0 up to the first divider of a row and 1 behind it, and 0 again where the row is padding.
func TestTokenTypes(t *testing.T) {
	plan := &batching.Plan{
		Rows: 3, Length: 5,
		IDs:  []int64{1, 3, 7, 3, 8, 1, 7, 3, 0, 0, 1, 7, 8, 9, 3},
		Mask: []int64{1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1},
	}
	s := &Session{types: new(int64(3))}
	if have, want := s.tokenTypes(plan), []int64{0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}; !slices.Equal(have, want) {
		t.Errorf("types %v, want %v", have, want)
	}
	s.types = nil
	if have := s.tokenTypes(plan); slices.Contains(have, 1) {
		t.Errorf("types %v without a divider", have)
	}
}

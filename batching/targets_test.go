package batching

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestTargetsFollowTheirReads: beside each position read stands the next id of the same sequence, whatever else
// shares its tokens.
func TestTargetsFollowTheirReads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sequences := drawSequences(t, 8)
		for i, s := range sequences {
			if len(s.IDs) == 1 {
				s.IDs = append(s.IDs, 5)
			}
			s.Positions = drawReads(t, len(s.IDs)-1)
			sequences[i] = s
		}
		plan, placements, err := makePlan(sequences, Options{Targets: true})
		if err != nil {
			t.Fatal(err)
		}
		checkPlan(t, plan, placements, sequences)
		for i, s := range sequences {
			var want []int64
			for _, at := range s.Positions {
				want = append(want, s.IDs[at+1])
			}
			row := placements[i].row
			if got := plan.Targets[row : row+len(s.Positions)]; !slices.Equal(got, want) {
				t.Fatalf("sequence %d %v read at %v has targets %v", i, s.IDs, s.Positions, got)
			}
		}
		if len(plan.Targets) != len(plan.Read) {
			t.Fatalf("%d targets of %d reads", len(plan.Targets), len(plan.Read))
		}
		without, _, err := makePlan(sequences, Options{})
		if err != nil || without.Targets != nil {
			t.Fatalf("targets %v that nobody asked for, %v", without.Targets, err)
		}
	})
}

func TestTheLastIDHasNoTarget(t *testing.T) {
	if _, _, err := makePlan([]Sequence{seq(1, 2, 3)}, Options{Targets: true}); !errors.Is(err, ErrSequence) {
		t.Errorf("%v, want ErrSequence", err)
	}
}

package batching

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// drawRounding draws sizes to fill plans up to, most of them above one.
func drawRounding(t *rapid.T) Rounding {
	return Rounding{
		Keys:   rapid.SampledFrom([]int{0, 1, 4, 7}).Draw(t, "keys"),
		Tokens: rapid.SampledFrom([]int{0, 16, 64}).Draw(t, "tokens"),
		Least:  rapid.SampledFrom([]int{0, 3, 256}).Draw(t, "least"),
		Reads:  rapid.SampledFrom([]int{0, 5, 64}).Draw(t, "reads"),
	}
}

// TestRoundedPlansReadTheSame: a plan that is filled up has the sizes that are asked for, the tiles of the plan that is
// not, and gives every sequence the same, whatever its own padding gives.
func TestRoundedPlansReadTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sequences, rounding := drawSequences(t, 12), drawRounding(t)
		bidirectional := rapid.Bool().Draw(t, "bidirectional")
		plain, places, err := makePlan(sequences, Options{Bidirectional: bidirectional})
		if err != nil {
			t.Fatal(err)
		}
		plan, placements, err := makePlan(sequences, Options{Bidirectional: bidirectional, Rounding: rounding})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(places, placements) {
			t.Fatalf("sequences lie at %v, and at %v where nothing is put behind", placements, places)
		}
		checkRounded(t, plan, plain, rounding)
		if bidirectional {
			return // of which the fake, whose tokens see what stands before them, knows nothing
		}
		rows, err := fake{}.compute(plan)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range sequences {
			for j, row := range want(s) {
				if !slices.Equal(rows[placements[i].row+j], row) {
					t.Fatalf("sequence %d reads %v, and alone %v", i, rows[placements[i].row+j], row)
				}
			}
		}
	})
}

// checkRounded holds a plan to the sizes asked for, and to the plan that is not filled up.
func checkRounded(t *rapid.T, plan, plain *Plan, rounding Rounding) {
	if err := checkLengths(plan); err != nil {
		t.Fatal(err)
	}
	for _, size := range []struct {
		name                        string
		got, plain, multiple, least int
	}{
		{"keys", plan.Keys, plain.Keys, rounding.Keys, 0},
		{"tokens", len(plan.IDs), len(plain.IDs), rounding.Tokens, rounding.Least},
		{"reads", len(plan.Read), len(plain.Read), rounding.Reads, 0},
	} {
		multiple, most := max(1, size.multiple), max(size.plain, size.least)
		if size.got%multiple != 0 || size.got < most || size.got >= most+multiple {
			t.Fatalf("%d %s of %d, to a multiple of %d and at least %d", size.got, size.name, size.plain, size.multiple, size.least)
		}
	}
	tokens := len(plain.IDs)
	for _, array := range [][2][]int64{
		{plan.IDs[:tokens], plain.IDs},
		{plan.Positions[:tokens], plain.Positions},
		{plan.Scatter[:tokens], plain.Scatter},
		{plan.Read[:len(plain.Read)], plain.Read},
		{plan.QueryIndex, plain.QueryIndex},
		{plan.KeyLen, plain.KeyLen},
	} {
		if !slices.Equal(array[0], array[1]) {
			t.Fatalf("%v, and %v where nothing is put behind", array[0], array[1])
		}
	}
	for r := range plan.Tiles {
		seen := int(plan.KeyLen[r])
		keys, before := plan.KeyIndex[r*plan.Keys:][:plan.Keys], plain.KeyIndex[r*plain.Keys:][:seen]
		if !slices.Equal(keys[:seen], before) {
			t.Fatalf("tile %d sees %v, and %v where nothing is put behind", r, keys[:seen], before)
		}
		for _, key := range keys {
			if key >= int64(tokens) {
				t.Fatalf("tile %d lists key %d, which was put behind %d tokens", r, key, tokens)
			}
		}
	}
}

// TestRoundedReadsHaveTargets: where the token that follows is given of every reading, it is of those put behind too.
func TestRoundedReadsHaveTargets(t *testing.T) {
	plan, _, err := makePlan([]Sequence{{IDs: []int64{4, 5, 6}, Positions: []int{0, 1}}}, Options{Targets: true, Rounding: Rounding{Reads: 4}})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(plan.Read, []int64{0, 1, 0, 0}) || !slices.Equal(plan.Targets, []int64{5, 6, 5, 5}) {
		t.Errorf("read %v, targets %v", plan.Read, plan.Targets)
	}
}

// filled is a plan of those of drawn sequences that the budget and the room let in, and how many they are.
func filled(t *rapid.T, options Options) (plan *Plan, taken int) {
	shape := newShape(options, nil)
	for _, s := range drawSequences(t, 12) {
		if fits, _ := shape.add(s, cachedPrefix{}, &options.Budget); fits {
			taken++
		}
	}
	plan = new(Plan)
	shape.build(plan, nil)
	return plan, taken
}

// TestTheAreaCountsRoundedKeys: no plan but that of one sequence is over the budget of attention area, what is put
// behind counted.
func TestTheAreaCountsRoundedKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		options := Options{Rounding: drawRounding(t), Budget: Budget{Tokens: 1 << 20, Area: rapid.IntRange(1, 1<<16).Draw(t, "area")}}.withDefaults()
		plan, taken := filled(t, options)
		if taken > 1 && plan.area() > options.Budget.Area {
			t.Fatalf("%d sequences take an area of %d, and the budget is %d", taken, plan.area(), options.Budget.Area)
		}
	})
}

// TestPlansKeepToTheRoom: no plan but that of one sequence has more tokens than the runner has room for, what fills it
// up counted, and also where sequences share so much that the budget would let it be larger.
func TestPlansKeepToTheRoom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		room := rapid.IntRange(1, 400).Draw(t, "room")
		options := Options{Rounding: drawRounding(t), Room: room, Budget: Budget{Tokens: rapid.IntRange(1, 400).Draw(t, "budget")}}.withDefaults()
		plan, taken := filled(t, options)
		if taken > 1 && len(plan.IDs) > room {
			t.Fatalf("%d sequences are a plan of %d tokens, and there is room for %d", taken, len(plan.IDs), room)
		}
	})
}

// TestRoundedForwardsAreAnswered: a batcher with a cache answers what its sequences give alone, counts as padding what
// it has put behind, and charges for it.
func TestRoundedForwardsAreAnswered(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, stop := cached(t, fake{}, 100, Options{Rounding: Rounding{Keys: 4, Tokens: 64, Least: 256, Reads: 64}})
		defer stop()
		sequences := drawSequences(t, 8)
		for range 3 {
			ask(t, b, sequences)
		}
		stats := b.Stats()
		if stats.Computed%64 != 0 || stats.Computed < 256*stats.Runs || stats.Padding == 0 || stats.Padding >= stats.Computed {
			t.Fatalf("%d tokens computed in %d runs, %d of them padding", stats.Computed, stats.Runs, stats.Padding)
		}
	})
}

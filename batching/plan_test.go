package batching

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// drawSequences draws sequences that often share prefixes: each is a cut of an earlier one followed by fresh ids.
func drawSequences(t *rapid.T, most int) []Sequence {
	var sequences []Sequence
	for range rapid.IntRange(1, most).Draw(t, "sequences") {
		var ids []int64
		if len(sequences) > 0 && rapid.IntRange(0, 3).Draw(t, "shares") > 0 {
			from := rapid.SampledFrom(sequences).Draw(t, "from").IDs
			ids = slices.Clone(from[:rapid.IntRange(0, len(from)).Draw(t, "cut")])
		}
		most := rapid.SampledFrom([]int{1, 6, 40, 300}).Draw(t, "most")
		fresh := rapid.SliceOfN(rapid.Int64Range(0, 2), 0, most).Draw(t, "fresh")
		if ids = append(ids, fresh...); len(ids) == 0 {
			ids = []int64{7}
		}
		sequences = append(sequences, Sequence{IDs: ids, Positions: drawReads(t, len(ids))})
	}
	return sequences
}

func drawReads(t *rapid.T, length int) []int {
	reads := rapid.SliceOfNDistinct(rapid.IntRange(0, length-1), 1, min(length, 4), rapid.ID).Draw(t, "reads")
	slices.Sort(reads)
	return reads
}

// checkPlan holds a plan against its sequences.
func checkPlan(t rapid.TB, plan *Plan, placements []placement, sequences []Sequence) {
	t.Helper()
	rows, err := fake{}.compute(plan)
	if err != nil {
		t.Fatal(err)
	}
	if len(placements) != len(sequences) {
		t.Fatalf("%d placements for %d sequences", len(placements), len(sequences))
	}
	next := 0
	for i, s := range sequences {
		place := placements[i]
		if place.row != next {
			t.Fatalf("sequence %d has row %d, want %d", i, place.row, next)
		}
		next += len(s.Positions)
		if diff := cmp.Diff(want(s), rows[place.row:next]); diff != "" {
			t.Fatalf("sequence %d of %d (-want +got):\n%s", i, len(sequences), diff)
		}
	}
	if next != len(plan.Read) {
		t.Fatalf("%d reads, want %d", len(plan.Read), next)
	}
}

func TestPackedPlanLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sequences := drawSequences(t, 12)
		plan, placements, err := makePlan(sequences, Options{})
		if err != nil {
			t.Fatal(err)
		}
		checkPlan(t, plan, placements, sequences)
		checkTiles(t, plan)
		for i, s := range sequences {
			longest := 0
			for j, other := range sequences {
				if i != j {
					longest = max(longest, commonPrefix(s.IDs, other.IDs))
				}
			}
			if got := placements[i].shared; got > longest {
				t.Fatalf("sequence %d shares %d tokens, only %d are common", i, got, longest)
			}
		}
	})
}

// checkTiles holds the arrays of a packed plan to the contract: key lists ascend by position without gaps, every
// token is a query of exactly one tile and its own scatter place, and shapes are as promised.
func checkTiles(t rapid.TB, plan *Plan) {
	t.Helper()
	if plan.Queries < 2 || plan.Keys != int(slices.Max(plan.KeyLen)) {
		t.Fatalf("shape: T %d, Q %d, K %d", len(plan.IDs), plan.Queries, plan.Keys)
	}
	homes := map[int64]int64{} // token → tile
	for r := range plan.Tiles {
		keys := plan.KeyIndex[r*plan.Keys:][:plan.KeyLen[r]]
		for i, k := range keys {
			if plan.Positions[k] != int64(i) {
				t.Fatalf("tile %d: key %d has position %d", r, i, plan.Positions[k])
			}
		}
		for q, token := range plan.QueryIndex[r*plan.Queries:][:plan.Queries] {
			if home, ok := homes[token]; ok && home != int64(r) {
				t.Fatalf("token %d is in tiles %d and %d", token, home, r)
			}
			if _, ok := homes[token]; !ok && plan.Scatter[token] != int64(r*plan.Queries+q) {
				t.Fatalf("token %d is at place %d, scattered from %d", token, r*plan.Queries+q, plan.Scatter[token])
			}
			homes[token] = int64(r)
			if plan.Positions[token] >= plan.KeyLen[r] {
				t.Fatalf("tile %d does not list its own token %d", r, token)
			}
		}
	}
	distinct := len(homes)
	if len(plan.IDs) != distinct {
		t.Fatalf("%d tokens, %d of them in tiles", len(plan.IDs), distinct)
	}
}

func TestPaddedPlanLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sequences := drawSequences(t, 12)
		plan, placements, err := makePlan(sequences, Options{Padded: true, PadID: 99})
		if err != nil {
			t.Fatal(err)
		}
		checkPlan(t, plan, placements, sequences)
		if plan.Length < 2 {
			t.Fatalf("length %d", plan.Length)
		}
		ones, tokens := 0, 0
		for _, mask := range plan.Mask {
			ones += int(mask)
		}
		for _, s := range sequences {
			tokens += len(s.IDs)
		}
		if ones != tokens {
			t.Fatalf("the mask shows %d tokens of %d", ones, tokens)
		}
		for i, mask := range plan.Mask {
			if mask == 0 && plan.IDs[i] != 99 {
				t.Fatalf("place %d is padding and holds id %d", i, plan.IDs[i])
			}
		}
	})
}

// A plan whose arrays are used again says nothing of what it held.
func TestPlanIsReused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		padded := rapid.Bool().Draw(t, "padded")
		shape := newShape(Options{Padded: padded}, nil)
		var plan Plan
		for range 3 {
			shape.reset()
			sequences := drawSequences(t, 6)
			for _, s := range sequences {
				shape.add(s, cachedPrefix{}, nil)
			}
			placements := shape.build(&plan, nil)
			checkPlan(t, &plan, placements, sequences)
			fresh, again, err := makePlan(sequences, Options{Padded: padded})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(fresh, &plan, cmpopts.EquateEmpty()); diff != "" || !slices.Equal(placements, again) {
				t.Fatalf("reused plan (-fresh +reused):\n%s", diff)
			}
		}
	})
}

func TestPlanOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sequences := drawSequences(t, 8)
		order := rand.New(rand.NewPCG(1, uint64(len(sequences)))).Perm(len(sequences))
		shuffled := make([]Sequence, len(sequences))
		for i, j := range order {
			shuffled[i] = sequences[j]
		}
		plan, placements, err := makePlan(shuffled, Options{})
		if err != nil {
			t.Fatal(err)
		}
		checkPlan(t, plan, placements, shuffled)
	})
}

// A prompt of ten tokens, two responses and the prompt by itself.
func TestPlanSharesAPrompt(t *testing.T) {
	prompt := run(100, 10)
	a := Sequence{IDs: append(slices.Clone(prompt), 1, 2, 3), Positions: []int{4, 12}}
	b := seq(append(slices.Clone(prompt), 4, 5)...)
	plan, placements, err := makePlan([]Sequence{a, b, seq(prompt...), b}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]any{
		"ids": plan.IDs, "positions": plan.Positions, "tiles": plan.Tiles, "queries": plan.Queries, "keys": plan.Keys,
		"key len": plan.KeyLen, "read": plan.Read, "placements": placements,
		"keys of tile 2": plan.KeyIndex[2*plan.Keys:], "queries of tile 0": plan.QueryIndex[:10], "scatter": plan.Scatter,
	}
	if diff := cmp.Diff(map[string]any{
		"ids":       append([]int64{1, 2, 3}, append(slices.Clone(prompt), 4, 5)...),
		"positions": []int64{10, 11, 12, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11},
		"tiles":     3, "queries": 10, "keys": 13,
		"key len":           []int64{13, 10, 12},
		"read":              []int64{7, 2, 14, 12, 14},
		"placements":        []placement{{0, 10}, {2, 12}, {3, 10}, {4, 12}},
		"keys of tile 2":    []int64{3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 3},
		"queries of tile 0": []int64{0, 1, 2, 2, 2, 2, 2, 2, 2, 2},
		"scatter":           []int64{0, 1, 2, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21},
	}, got, cmp.AllowUnexported(placement{})); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	_, rows, err := MakePlan([]Sequence{a, b, seq(prompt...), b}, Options{})
	if diff := cmp.Diff([]int{0, 2, 3, 4}, rows); diff != "" || err != nil {
		t.Errorf("rows (-want +got):\n%s%v", diff, err)
	}
}

func TestPlanShapes(t *testing.T) {
	for name, c := range map[string]struct {
		sequences []Sequence
		options   Options
		tokens    int
		tiles     [3]int // tiles, queries, keys
	}{
		"one token gets two query places": {[]Sequence{seq(5)}, Options{}, 1, [3]int{1, 2, 1}},
		"a long sequence in equal tiles":  {[]Sequence{seq(run(0, 1000)...)}, Options{}, 1000, [3]int{4, 250, 1000}},
		"short prefixes are not shared":   {[]Sequence{seq(1, 2, 3, 4), seq(1, 2, 3, 5)}, Options{}, 8, [3]int{2, 4, 4}},
		"one row":                         {[]Sequence{seq(run(0, 20)...)}, Options{Padded: true}, 20, [3]int{}},
		"a row has two places":            {[]Sequence{seq(1), seq(1)}, Options{Padded: true}, 4, [3]int{}},
	} {
		t.Run(name, func(t *testing.T) {
			plan, placements, err := makePlan(c.sequences, c.options)
			if err != nil {
				t.Fatal(err)
			}
			checkPlan(t, plan, placements, c.sequences)
			if got := [3]int{plan.Tiles, plan.Queries, plan.Keys}; got != c.tiles || len(plan.IDs) != c.tokens {
				t.Errorf("T %d, R Q K %d; want %d, %d", len(plan.IDs), got, c.tokens, c.tiles)
			}
		})
	}
}

func TestPlanRefusesBadSequences(t *testing.T) {
	good := seq(1, 2)
	for name, s := range map[string]Sequence{
		"no ids":       {Positions: []int{0}},
		"nothing read": {IDs: []int64{1}},
		"beyond":       {IDs: []int64{1}, Positions: []int{1}},
		"negative":     {IDs: []int64{1}, Positions: []int{-1}},
		"out of order": {IDs: []int64{1, 2}, Positions: []int{1, 0}},
		"twice":        {IDs: []int64{1, 2}, Positions: []int{1, 1}},
	} {
		if _, _, err := makePlan([]Sequence{good, s}, Options{}); !errors.Is(err, ErrSequence) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if _, _, err := makePlan(nil, Options{}); !errors.Is(err, ErrSequence) {
		t.Errorf("no sequences: error %v", err)
	}
}

func FuzzMakePlan(f *testing.F) {
	f.Add([]byte("a prompt that is shared|a prompt that is shared, and more|x"), byte(0))
	f.Add([]byte("|"), byte(1))
	f.Fuzz(func(t *testing.T, text []byte, layout byte) {
		if len(text) > 512 {
			t.Skip("long enough")
		}
		var sequences []Sequence
		for part := range slices.Values(splitIDs(text)) {
			sequences = append(sequences, seq(part...))
		}
		if len(sequences) == 0 {
			t.Skip("no sequence")
		}
		plan, placements, err := makePlan(sequences, Options{Padded: layout%2 == 1})
		if err != nil {
			t.Fatal(err)
		}
		checkPlan(t, plan, placements, sequences)
		if layout%2 == 0 {
			checkTiles(t, plan)
		}
	})
}

// splitIDs cuts the text at '|' and makes an id of each byte.
func splitIDs(text []byte) [][]int64 {
	parts := [][]int64{nil}
	for _, c := range text {
		if c == '|' {
			parts = append(parts, nil)
			continue
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], int64(c))
	}
	return slices.DeleteFunc(parts, func(ids []int64) bool { return len(ids) == 0 })
}

package models

import (
	"errors"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/encode"
)

// headed are bundles whose heads run on gorgonia, made by testdata/heads/make.py; their golden pairs are PyTorch's.
var headed = []string{
	"mlp-packed", "mlp-padded", "steps", "gated", "preference", "user-rows", "user-shared", "judge", "thresholds", "rule",
}

func serveHead(t *testing.T, name string) *Model {
	t.Helper()
	return serve(t, filepath.Join("testdata", "heads", name))
}

// goldenItems encodes what the golden pairs of a bundle are about.
func goldenItems(t *testing.T, m *Model) (items []encode.Encoded) {
	t.Helper()
	pairs, err := m.Golden()
	if err != nil || len(pairs) == 0 {
		t.Fatalf("%d golden pairs, %v", len(pairs), err)
	}
	for _, pair := range pairs {
		if pair.Item != nil {
			items = append(items, must3(m.Encode(t.Context(), *pair.Item, encode.TruncateError)))
			continue
		}
		for _, response := range []string{pair.Pair.Chosen, pair.Pair.Rejected} {
			item := encode.Item{Prompt: pair.Pair.Prompt, Response: &response}
			if pair.Pair.Prompt == nil {
				item = encode.Item{
					Messages: append(slices.Clip(pair.Pair.Messages),
						chat.Message{Role: "assistant", Content: response}),
				}
			}
			items = append(items, must3(m.Encode(t.Context(), item, encode.TruncateError)))
		}
	}
	return items
}

func must3(encoded encode.Encoded, err error) encode.Encoded {
	if err != nil {
		panic(err)
	}
	return encoded
}

// TestReadingsOfHeadGraphsAreBitEqualWhateverTheBatch: alone, in any batch beside any users, and from the cache.
func TestReadingsOfHeadGraphsAreBitEqualWhateverTheBatch(t *testing.T) {
	for _, name := range headed {
		t.Run(name, func(t *testing.T) {
			m := serveHead(t, name)
			items := goldenItems(t, m)
			alone := make([][][]float32, len(items))
			for i, item := range items {
				readings, err := m.ReadEncoded(t.Context(), Caller{}, []encode.Encoded{item})
				if err != nil || readings[0].Err != nil {
					t.Fatal(err, readings)
				}
				alone[i] = readings[0].Rows
				if len(alone[i]) != len(item.Positions) || len(alone[i][0]) != len(m.Info().Manifest.Graph.Labels) {
					t.Fatalf("item %d of %d places and %d labels has readings %v", i, len(item.Positions),
						len(m.Info().Manifest.Graph.Labels), alone[i])
				}
			}
			readsAlikeInAnyBatch(t, m, items, alone, 15)
		})
	}
}

// readsAlikeInAnyBatch reads so many random batches of the items, each of which must have the bits that it has alone.
// Of a model with a cache some must come from there.
func readsAlikeInAnyBatch(t *testing.T, m *Model, items []encode.Encoded, alone [][][]float32, batches int) {
	t.Helper()
	random, cached := rand.New(rand.NewPCG(1, 2)), 0
	for range batches {
		order := make([]int, 1+random.IntN(80))
		batch := make([]encode.Encoded, len(order))
		for i := range order {
			order[i] = random.IntN(len(items))
			batch[i] = items[order[i]]
		}
		readings, err := m.ReadEncoded(t.Context(), Caller{}, batch)
		if err != nil {
			t.Fatal(err)
		}
		for i, at := range order {
			if diff := cmp.Diff(alone[at], readings[i].Rows); diff != "" || readings[i].Err != nil {
				t.Fatalf("item %d moved in a batch of %d (%v, -alone +batch):\n%s", at, len(order), readings[i].Err,
					diff)
			}
			cached += readings[i].Cached
		}
	}
	if g := m.Info().Manifest.Graph; g.Packed() && !g.Bidirectional() && cached == 0 {
		t.Error("nothing came from the cache")
	}
}

// TestAHeadScoresTheSameInItsOwnGraphAsInside: one checkpoint with its head inside, apart, and apart behind a padded
// backbone.
func TestAHeadScoresTheSameInItsOwnGraphAsInside(t *testing.T) {
	inside := serveHead(t, "mlp-inside")
	items := goldenItems(t, inside)
	want, err := inside.ReadEncoded(t.Context(), Caller{}, items)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"mlp-packed", "mlp-padded"} {
		got, err := serveHead(t, name).ReadEncoded(t.Context(), Caller{}, items)
		if err != nil {
			t.Fatal(err)
		}
		worst := 0.0
		for i := range items {
			if want[i].Err != nil || got[i].Err != nil {
				t.Fatal(want[i].Err, got[i].Err)
			}
			worst = max(worst, distance(got[i].Rows, want[i].Rows))
		}
		if worst > 1e-5 {
			t.Errorf("%s: %g from the graph with the head inside", name, worst)
		}
	}
}

// TestUsersDoNotSeeEachOther: one text under two users, asked at once, scores as each asked alone, and the users
// differ.
func TestUsersDoNotSeeEachOther(t *testing.T) {
	for _, name := range []string{"user-rows", "user-shared"} {
		m := serveHead(t, name)
		item := func(user ...float64) encode.Encoded {
			return must3(m.Encode(t.Context(), encode.Item{Text: new("one text"), User: user}, encode.TruncateError))
		}
		one, two := item(1, 0, 0, 0), item(0, 1, 0, 0)
		readings, err := m.ReadEncoded(t.Context(), Caller{}, []encode.Encoded{one, two, two, one})
		if err != nil {
			t.Fatal(err)
		}
		if joined := m.Stats().Deduplicated; joined != 3 {
			t.Errorf("%s: %d of 4 items joined the first, whose text they have", name, joined)
		}
		for i, alone := range []encode.Encoded{one, two, two, one} {
			want, err := m.ReadEncoded(t.Context(), Caller{}, []encode.Encoded{alone})
			if err != nil || readings[i].Err != nil || !cmp.Equal(want[0].Rows, readings[i].Rows) {
				t.Errorf("%s: item %d is %v beside other users, and %v alone (%v)", name, i, readings[i], want, err)
			}
		}
		if cmp.Equal(readings[0].Rows, readings[1].Rows) {
			t.Errorf("%s: two users have one reading %v", name, readings[0].Rows)
		}
	}
}

// TestARowThatIsNotFiniteFailsAlone: the head's other rows are read all the same.
func TestARowThatIsNotFiniteFailsAlone(t *testing.T) {
	errBefore := errors.New("failed before")
	m := serveHead(t, "steps")
	good := slices.Repeat([]float32{0.5}, 32)
	bad := slices.Clone(good)
	bad[7] = float32(math.NaN())
	readings := []Reading{
		{Rows: [][]float32{good, good}},
		{Rows: [][]float32{good, bad}},
		{Err: errBefore},
		{Rows: [][]float32{good}},
	}
	m.applyHead(t.Context(), make([]encode.Encoded, 4), readings)
	if err := readings[1].Err; err == nil ||
		err.Error() != `model "steps" gave NaN for number 7 of row 1, which its head would read` ||
		readings[1].Rows != nil {
		t.Errorf("the bad item: %+v", readings[1])
	}
	if readings[2].Err != errBefore || readings[2].Rows != nil { //nolint:errorlint // the very error
		t.Errorf("the item that had failed: %+v", readings[2])
	}
	if readings[0].Err != nil || readings[3].Err != nil || len(readings[0].Rows) != 2 ||
		!cmp.Equal(readings[0].Rows[1], readings[3].Rows[0]) {
		t.Errorf("its mates: %+v, %+v", readings[0], readings[3])
	}
}

// TestManyRequestsAtOnceGetTheirOwnReadings runs the head beside the batcher from many goroutines; the race detector
// watches.
func TestManyRequestsAtOnceGetTheirOwnReadings(t *testing.T) {
	for _, name := range []string{"user-rows", "judge"} {
		m := serveHead(t, name)
		items := goldenItems(t, m)
		want, err := m.ReadEncoded(t.Context(), Caller{}, items)
		if err != nil {
			t.Fatal(err)
		}
		var clients sync.WaitGroup
		for c := range 8 {
			clients.Go(func() {
				for i := range items {
					at := (i + c) % len(items)
					got, err := m.ReadEncoded(t.Context(), Caller{}, items[at:at+1])
					if err != nil || got[0].Err != nil || !cmp.Equal(got[0].Rows, want[at].Rows) {
						t.Errorf("%s: item %d is %v among others (%v)", name, at, got, err)
					}
				}
			})
		}
		clients.Wait()
	}
}

// TestTheHeadCountsIntoTheDigest: another head is another bundle.
func TestTheHeadCountsIntoTheDigest(t *testing.T) {
	d := copyHead(t, "mlp-packed")
	before, err := readBundle(Dir(d.dir))
	if err != nil {
		t.Fatal(err)
	}
	d.edit("head.onnx", "hidden", "hiddem")
	after, err := readBundle(Dir(d.dir))
	if err != nil || before.digest == after.digest || !strings.HasPrefix(after.digest, "sha256:") {
		t.Errorf("%s, and with another head %s (%v)", before.digest, after.digest, err)
	}
}

// TestGoldenPairsOfFeaturesHaveNoIDs: a pair with ids is of another kind of model.
func TestGoldenPairsOfFeaturesHaveNoIDs(t *testing.T) {
	d := copyHead(t, "judge")
	d.edit("golden.jsonl", `"score"`, `"ids": [1], "score"`)
	m, err := Open(t.Context(), Dir(d.dir), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Golden(); err == nil ||
		!strings.Contains(err.Error(), "pair 1: a feature reward model's pair has item and score") {
		t.Errorf("%v", err)
	}
}

package models

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// heads are bundles whose heads run on gorgonia, made by testdata/heads/make.py; their golden pairs are PyTorch's.
var heads = []string{"mlp-packed", "mlp-padded", "steps", "gated", "preference", "user-rows", "user-shared", "judge", "thresholds", "rule"}

func serveHead(t *testing.T, name string) *Model {
	t.Helper()
	return serve(t, filepath.Join("testdata", "heads", name))
}

// goldenItems encodes what the golden pairs of a bundle are about.
func goldenItems(t *testing.T, m *Model) (items []Encoded) {
	t.Helper()
	pairs, err := m.Golden()
	if err != nil || len(pairs) == 0 {
		t.Fatalf("%d golden pairs, %v", len(pairs), err)
	}
	for _, pair := range pairs {
		if pair.Item != nil {
			items = append(items, must3(m.Encode(*pair.Item, TruncateError)))
			continue
		}
		for _, response := range []string{pair.Pair.Chosen, pair.Pair.Rejected} {
			item := Item{Prompt: pair.Pair.Prompt, Response: &response}
			if pair.Pair.Prompt == nil {
				item = Item{Messages: append(slices.Clip(pair.Pair.Messages), Message{Role: roleAssistant, Content: response})}
			}
			items = append(items, must3(m.Encode(item, TruncateError)))
		}
	}
	return items
}

func must3(encoded Encoded, err error) Encoded {
	if err != nil {
		panic(err)
	}
	return encoded
}

// TestReadingsOfHeadGraphsAreBitEqualWhateverTheBatch: alone, in any batch beside any users, and from the cache.
func TestReadingsOfHeadGraphsAreBitEqualWhateverTheBatch(t *testing.T) {
	for _, name := range heads {
		t.Run(name, func(t *testing.T) {
			m := serveHead(t, name)
			items := goldenItems(t, m)
			alone := make([][][]float32, len(items))
			for i, item := range items {
				readings, err := m.Read(t.Context(), []Encoded{item})
				if err != nil || readings[0].Err != nil {
					t.Fatal(err, readings)
				}
				alone[i] = readings[0].Rows
				if len(alone[i]) != len(item.Read) || len(alone[i][0]) != len(m.Info().Manifest.Graph.Labels) {
					t.Fatalf("item %d of %d places and %d labels has readings %v", i, len(item.Read), len(m.Info().Manifest.Graph.Labels), alone[i])
				}
			}
			readsAlikeInAnyBatch(t, m, items, alone, 15)
		})
	}
}

// readsAlikeInAnyBatch reads so many random batches of the items, each of which must have the bits that it has alone. Of a packed model some
// must come from the cache.
func readsAlikeInAnyBatch(t *testing.T, m *Model, items []Encoded, alone [][][]float32, batches int) {
	t.Helper()
	random, cached := rand.New(rand.NewPCG(1, 2)), 0
	for range batches {
		order := make([]int, 1+random.IntN(80))
		batch := make([]Encoded, len(order))
		for i := range order {
			order[i] = random.IntN(len(items))
			batch[i] = items[order[i]]
		}
		readings, err := m.Read(t.Context(), batch)
		if err != nil {
			t.Fatal(err)
		}
		for i, at := range order {
			if diff := cmp.Diff(alone[at], readings[i].Rows); diff != "" || readings[i].Err != nil {
				t.Fatalf("item %d moved in a batch of %d (%v, -alone +batch):\n%s", at, len(order), readings[i].Err, diff)
			}
			cached += readings[i].Cached
		}
	}
	if m.Info().Manifest.Graph.Layout == LayoutPacked && cached == 0 {
		t.Error("nothing came from the cache")
	}
}

// TestAHeadScoresTheSameInItsOwnGraphAsInside: one checkpoint with its head inside, apart, and apart behind a padded backbone.
func TestAHeadScoresTheSameInItsOwnGraphAsInside(t *testing.T) {
	inside := serveHead(t, "mlp-inside")
	items := goldenItems(t, inside)
	want, err := inside.Read(t.Context(), items)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"mlp-packed", "mlp-padded"} {
		got, err := serveHead(t, name).Read(t.Context(), items)
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

// TestUsersDoNotSeeEachOther: one text under two users, asked at once, scores as each asked alone, and the users differ.
func TestUsersDoNotSeeEachOther(t *testing.T) {
	for _, name := range []string{"user-rows", "user-shared"} {
		m := serveHead(t, name)
		item := func(user ...float64) Encoded {
			return must3(m.Encode(Item{Text: new("one text"), User: user}, TruncateError))
		}
		one, two := item(1, 0, 0, 0), item(0, 1, 0, 0)
		readings, err := m.Read(t.Context(), []Encoded{one, two, two, one})
		if err != nil {
			t.Fatal(err)
		}
		if joined := m.Stats().Deduplicated; joined != 3 {
			t.Errorf("%s: %d of 4 items joined the first, whose text they have", name, joined)
		}
		for i, alone := range []Encoded{one, two, two, one} {
			want, err := m.Read(t.Context(), []Encoded{alone})
			if err != nil || readings[i].Err != nil || !cmp.Equal(want[0].Rows, readings[i].Rows) {
				t.Errorf("%s: item %d is %v beside other users, and %v alone (%v)", name, i, readings[i], want, err)
			}
		}
		if cmp.Equal(readings[0].Rows, readings[1].Rows) {
			t.Errorf("%s: two users have one reading %v", name, readings[0].Rows)
		}
	}
}

// countdown is a context whose deadline has passed once it was asked so many times.
type countdown struct {
	context.Context //nolint:containedctx // it is one

	left int
}

func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		return context.DeadlineExceeded
	}
	return nil
}

// TestGradientsOfManyItemsEndWithTheirCaller: between chunks, and while others are at work. A row has the same bits in any chunk.
func TestGradientsOfManyItemsEndWithTheirCaller(t *testing.T) {
	m := serveHead(t, "judge")
	some := goldenItems(t, m)
	var items []Encoded
	for len(items) <= 2*headRows {
		items = append(items, some...)
	}
	slopes, err := m.Slopes(t.Context(), items, 1)
	if err != nil || len(slopes) != len(items) {
		t.Fatalf("%d slopes of %d items, %v", len(slopes), len(items), err)
	}
	for i, own := range slopes {
		if !cmp.Equal(own, slopes[i%len(some)]) {
			t.Fatalf("item %d: %v, and %v where it stands first", i, own, slopes[i%len(some)])
		}
	}
	ctx := &countdown{t.Context(), 2}
	if got, err := m.Slopes(ctx, items, 1); !errors.Is(err, context.DeadlineExceeded) || got != nil {
		t.Errorf("a deadline that passes behind two of three chunks: %d slopes, %v", len(got), err)
	}
	for range cap(m.judge.work) {
		m.judge.work <- struct{}{}
	}
	late, end := context.WithTimeout(t.Context(), time.Millisecond)
	defer end()
	if got, err := m.Slopes(late, some, 1); !errors.Is(err, context.DeadlineExceeded) || cap(m.judge.work) != runtime.GOMAXPROCS(0) {
		t.Errorf("a deadline that passes behind %d others: %d slopes, %v", cap(m.judge.work), len(got), err)
	}
}

// TestUsersOfOneStretchHaveTheSameBits: 0 and -0 are equal, and a head may tell them apart.
func TestUsersOfOneStretchHaveTheSameBits(t *testing.T) {
	minus := float32(math.Copysign(0, -1))
	if n := stretch([][]float32{{1, 0}, {1, 0}, {1, minus}}); n != 2 {
		t.Errorf("%d users share a run, and the first 2 are the same", n)
	}
}

// TestARowThatIsNotFiniteFailsAlone: the head's other rows are read all the same.
func TestARowThatIsNotFiniteFailsAlone(t *testing.T) {
	m := serveHead(t, "steps")
	good := slices.Repeat([]float32{0.5}, 32)
	bad := slices.Clone(good)
	bad[7] = float32(math.NaN())
	readings := []Reading{{Rows: [][]float32{good, good}}, {Rows: [][]float32{good, bad}}, {Err: errNarrow}, {Rows: [][]float32{good}}}
	m.applyHead(t.Context(), make([]Encoded, 4), readings)
	if err := readings[1].Err; err == nil || err.Error() != `model "steps" gave NaN for number 7 of row 1, which its head would read` || readings[1].Rows != nil {
		t.Errorf("the bad item: %+v", readings[1])
	}
	if readings[2].Err != errNarrow || readings[2].Rows != nil { //nolint:errorlint // the very error
		t.Errorf("the item that had failed: %+v", readings[2])
	}
	if readings[0].Err != nil || readings[3].Err != nil || len(readings[0].Rows) != 2 || !cmp.Equal(readings[0].Rows[1], readings[3].Rows[0]) {
		t.Errorf("its mates: %+v, %+v", readings[0], readings[3])
	}
}

// TestManyRequestsAtOnceGetTheirOwnReadings runs the head beside the batcher from many goroutines; the race detector watches.
func TestManyRequestsAtOnceGetTheirOwnReadings(t *testing.T) {
	for _, name := range []string{"user-rows", "judge"} {
		m := serveHead(t, name)
		items := goldenItems(t, m)
		want, err := m.Read(t.Context(), items)
		if err != nil {
			t.Fatal(err)
		}
		var clients sync.WaitGroup
		for c := range 8 {
			clients.Go(func() {
				for i := range items {
					at := (i + c) % len(items)
					got, err := m.Read(t.Context(), items[at:at+1])
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
	if _, err := m.Golden(); err == nil || !strings.Contains(err.Error(), "pair 1: a feature reward model's pair has item and score") {
		t.Errorf("%v", err)
	}
}

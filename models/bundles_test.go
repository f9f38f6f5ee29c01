package models

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/manifest"
)

// bundles lists the fixture bundles, made by `make fixtures` from tiny random checkpoints of each family and of
// encoders; their golden pairs are PyTorch's.
func bundles(t *testing.T) []string {
	t.Helper()
	dirs, err := filepath.Glob("testdata/bundles/*/" + manifest.File)
	if err != nil || len(dirs) < 24 {
		t.Fatalf("%d fixture bundles (%v), want six families, two kinds, two layouts", len(dirs), err)
	}
	encoders, err := filepath.Glob("testdata/encoders/*/" + manifest.File)
	if err != nil || len(encoders) < 6 {
		t.Fatalf("%d fixture bundles of encoders (%v), want three in two layouts", len(encoders), err)
	}
	dirs = append(dirs, encoders...)
	for i, file := range dirs {
		dirs[i] = filepath.Dir(file)
	}
	return dirs
}

// serve opens a bundle and runs it until the test ends.
func serve(t *testing.T, dir string) *Model {
	t.Helper()
	m, err := Open(t.Context(), Dir(dir), Options{Tokens: 512, Cache: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() {
		if err := m.Run(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		m.Close()
		done.Wait()
	})
	return m
}

// fixture opens one fixture bundle, without running it.
func fixture(t *testing.T, name string) *Model {
	t.Helper()
	m, err := Open(t.Context(), Dir(filepath.Join("testdata", "bundles", name)), Options{Tokens: 512, Cache: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.freeSession)
	return m
}

func eachBundle(t *testing.T, test func(t *testing.T, m *Model, pairs []Golden)) {
	t.Helper()
	for _, dir := range bundles(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			m := serve(t, dir)
			pairs, err := m.Golden()
			if err != nil || len(pairs) == 0 {
				t.Fatalf("%d golden pairs, %v", len(pairs), err)
			}
			test(t, m, pairs)
		})
	}
}

// encodeAll encodes golden items and holds their ids to the reference tokenizer's.
func encodeAll(t *testing.T, m *Model, pairs []Golden) []encode.Encoded {
	t.Helper()
	items := make([]encode.Encoded, len(pairs))
	for i, pair := range pairs {
		item, err := m.Encode(t.Context(), *pair.Item, encode.TruncateError)
		if err != nil {
			t.Fatalf("pair %d: %v", i, err)
		}
		if diff := cmp.Diff(pair.IDs[0], item.IDs); diff != "" {
			t.Fatalf("pair %d: ids of %q differ from the reference (-want +got):\n%s", i, item.Text, diff)
		}
		items[i] = item
	}
	return items
}

// final applies what the manifest says is done with a raw row, in float64.
func final(m *Model, row []float32) float64 {
	spec := m.Info().Manifest
	if spec.Kind == manifest.KindReward {
		return (float64(row[0]) - spec.Head.Mean) / spec.Head.Std
	}
	label := float64(row[spec.Steps.Right[0]])
	switch spec.Steps.Activation {
	case "softmax":
		sum := 0.0
		for _, other := range row {
			sum += math.Exp(float64(other) - label)
		}
		return 1 / sum
	case "sigmoid":
		return 1 / (1 + math.Exp(-label))
	}
	return label
}

func TestGoldenPairsEqualPyTorch(t *testing.T) {
	eachBundle(t, func(t *testing.T, m *Model, pairs []Golden) {
		t.Helper()
		items := encodeAll(t, m, pairs)
		readings, err := m.ReadEncoded(t.Context(), Caller{}, items)
		if err != nil {
			t.Fatal(err)
		}
		worst := 0.0
		for i, pair := range pairs {
			want := pair.Steps
			if pair.Score != nil {
				want = []*float64{pair.Score}
			}
			if readings[i].Err != nil || len(readings[i].Rows) != len(want) {
				t.Fatalf("pair %d: %d rows, %v; want %d", i, len(readings[i].Rows), readings[i].Err, len(want))
			}
			for j, row := range readings[i].Rows {
				worst = max(worst, math.Abs(final(m, row)-*want[j]))
			}
		}
		spec := m.Info().Manifest
		bound := 1e-4
		if spec.Drift != nil {
			bound = spec.Golden.Tolerance
		}
		if worst > bound {
			t.Errorf("largest difference from PyTorch is %g, over %g", worst, bound)
		}
		t.Logf("%d pairs, largest difference from PyTorch %.1e", len(pairs), worst)
	})
}

func TestScoresAreBitEqualWhateverTheBatch(t *testing.T) {
	eachBundle(t, func(t *testing.T, m *Model, pairs []Golden) {
		t.Helper()
		items := encodeAll(t, m, pairs)
		alone := make([][][]float32, len(items))
		for i, item := range items {
			readings, err := m.ReadEncoded(t.Context(), Caller{}, []encode.Encoded{item})
			if err != nil || readings[0].Err != nil {
				t.Fatal(err, readings)
			}
			alone[i] = readings[0].Rows
		}
		random := rand.New(rand.NewPCG(1, 2))
		for range 20 {
			order := make([]int, 1+random.IntN(3*len(items)))
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
				if diff := cmp.Diff(alone[at], readings[i].Rows); diff != "" {
					t.Fatalf("item %d moved in a batch of %d (-alone +batch):\n%s", at, len(order), diff)
				}
			}
		}
	})
}

func TestLayoutsAgree(t *testing.T) {
	both := 0
	for _, dir := range bundles(t) {
		name, packed := strings.CutSuffix(filepath.Base(dir), "-packed")
		if !packed {
			continue
		}
		other := filepath.Join(filepath.Dir(dir), name+"-padded")
		if _, err := os.Stat(other); err != nil {
			continue
		}
		both++
		t.Run(name, func(t *testing.T) {
			one, two := serve(t, dir), serve(t, other)
			pairs, err := one.Golden()
			if err != nil {
				t.Fatal(err)
			}
			items := encodeAll(t, one, pairs)
			first, err := one.ReadEncoded(t.Context(), Caller{}, items)
			if err != nil {
				t.Fatal(err)
			}
			second, err := two.ReadEncoded(t.Context(), Caller{}, items)
			if err != nil {
				t.Fatal(err)
			}
			for i := range items {
				if apart := distance(first[i].Rows, second[i].Rows); apart > 1e-4 {
					t.Errorf("item %d: packed %v, padded %v", i, first[i].Rows, second[i].Rows)
				}
			}
		})
	}
	if both < 15 {
		t.Errorf("%d models have both layouts, want six families of two kinds, and three encoders", both)
	}
}

func TestCancelledItemsAreTold(t *testing.T) {
	m := serve(t, bundles(t)[0])
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	readings, err := m.ReadEncoded(ctx, Caller{}, []encode.Encoded{{IDs: []int64{1, 2, 3}, Positions: []int{2}}})
	if err != nil || !errors.Is(readings[0].Err, context.Canceled) {
		t.Fatalf("%v, %v", readings, err)
	}
}

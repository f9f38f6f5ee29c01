package heads

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/manifest"
)

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

// TestGradientsOfManyItemsEndWithTheirCaller: between chunks, and while others are at work. A row has the same bits in
// any chunk.
func TestGradientsOfManyItemsEndWithTheirCaller(t *testing.T) {
	spec, err := manifest.Parse(must4(os.ReadFile(filepath.Join("..", "testdata", "heads", "judge", manifest.File))))
	if err != nil {
		t.Fatal(err)
	}
	f, err := LoadFeatures(&spec.Graph,
		must4(os.ReadFile(filepath.Join("..", "testdata", "heads", "judge", spec.Graph.File))))
	if err != nil {
		t.Fatal(err)
	}
	some := make([]encode.Encoded, 7)
	for i := range some {
		some[i].IDs = ProbeFeatures(len(spec.Graph.Features), uint64(i))
	}
	var items []encode.Encoded
	for len(items) <= 2*headRows {
		items = append(items, some...)
	}
	slopes, err := f.Slopes(t.Context(), items, 1)
	if err != nil || len(slopes) != len(items) {
		t.Fatalf("%d slopes of %d items, %v", len(slopes), len(items), err)
	}
	for i, own := range slopes {
		if !cmp.Equal(own, slopes[i%len(some)]) {
			t.Fatalf("item %d: %v, and %v where it stands first", i, own, slopes[i%len(some)])
		}
	}
	ctx := &countdown{t.Context(), 2}
	if got, err := f.Slopes(ctx, items, 1); !errors.Is(err, context.DeadlineExceeded) || got != nil {
		t.Errorf("a deadline that passes behind two of three chunks: %d slopes, %v", len(got), err)
	}
	for range cap(f.gradientSlots) {
		f.gradientSlots <- struct{}{}
	}
	late, end := context.WithTimeout(t.Context(), time.Millisecond)
	defer end()
	if got, err := f.Slopes(late, some, 1); !errors.Is(err, context.DeadlineExceeded) ||
		cap(f.gradientSlots) != runtime.GOMAXPROCS(0) {
		t.Errorf("a deadline that passes behind %d others: %d slopes, %v", cap(f.gradientSlots), len(got), err)
	}
}

// TestUsersOfOneRunHaveTheSameBits: 0 and -0 are equal, and a head may tell them apart.
func TestUsersOfOneRunHaveTheSameBits(t *testing.T) {
	minus := float32(math.Copysign(0, -1))
	if n := samePrefix([][]float32{{1, 0}, {1, 0}, {1, minus}}); n != 2 {
		t.Errorf("%d users share a run, and the first 2 are the same", n)
	}
}

func must4(data []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return data
}

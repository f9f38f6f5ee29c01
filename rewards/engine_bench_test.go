package rewards

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
)

// instantSource has every answer ready, so that what is measured is the engine's own.
type instantSource struct {
	info    models.Info
	reading models.Reading
}

func (s *instantSource) Info() *models.Info { return &s.info }

func (*instantSource) Admit(context.Context, models.Ask) error { return nil }

func (*instantSource) Probe(context.Context) error { return nil }

func (s *instantSource) Read(_ context.Context, ask models.Ask) ([]models.Reading, int, error) {
	return slices.Repeat([]models.Reading{s.reading}, len(ask.Items)), len(ask.Items), nil
}

// instant is an engine over a model of one label whose items have 500 tokens, all but the last of which they share.
func instant(tb testing.TB) *Engine {
	tb.Helper()
	s := &instantSource{
		info:    models.Info{Manifest: reward("reward"), Digest: "sha256:0", Budget: models.DefaultBudget()},
		reading: models.Reading{Rows: [][]float32{{1.5}}, Tokens: 500, Shared: 499},
	}
	return &Engine{sources: one{s}}
}

// BenchmarkScore is what a request costs beside the encoding and reading of its items.
func BenchmarkScore(b *testing.B) {
	for _, n := range []int{1, 64, 4096} {
		b.Run(fmt.Sprintf("items=%d", n), func(b *testing.B) {
			e, items := instant(b), make([]encode.Item, n)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := e.Ask(b.Context(), Request{Question: Score, Items: items}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestAllocations: a request allocates for what it answers and little beside.
func TestAllocations(t *testing.T) {
	e := instant(t)
	for n, most := range map[int]float64{1: 12, 256: 256*2 + 16} {
		items := make([]encode.Item, n)
		got := testing.AllocsPerRun(50, func() {
			if _, err := e.Ask(t.Context(), Request{Question: Score, Items: items}); err != nil {
				t.Fatal(err)
			}
		})
		if got > most {
			t.Errorf("%g allocations for %d items, want %g at most", got, n, most)
		}
	}
}

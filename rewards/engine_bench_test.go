package rewards

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/manifest"
)

// instantModel has every answer ready, so that what is measured is the engine's own.
type instantModel struct {
	info    models.Info
	encoded encode.Encoded
	reading models.Reading
}

func (m *instantModel) Info() models.Info { return m.info }

func (*instantModel) Admits(context.Context, []encode.Item) error { return nil }

func (m *instantModel) Encode(encode.Item, encode.Truncation) (encode.Encoded, error) {
	return m.encoded, nil
}

func (m *instantModel) Read(_ context.Context, items []encode.Encoded) ([]models.Reading, error) {
	return slices.Repeat([]models.Reading{m.reading}, len(items)), nil
}

func (*instantModel) Slopes(_ context.Context, items []encode.Encoded, _ int) ([][]float32, error) {
	return make([][]float32, len(items)), nil
}

// instant is an engine over a model of one label whose items have 500 tokens, all but the last of which they share.
func instant() *Engine {
	m := &instantModel{
		info:    models.Info{Manifest: reward("reward"), Digest: "sha256:0", MaxItems: models.DefaultMaxItems},
		encoded: encode.Encoded{IDs: make([]int64, 500), Positions: []int{499}},
		reading: models.Reading{Rows: [][]float32{{1.5}}, Shared: 499},
	}
	return &Engine{find: func(string, ...manifest.Kind) (reader, error) { return m, nil }}
}

// BenchmarkScore is what a request costs beside the encoding and reading of its items.
func BenchmarkScore(b *testing.B) {
	for _, n := range []int{1, 64, 4096} {
		b.Run(fmt.Sprintf("items=%d", n), func(b *testing.B) {
			e, items := instant(), text(make([]string, n)...)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := e.Score(b.Context(), ScoreRequest{Items: items}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestScoreAllocations: a request allocates for what it answers and little beside.
func TestScoreAllocations(t *testing.T) {
	e := instant()
	for n, most := range map[int]float64{1: 15, 256: 256*5 + 40} {
		items := text(make([]string, n)...)
		got := testing.AllocsPerRun(50, func() {
			if _, err := e.Score(t.Context(), ScoreRequest{Items: items}); err != nil {
				t.Fatal(err)
			}
		})
		if got > most {
			t.Errorf("%g allocations for %d items, want %g at most", got, n, most)
		}
	}
}

// TestAFullQueueEncodesNothing: under load most requests are refused, and none of those is tokenized first.
func TestAFullQueueEncodesNothing(t *testing.T) {
	e, fakes := engineOf(t, reward("reward"), process("sigmoid", "right", "right"))
	for _, m := range fakes {
		m.full = &models.QueueFullError{Items: 9, MaxItems: 9, RetryAfter: time.Second}
	}
	_, scored := e.Score(t.Context(), ScoreRequest{Items: text("a", "b")})
	_, stepped := e.Steps(t.Context(), StepsRequest{Items: text("a")})
	_, ranked := e.Rank(t.Context(), RankRequest{Prompted: Prompted{Prompt: new("p")}, Responses: []string{"a"}})
	for _, err := range []error{scored, stepped, ranked} {
		var full *models.QueueFullError
		if !errors.As(err, &full) || ProblemOf(err).Status != 429 || ProblemOf(err).RetryAfter != time.Second {
			t.Errorf("error %v, want a full queue", err)
		}
	}
	for _, m := range fakes {
		if calls := m.encode.Load(); calls != 0 {
			t.Errorf("%d items were encoded for %s", calls, m.info.Manifest.Name)
		}
	}
}

package batching

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// load is a queue's worth of sequences: prompts of 100 tokens behind a header of 12 that all share, with so many
// responses each of 20 to 120 tokens.
func load(prompts, responses int) []Sequence {
	random := rand.New(rand.NewPCG(1, 2))
	header := run(0, 12)
	var sequences []Sequence
	for p := range prompts {
		prompt := append(slices.Clip(header), run(1000*(p+1), 100)...)
		for range responses {
			response := make([]int64, 20+random.IntN(100))
			for i := range response {
				response[i] = random.Int64N(30_000)
			}
			sequences = append(sequences, seq(append(slices.Clip(prompt), response...)...))
		}
	}
	random.Shuffle(len(sequences), func(i, j int) { sequences[i], sequences[j] = sequences[j], sequences[i] })
	return sequences
}

// queueOf puts the sequences into a queue, as admission does.
func queueOf(sequences []Sequence) *queue {
	b := New(nil, Options{MaxItems: 1 << 20, MaxTokens: 1 << 30})
	c := newCall(context.Background(), Caller{}, sequences, false)
	if err := b.admit(c); err != nil {
		panic(err)
	}
	return &b.queue
}

// One plan of about 1024 tokens picked from a queue and packed.
func BenchmarkPick(b *testing.B) {
	for _, padded := range []bool{false, true} {
		for _, c := range [][2]int{{1, 8}, {1, 1024}, {64, 16}, {4096, 1}} {
			b.Run(fmt.Sprintf("padded=%t/prompts=%d/responses=%d", padded, c[0], c[1]), func(b *testing.B) {
				q := queueOf(load(c[0], c[1]))
				p := New(nil, Options{Padded: padded}).lanes[0].picker
				var plan Plan
				var placements []placement
				b.ReportAllocs()
				for round := uint64(1); b.Loop(); round++ {
					p.pick(q, time.Time{}, Budget{Tokens: defaultTokens, Area: defaultArea}, round)
					placements = p.shape.build(&plan, placements[:0])
				}
				b.ReportMetric(float64(len(p.batch)), "items/op")
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(p.batch)), "ns/item")
				b.ReportMetric(float64(len(plan.IDs)), "tokens")
			})
		}
	}
}

// Sequences admitted to a queue that is already deep.
func BenchmarkAdmit(b *testing.B) {
	for _, c := range [][2]int{{1, 4096}, {4096, 1}} {
		b.Run(fmt.Sprintf("prompts=%d/responses=%d", c[0], c[1]), func(b *testing.B) {
			all := load(c[0], c[1])
			deep, more := all[:len(all)-64], all[len(all)-64:]
			batcher := New(nil, Options{MaxItems: 1 << 20, MaxTokens: 1 << 30})
			_ = batcher.admit(newCall(context.Background(), Caller{}, deep, false))
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			b.ReportAllocs()
			for b.Loop() {
				c := newCall(ctx, Caller{}, more, false)
				if err := batcher.admit(c); err != nil {
					b.Fatal(err)
				}
				batcher.abandon(c)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(more)), "ns/item")
		})
	}
}

// One sequence through a batcher whose runner does nothing.
func BenchmarkSubmit(b *testing.B) {
	batcher := New(instant{}, Options{})
	done := make(chan error)
	go func() { done <- batcher.Run(context.Background()) }()
	sequences := load(1, 1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := batcher.Submit(context.Background(), Caller{}, sequences); err != nil {
			b.Fatal(err)
		}
	}
	batcher.Close()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}

// instant is a runner that answers at once with nothing in the rows.
type instant struct{}

func (instant) Run(_ context.Context, plan *Plan) ([][]float32, error) {
	return make([][]float32, len(plan.Read)), nil
}

package encode

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// unlimited is the encoder of a fixture bundle, for items of any length.
func unlimited(tb testing.TB, name string) *Encoder {
	tb.Helper()
	e := fixture(tb, name)
	e.manifest.Limits.MaxTokens = 1 << 20
	return e
}

// words is a text of n words, which differ from seed to seed.
func words(n, seed int) string {
	vocabulary := strings.Fields(
		"the reward of a response is what a model says about it when asked whether 42 + 17 = 59 follows from that question")
	random, chosen := rand.New(rand.NewPCG(uint64(seed), 0)), make([]string, n)
	for i := range chosen {
		chosen[i] = vocabulary[random.IntN(len(vocabulary))]
	}
	return strings.Join(chosen, " ")
}

func encodeEach(tb testing.TB, e *Encoder, items ...Item) {
	tb.Helper()
	for _, item := range items {
		if _, err := encodeWith(e, item, TruncateError); err != nil {
			tb.Fatal(err)
		}
	}
}

// BenchmarkEncodeText encodes a text that was never seen; its ids are most of what it allocates.
func BenchmarkEncodeText(b *testing.B) {
	for _, n := range []int{35, 150} {
		b.Run(fmt.Sprintf("words=%d", n), func(b *testing.B) {
			e := unlimited(b, "qwen3-reward-packed")
			b.ReportAllocs()
			for seed := 0; b.Loop(); seed++ {
				encodeEach(b, e, Item{Text: new(words(n, seed))})
			}
		})
	}
}

// BenchmarkEncodeSharedPrompt encodes 64 responses to a prompt that was never seen.
func BenchmarkEncodeSharedPrompt(b *testing.B) {
	e := unlimited(b, "qwen3-reward-packed")
	b.ReportAllocs()
	items := make([]Item, 64)
	for n := 0; b.Loop(); n++ {
		prompt := words(2000, n)
		for k := range items {
			items[k] = Item{Prompt: &prompt, Response: new(words(35, 1e6+64*n+k))}
		}
		if _, err := e.All(b.Context(), NewGate(), items, Options{}, math.MaxInt); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEncodeGrowingSteps encodes an item after each of its 20 steps: separators that are added tokens cut its
// text, and words do.
func BenchmarkEncodeGrowingSteps(b *testing.B) {
	e := unlimited(b, "qwen2-process-packed")
	for _, separated := range []bool{true, false} {
		b.Run(fmt.Sprintf("separated=%v", separated), func(b *testing.B) {
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				prompt, response, steps := words(200, n), "", []string{}
				for k := range 20 {
					if steps = append(steps, words(40, 1e6+20*n+k)); separated {
						encodeEach(b, e, Item{Prompt: &prompt, Steps: steps})
					} else {
						response += steps[k] + "\n"
						encodeEach(b, e, Item{Prompt: &prompt, Steps: []string{response}})
					}
				}
			}
		})
	}
}

// TestEncodeAllocations: what an item allocates does not grow with its tokens, and a prompt's part is paid once.
func TestEncodeAllocations(t *testing.T) {
	e := unlimited(t, "qwen3-reward-packed")
	prompt, n := words(2000, 1), 0
	responses := make([]string, 400)
	for i := range responses {
		responses[i] = words(10, i)
	}
	for _, test := range []struct {
		name string
		most float64
		item func() Item
	}{
		{"text", 3, func() Item { return Item{Text: &prompt} }},                                             // its form, its ids, the place read
		{"a new response", 220, func() Item { n++; return Item{Prompt: &prompt, Response: &responses[n]} }}, // nearly all of them the template's
	} {
		encodeEach(t, e, test.item())
		if got := testing.AllocsPerRun(100, func() { encodeEach(t, e, test.item()) }); got > test.most {
			t.Errorf("%s: %g allocations, want %g at most", test.name, got, test.most)
		}
	}
}

package rewards

import (
	"context"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards/ops"
)

func pairManifest(orders string) manifest.Manifest {
	m := manifest.Manifest{Name: "fake-pair", Kind: manifest.KindPair}
	m.Graph.Labels = []string{"A", "B"}
	m.Pair = &manifest.Pair{Label: 0, Activation: activationSoftmax, Orders: orders}
	m.Limits.MaxTokens = 64
	return m
}

func preferenceManifest(normalize bool) manifest.Manifest {
	m := manifest.Manifest{Name: "fake-gpm", Kind: manifest.KindPreference}
	m.Graph.Labels = []string{"v0", "v1", "v2", "v3", "s0", "s1"}
	m.Preference = &manifest.Preference{Embedding: []int{0, 1, 2, 3}, Scale: []int{4, 5}, Normalize: normalize, Temperature: 0.1}
	m.Limits.MaxTokens = 64
	return m
}

// hashed gives rows that depend on the item's text alone: one, or with places 2 another one before it that depends on
// the prompt alone.
func hashed(labels, places int) func(string, *models.Reading) [][]float32 {
	return func(text string, _ *models.Reading) [][]float32 {
		rows := make([][]float32, places)
		for place := range rows {
			row, seen := make([]float32, labels), text
			if place < places-1 { // the end of the prompt
				seen, _, _ = strings.Cut(text, "|")
			}
			for l := range row {
				sum := 0
				for at, c := range []byte(seen) {
					sum += (at + 3*l + 5*place + 1) * int(c)
				}
				row[l] = float32(sum%97)/24 - 2
			}
			rows[place] = row
		}
		return rows
	}
}

// preferenceEngine answers by a model that compares; a response that holds "lost" fails.
func preferenceEngine(t *testing.T, spec manifest.Manifest) *Engine {
	t.Helper()
	e, fakes := engineOf(t, spec)
	places := 1
	if spec.Kind == manifest.KindPreference {
		places = 2
	}
	fakes[0].rows = hashed(len(spec.Graph.Labels), places)
	return e
}

// TestPreferenceLaws: the two sides of a preference make exactly 1, the order of the responses only permutes the
// matrix, pairs give what the matrix gives, and rank orders by win rate.
func TestPreferenceLaws(t *testing.T) {
	for _, spec := range []manifest.Manifest{
		pairManifest("probability"), pairManifest("logit"), preferenceManifest(true), preferenceManifest(false),
	} {
		e := preferenceEngine(t, spec)
		rapid.Check(t, func(t *rapid.T) {
			responses := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-k]{1,9}`), 2, 5, rapid.ID).Draw(t, "responses") // none of them lost
			answered := func(q Question, responses []string) Answer {
				answer, err := e.Ask(context.Background(), Request{Question: q, Groups: to("p", responses...)})
				if err != nil {
					t.Fatal(err)
				}
				return answer
			}
			answer := answered(Compare, responses)
			n := len(responses)
			if want := map[manifest.Kind]int{manifest.KindPair: n * (n - 1), manifest.KindPreference: n}[spec.Kind]; answer.Usage.Items != want {
				t.Fatalf("%d sequences of %d responses, want %d", answer.Usage.Items, n, want)
			}
			of := func(a Answer, i, j int) float64 {
				p := a.Preference.Row(i)[j]
				if !p.Known {
					t.Fatalf("preference of %d over %d is unknown", i, j)
				}
				return p.Value
			}
			for i := range n {
				for j := range n {
					if sum := of(answer, i, j) + of(answer, j, i); sum != 1 {
						t.Fatalf("preference of %d over %d and back make %g", i, j, sum)
					}
				}
			}
			order := rapid.Permutation(responses).Draw(t, "order")
			moved := answered(Compare, order)
			at := map[string]int{}
			for i, response := range order {
				at[response] = i
			}
			for i := range n {
				for j := range n {
					if of(answer, i, j) != of(moved, at[responses[i]], at[responses[j]]) {
						t.Fatal("another order of the responses gave another preference")
					}
				}
			}
			pair := answered(Pairs, responses[:2]).Pairs[0]
			if pair.Err != nil || pair.Probability != of(answer, 0, 1) || ops.Sigmoid(pair.Margin) != of(answer, 0, 1) {
				t.Fatalf("%+v; the matrix has %g", pair, of(answer, 0, 1))
			}
			rank := answered(Rank, responses)
			for place, i := range rank.Ranking {
				if score := rank.Results[i].Score; score != answer.WinRates[i].Value || place > 0 && score > rank.Results[rank.Ranking[place-1]].Score {
					t.Fatalf("ranking %v, win rates %v", rank.Ranking, answer.WinRates)
				}
			}
		})
	}
}

// TestBothOrders: the mean of both orders' probabilities, or the sigmoid of half the difference of their logits.
func TestBothOrders(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ab, ba := rapid.Float64Range(-1e4, 1e4).Draw(t, "ab"), rapid.Float64Range(-1e4, 1e4).Draw(t, "ba")
		rule := &pairwise{Pair: &manifest.Pair{Orders: "probability"}}
		mean := rule.margin(ab, ba)
		if !ops.Finite(mean) || rule.margin(ba, ab) != -mean {
			t.Fatalf("log-odds %g, and of the other order %g", mean, rule.margin(ba, ab))
		}
		if want := (ops.Sigmoid(ab) + 1 - ops.Sigmoid(ba)) / 2; math.Abs(ops.Sigmoid(mean)-want) > 1e-12 {
			t.Fatalf("probability %g, want %g", ops.Sigmoid(mean), want)
		}
		if half := (&pairwise{Pair: &manifest.Pair{Orders: "logit"}}).margin(ab, ba); half != (ab-ba)/2 {
			t.Fatalf("logit %g", half)
		}
	})
}

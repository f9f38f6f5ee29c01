package rewards

import (
	"context"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/manifest"
)

func pairManifest(orders string) manifest.Manifest {
	m := manifest.Manifest{Name: "fake-pair", Kind: manifest.KindPair}
	m.Graph.Labels = []string{"A", "B"}
	m.Pair = &manifest.Pair{Label: 0, Activation: "softmax", Orders: orders}
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

// hashed gives rows that depend on the item's text alone; an item that holds "lost" fails.
func hashed(labels, places int) func(context.Context, []encode.Encoded) ([]models.Reading, error) {
	return func(_ context.Context, items []encode.Encoded) ([]models.Reading, error) {
		readings := make([]models.Reading, len(items))
		for i, item := range items {
			if strings.Contains(item.Text, "lost") {
				readings[i].Err = context.DeadlineExceeded
				continue
			}
			for place := range places {
				row, seen := make([]float32, labels), item.Text
				if place < places-1 { // the end of the prompt
					seen, _, _ = strings.Cut(item.Text, "|")
				}
				for l := range row {
					sum := 0
					for at, c := range []byte(seen) {
						sum += (at + 3*l + 5*place + 1) * int(c)
					}
					row[l] = float32(sum%97)/24 - 2
				}
				readings[i].Rows = append(readings[i].Rows, row)
			}
		}
		return readings, nil
	}
}

func preferenceEngine(t *testing.T, spec manifest.Manifest) *Engine {
	t.Helper()
	e, fakes := engineOf(t, spec)
	places := 1
	if spec.Kind == manifest.KindPreference {
		places = 2
	}
	fakes[0].places, fakes[0].read = places, hashed(len(spec.Graph.Labels), places)
	return e
}

// TestPreferenceLaws: the two sides of a preference make exactly 1, the order of the responses only permutes the matrix, pairs give what the
// matrix gives, and rank orders by win rate.
func TestPreferenceLaws(t *testing.T) {
	for _, spec := range []manifest.Manifest{
		pairManifest("probability"), pairManifest("logit"), preferenceManifest(true), preferenceManifest(false),
	} {
		e := preferenceEngine(t, spec)
		rapid.Check(t, func(t *rapid.T) {
			responses := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-k]{1,9}`), 2, 5, rapid.ID).Draw(t, "responses") // none of them lost
			ask := func(responses []string) CompareAnswer {
				answer, err := e.Compare(context.Background(), CompareRequest{Prompted: Prompted{Prompt: new("p")}, Responses: responses})
				if err != nil {
					t.Fatal(err)
				}
				return answer
			}
			answer := ask(responses)
			n := len(responses)
			if want := map[manifest.Kind]int{manifest.KindPair: n * (n - 1), manifest.KindPreference: n}[spec.Kind]; answer.Usage.Items != want {
				t.Fatalf("%d sequences of %d responses, want %d", answer.Usage.Items, n, want)
			}
			for i := range n {
				for j := range n {
					if sum := *answer.Preference[i][j] + *answer.Preference[j][i]; sum != 1 {
						t.Fatalf("preference of %d over %d and back make %g", i, j, sum)
					}
				}
			}
			order := rapid.Permutation(responses).Draw(t, "order")
			moved := ask(order)
			at := map[string]int{}
			for i, response := range order {
				at[response] = i
			}
			for i := range n {
				for j := range n {
					if *answer.Preference[i][j] != *moved.Preference[at[responses[i]]][at[responses[j]]] {
						t.Fatal("another order of the responses gave another preference")
					}
				}
			}
			pairs, err := e.Compare(context.Background(), CompareRequest{Pairs: []Pair{{Prompted{Prompt: new("p")}, &responses[0], &responses[1]}}})
			if err != nil || *pairs.Results[0].Probability != *answer.Preference[0][1] || Sigmoid(*pairs.Results[0].Margin) != *answer.Preference[0][1] {
				t.Fatalf("%+v, %v; the matrix has %g", pairs.Results[0], err, *answer.Preference[0][1])
			}
			rank, err := e.Rank(context.Background(), RankRequest{Prompted: Prompted{Prompt: new("p")}, Responses: responses})
			if err != nil {
				t.Fatal(err)
			}
			for place, ranked := range rank.Ranking {
				if ranked.Score != *answer.WinRate[ranked.Index] || place > 0 && ranked.Score > rank.Ranking[place-1].Score {
					t.Fatalf("ranking %v, win rates %v", rank.Ranking, answer.WinRate)
				}
			}
		})
	}
}

// TestBothOrders: the mean of both orders' probabilities, or the sigmoid of half the difference of their logits.
func TestBothOrders(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ab, ba := rapid.Float64Range(-1e4, 1e4).Draw(t, "ab"), rapid.Float64Range(-1e4, 1e4).Draw(t, "ba")
		rule := &pairRule{spec: manifest.Pair{Orders: "probability"}}
		mean := rule.margin(ab, ba)
		if !finite(mean) || rule.margin(ba, ab) != -mean {
			t.Fatalf("log-odds %g, and of the other order %g", mean, rule.margin(ba, ab))
		}
		if want := (Sigmoid(ab) + 1 - Sigmoid(ba)) / 2; math.Abs(Sigmoid(mean)-want) > 1e-12 {
			t.Fatalf("probability %g, want %g", Sigmoid(mean), want)
		}
		if half := (&pairRule{spec: manifest.Pair{Orders: "logit"}}).margin(ab, ba); half != (ab-ba)/2 {
			t.Fatalf("logit %g", half)
		}
	})
}

package rewards

import (
	"context"
	"errors"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/recipes"
	"github.com/assay-rm/assay/rewards/recipes/papers"
	"github.com/assay-rm/assay/rewards/state"
	"github.com/assay-rm/assay/rewards/state/bolt"
)

// nearby fuses a text's reward, the letters a in it and 1, with those of texts before it whose vectors are near.
const nearby = `recipe: 1
name: nearby
readings:
  e: {gives: embedding, reads: response}
values: {own: "at(e, 0) + 1"}
state:
  near:
    kind: neighbours
    with: {width: 3, nearest: 100, similarity: 0.83}
    vector: e
    key: response
    missing: {fused: 0}
    update: own
score: (own + near.weight * near.fused) / (1 + near.weight)
`

// remembersTexts is an engine whose one model embeds and whose recipe has a state in a file that is new.
func remembersTexts(tb testing.TB, dir, text string) (*Engine, *state.States) {
	tb.Helper()
	e, _ := servedTexts(tb, embedder("cosine"), text)
	store, err := bolt.Open(filepath.Join(dir, "state.db"))
	if err != nil {
		tb.Fatal(err)
	}
	states := state.New(store, state.Limits{})
	if err := e.Remember(tb.Context(), states); err != nil {
		tb.Fatal(err)
	}
	return e, states
}

// TestAStateIsAskedAboutTheVectorOfAReading: by random requests, what is fused is what a map of all texts before the
// request would give; an item whose reading fails, or whose vector has no direction, fails alone and is not remembered.
func TestAStateIsAskedAboutTheVectorOfAReading(t *testing.T) {
	e, states := remembersTexts(t, t.TempDir(), nearby)
	defer states.Close() //nolint:errcheck // the test's own file
	rapid.Check(t, func(t *rapid.T) {
		if _, err := states.Reset(context.Background(), "nearby.near", nil, 0); err != nil {
			t.Fatal(err)
		}
		kept := map[string]float64{} // of each text its reward
		for range rapid.IntRange(1, 4).Draw(t, "requests") {
			words := rapid.SliceOfN(rapid.OneOf(rapid.StringMatching(`[abc]{1,5}`), rapid.SampledFrom([]string{"lost", "xyz"})), 1, 5).Draw(t, "texts")
			answer, err := e.Ask(context.Background(), Request{Question: Score, Model: "nearby", Items: text(words...)})
			if err != nil {
				t.Fatal(err)
			}
			for i, word := range words {
				got, of := answer.Results[i], letters(word)
				if want := map[string]string{"lost": failure.CodeDeadline, "xyz": failure.CodeInvalidField}[word]; want != "" {
					if got.Err == nil || got.Err.Code != want {
						t.Fatalf("%q has %+v, want %s", word, got, want)
					}
					continue
				}
				sum, weight := of[0]+1, 1.0
				for _, other := range slices.Sorted(maps.Keys(kept)) {
					if near := angle(of, letters(other)); near >= 0.83 && other != word {
						sum, weight = sum+near*kept[other], weight+near
					}
				}
				if got.Err != nil || math.Abs(got.Score-sum/weight) > 1e-9 || got.Values["own"] != of[0]+1 {
					t.Fatalf("%q has %+v, want %g of %v", word, got, sum/weight, kept)
				}
			}
			for _, word := range words {
				if word != "lost" && word != "xyz" {
					kept[word] = letters(word)[0] + 1
				}
			}
			head, _, err := states.Read(context.Background(), "nearby.near", nil)
			if err != nil || head.Keys != len(kept) {
				t.Fatalf("%d texts are kept, want %d: %v", head.Keys, len(kept), err)
			}
		}
	})
}

// TestTheIndexIsThereAfterARestart, and a model whose vectors have another width fails the items and not the server.
func TestTheIndexIsThereAfterARestart(t *testing.T) {
	dir := t.TempDir()
	e, states := remembersTexts(t, dir, nearby)
	request := Request{Question: Score, Model: "nearby", Items: text("aab")}
	ask(t, e, Request{Question: Score, Model: "nearby", Items: text("aa", "bb")})
	before := ask(t, e, request).Results[0]
	if err := states.Close(); err != nil {
		t.Fatal(err)
	}
	e, states = remembersTexts(t, dir, nearby)
	near := angle(letters("aab"), letters("aa"))
	if got := ask(t, e, request).Results[0]; got.Err != nil || got.Score != before.Score || math.Abs(got.Score-(3+near*3)/(1+near)) > 1e-9 {
		t.Errorf("%+v, and before %+v", got, before)
	}
	if err := states.Close(); err != nil {
		t.Fatal(err)
	}
	e, states = remembersTexts(t, t.TempDir(), strings.Replace(nearby, "width: 3", "width: 4", 1))
	defer states.Close() //nolint:errcheck // the test's own file
	if got := ask(t, e, request).Results[0]; got.Err == nil || got.Err.Code != failure.CodeInvalidField || !strings.Contains(got.Err.Detail, "3") {
		t.Errorf("another width: %+v", got)
	}
}

// TestAUserIsAskedAboutTheVectorOfAReading: the point of a user who was fitted to pairs is near the texts that it
// chose.
func TestAUserIsAskedAboutTheVectorOfAReading(t *testing.T) {
	e, states := remembersTexts(t, t.TempDir(), `recipe: 1
name: personal
given: {who: {gives: word}}
readings:
  e: {gives: embedding, reads: response}
state:
  user: {kind: users, with: {width: 3, fit: latent}, vector: e, key: who}
score: user.reward
`)
	defer states.Close() //nolint:errcheck // the test's own file
	chose := state.Pair{Chosen: letters("a"), Rejected: letters("b")}
	if _, err := states.Update(t.Context(), "personal.user", []state.Update{{Key: "anna", Pairs: []state.Pair{chose}}}, 0); err != nil {
		t.Fatal(err)
	}
	anna, bert := map[string]recipes.Given{"who": {Word: "anna"}}, map[string]recipes.Given{"who": {Word: "bert"}}
	got := ask(t, e, Request{
		Question: Score, Model: "personal", Items: text("aaa", "bbb", "c", "lost", "a"), Given: []map[string]recipes.Given{anna, anna, anna, anna, bert},
	}).Results
	if got[0].Err != nil || got[1].Err != nil || got[0].Score <= 0 || got[0].Score != -got[1].Score || got[2].Score != 0 {
		t.Errorf("%+v", got)
	}
	if code(got[3].Err) != failure.CodeDeadline || code(got[4].Err) != failure.CodeMissing {
		t.Errorf("%v, %v", got[3].Err, got[4].Err)
	}
}

// TestMultipliersOfAPaper: of constrained-dual the first request sees weights of a half, and the second those that its
// worked example has, which examples.py computed by the paper's step.
func TestMultipliersOfAPaper(t *testing.T) {
	source, _ := papers.Read("constrained-dual")
	e, _, states := remembering(t)
	r, err := recipes.Parse(source)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(e.Serve(r, map[string]string{"first_reward": "rm", "second_reward": "rm"}), e.Remember(t.Context(), states)); err != nil {
		t.Fatal(err)
	}
	request := Request{Question: Score, Model: r.Name, Params: r.Example.Params, Items: text("aaa", "lost", "aaaaa")} // the mean of 3 and 5 is 4
	weights := r.Example.Given["dual"].Labels
	for round, want := range []struct{ first, second, rest float64 }{{0.5, 0.5, 1}, {weights["first"], weights["second"], weights["rest"]}} {
		got := ask(t, e, request).Results
		for i, reward := range map[int]float64{0: 3, 2: 5} {
			score := (want.first + want.second) * reward
			if got[i].Err != nil || math.Abs(got[i].Score-score) > 1e-9 || math.Abs(got[i].Values["kl_weight"]-want.rest) > 1e-9 {
				t.Errorf("round %d: item %d has %+v, want %g", round, i, got[i], score)
			}
		}
		if code(got[1].Err) != failure.CodeDeadline {
			t.Errorf("round %d: %+v", round, got[1])
		}
	}
}

package rewards

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/recipes"
	"github.com/assay-rm/assay/rewards/state"
	"github.com/assay-rm/assay/rewards/state/bolt"
)

// The fakes give an item the number of its tokens, which are its characters.
const standardized = `recipe: 1
name: standardized
readings:
  r: {gives: raw, model: rm}
state:
  past:
    kind: running
    missing: {mean: 0, deviation: 1}
    update: r
score: (r - past.mean) / at_least(past.deviation, 0.001)
example:
  given: {r: 3, past: {mean: 1, deviation: 4}}
  score: 0.5
`

const referenced = `recipe: 1
name: referenced
readings:
  r: {gives: raw, model: rm}
state:
  base: {kind: quantiles, with: {capacity: 8, quantile: 0.5}, key: prompt}
  seen: {kind: labels, with: {default: 0}, key: response, update: 1, state: shared-labels}
score: log_sigmoid(r - base.quantile) / (seen.count + 1) ** 0.5 + seen.label
`

// remembering is an engine whose recipes have states in a file.
func remembering(tb testing.TB, texts ...string) (*Engine, fakes, *state.States) {
	tb.Helper()
	e, sources := composedEngine(tb, texts...)
	store, err := bolt.Open(filepath.Join(tb.TempDir(), "state.db"))
	if err != nil {
		tb.Fatal(err)
	}
	states := state.New(store, state.Limits{})
	tb.Cleanup(func() {
		if err := states.Close(); err != nil {
			tb.Error(err)
		}
	})
	if err := e.Remember(tb.Context(), states); err != nil {
		tb.Fatal(err)
	}
	return e, sources, states
}

// count is how many values or sights a state knows of a key.
func count(tb testing.TB, states *state.States, name, key string) float64 {
	tb.Helper()
	_, readings, err := states.Read(tb.Context(), name, []state.Query{{Key: key}})
	if err != nil {
		tb.Fatal(err)
	}
	return readings[0].Numbers["count"].Value
}

// TestARecipeRemembers: a request sees what those before it left, not what its own items add, and adds each of them
// once.
func TestARecipeRemembers(t *testing.T) {
	e, _, states := remembering(t, standardized)
	request := Request{Question: Score, Model: "standardized", Items: text("aaa", "aaaaa")}
	for round, want := range [][]float64{{3, 5}, {-1, 1}, {-1, 1}} { // then mean 4, deviation 1
		answer := ask(t, e, request)
		for i := range want {
			if got := answer.Results[i]; got.Err != nil || got.Score != want[i] {
				t.Errorf("round %d: item %d has %+v, want %g", round, i, got, want[i])
			}
		}
		if n := count(t, states, "standardized.past", ""); n != float64(2*(round+1)) {
			t.Errorf("round %d: %g values", round, n)
		}
	}
}

// TestItemsThatFailAreNotRemembered: an item without a reward adds nothing, and its mates do.
func TestItemsThatFailAreNotRemembered(t *testing.T) {
	e, sources, states := remembering(t, standardized)
	answer := ask(t, e, Request{Question: Score, Model: "standardized", Items: text("aaa", "lost", "aaaaa")})
	if got := codes(answer.Results); got[0] != "3" || got[1] != failure.CodeDeadline || got[2] != "5" {
		t.Fatalf("%q", got)
	}
	if n := count(t, states, "standardized.past", ""); n != 2 {
		t.Errorf("%g values", n)
	}
	sources[0].full = failure.New(failure.CodeQueueFull, "full")
	if _, err := e.Ask(t.Context(), Request{Question: Score, Model: "standardized", Items: text("aaa")}); err == nil {
		t.Error("a full queue answers")
	}
	if n := count(t, states, "standardized.past", ""); n != 2 {
		t.Errorf("%g values after a refusal", n)
	}
}

// TestMissingState: an item whose state is not known has an error that names it, its mates have their rewards, and of a
// key that was never seen the count is 0.
func TestMissingState(t *testing.T) {
	e, _, states := remembering(t, referenced)
	if _, err := states.Update(t.Context(), "referenced.base", []state.Update{{Key: state.KeyOf("known"), Values: []float64{1, 2, 3}}}, 0); err != nil {
		t.Fatal(err)
	}
	answer := ask(t, e, Request{Question: Pairs, Model: "referenced", Groups: append(to("known", "a", "bb"), to("unknown", "a", "bb")...)})
	if answer.Pairs[0].Err != nil || answer.Pairs[1].Err == nil {
		t.Fatalf("%+v", answer.Pairs)
	}
	for i, want := range []string{"", failure.CodeMissing} {
		if got := code(pairError(answer, i)); got != want {
			t.Errorf("pair %d: %q, want %q", i, got, want)
		}
	}
	if detail := answer.Pairs[1].Err.Detail; !strings.Contains(detail, `state.base: state "referenced.base" knows no quantile of the item's prompt`) {
		t.Errorf("%s", detail)
	}
	if a, b := count(t, states, "shared-labels", state.KeyOf("a")), count(t, states, "shared-labels", state.KeyOf("nobody")); a != 1 || b != 0 {
		t.Errorf("%g and %g sights", a, b)
	}
}

func pairError(answer Answer, i int) error {
	if err := answer.Pairs[i].Err; err != nil {
		return err
	}
	return nil
}

// TestRequestsAtOnceLoseNothing: every item of requests that run at once is remembered once.
func TestRequestsAtOnceLoseNothing(t *testing.T) {
	e, _, states := remembering(t, standardized)
	const clients, rounds = 6, 10
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for range rounds {
				if _, err := e.Ask(t.Context(), Request{Question: Score, Model: "standardized", Items: text("aaa", "aaaaa", "aaaa")}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if n := count(t, states, "standardized.past", ""); n != 3*clients*rounds {
		t.Errorf("%g values of %d", n, 3*clients*rounds)
	}
}

// TestMultipliersOfARecipe: one request is one step, by the means over its items, and the next sees its weights.
func TestMultipliersOfARecipe(t *testing.T) {
	e, _, states := remembering(t, `recipe: 1
name: constrained
readings:
  r: {gives: raw, model: rm}
state:
  dual:
    kind: multipliers
    with: {thresholds: {length: 3}, squash: clamp, rate: 1, momentum: 0, max_norm: 100, start: 2}
    update: {length: r}
score: dual.length * r
`)
	for _, want := range []float64{2 * 3, 1 * 3, 0} { // the mean is 1 above the threshold, so that the weight falls by 1
		answer := ask(t, e, Request{Question: Score, Model: "constrained", Items: text("aaa", "aaaaa")})
		if got := answer.Results[0]; got.Err != nil || got.Score != want {
			t.Errorf("%+v, want %g", got, want)
		}
	}
	_, readings, err := states.Read(t.Context(), "constrained.dual", []state.Query{{}})
	if err != nil || readings[0].Numbers["steps"].Value != 3 {
		t.Errorf("%+v, %v", readings, err)
	}
}

// TestVectorsOfARecipe: neighbours and users are asked about a vector that the request gives of each item.
func TestVectorsOfARecipe(t *testing.T) {
	e, _, states := remembering(t, `recipe: 1
name: fusion
given:
  e: {gives: vector}
readings:
  r: {gives: raw, model: rm}
state:
  near: {kind: neighbours, with: {width: 2}, vector: e, key: response, missing: {fused: 0}, update: r}
score: (r + near.weight * near.fused) / (1 + near.weight)
`, `recipe: 1
name: personal
given:
  who: {gives: word}
  e: {gives: vector}
state:
  user: {kind: users, with: {width: 2, fit: latent}, vector: e, key: who}
score: user.reward
`)
	vector := func(x ...float64) map[string]recipes.Given { return map[string]recipes.Given{"e": {Vector: x}} }
	for i, want := range []float64{5, 6, 6} { // alone; with aaa beside it; one is not its own neighbour
		word := []string{"aaa", "aaaaa", "aaaaa"}[i]
		answer := ask(t, e, Request{Question: Rank, Model: "fusion", Groups: to("p", word), Given: []map[string]recipes.Given{vector(1, 0)}})
		if got := answer.Results[0]; got.Err != nil || got.Score-want > 1e-9 || want-got.Score > 1e-9 {
			t.Errorf("%d: %+v, want %g", i, got, want)
		}
	}
	answer := ask(t, e, Request{
		Question: Rank, Model: "fusion", Groups: to("p", "aaa", "aaa", "aaa"),
		Given: []map[string]recipes.Given{vector(1, 0), vector(1, 2, 3), vector(0, 0)},
	})
	if got := fmt.Sprint(codes(answer.Results)); got != "[6 invalid_field invalid_field]" {
		t.Errorf("%s", got)
	}
	pair := state.Pair{Chosen: []float64{1, 0}, Rejected: []float64{0, 1}}
	if _, err := states.Update(t.Context(), "personal.user", []state.Update{{Key: "anna", Pairs: []state.Pair{pair}}}, 0); err != nil {
		t.Fatal(err)
	}
	anna := vector(1, 0)
	anna["who"] = recipes.Given{Word: "anna"}
	bert := vector(1, 0)
	bert["who"] = recipes.Given{Word: "bert"}
	answer = ask(t, e, Request{Question: Score, Model: "personal", Items: text("a", "a"), Given: []map[string]recipes.Given{anna, bert}})
	if got := answer.Results; got[0].Err != nil || got[0].Score <= 0 || got[1].Err == nil || got[1].Err.Code != failure.CodeMissing {
		t.Errorf("%+v", got)
	}
}

// TestRecipesWithoutStates: a recipe with a state is not served where nothing keeps one, and a store that fails fails
// the request.
func TestRecipesWithoutStates(t *testing.T) {
	e, _ := composedEngine(t, standardized)
	if err := e.Remember(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "recipe standardized: state.past: the server keeps no state") {
		t.Errorf("%v", err)
	}
	if _, err := e.Ask(t.Context(), Request{Question: Score, Model: "standardized", Items: text("a")}); code(err) != failure.CodeState {
		t.Errorf("%v", err)
	}
	if err := e.Remember(t.Context(), state.New(broken{}, state.Limits{})); err == nil {
		t.Error("a broken store declares")
	}
	e.states = state.New(broken{}, state.Limits{})
	if _, err := e.Ask(t.Context(), Request{Question: Score, Model: "standardized", Items: text("a")}); code(err) != failure.CodeStateFailed {
		t.Errorf("%v", err)
	}
}

// broken is a store that does not answer.
type broken struct{ state.Store }

func (broken) Load(context.Context, string, []string) (state.Head, []state.Cell, error) {
	return state.Head{}, nil, errors.New("the disk is gone")
}

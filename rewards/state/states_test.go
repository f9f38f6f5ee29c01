package state_test

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/state"
	"github.com/assay-rm/assay/rewards/state/bolt"
)

func newStates(t *testing.T, limits state.Limits) *state.States {
	t.Helper()
	store, err := bolt.Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	states := state.New(store, limits)
	t.Cleanup(func() {
		if err := states.Close(); err != nil {
			t.Error(err)
		}
	})
	return states
}

func declare(t *testing.T, states *state.States, name string, spec state.Spec) state.Info {
	t.Helper()
	info, err := states.Declare(t.Context(), name, spec)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// refused holds an error to its code and the beginning of its sentence.
func refused(t *testing.T, err error, code, detail string) {
	t.Helper()
	if err == nil || failure.Of(err).Code != code || !strings.HasPrefix(failure.Of(err).Detail, detail) {
		t.Errorf("%v, want %s %s", err, code, detail)
	}
}

func values(key string, x ...float64) []state.Update { return []state.Update{{Key: key, Values: x}} }

// TestSpecs: a spec that is out of range is refused by its field, and every default is within range.
func TestSpecs(t *testing.T) {
	vectors := func(n, width int) [][]float64 {
		all := make([][]float64, n)
		for i := range all {
			all[i] = make([]float64, width)
		}
		return all
	}
	for _, test := range []struct {
		spec state.Spec
		want string
	}{
		{state.Spec{}, `kind: "" is none of`},
		{state.Spec{Kind: "sum"}, `kind: "sum" is none of`},
		{state.Spec{Kind: state.Running, Keys: 100001}, "keys: 100001 is not between 1 and 100000"},
		{state.Spec{Kind: state.Running, Keys: -1}, "keys: -1 is not between 1 and 100000"},
		{state.Spec{Kind: state.Multipliers, Keys: 2, Thresholds: map[string]float64{"a": 0}}, "keys: 2 is not between 1 and 1"},
		{state.Spec{Kind: state.Running, Capacity: 1}, "capacity: a state of kind running has no such parameter"},
		{state.Spec{Kind: state.Quantiles, Capacity: 4097}, "capacity: 4097 is not between 1 and 4096"},
		{state.Spec{Kind: state.Quantiles, Keep: "first"}, `keep: "first" is none of`},
		{state.Spec{Kind: state.Quantiles, Keep: "last", Seed: 1}, "seed: is of keep: sample"},
		{state.Spec{Kind: state.Quantiles, Quantile: new(1.5)}, "quantile: 1.5 is not between 0 and 1"},
		{state.Spec{Kind: state.Quantiles, Quantile: new(math.NaN())}, "quantile: NaN is not between 0 and 1"},
		{state.Spec{Kind: state.Labels, Default: new(math.Inf(1))}, "default: +Inf is not finite"},
		{state.Spec{Kind: state.Multipliers}, "thresholds: has 0 constraints, and must have 1 to 64"},
		{state.Spec{Kind: state.Multipliers, Thresholds: map[string]float64{"rest": 0}}, `thresholds: "rest" is no name`},
		{state.Spec{Kind: state.Multipliers, Thresholds: map[string]float64{"A": 0}}, `thresholds: "A" is no name`},
		{state.Spec{Kind: state.Multipliers, Thresholds: map[string]float64{"a": math.NaN()}}, "thresholds.a: NaN is not finite"},
		{state.Spec{Kind: state.Multipliers, Thresholds: map[string]float64{"a": 0}, Squash: "relu"}, `squash: "relu" is none of`},
		{state.Spec{Kind: state.Multipliers, Thresholds: map[string]float64{"a": 0}, Squash: "clamp", Start: -1}, "start: -1 is not finite, or below 0 and clamped"},
		{state.Spec{Kind: state.Multipliers, Thresholds: map[string]float64{"a": 0}, Momentum: new(2.0)}, "momentum: 2 is not between 0 and 1"},
		{state.Spec{Kind: state.Users}, "width: 0 is not between 1 and 4096"},
		{state.Spec{Kind: state.Users, Width: 4097}, "width: 4097 is not between 1 and 4096"},
		{state.Spec{Kind: state.Users, Width: 4096, Pairs: 17}, "pairs: 17 pairs of width 4096 are 69632 numbers a side, and may be 65536"},
		{state.Spec{Kind: state.Users, Width: 2, Pairs: 257}, "pairs: 257 is not between 1 and 256"},
		{state.Spec{Kind: state.Users, Width: 2, Fit: "weights"}, "prototypes: are 0, and must be 2 to 64"},
		{state.Spec{Kind: state.Users, Width: 2, Prototypes: vectors(2, 2)}, "prototypes: are of fit: weights"},
		{state.Spec{Kind: state.Users, Width: 2, Fit: "weights", Prototypes: vectors(65, 2)}, "prototypes: are 65"},
		{state.Spec{Kind: state.Users, Width: 2, Fit: "weights", Prototypes: vectors(2, 3)}, "prototypes: has 3 numbers, and the state's width is 2"},
		{state.Spec{Kind: state.Users, Width: 2, Steps: 1001}, "steps: 1001 is not between 1 and 1000"},
		{state.Spec{Kind: state.Neighbours, Width: 2, Nearest: 101}, "nearest: 101 is not between 1 and 100"},
		{state.Spec{Kind: state.Neighbours, Width: 2, Similarity: new(-0.5)}, "similarity: -0.5 is not between 0 and 1"},
	} {
		_, err := test.spec.Checked()
		refused(t, err, failure.CodeInvalidField, test.want)
	}
	for _, spec := range []state.Spec{
		{Kind: state.Running},
		{Kind: state.Quantiles},
		{Kind: state.Labels},
		{Kind: state.Multipliers, Thresholds: map[string]float64{"a": 0}},
		{Kind: state.Users, Width: 4096},
		{Kind: state.Users, Width: 2, Fit: "weights", Prototypes: vectors(2, 2)},
		{Kind: state.Neighbours, Width: 384},
	} {
		once, err := spec.Checked()
		if err != nil {
			t.Error(err)
		}
		again, err := state.ParseSpec(once.Text())
		if diff := cmp.Diff(once, again); err != nil || diff != "" {
			t.Errorf("%v %s", err, diff)
		}
	}
}

// TestUpdatesAreRefused: an update that does not fit is refused by its place and field, and changes nothing.
func TestUpdatesAreRefused(t *testing.T) {
	states := newStates(t, state.Limits{})
	specs := map[string]state.Spec{
		"running": {Kind: state.Running}, "quantiles": {Kind: state.Quantiles}, "labels": {Kind: state.Labels},
		"multipliers": {Kind: state.Multipliers, Thresholds: map[string]float64{"a": 0, "b": 0}},
		"users":       {Kind: state.Users, Width: 2}, "neighbours": {Kind: state.Neighbours, Width: 2},
	}
	for name, spec := range specs {
		declare(t, states, name, spec)
	}
	good := state.Pair{Chosen: []float64{1, 2}, Rejected: []float64{2, 1}}
	for _, test := range []struct {
		name string
		u    state.Update
		want string
	}{
		{"running", state.Update{}, "updates[0]: values: is missing"},
		{"running", state.Update{Values: []float64{}}, "updates[0]: values: has 0 numbers, and must have 1 to 4096"},
		{"running", state.Update{Values: make([]float64, 4097)}, "updates[0]: values: has 4097 numbers, and must have 1 to 4096"},
		{"running", state.Update{Values: []float64{1, math.NaN()}}, "updates[0]: values: number 1 is NaN, and must be finite"},
		{"running", state.Update{Values: []float64{1e308, -1e308}}, "updates[0]: values: the state's numbers would no longer be finite"},
		{"running", state.Update{Values: []float64{1}, Seen: 1}, "updates[0]: seen: a state of kind running takes no seen"},
		{"running", state.Update{Key: strings.Repeat("k", 257), Values: []float64{1}}, "updates[0]: key: has 257 bytes, and may have 256"},
		{"running", state.Update{Key: "a\nb", Values: []float64{1}}, "updates[0]: key: "},
		{"running", state.Update{Key: "\xff", Values: []float64{1}}, "updates[0]: key: "},
		{"quantiles", state.Update{Values: []float64{math.Inf(-1)}}, "updates[0]: values: number 0 is -Inf, and must be finite"},
		{"labels", state.Update{}, "updates[0]: label: is missing"},
		{"labels", state.Update{Seen: -1}, "updates[0]: seen: -1 is not between 0 and 2147483647"},
		{"labels", state.Update{Label: new(math.NaN())}, "updates[0]: label: NaN is not finite"},
		{"multipliers", state.Update{Means: map[string]float64{"a": 1}}, "updates[0]: means: has no mean of b"},
		{"multipliers", state.Update{Means: map[string]float64{"a": 1, "b": 1, "c": 1}}, "updates[0]: means.c: the state has no such constraint"},
		{"multipliers", state.Update{Means: map[string]float64{"a": 1, "b": math.Inf(1)}}, "updates[0]: means.b: +Inf is not finite"},
		{"users", state.Update{Pairs: []state.Pair{}}, "updates[0]: pairs: are 0, and must be 1 to 256"},
		{"users", state.Update{Pairs: slices.Repeat([]state.Pair{good}, 257)}, "updates[0]: pairs: are 257, and must be 1 to 256"},
		{"users", state.Update{Pairs: []state.Pair{good, {Chosen: []float64{1}, Rejected: []float64{1, 2}}}}, "updates[0]: pairs[1]: chosen: has 1 numbers, and the state's width is 2"},
		{"users", state.Update{Pairs: []state.Pair{{Chosen: []float64{1, 2}, Rejected: []float64{1, 1e300}}}}, "updates[0]: pairs[0]: rejected: number 1 is 1e+300, and must be finite as a float32"},
		{"neighbours", state.Update{Vector: []float64{1, 2}}, "updates[0]: score: is missing"},
		{"neighbours", state.Update{Vector: []float64{0, 1e-300}, Score: new(1.0)}, "updates[0]: vector: is 0 everywhere, and has no direction"},
		{"neighbours", state.Update{Vector: []float64{1}, Score: new(1.0)}, "updates[0]: vector: has 1 numbers, and the state's width is 2"},
	} {
		_, err := states.Update(t.Context(), test.name, []state.Update{test.u}, 0)
		refused(t, err, failure.CodeInvalidField, test.want)
	}
	_, err := states.Update(t.Context(), "running", append(values("a", 1), state.Update{Key: "b"}), 0)
	refused(t, err, failure.CodeInvalidField, "updates[1]: values: is missing")
	all, err := states.List(t.Context())
	if err != nil || len(all) != len(specs) {
		t.Fatalf("%+v, %v", all, err)
	}
	for _, info := range all {
		if info.Keys != 0 || info.Bytes != 0 {
			t.Errorf("%+v has something", info)
		}
	}
}

// TestBounds: names, keys, values and bytes are bounded, and a change over a bound changes nothing.
func TestBounds(t *testing.T) {
	states := newStates(t, state.Limits{Names: 2, Value: 200, Bytes: 400})
	declare(t, states, "a", state.Spec{Kind: state.Running, Keys: 2})
	declare(t, states, "b", state.Spec{Kind: state.Quantiles})
	_, err := states.Declare(t.Context(), "c", state.Spec{Kind: state.Running})
	refused(t, err, failure.CodeStateFull, "there are 2 states, and there may be 2")
	for _, name := range []string{"", "-a", "a/b", "é", strings.Repeat("n", 65)} {
		_, err := states.Declare(t.Context(), name, state.Spec{Kind: state.Running})
		refused(t, err, failure.CodeInvalidField, "name: ")
	}
	_, err = states.Update(t.Context(), "a", slices.Concat(values("1", 1), values("2", 2), values("3", 3)), 0)
	refused(t, err, failure.CodeStateFull, `state "a" would have 3 keys, and may have 2`)
	_, err = states.Update(t.Context(), "b", values("1", slices.Repeat([]float64{1.5}, 60)...), 0)
	refused(t, err, failure.CodeStateFull, `updates[0]: the value of key "1" would have`)
	if _, err = states.Update(t.Context(), "b", slices.Concat(values("1", 1.5), values("2", 2.5), values("3", 2)), 0); err != nil {
		t.Fatal(err)
	}
	_, err = states.Update(t.Context(), "b", values("4", 1), 0)
	refused(t, err, failure.CodeStateFull, `state "b" would have `)
	info, err := states.Reset(t.Context(), "b", []string{"1", "nothing"}, 0)
	if err != nil || info.Keys != 2 {
		t.Errorf("%+v, %v", info, err)
	}
	if info, err = states.Update(t.Context(), "b", values("4", 1), 0); err != nil || info.Keys != 3 {
		t.Errorf("%+v, %v", info, err)
	}
	if info, err = states.Reset(t.Context(), "b", nil, 0); err != nil || info.Keys != 0 || info.Bytes != 0 {
		t.Errorf("%+v, %v", info, err)
	}
}

// TestVersions: a change that expects another version is refused, and so is another declaration.
func TestVersions(t *testing.T) {
	states := newStates(t, state.Limits{})
	info := declare(t, states, "a", state.Spec{Kind: state.Running})
	if again := declare(t, states, "a", state.Spec{Kind: state.Running, Keys: 1024}); again.Version != info.Version {
		t.Errorf("%+v after %+v", again, info)
	}
	_, err := states.Declare(t.Context(), "a", state.Spec{Kind: state.Running, Keys: 5})
	refused(t, err, failure.CodeConflict, `state "a" is declared otherwise, as {"kind":"running","keys":1024}`)
	after, err := states.Update(t.Context(), "a", values("", 1), info.Version)
	if err != nil || after.Version <= info.Version {
		t.Errorf("%+v, %v", after, err)
	}
	_, err = states.Update(t.Context(), "a", values("", 1), info.Version)
	refused(t, err, failure.CodeConflict, `state "a" has version`)
	_, err = states.Reset(t.Context(), "a", nil, info.Version)
	refused(t, err, failure.CodeConflict, `state "a" has version`)
	refused(t, states.Delete(t.Context(), "a", info.Version), failure.CodeConflict, `state "a" has version`)
	if err := states.Delete(t.Context(), "a", after.Version); err != nil {
		t.Error(err)
	}
	_, _, err = states.Read(t.Context(), "a", nil)
	refused(t, err, failure.CodeState, `no state is named "a"`)
}

// TestSnapshots: a snapshot brings a state back to the byte, elsewhere too, and one that no updates could have made is
// refused.
func TestSnapshots(t *testing.T) {
	states := newStates(t, state.Limits{})
	for name, test := range map[string]struct {
		spec  state.Spec
		u     state.Update
		wrong []string
	}{
		"running": {state.Spec{Kind: state.Running}, state.Update{Values: []float64{1, 2}}, []string{
			`{`, `7`, `{"count":-1,"mean":0,"squares":0}`, `{"count":1,"mean":0,"squares":1}`, `{"count":1,"mean":0,"squares":0,"x":1}`, `{"count":2,"mean":1e999,"squares":0}`,
		}},
		"quantiles": {state.Spec{Kind: state.Quantiles, Capacity: 2}, state.Update{Values: []float64{1, 2, 3}}, []string{
			`{"seen":{"count":1,"mean":1,"squares":0},"kept":[]}`, `{"seen":{"count":3,"mean":1,"squares":0},"kept":[1,2,3]}`,
		}},
		"labels": {state.Spec{Kind: state.Labels}, state.Update{Seen: 3}, []string{`{"count":-1}`, `{"label":"a"}`}},
		"multipliers": {
			state.Spec{Kind: state.Multipliers, Squash: "clamp", Thresholds: map[string]float64{"a": 0}},
			state.Update{Means: map[string]float64{"a": 1}},
			[]string{`{"lambda":{"b":1},"steps":1}`, `{"lambda":{"a":-1},"steps":1}`, `{"lambda":{"a":1},"velocity":{"b":1},"steps":1}`},
		},
		"users": {
			state.Spec{Kind: state.Users, Width: 2},
			state.Update{Pairs: []state.Pair{{Chosen: []float64{1, 2}, Rejected: []float64{3, 4}}}},
			[]string{
				`{"pairs":[],"vector":[1,2]}`, `{"pairs":[{"chosen":"AAA=","rejected":"AAAAAA=="}],"vector":[1,2]}`,
				`{"pairs":[{"chosen":"AACAfwAAgH8=","rejected":"AAAAAAAAAAA="}],"vector":[1,2]}`, `{"pairs":[{"chosen":"AAAAAAAAAAA=","rejected":"AAAAAAAAAAA="}],"vector":[1]}`,
			},
		},
		"neighbours": {state.Spec{Kind: state.Neighbours, Width: 2}, state.Update{Vector: []float64{1, 2}, Score: new(1.0)}, []string{
			`{"vector":"AAAAAAAAAAA=","score":1}`, `{"vector":"AACAPw==","score":1}`,
		}},
	} {
		declare(t, states, name, test.spec)
		test.u.Key = "é"
		if _, err := states.Update(t.Context(), name, []state.Update{test.u}, 0); err != nil {
			t.Fatal(err)
		}
		info, taken, err := states.Snapshot(t.Context(), name)
		if err != nil || len(taken.Cells) != 1 {
			t.Fatalf("%+v, %v", taken, err)
		}
		if _, err := states.Update(t.Context(), name, []state.Update{test.u}, 0); err != nil {
			t.Fatal(err)
		}
		for _, as := range []string{name, name + "-copy"} {
			restored, err := states.Restore(t.Context(), as, &taken)
			if err != nil || restored.Keys != info.Keys || restored.Bytes != info.Bytes || restored.Version <= info.Version {
				t.Errorf("%+v, %v, of %+v", restored, err, info)
			}
			_, again, err := states.Snapshot(t.Context(), as)
			if diff := cmp.Diff(taken, again); err != nil || diff != "" {
				t.Errorf("%s: %v %s", as, err, diff)
			}
		}
		for _, wrong := range test.wrong {
			_, err := states.Restore(t.Context(), name, &state.Snapshot{Spec: test.spec, Cells: []state.Cell{{Value: []byte(wrong)}}})
			refused(t, err, failure.CodeInvalidField, "cells[0]: value: ")
		}
		twice := state.Snapshot{Spec: test.spec, Cells: slices.Repeat(taken.Cells, 2)}
		if test.spec.Kind == state.Multipliers {
			continue // which has one key
		}
		_, err = states.Restore(t.Context(), name, &twice)
		refused(t, err, failure.CodeInvalidField, `cells[1]: key: "é" is given twice`)
	}
}

// TestIndexFollows: what is near is what the state has now, whatever was read of it before.
func TestIndexFollows(t *testing.T) {
	states := newStates(t, state.Limits{})
	declare(t, states, "seen", state.Spec{Kind: state.Neighbours, Width: 2})
	ask := []state.Query{{Key: "me", Vector: []float64{1, 0}}, {Key: "a"}}
	for i, key := range []string{"a", "b", "me", "a"} {
		if _, err := states.Update(t.Context(), "seen", []state.Update{{Key: key, Vector: []float64{1, 0}, Score: new(float64(i))}}, 0); err != nil {
			t.Fatal(err)
		}
		_, readings, err := states.Read(t.Context(), "seen", ask)
		want := []float64{0, 0.5, 0.5, 2}[i] // me is not its own neighbour
		if err != nil || readings[0].Numbers["fused"].Value != want || readings[1].Numbers["score"].Value != float64(i/3*3) {
			t.Errorf("%d: %+v, %v", i, readings, err)
		}
	}
	_, _, err := states.Read(t.Context(), "seen", []state.Query{{Vector: []float64{1}}})
	refused(t, err, failure.CodeInvalidField, "queries[0]: vector: has 1 numbers")
	_, _, err = states.Read(t.Context(), "seen", []state.Query{{Quantile: new(1.0)}})
	refused(t, err, failure.CodeInvalidField, "queries[0]: quantile: a state of kind neighbours is read without it")
}

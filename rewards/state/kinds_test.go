package state

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/assay-rm/assay/rewards/ops"
)

// expected is what numpy and torch make of the numbers in testdata/expected.json (testdata/make.py).
type expected struct {
	Running []struct {
		Values          []float64
		Mean, Deviation float64
		SampleDeviation *float64 `json:"sample_deviation"`
	}
	Quantiles []struct {
		Values          []float64
		Share, Quantile float64
		Normal          *float64
	}
	Duals []struct {
		Squash         string
		Rate, Momentum float64
		MaxNorm        float64 `json:"max_norm"`
		Start          float64
		Thresholds     []float64
		Means, Weights [][]float64
	}
	Users []struct {
		Fit                          string
		Steps                        int
		Rate, Decay                  float64
		Prototypes, Chosen, Rejected [][]float64
		Vector, Weights, Rewards     []float64
		Before, After                float64
	}
	Neighbours []struct {
		Vectors       [][]float64
		Scores, Asked []float64
		Own, Fused    float64
		Nearest       []int
	}
}

func readExpected(t *testing.T) expected {
	t.Helper()
	text, err := os.ReadFile("testdata/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	var all expected
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// fataler is a test, or a rapid one.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

func checked(t fataler, spec Spec) *Spec {
	t.Helper()
	spec, err := spec.Checked()
	if err != nil {
		t.Fatalf("%v", err)
	}
	return &spec
}

// applied puts updates into a cell, each of which must leave one that is proved.
func applied(t fataler, spec *Spec, cell []byte, updates ...Update) []byte {
	t.Helper()
	for i := range updates {
		var err error
		if cell, err = spec.Apply(cell, &updates[i]); err == nil {
			_, err = kinds[spec.Kind].prove(spec, cell)
		}
		if err != nil {
			t.Fatalf("%v", err)
		}
	}
	return cell
}

// numbersOf reads a cell.
func numbersOf(t fataler, spec *Spec, cell []byte, q Query) map[string]ops.Maybe {
	t.Helper()
	reading, err := spec.Read(cell, &q)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return reading.Numbers
}

func near(got, want, tolerance float64) bool {
	return math.Abs(got-want) <= tolerance*max(1, math.Abs(want))
}

func nearMaybe(got ops.Maybe, want *float64, tolerance float64) bool {
	return got.Known == (want != nil) && (want == nil || near(got.Value, *want, tolerance))
}

// split cuts values into updates at random places.
func split(t *rapid.T, values []float64) []Update {
	var updates []Update
	for len(values) > 0 {
		n := rapid.IntRange(1, len(values)).Draw(t, "values of an update")
		updates, values = append(updates, Update{Values: values[:n]}), values[n:]
	}
	return updates
}

// TestRunning: mean and deviation are numpy's, however the values are split and in whatever order they come.
func TestRunning(t *testing.T) {
	spec := checked(t, Spec{Kind: Running})
	for i, test := range readExpected(t).Running {
		rapid.Check(t, func(t *rapid.T) {
			values := slices.Clone(test.Values)
			for i := range values {
				j := rapid.IntRange(0, i).Draw(t, "order")
				values[i], values[j] = values[j], values[i]
			}
			got := numbersOf(t, spec, applied(t, spec, nil, split(t, values)...), Query{})
			if got["count"].Value != float64(len(values)) || !nearMaybe(got["mean"], &test.Mean, 1e-12) ||
				!nearMaybe(got["deviation"], &test.Deviation, 1e-9) || !nearMaybe(got["sample_deviation"], test.SampleDeviation, 1e-9) {
				t.Fatalf("case %d: %v, want %g, %g", i, got, test.Mean, test.Deviation)
			}
		})
	}
	if got := numbersOf(t, spec, nil, Query{}); got["count"] != ops.Some(0) || got["mean"].Known || got["deviation"].Known {
		t.Errorf("of nothing: %v", got)
	}
}

// TestQuantiles: what is kept has numpy's quantiles, and where all is kept the normal point is that of all.
func TestQuantiles(t *testing.T) {
	spec := checked(t, Spec{Kind: Quantiles, Capacity: 256})
	for i, test := range readExpected(t).Quantiles {
		cell := applied(t, spec, nil, Update{Values: test.Values})
		got := numbersOf(t, spec, cell, Query{Quantile: &test.Share})
		if !nearMaybe(got["quantile"], &test.Quantile, 1e-12) || !nearMaybe(got["normal"], test.Normal, 1e-9) {
			t.Errorf("case %d, %g: %v, want %g and %v", i, test.Share, got, test.Quantile, test.Normal)
		}
	}
	if got := numbersOf(t, spec, nil, Query{}); got["quantile"].Known || got["normal"].Known || got["kept"] != ops.Some(0) {
		t.Errorf("of nothing: %v", got)
	}
}

// TestSamplesDoNotDependOnTheSplit: the same values give the same bytes in however many updates, and a cell keeps as
// many as it may: of the latest those, of a sample some of those seen.
func TestSamplesDoNotDependOnTheSplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := checked(t, Spec{
			Kind: Quantiles, Capacity: rapid.IntRange(1, 20).Draw(t, "capacity"), Keep: rapid.SampledFrom([]string{"sample", "last"}).Draw(t, "keep"),
		})
		if spec.Keep == "sample" {
			spec.Seed = rapid.Uint64().Draw(t, "seed")
		}
		values := make([]float64, rapid.IntRange(1, 60).Draw(t, "values"))
		for i := range values {
			values[i] = float64(i)
		}
		whole, parts := applied(t, spec, nil, Update{Values: values}), applied(t, spec, nil, split(t, values)...)
		if string(whole) != string(parts) {
			t.Fatalf("%s in one update, %s in several", whole, parts)
		}
		c, err := cellOf[sample](whole)
		if err != nil || len(c.Kept) != min(len(values), spec.Capacity) {
			t.Fatalf("%+v, %v", c, err)
		}
		slices.Sort(c.Kept)
		if spec.Keep == "last" && !slices.Equal(c.Kept, values[len(values)-len(c.Kept):]) {
			t.Fatalf("%v are the latest of %d", c.Kept, len(values))
		}
		if len(slices.Compact(c.Kept)) != min(len(values), spec.Capacity) || c.Kept[len(c.Kept)-1] >= float64(len(values)) {
			t.Fatalf("%v of %d", c.Kept, len(values))
		}
	})
}

// TestSamplesAreUniform: over many seeds each value is kept as often as any other (chi square, 99 degrees of freedom,
// whose 99.99th percentile is 160).
func TestSamplesAreUniform(t *testing.T) {
	const values, capacity, seeds = 100, 10, 4000
	all := make([]float64, values)
	for i := range all {
		all[i] = float64(i)
	}
	counts := make([]float64, values)
	for seed := range uint64(seeds) {
		spec := checked(t, Spec{Kind: Quantiles, Capacity: capacity, Seed: seed})
		c, err := cellOf[sample](applied(t, spec, nil, Update{Values: all}))
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range c.Kept {
			counts[int(x)]++
		}
	}
	const mean = float64(seeds) * capacity / values
	chi := 0.0
	for _, n := range counts {
		chi += (n - mean) * (n - mean) / mean
	}
	if chi > 160 {
		t.Errorf("chi square %g: %v", chi, counts)
	}
}

// TestMultipliers: the weights after each step are those of the paper's code with torch's optimizer.
func TestMultipliers(t *testing.T) {
	names := []string{"a", "b", "c"}
	for _, test := range readExpected(t).Duals {
		spec := Spec{Kind: Multipliers, Squash: test.Squash, Rate: &test.Rate, Momentum: &test.Momentum, MaxNorm: &test.MaxNorm, Start: test.Start, Thresholds: map[string]float64{}}
		for i, name := range names {
			spec.Thresholds[name] = test.Thresholds[i]
		}
		of := checked(t, spec)
		var cell []byte
		for step, means := range test.Means {
			u := Update{Means: map[string]float64{}}
			for i, name := range names {
				u.Means[name] = means[i]
			}
			cell = applied(t, of, cell, u)
			got, rest := numbersOf(t, of, cell, Query{}), 3.0
			for i, name := range names {
				if rest -= got[name].Value; !nearMaybe(got[name], &test.Weights[step][i], 1e-9) {
					t.Errorf("%s, step %d: %s is %v, want %g", test.Squash, step, name, got[name], test.Weights[step][i])
				}
			}
			if test.Squash == "clamp" || test.Squash == "none" {
				rest = 1
			}
			if !nearMaybe(got["rest"], &rest, 1e-12) || got["steps"] != ops.Some(float64(step+1)) {
				t.Errorf("%s, step %d: %v", test.Squash, step, got)
			}
		}
	}
}

// TestUsers: what is fitted is what torch's gradients lead to.
func TestUsers(t *testing.T) {
	for i, test := range readExpected(t).Users {
		spec := checked(t, Spec{Kind: Users, Fit: test.Fit, Width: 5, Steps: test.Steps, Rate: &test.Rate, Decay: &test.Decay, Prototypes: test.Prototypes})
		u := Update{}
		for j := range test.Chosen {
			u.Pairs = append(u.Pairs, Pair{test.Chosen[j], test.Rejected[j]})
		}
		cell := applied(t, spec, nil, u)
		for j, want := range test.Rewards {
			reading, err := spec.Read(cell, &Query{Vector: test.Chosen[j]})
			if err != nil {
				t.Fatal(err)
			}
			if got := reading.Numbers; !nearMaybe(got["reward"], &want, 1e-8) || !nearMaybe(got["before"], &test.Before, 1e-9) || !nearMaybe(got["after"], &test.After, 1e-8) {
				t.Fatalf("case %d, %s: %v, want %g, and the loss %g to %g", i, test.Fit, got, want, test.Before, test.After)
			}
			closely := func(a, b float64) bool { return near(a, b, 1e-8) }
			if !slices.EqualFunc(reading.Vectors["vector"], test.Vector, closely) || !slices.EqualFunc(reading.Vectors["weights"], test.Weights, closely) {
				t.Fatalf("case %d, %s: %v, want %v and %v", i, test.Fit, reading.Vectors, test.Vector, test.Weights)
			}
		}
		apart := applied(t, spec, nil, split2(u)...)
		if string(apart) != string(cell) {
			t.Errorf("case %d: pairs one by one give another user", i)
		}
	}
}

// split2 makes an update of each pair.
func split2(u Update) (all []Update) {
	for _, pair := range u.Pairs {
		all = append(all, Update{Pairs: []Pair{pair}})
	}
	return all
}

// TestNeighbours: what is fused is what numpy makes of the paper's formula.
func TestNeighbours(t *testing.T) {
	spec := checked(t, Spec{Kind: Neighbours, Width: 4})
	for i, test := range readExpected(t).Neighbours {
		var cells []Cell
		for j, vector := range test.Vectors {
			value := applied(t, spec, nil, Update{Vector: vector, Score: &test.Scores[j]})
			cells = append(cells, Cell{Key: strconv.Itoa(j), Value: value})
		}
		of, err := newIndex(cells)
		if err != nil {
			t.Fatal(err)
		}
		reading, err := of.nearest(spec, &Query{Key: "itself", Vector: test.Asked, Score: &test.Own})
		if err != nil {
			t.Fatal(err)
		}
		var nearest []int
		for _, one := range reading.Neighbours {
			j := 0
			if _, err := fmt.Sscan(one.Key, &j); err != nil {
				t.Fatal(err)
			}
			nearest = append(nearest, j)
		}
		if !nearMaybe(reading.Numbers["fused"], &test.Fused, 1e-9) || !slices.Equal(nearest, test.Nearest) {
			t.Errorf("case %d: %+v, want %g of %v", i, reading, test.Fused, test.Nearest)
		}
		if i > 0 && len(nearest) == 0 {
			t.Errorf("case %d shows nothing", i)
		}
		without, err := of.nearest(spec, &Query{Vector: test.Asked})
		if err != nil || without.Numbers["fused"].Known != (len(nearest) > 0) {
			t.Errorf("case %d without a score of its own: %+v, %v", i, without, err)
		}
	}
}

// TestLabels: the label is the last one given, or the default, or missing, and the count is of all updates.
func TestLabels(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := Spec{Kind: Labels}
		var want ops.Maybe
		if rapid.Bool().Draw(t, "has a default") {
			zero := 0.0
			spec.Default, want = &zero, ops.Some(0)
		}
		of, count := checked(t, spec), 0
		var cell []byte
		for range rapid.IntRange(0, 8).Draw(t, "updates") {
			u := Update{Seen: rapid.IntRange(0, 5).Draw(t, "seen")}
			if u.Seen == 0 || rapid.Bool().Draw(t, "labels") {
				label := rapid.Float64Range(-10, 10).Draw(t, "label")
				u.Label, want = &label, ops.Some(label)
			}
			cell, count = applied(t, of, cell, u), count+u.Seen
		}
		got := numbersOf(t, of, cell, Query{})
		if got["label"] != want || got["count"] != ops.Some(float64(count)) {
			t.Fatalf("%v, want %v and %d", got, want, count)
		}
	})
}

// TestApplyIsPure: an update changes nothing that it is given, and gives the same bytes each time.
func TestApplyIsPure(t *testing.T) {
	x := 1.5
	for _, test := range []struct {
		spec Spec
		u    Update
	}{
		{Spec{Kind: Running}, Update{Values: []float64{1, 2}}},
		{Spec{Kind: Quantiles, Capacity: 1}, Update{Values: []float64{1, 2}}},
		{Spec{Kind: Labels}, Update{Label: &x, Seen: 1}},
		{Spec{Kind: Multipliers, Thresholds: map[string]float64{"a": 0, "b": 1}}, Update{Means: map[string]float64{"a": 1, "b": 3}}},
		{Spec{Kind: Users, Width: 2}, Update{Pairs: []Pair{{[]float64{1, 2}, []float64{3, 4}}}}},
		{Spec{Kind: Neighbours, Width: 2}, Update{Vector: []float64{1, 2}, Score: &x}},
	} {
		spec := checked(t, test.spec)
		once := applied(t, spec, nil, test.u)
		kept := string(once)
		twice := applied(t, spec, once, test.u)
		if string(once) != kept || string(applied(t, spec, once, test.u)) != string(twice) || string(applied(t, spec, nil, test.u)) != kept {
			t.Errorf("%s: %s, then %s", spec.Kind, kept, twice)
		}
	}
}

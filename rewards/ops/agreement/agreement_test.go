package agreement

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/stat"
	"pgregory.net/rapid"
)

// The numbers are of scipy 1.16.3: stats.kendalltau(a, b), stats.spearmanr(a, b) and stats.pearsonr(a, b).
func TestCorrelationsAsScipyHasThem(t *testing.T) {
	a := []float64{12, 2, 1, 12, 2}
	b := []float64{1, 4, 7, 1, 0}
	for _, c := range []struct {
		name string
		of   func(a, b []float64) (float64, error)
		want float64
	}{
		{"Kendall", Kendall, -0.4714045207910316},
		{"Spearman", Spearman, -0.5407380704358752},
		{"Pearson", Pearson, -0.5566399985665696},
	} {
		got, err := c.of(a, b)
		if err != nil || math.Abs(got-c.want) > 1e-15 {
			t.Errorf("%s is %.17g, want %.17g: %v", c.name, got, c.want, err)
		}
	}
}

func TestCorrelationsAreBySidesAlike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 12).Draw(t, "items")
		draw := func(name string) []float64 {
			return rapid.SliceOfN(rapid.OneOf(rapid.Float64Range(-100, 100), rapid.Map(rapid.IntRange(-2, 2), func(i int) float64 { return float64(i) })), n, n).Draw(t, name)
		}
		a, b := draw("a"), draw("b")
		for name, of := range map[string]func(a, b []float64) (float64, error){"Kendall": Kendall, "Spearman": Spearman, "Pearson": Pearson} {
			x, err := of(a, b)
			y, other := of(b, a)
			if (err == nil) != (other == nil) || math.Abs(x-y) > 1e-12 || math.Abs(x) > 1 {
				t.Fatalf("%s is %g and %g: %v, %v", name, x, y, err, other)
			}
			if err != nil {
				continue
			}
			if self, err := of(a, a); err != nil || math.Abs(self-1) > 1e-9 {
				t.Fatalf("%s of scores with themselves is %g: %v", name, self, err)
			}
			if name == "Pearson" && math.Abs(x-stat.Correlation(a, b, nil)) > 1e-9 {
				t.Fatalf("Pearson is %g, and gonum's %g", x, stat.Correlation(a, b, nil))
			}
		}
	})
}

func TestAnEnsembleHasTheDeviationOfThePopulation(t *testing.T) {
	mean, deviation, err := Ensemble([]float64{2, 4, 4, 4, 5, 5, 7, 9})
	if mean != 5 || deviation != 2 || err != nil {
		t.Errorf("the mean is %g and the deviation %g: %v", mean, deviation, err)
	}
}

func TestEntropyOfKnownDistributions(t *testing.T) {
	if h, err := Entropy([]float64{0.25, 0.25, 0.25, 0.25}); err != nil || math.Abs(h-math.Log(4)) > 1e-15 {
		t.Errorf("the entropy is %g: %v", h, err)
	}
	if h, err := Entropy([]float64{1, 0}); err != nil || h != 0 {
		t.Errorf("the entropy is %g: %v", h, err)
	}
	if _, err := Entropy([]float64{0.5, 0.4}); err == nil {
		t.Error("probabilities that sum to 0.9 have an entropy")
	}
}

// The value of any coalition is drawn: what the shares sum to, what an idle part gets, and what alike parts get, are
// Shapley's axioms.
func TestSharesKeepTheAxioms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 7).Draw(t, "parts")
		values := rapid.SliceOfN(rapid.Float64Range(-10, 10), 1<<n, 1<<n).Draw(t, "values")
		idle := rapid.IntRange(0, n-1).Draw(t, "idle")
		for s := range values {
			values[s|1<<idle] = values[s&^(1<<idle)]
		}
		shares, err := Shapley(values)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for _, share := range shares {
			sum += share
		}
		if want := values[len(values)-1] - values[0]; math.Abs(sum-want) > 1e-9 {
			t.Fatalf("the shares sum to %g, want %g", sum, want)
		}
		if math.Abs(shares[idle]) > 1e-12 {
			t.Fatalf("the idle part gets %g", shares[idle])
		}
		orders := Orders(n, 3, rapid.Uint64().Draw(t, "seed"))
		of := map[Coalition]float64{}
		for _, s := range Coalitions(orders) {
			of[s] = values[s]
		}
		sampled, errs, err := ShapleySampled(orders, of)
		if err != nil {
			t.Fatal(err)
		}
		sum = 0
		for i, share := range sampled {
			if sum += share; errs[i] < 0 {
				t.Fatalf("part %d has the error %g", i, errs[i])
			}
		}
		if want := values[len(values)-1] - values[0]; math.Abs(sum-want) > 1e-9 {
			t.Fatalf("the sampled shares sum to %g, want %g", sum, want)
		}
	})
}

// The glove game: parts 0 and 1 hold a left glove, part 2 a right one, and a pair is worth 1.
func TestSharesOfTheGloveGame(t *testing.T) {
	values := make([]float64, 8)
	for s := range values {
		if s&4 != 0 && s&3 != 0 {
			values[s] = 1
		}
	}
	shares, err := Shapley(values)
	for i, want := range []float64{1.0 / 6, 1.0 / 6, 4.0 / 6} {
		if err != nil || math.Abs(shares[i]-want) > 1e-15 {
			t.Errorf("part %d gets %g, want %g: %v", i, shares[i], want, err)
		}
	}
	orders := Orders(3, 4000, 7)
	of := map[Coalition]float64{}
	for _, s := range Coalitions(orders) {
		of[s] = values[s]
	}
	sampled, errs, err := ShapleySampled(orders, of)
	for i := range shares {
		if err != nil || math.Abs(sampled[i]-shares[i]) > 5*errs[i] || errs[i] > 0.01 {
			t.Errorf("part %d is estimated as %g ± %g, and is %g: %v", i, sampled[i], errs[i], shares[i], err)
		}
	}
}

func TestWhatTellsNothingIsAnError(t *testing.T) {
	for name, of := range map[string]func() error{
		"two lengths":       func() error { _, err := Kendall([]float64{1, 2}, []float64{1}); return err },
		"one item":          func() error { _, err := Spearman([]float64{1}, []float64{1}); return err },
		"all equal":         func() error { _, err := Kendall([]float64{1, 1}, []float64{1, 2}); return err },
		"not finite":        func() error { _, err := Pearson([]float64{1, math.NaN()}, []float64{1, 2}); return err },
		"no power of two":   func() error { _, err := Shapley(make([]float64, 6)); return err },
		"thirteen parts":    func() error { _, err := Shapley(make([]float64, 1<<13)); return err },
		"a value too few":   func() error { _, _, err := ShapleySampled(Orders(2, 1, 1), map[Coalition]float64{0: 1}); return err },
		"a negative chance": func() error { _, err := Entropy([]float64{1.5, -0.5}); return err },
	} {
		if of() == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

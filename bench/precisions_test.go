package main

import (
	"context"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// everyWay are those of a machine with all engines.
var everyWay = []string{
	"padded 512", "padded 2048", "packed 1024", "padded-int8 1024", "packed-int8 1024", "openvino-float32 1024", "openvino-float32 1024 streams",
	"openvino-bfloat16 1024", "openvino-bfloat16 2048 streams",
}

func TestEveryWayHasOnePrecision(t *testing.T) {
	t.Parallel()
	total := 0
	for precision, n := range map[string]int{inFloat32: 5, inBfloat16: 2, inInt8: 2} {
		of := waysIn(precision, everyWay)
		if len(of) != n {
			t.Errorf("%s: %q, want %d ways", precision, of, n)
		}
		total += len(of)
	}
	if total != len(everyWay) {
		t.Errorf("%d of %d ways have a precision", total, len(everyWay))
	}
	for way, padded := range map[string]bool{"padded 512": true, "padded-int8 512": false, "packed 512": false, "openvino-float32 512": false} {
		if isPadded(way) != padded {
			t.Errorf("%s: padded %v", way, !padded)
		}
	}
}

// TestSharesAreOfTheBestEngineOfThePrecision draws times of engines and servers: a share is never more than what the
// server has over any engine of its precision, and is that over one of them.
func TestSharesAreOfTheBestEngineOfThePrecision(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		seconds := rapid.Float64Range(0.1, 10)
		s := &share{bench: &bench{}, ways: everyWay, targets: smallModel.targets(&bench{servers: servers{}})}
		r := round{tokens: 100, served: map[string]servedRound{}}
		for range s.ways {
			r.ideal = append(r.ideal, seconds.Draw(t, "ideal"))
		}
		for _, target := range s.targets {
			r.served[target.Name] = servedRound{seconds: seconds.Draw(t, "served")}
		}
		without := rapid.SampledFrom([]func(string) bool{nil, isPacked}).Draw(t, "without")
		got := s.precisions([]round{r}, without, precisionsAsked{float32: 1, bfloat16: 0.95, int8: 0.9})
		for _, target := range s.targets {
			at := slices.IndexFunc(got.Checks, func(c Check) bool {
				return strings.HasPrefix(c.What, target.Name+": tokens/s over the best "+target.Precision)
			})
			least := 0.0
			for i, way := range s.ways {
				if precisionOf(way) == target.Precision && (without == nil || !without(way)) {
					if over := r.ideal[i] / r.served[target.Name].seconds; least == 0 || over < least {
						least = over
					}
				}
			}
			if c := got.Checks[at]; c.Figure != least || c.Limit == 0 {
				t.Fatalf("%+v, want %g", c, least)
			}
		}
		if got.Checks[2].Figure != r.served[inFloat32].seconds/r.served[inBfloat16].seconds {
			t.Fatalf("%+v is not bfloat16 over float32", got.Checks[2])
		}
	})
}

func TestPrecisionsOfOneModel(t *testing.T) {
	t.Parallel()
	// Each precision is off by less than is allowed of it and more than of the next finer one.
	b := fakeBench(t, map[string]float64{serverFloat32: 5e-5, serverBfloat16: 0.1, serverOpsInt8: 0.4})
	b.ways = everyWay
	for _, name := range []string{"precision-lognormal-150", "precision-short-35", "precision-best-of-16", "precision-single"} {
		if got := b.measure(t.Context(), scenario(t, name)); got.Failed != "" || got.Checks[len(got.Checks)-1].Figure != 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	b = fakeBench(t, map[string]float64{serverFloat32: 0, serverBfloat16: 0.4, serverOpsInt8: 0})
	b.ways = everyWay
	for name, items := range map[string]int{"precision-short-35": 2 * 256, "precision-single": 2 * smallModel.singles} {
		got := b.measure(t.Context(), scenario(t, name))
		if wrongs := got.Checks[len(got.Checks)-1].Figure; got.Verdict() != "wrong" || int(wrongs) < items {
			t.Errorf("%s: bfloat16 off by 0.4 is %s, with %g of %d wrong", name, got.Verdict(), wrongs, items)
		}
	}
	b.ways = waysIn(inFloat32, everyWay)
	if got := b.measure(t.Context(), scenario(t, "precision-short-35")); !strings.Contains(got.Failed, "no engine computes in bfloat16") {
		t.Errorf("without an engine in bfloat16: %+v", got)
	}
}

func TestEnginesOfOtherPrecisionsMayBeFurtherOff(t *testing.T) {
	t.Parallel()
	b := fakeBench(t, map[string]float64{serverFloat32: 0, serverBfloat16: 0, serverOpsInt8: 0})
	b.ways = everyWay
	b.ideal.(*fakeIdeal).off = 0.1 //nolint:forcetypeassert // fakeBench's
	if got := b.measure(t.Context(), scenario(t, "precision-short-35")); !strings.Contains(got.Failed, "0.0001 is allowed") {
		t.Errorf("a float32 engine that is off by 0.1: %+v", got)
	}
	b.ways = append([]string{"padded 512"}, append(waysIn(inBfloat16, everyWay), waysIn(inInt8, everyWay)...)...)
	if got := b.measure(t.Context(), scenario(t, "precision-short-35")); got.Failed != "" {
		t.Errorf("engines of other precisions that are off by 0.1: %+v", got)
	}
}

func TestLargeModelsAreMeasuredByNameAlone(t *testing.T) {
	t.Parallel()
	all, err := choose(scenarios(), "")
	if err != nil || slices.ContainsFunc(needed(all), func(name string) bool { return strings.HasPrefix(name, "large-") }) {
		t.Errorf("every load needs %q, %v", needed(all), err)
	}
	b := fakeBench(t, map[string]float64{largeFloat32: 0, largeBfloat16: 0, largeInt8: 0})
	if got := b.measure(t.Context(), scenario(t, "large-short-35")); !strings.Contains(got.Failed, "no -large") {
		t.Errorf("%+v without its bundles", got)
	}
	closed := 0
	b.startLarge = func(context.Context) (Ideal, func() error, error) {
		return &fakeIdeal{}, func() error { closed++; return nil }, nil
	}
	for _, name := range []string{"large-lognormal-150", "large-short-35", "large-best-of-16", "large-single"} {
		if got := b.measure(t.Context(), scenario(t, name)); got.Failed != "" || got.Checks[len(got.Checks)-1].Figure != 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if closed != 4 {
		t.Errorf("%d of 4 ideals ended", closed)
	}
}

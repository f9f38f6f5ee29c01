package evaluation

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/failure"
)

func TestTally(t *testing.T) {
	all := newTallies()
	for i, v := range []verdict{
		{measure: "steps", erroneous: once(true)},
		{measure: "steps", erroneous: once(true)},
		{measure: "steps", erroneous: once(false)},
		{measure: "steps", erroneous: once(false)},
		{measure: "steps", correct: once(true)},
		{measure: "steps", err: failure.New(fault.CodeTooLong, "long")},
	} {
		all.add("all", i+1, v)
	}
	want := Metrics{Count: 5, Failed: 1, Flawed: 4, ErrorAccuracy: new(0.5), CorrectAccuracy: new(1.0), F1: new(2.0 / 3)}
	if diff := cmp.Diff(want, all.splits["all"].metrics()); diff != "" {
		t.Error(diff)
	}
	if want := "line 6: too_long: long"; all.first != want {
		t.Errorf("the first row without a score is %q, want %q", all.first, want)
	}
	if harmonic(0, 0) != 0 {
		t.Error("the harmonic mean of nothing is 0")
	}
}

func TestMeasureIsNamedByTheResponses(t *testing.T) {
	all := newTallies()
	all.add("a", 1, verdict{measure: "best_of_8"})
	if all.measure != "best_of_8" {
		t.Error(all.measure)
	}
	all.add("a", 1, verdict{measure: "best_of_4"})
	if all.measure != "best_of_n" {
		t.Error(all.measure)
	}
}

// TestWhatAModelIsMeasuredFor names the files that suit a model, by the questions that it answers.
func TestWhatAModelIsMeasuredFor(t *testing.T) {
	for answers, want := range map[string][]Measure{
		"score rank compare tokenize": {Pairs, BestOf}, "rank compare tokenize": {Pairs, BestOf}, "steps tokenize": {Steps, BestOf}, "score": nil,
	} {
		var have []Measure
		for _, m := range []Measure{Pairs, Steps, BestOf} {
			if m.suits(strings.Fields(answers)) {
				have = append(have, m)
			}
		}
		if diff := cmp.Diff(want, have); diff != "" {
			t.Errorf("%s: %s", answers, diff)
		}
	}
}

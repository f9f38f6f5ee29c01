package commands

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/models/builtin"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/failure"
)

func TestTally(t *testing.T) {
	all := newTallies()
	for _, v := range []verdict{
		{measure: "steps", erroneous: once(true)},
		{measure: "steps", erroneous: once(true)},
		{measure: "steps", erroneous: once(false)},
		{measure: "steps", erroneous: once(false)},
		{measure: "steps", correct: once(true)},
		{measure: "steps", err: failure.New(fault.CodeTooLong, "long")},
	} {
		all.add("all", v)
	}
	want := metrics{Count: 5, Failed: 1, Flawed: 4, ErrorAccuracy: new(0.5), CorrectAccuracy: new(1.0), F1: new(2.0 / 3)}
	if diff := cmp.Diff(want, all.splits["all"].metrics()); diff != "" {
		t.Error(diff)
	}
	if harmonic(0, 0) != 0 {
		t.Error("the harmonic mean of nothing is 0")
	}
}

func TestMeasureIsNamedByTheResponses(t *testing.T) {
	all := newTallies()
	all.add("a", verdict{measure: "best_of_8"})
	if all.measure != "best_of_8" {
		t.Error(all.measure)
	}
	all.add("a", verdict{measure: "best_of_4"})
	if all.measure != "best_of_n" {
		t.Error(all.measure)
	}
}

func TestCard(t *testing.T) {
	text, err := fs.ReadFile(builtin.Heldout, "heldout/expected.json")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the embedded models have no card yet")
	}
	if err != nil {
		t.Fatal(err)
	}
	if testing.Short() {
		t.Skip("it measures everything")
	}
	cmd := assay(t, "eval", "--json")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	var want, have any
	if err := errors.Join(json.Unmarshal(text, &want), json.Unmarshal(out, &have)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Error(diff)
	}
}

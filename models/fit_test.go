package models

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
)

// preferences are pairs of texts of which a user of that vector prefers the first, by the model's own scores.
func preferences(t *testing.T, m *Model, user []float64, n int) (chosen, rejected []encode.Encoded) {
	t.Helper()
	var items []encode.Encoded
	for i := range 2 * n {
		items = append(items, must3(m.Encode(t.Context(), encode.Item{Prompt: new(fmt.Sprintf("Question %d?", i/2)), Response: new(strings.Repeat("so ", i%5) + strconv.Itoa(i*i)), User: user}, encode.TruncateError)))
	}
	readings, err := m.ReadEncoded(t.Context(), Caller{}, items)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(items); i += 2 {
		better, worse := i, i+1
		if readings[better].Rows[0][0] < readings[worse].Rows[0][0] {
			better, worse = worse, better
		}
		chosen, rejected = append(chosen, items[better]), append(rejected, items[worse])
	}
	return chosen, rejected
}

// loss is that of a user's vector: Σ log(1 + e^(rejected − chosen)) + |user|² / 2, prior 1, by the model's own
// readings.
func loss(t *testing.T, m *Model, user []float32, chosen, rejected []encode.Encoded) float64 {
	t.Helper()
	sum := 0.0
	for _, x := range user {
		sum += float64(x) * float64(x) / 2
	}
	var sides [2][]Reading
	for s, items := range [][]encode.Encoded{chosen, rejected} {
		for _, item := range items {
			item.User = user
			reading, err := m.ReadEncoded(t.Context(), Caller{}, []encode.Encoded{item})
			if err != nil || reading[0].Err != nil {
				t.Fatal(err, reading)
			}
			sides[s] = append(sides[s], reading[0])
		}
	}
	for i := range sides[0] {
		sum += math.Log1p(math.Exp(float64(sides[1][i].Rows[0][0] - sides[0][i].Rows[0][0])))
	}
	return sum
}

// TestFitFindsTheUser: the vector found explains the user's pairs, its losses are what the model's own scores give, and
// moving it along any number makes them worse.
func TestFitFindsTheUser(t *testing.T) {
	for _, name := range []string{"user-rows", "user-shared"} {
		m := serveHead(t, name)
		user := []float64{2, -2, 1, 0.5}
		chosen, rejected := preferences(t, m, user, 40)
		found, err := m.Fit(t.Context(), chosen, rejected, 1, 1000)
		if err != nil {
			t.Fatal(err)
		}
		again, err := m.Fit(t.Context(), chosen, rejected, 1, 1000)
		if err != nil || !cmp.Equal(found, again) {
			t.Errorf("%s: %+v, and again %+v (%v)", name, found, again, err)
		}
		if !found.Converged || found.Pairs != 40 || len(found.User) != 4 || found.After >= found.Before {
			t.Errorf("%s: %+v", name, found)
		}
		for who, of := range map[string]struct {
			user []float32
			want float64
		}{"nobody": {make([]float32, 4), found.Before}, "the user found": {found.User, found.After}} {
			if got := loss(t, m, of.user, chosen, rejected); math.Abs(got-of.want) > 1e-4 {
				t.Errorf("%s: the loss of %s is %g, and the fit says %g", name, who, got, of.want)
			}
		}
		for i := range found.User {
			for _, by := range []float32{-0.1, 0.1} {
				moved := append([]float32{}, found.User...)
				moved[i] += by
				if got := loss(t, m, moved, chosen, rejected); got <= found.After {
					t.Errorf("%s: moving number %d by %g gives the loss %g, below %g", name, i, by, got, found.After)
				}
			}
		}
		few, err := m.Fit(t.Context(), chosen, rejected, 1, 1)
		if err != nil || few.Converged || few.Steps != 1 {
			t.Errorf("%s: one step: %+v, %v", name, few, err)
		}
	}
}

func TestWhatCannotBeFitted(t *testing.T) {
	for name, want := range map[string]string{
		"judge": "has no head that takes a user's vector", "mlp-packed": "has no head that takes a user's vector", "steps": "has no head",
	} {
		if _, err := serveHead(t, name).Fit(t.Context(), nil, nil, 1, 1); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	m := serveHead(t, "user-rows")
	several := *m
	several.info.Manifest.Head.Label, several.info.Manifest.Head.Weights = -1, []float64{1}
	if _, err := several.Fit(t.Context(), nil, nil, 1, 1); err == nil ||
		!strings.Contains(err.Error(), "made of several labels") {
		t.Errorf("%v", err)
	}
	chosen, rejected := preferences(t, m, make([]float64, 4), 1)
	if _, err := m.Fit(t.Context(), chosen, rejected, 0, 1); err == nil ||
		!strings.Contains(err.Error(), "prior is 0") {
		t.Errorf("%v", err)
	}
}

// TestTooManyPairsAreRefusedBeforeTheirForwards: whether the head takes so many is known without them.
func TestTooManyPairsAreRefusedBeforeTheirForwards(t *testing.T) {
	m := serveHead(t, "user-rows")
	chosen, rejected := preferences(t, m, make([]float64, 4), 1)
	before := m.Stats().Answered
	_, err := m.Fit(t.Context(), slices.Repeat(chosen, 2049), slices.Repeat(rejected, 2049), 1, 1)
	const want = `the head of model "user-rows" takes no fit to 2049 pairs: 1 to 2048 are supported`
	if known := new(fault.Error); !errors.As(err, &known) || known.Code != fault.CodeItem || err.Error() != want {
		t.Errorf("%v, not %s", err, want)
	}
	if after := m.Stats().Answered; after != before {
		t.Errorf("%d sequences were read first", after-before)
	}
}

package tokenwise

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/rewards/ops"
)

func TestOf(t *testing.T) {
	got := Of([][]float64{{-1, -2}, {-0.5, -0.25}, {-3, -3}}, []int64{4, 5, 6}, []string{"a", "", "é日"})
	want := Result{
		Tokens: []Token{
			{ID: 4, Text: "a", End: 1, Policy: -1, Reference: ops.Some(-2), Difference: ops.Some(1)},
			{ID: 5, End: 1, Policy: -0.5, Reference: ops.Some(-0.25), Difference: ops.Some(-0.25)},
			{ID: 6, Text: "é日", End: 3, Policy: -3, Reference: ops.Some(-3), Difference: ops.Some(0)},
		},
		Policy: Total{-4.5, -1.5}, Reference: Total{-5.25, -1.75}, Difference: Total{0.75, 0.25},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	alone := Of([][]float64{{-1}, {-2}}, []int64{4, 5}, []string{"a", "b"})
	if alone.Reference != (Total{}) || alone.Difference != (Total{}) || alone.Tokens[0].Reference.Known || alone.Policy != (Total{-3, -1.5}) {
		t.Errorf("without a reference: %+v", alone)
	}
}

// TestDifferenceOfSums: the sum of the differences is that of the policy less that of the reference, as far as float64
// goes.
func TestDifferenceOfSums(t *testing.T) {
	rows, ids, texts := make([][]float64, 400), make([]int64, 400), make([]string, 400)
	for i := range rows {
		rows[i] = []float64{-math.Abs(math.Sin(float64(i))), -math.Abs(math.Cos(float64(i)))}
	}
	r := Of(rows, ids, texts)
	if math.Abs(r.Difference.Sum-(r.Policy.Sum-r.Reference.Sum)) > 1e-11 || r.Difference.Mean != r.Difference.Sum/400 {
		t.Errorf("%+v", r.Difference)
	}
}

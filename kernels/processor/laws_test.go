package processor_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/assay-rm/assay/kernels/processor/processortest"
)

// anyhow has a machine cut a call in some way, over some threads.
func anyhow(t *rapid.T, m *processortest.Machine) *processortest.Machine {
	m.Threads, m.Share = rapid.SampledFrom([]int{1, 2, 4}).Draw(t, "threads"), rapid.IntRange(1, 9).Draw(t, "share")
	return m
}

// Every tier gives the same bits as plain C, however a call is cut and on however many threads.
func TestTiersGiveTheSameBits(t *testing.T) {
	machines := processortest.Machines()
	rapid.Check(t, func(t *rapid.T) {
		o, rows, _ := draw(t)
		for _, m := range machines {
			anyhow(t, m)
		}
		if err := agree(o, rows, machines); err != nil {
			t.Fatal(err)
		}
	})
}

// A row has the same bits alone, and in any order beside any others, of which some are not finite.
func TestRowsAreTheirOwn(t *testing.T) {
	machines := processortest.Machines()
	rapid.Check(t, func(t *rapid.T) {
		o, rows, r := draw(t)
		m := rapid.SampledFrom(machines).Draw(t, "tier")
		want := o.run(anyhow(t, m), rows)
		one := r.IntN(len(rows))
		if err := same(o.run(m, rows[one:one+1])[0], want[one]); err != nil {
			t.Fatalf("%s of %v numbers, %v, row %d alone: %v", o.name, o.typed, m, one, err)
		}
		order := r.Perm(len(rows))
		others := make([][]float32, len(rows))
		spoiled := map[int]bool{}
		for i, row := range order {
			others[i] = append([]float32{}, rows[row]...)
			if r.IntN(4) == 0 {
				spoiled[i] = true
				others[i][r.IntN(o.width)] = notFinite(r)
			}
		}
		for i, row := range o.run(anyhow(t, m), others) {
			if err := same(row, want[order[i]]); !spoiled[i] && err != nil {
				t.Fatalf("%s of %v numbers, %v, row %d among others: %v", o.name, o.typed, m, order[i], err)
			}
		}
	})
}

func notFinite(r *rand.Rand) float32 {
	return []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))}[r.IntN(3)]
}

// A number that is not finite makes what hangs on it not finite, in every tier alike: of a quantized row the scale, and
// all that is made of it.
func TestRowsThatAreNotFinite(t *testing.T) {
	machines := processortest.Machines()
	rapid.Check(t, func(t *rapid.T) {
		o, rows, r := draw(t)
		place := r.IntN(o.width)
		for _, row := range rows {
			row[place] = notFinite(r)
		}
		want := o.run(anyhow(t, machines[0]), rows)
		for _, m := range machines[1:] {
			for i, row := range o.run(anyhow(t, m), rows) {
				if err := same(row, want[i]); err != nil {
					t.Fatalf("%s of %v numbers, %v and plain C, row %d with %g at %d: %v", o.name, o.typed, m, i, rows[i][place], place, err)
				}
			}
		}
		for i, row := range want {
			spoiled := 0
			for _, number := range row {
				if math.IsNaN(float64(number)) || math.IsInf(float64(number), 0) {
					spoiled++
				}
			}
			switch {
			case o.name == "QuantizeRows" && row[0] == row[0]:
				t.Fatalf("%v, row %d with %g has a scale of %g", o.typed, i, rows[i][place], row[0])
			case o.name == "Linear" && spoiled < len(row):
				t.Fatalf("%v, row %d with %g: of %d products %d are finite", o.typed, i, rows[i][place], len(row), len(row)-spoiled)
			}
		}
	})
}

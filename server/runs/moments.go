package runs

import (
	"math"

	"github.com/assay-rm/assay/rewards/ops"
)

// Moments are the count, the mean and the sum of squared deviations of numbers, kept without the numbers (Welford
// 1962).
type Moments struct {
	Count  int
	Mean   float64
	spread float64 // Σ (x − mean)²
}

// Add takes one more number in.
func (m *Moments) Add(x float64) {
	m.Count++
	from := x - m.Mean
	m.Mean += from / float64(m.Count)
	m.spread += from * (x - m.Mean)
}

// Merge takes the numbers of others in, as if they had been added one by one (Chan, Golub and LeVeque 1979).
func (m *Moments) Merge(o Moments) {
	if o.Count == 0 {
		return
	}
	n, of := float64(m.Count), float64(o.Count)
	apart := o.Mean - m.Mean
	m.Count += o.Count
	m.Mean += apart * of / (n + of)
	m.spread += o.spread + apart*apart*n*of/(n+of)
}

// Deviation is the sample deviation, which divides by the count less one; missing of fewer than two numbers.
func (m *Moments) Deviation() ops.Maybe {
	if m.Count < 2 {
		return ops.Maybe{}
	}
	return known(math.Sqrt(m.spread / float64(m.Count-1)))
}

// Together are the moments of pairs of numbers.
type Together struct {
	x, y  Moments
	cross float64 // Σ (x − mean x)(y − mean y)
}

// Add takes one more pair in.
func (t *Together) Add(x, y float64) {
	from := x - t.x.Mean
	t.x.Add(x)
	t.y.Add(y)
	t.cross += from * (y - t.y.Mean)
}

// Within takes in the pairs of a group, each less the group's means: what differs between groups is left out.
func (t *Together) Within(group *Together) {
	t.x.Count += group.x.Count
	t.x.spread += group.x.spread
	t.y.spread += group.y.spread
	t.cross += group.cross
}

// Correlation is Pearson's, from −1 to 1; missing where either side does not vary.
func (t *Together) Correlation() ops.Maybe {
	of := math.Sqrt(t.x.spread) * math.Sqrt(t.y.spread)
	if of <= 0 {
		return ops.Maybe{}
	}
	r := t.cross / of
	if math.IsNaN(r) {
		return ops.Maybe{}
	}
	return ops.Some(min(max(r, -1), 1))
}

// drift is the difference of the means of two windows in units of the root of their mean variance (Cohen's d); missing
// where neither varies or one has fewer than two numbers.
func drift(first, last *Moments) ops.Maybe {
	a, b := first.Deviation(), last.Deviation()
	if !a.Known || !b.Known || a.Value == 0 && b.Value == 0 {
		return ops.Maybe{}
	}
	return known((last.Mean - first.Mean) / (math.Hypot(a.Value, b.Value) / math.Sqrt2))
}

// known is a number, missing where it is not finite: sums of numbers near the end of the range overflow.
func known(x float64) ops.Maybe {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return ops.Maybe{}
	}
	return ops.Some(x)
}

package state

import (
	"encoding/json"
	"math"

	"github.com/assay-rm/assay/rewards/ops"
)

// running is the mean and deviation of all values seen (Welford's method), as "Online Intrinsic Rewards for Decision
// Making Agents from Large Language Model Feedback" (Zheng et al., 2024) normalises the scores of its ranking model.
type running struct{}

// moments are a cell of running, and the part of quantiles that knows of values that are no longer kept.
type moments struct {
	Count   int64   `json:"count"`
	Mean    float64 `json:"mean"`
	Squares float64 `json:"squares"` // sum of the squared distances to the mean
}

func (m *moments) add(x float64) {
	m.Count++
	step := x - m.Mean
	m.Mean += step / float64(m.Count)
	m.Squares += step * (x - m.Mean)
}

// deviation divides by the count less as many: 0 of a whole population, 1 of a sample of it.
func (m *moments) deviation(less int64) ops.Maybe {
	if m.Count <= less {
		return ops.Maybe{}
	}
	return ops.Some(math.Sqrt(m.Squares / float64(m.Count-less)))
}

func (m *moments) numbers() map[string]ops.Maybe {
	numbers := map[string]ops.Maybe{
		"count": ops.Some(float64(m.Count)), "mean": {}, "deviation": m.deviation(0), "sample_deviation": m.deviation(1),
	}
	if m.Count > 0 {
		numbers["mean"] = ops.Some(m.Mean)
	}
	return numbers
}

func (m *moments) prove() error {
	if m.Count < 0 || !ops.Finite(m.Mean) || !ops.Finite(m.Squares) || m.Squares < 0 || m.Count < 2 && m.Squares != 0 {
		return invalid("value", "count %d, mean %g and squares %g are of no values", m.Count, m.Mean, m.Squares)
	}
	return nil
}

func (running) check(*Spec) error { return nil }

func (running) apply(_ *Spec, before json.RawMessage, u *Update) (any, error) {
	if err := u.only(Running, "values"); err != nil {
		return nil, err
	}
	if err := numbersWithin("values", u.Values); err != nil {
		return nil, err
	}
	m, err := cellOf[moments](before)
	if err != nil {
		return nil, err
	}
	for _, x := range u.Values {
		m.add(x)
	}
	if !ops.Finite(m.Mean) || !ops.Finite(m.Squares) {
		return nil, overflow("values")
	}
	return m, nil
}

func (running) read(_ *Spec, cell json.RawMessage, q *Query) (Reading, error) {
	if err := q.only(Running); err != nil {
		return Reading{}, err
	}
	m, err := cellOf[moments](cell)
	return Reading{Numbers: m.numbers()}, err
}

func (running) prove(_ *Spec, cell json.RawMessage) (any, error) {
	m, err := cellOf[moments](cell)
	if err != nil {
		return nil, err
	}
	return m, m.prove()
}

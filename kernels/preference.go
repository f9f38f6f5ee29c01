package kernels

import (
	"fmt"
	"math"
)

// PreferenceRule turns embeddings into preferences: "preference" in docs/BUNDLE.md.
type PreferenceRule struct {
	Scale       []float32 // λ, one a plane; nil: 1 each
	Normalize   bool      // scale each embedding to length 1 before; one of length 0 stays
	Temperature float64   // finite and positive in float32
}

func (r PreferenceRule) check(embeddings Tensor) error {
	if err := embeddings.Check("embeddings"); err != nil {
		return err
	}
	if embeddings.Cols%2 != 0 {
		return fmt.Errorf("embeddings: a row has %d numbers, and needs an even number", embeddings.Cols)
	}
	if r.Scale != nil && 2*len(r.Scale) != embeddings.Cols {
		return fmt.Errorf("scale: it has %d numbers, and needs half of an embedding's %d", len(r.Scale), embeddings.Cols)
	}
	if t := float32(r.Temperature); !(t > 0) || math.IsInf(float64(t), 1) {
		return fmt.Errorf("temperature: %g must be positive and finite", r.Temperature)
	}
	return nil
}

// Preferences gives the probability that row i is preferred to row j, (n, n): sigmoid(s(i, j) / temperature),
//
//	s(i, j) = Σ_k λ_k · (v_i[2k] · v_j[2k+1] − v_i[2k+1] · v_j[2k])
//
// embeddings is (n, 2 · planes), on the host. s is skew-symmetric: p(i, j) + p(j, i) is 1 to rounding and p(i, i) is exactly 0.5, but where
// a row has NaN or infinity. Squares of an embedding's numbers must be finite in float32 if it is normalized.
// (Zhang et al., "Beyond Bradley-Terry Models: A General Preference Model for Language Model Alignment", 2024.)
func Preferences(embeddings Tensor, rule PreferenceRule) ([]float64, error) {
	if err := rule.check(embeddings); err != nil {
		return nil, err
	}
	if err := embeddings.onHost("embeddings"); err != nil {
		return nil, err
	}
	n := embeddings.Rows
	rows := make([][]float64, n)
	for i := range rows {
		rows[i] = embeddings.row(i)
		if rule.Normalize {
			toUnit(rows[i])
		}
	}
	out := make([]float64, 0, n*n)
	for _, a := range rows {
		for _, b := range rows {
			out = append(out, sigmoid(rule.skew(a, b)/rule.Temperature))
		}
	}
	return out, nil
}

// skew is s(a, b). The conversions keep products from being fused with what follows, which would leave s(b, a) other than -s(a, b).
func (r PreferenceRule) skew(a, b []float64) float64 {
	sum := 0.0
	for k := range len(a) / 2 {
		term := float64(a[2*k]*b[2*k+1]) - float64(a[2*k+1]*b[2*k])
		if r.Scale != nil {
			term = float64(term * float64(r.Scale[k]))
		}
		sum += term
	}
	return sum
}

func toUnit(row []float64) {
	squares := 0.0
	for _, x := range row {
		squares += x * x
	}
	if squares == 0 {
		return
	}
	for i := range row {
		row[i] /= math.Sqrt(squares)
	}
}

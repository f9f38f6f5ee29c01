package games

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/assay-rm/assay/rewards/ops"
)

// BradleyTerry is the strength θ of each candidate under which the comparisons are most likely: it maximizes
// Σ P[i][j] log σ(θ_i − θ_j). The strengths are in log-odds and sum to 0; a candidate without a comparison has none.
//
// There is one finite answer where from every candidate a path of comparisons that were not lost for sure leads to
// every other one (Ford, 1957); else the error names two candidates. It is found by Newton's method with steps that are
// halved where they would make the comparisons less likely.
func BradleyTerry(p ops.Matrix) ([]ops.Maybe, error) {
	if err := probabilities(p); err != nil {
		return nil, err
	}
	with := compared(p)
	if len(with) == 0 {
		return nil, errNone
	}
	if i, j, apart := unreached(p, with); apart {
		return nil, fmt.Errorf("no finite strengths fit: no chain of comparisons leads from candidate %d to candidate %d "+
			"without a sure loss", i, j)
	}
	theta, err := newton(p, with)
	if err != nil {
		return nil, err
	}
	out := make([]ops.Maybe, p.Rows())
	for k, i := range with {
		out[i] = ops.Some(theta[k])
	}
	return out, nil
}

// Elo is strengths in log-odds on the scale of Elo: a candidate that is scale points ahead wins 10 times of 11. Chess
// has the scale 400; Khan et al. (2024, "On scalable oversight with weak LLMs judging strong LLMs") have 500.
func Elo(strengths []ops.Maybe, scale float64) []ops.Maybe {
	out := slices.Clone(strengths)
	for i := range out {
		out[i].Value *= scale / math.Ln10
	}
	return out
}

// EloUpdate is the ratings of two players after one game: outcome is 1 where the first won, 0 where the second did, and
// 0.5 for a tie. What one gains the other loses, k at most.
func EloUpdate(first, second, outcome, k, scale float64) (float64, float64) {
	gain := k * (outcome - ops.Sigmoid((first-second)*math.Ln10/scale))
	return first + gain, second - gain
}

// newton fits the strengths of the candidates that have comparisons. Where a step is small the curvature hardly changes
// along it, and it is taken whole; a step of 1e-9 leaves an error of about its square.
func newton(p ops.Matrix, with []int) ([]float64, error) {
	const steps, small, last = 200, 0.1, 1e-9
	n := len(with)
	theta, gradient := make([]float64, n), make([]float64, n)
	hessian := mat.NewSymDense(n, nil)
	for range steps {
		slope(p, with, theta, gradient, hessian)
		step, err := solve(hessian, gradient)
		if err != nil {
			return nil, err
		}
		size := floats.Norm(step, math.Inf(1))
		if size > small {
			for before := likelihood(p, with, theta); size > small; size /= 2 {
				if likelihood(p, with, floats.AddScaledTo(make([]float64, n), theta, 1, step)) >= before {
					break
				}
				floats.Scale(0.5, step)
			}
		}
		floats.Add(theta, step)
		if size < last {
			return theta, nil
		}
	}
	return nil, errors.New("the fit of strengths did not end")
}

// likelihood is Σ P[i][j] log σ(θ_i − θ_j).
func likelihood(p ops.Matrix, with []int, theta []float64) float64 {
	sum := 0.0
	for a, i := range with {
		row := p.Row(i)
		for b, j := range with {
			if row[j].Known && a != b {
				sum += row[j].Value * ops.LogSigmoid(theta[a]-theta[b])
			}
		}
	}
	return sum
}

// slope writes the gradient of the likelihood and minus its Hessian. The mean's direction, in which the likelihood does
// not change, gets the curvature 1, so that the strengths keep their sum of 0.
func slope(p ops.Matrix, with []int, theta, gradient []float64, hessian *mat.SymDense) {
	clear(gradient)
	n := len(with)
	curvature := hessian.RawSymmetric() // row by row, what is on the diagonal and behind it
	for i := range curvature.Data {
		curvature.Data[i] = 1
	}
	for a, i := range with {
		row := p.Row(i)
		for b := a + 1; b < n; b++ {
			x := row[with[b]]
			if !x.Known {
				continue
			}
			win := ops.Sigmoid(theta[a] - theta[b])
			gain, curve := x.Value-win, win*(1-win)
			gradient[a] += gain
			gradient[b] -= gain
			curvature.Data[a*curvature.Stride+a] += curve
			curvature.Data[b*curvature.Stride+b] += curve
			curvature.Data[a*curvature.Stride+b] -= curve
		}
	}
}

// solve is the step of Newton's method.
func solve(hessian *mat.SymDense, gradient []float64) ([]float64, error) {
	var factors mat.Cholesky
	if !factors.Factorize(hessian) {
		return nil, errors.New("the fit of strengths has no curvature left")
	}
	step := mat.NewVecDense(len(gradient), nil)
	if err := factors.SolveVecTo(step, mat.NewVecDense(len(gradient), gradient)); err != nil {
		return nil, fmt.Errorf("the fit of strengths: %w", err)
	}
	return step.RawVector().Data, nil
}

// unreached finds two candidates of which no chain of comparisons with a chance leads from the first to the second.
func unreached(p ops.Matrix, with []int) (from, to int, apart bool) {
	for _, back := range []bool{false, true} {
		seen := map[int]bool{with[0]: true}
		for open := []int{with[0]}; len(open) > 0; {
			i := open[0]
			open = open[1:]
			for _, j := range with {
				x := p.Row(i)[j]
				if back {
					x = p.Row(j)[i]
				}
				if i != j && x.Known && x.Value > 0 && !seen[j] {
					seen[j] = true
					open = append(open, j)
				}
			}
		}
		for _, j := range with {
			if !seen[j] && back {
				return j, with[0], true
			} else if !seen[j] {
				return with[0], j, true
			}
		}
	}
	return 0, 0, false
}

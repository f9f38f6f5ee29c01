package games

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"

	"github.com/assay-rm/assay/rewards/ops"
)

// BradleyTerry is the strength θ of each candidate under which the comparisons are most likely: it maximizes
// Σ P[i][j] log σ(θ_i − θ_j). The strengths are in log-odds and sum to 0; a candidate without a comparison has none.
//
// There is one finite answer where from every candidate a path of comparisons that were not lost for sure leads to
// every other one (Ford, 1957); else the error names two candidates. It is found by Newton's method.
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

// newton fits the strengths of the candidates that have comparisons, from the mean log-odds of each, which is the
// answer where all are compared and the model holds. A step is taken whole where no two candidates move by more than
// 1.5 against each other, and else for the share log(1 + r) / r of such a distance r: so the comparisons never become
// less likely, since the curvature of log σ changes by a factor of e^r at most (Bach, "Self-concordant analysis for
// logistic regression", 2010). A step of 1e-9 leaves an error of about its square. Where probabilities differ by many
// orders of magnitude, rounding may leave steps of up to 1e-6 that become no smaller.
func newton(p ops.Matrix, with []int) ([]float64, error) {
	const steps, whole, small, last = 200, 1.5, 1e-6, 1e-9
	n := len(with)
	theta := start(p, with)
	step, curves, sums := make([]float64, n), make([]float64, n*n), make([]float64, n)
	before := math.Inf(1) // the step before
	for range steps {
		slope(p, with, theta, step, curves)
		if !solve(curves, step, sums) {
			return nil, errors.New("the fit of strengths has no curvature left")
		}
		far := floats.Max(step) - floats.Min(step)
		if far > whole {
			floats.Scale(math.Log1p(far)/far, step)
		}
		floats.Add(theta, step)
		if far < last || far < small && far > before/2 {
			floats.AddConst(-ops.Mean(theta), theta)
			return theta, nil
		}
		before = far
	}
	return nil, errors.New("the fit of strengths did not end")
}

// start is the mean of the log-odds of each candidate's comparisons, and of 0 for that with itself. One that is won for
// sure counts as of odds of 55 to 1.
func start(p ops.Matrix, with []int) []float64 {
	const sure = 4
	theta, counts := make([]float64, len(with)), make([]float64, len(with))
	for a, i := range with {
		row := p.Row(i)
		for b := a + 1; b < len(with); b++ {
			win := row[with[b]]
			if !win.Known {
				continue
			}
			odds, lose := -float64(sure), p.Row(with[b])[i].Value
			switch {
			case win.Value > 0 && lose > 0:
				odds = math.Log(win.Value / lose)
			case win.Value > 0:
				odds = sure
			}
			theta[a] += odds
			theta[b] -= odds
			counts[a]++
			counts[b]++
		}
	}
	floats.AddConst(1, counts)
	floats.Div(theta, counts)
	return theta
}

// slope writes the gradient of Σ P[i][j] log σ(θ_i − θ_j), and by row and column b > a its curvature along each
// θ_a − θ_b. It goes by both P[i][j] and P[j][i], so that it is exact where one of them is near 1. What rounding makes
// of a comparison that the strengths fit already is left out: it would be more than all that some candidates have.
func slope(p ops.Matrix, with []int, theta, gradient, curves []float64) {
	const rounding = 1e-14
	clear(gradient)
	n := len(with)
	for a, i := range with {
		row, curve := p.Row(i), curves[a*n:(a+1)*n]
		for b := a + 1; b < n; b++ {
			x := row[with[b]]
			if !x.Known {
				curve[b] = 0
				continue
			}
			e := math.Exp(-math.Abs(theta[a] - theta[b]))
			win := 1 / (1 + e)
			lose := e * win
			if theta[a] < theta[b] {
				win, lose = lose, win
			}
			curve[b] = win * lose
			up, down := x.Value*lose, p.Row(with[b])[i].Value*win
			if gain := up - down; math.Abs(gain) > rounding*(1+math.Abs(theta[a])+math.Abs(theta[b]))*(up+down) {
				gradient[a] += gain
				gradient[b] -= gain
			}
		}
	}
}

// solve turns a gradient into the step of Newton's method, in place, with that of the last candidate 0, and tells
// whether there is one. The curvatures are the edges of a graph, whose Laplacian is solved by taking out one candidate
// after the other, and joining its neighbours by what led over it. Nothing is subtracted, so that curvatures of any
// size are kept to the last digit (as Grassmann, Taksar and Heyman, 1985, do for Markov chains). sums is for scratch.
func solve(curves, gradient, sums []float64) bool {
	n := len(gradient)
	for k := range n - 1 {
		row := curves[k*n : (k+1)*n]
		if sums[k] = floats.Sum(row[k+1:]); !(sums[k] > 0) {
			return false
		}
		for a := k + 1; a < n; a++ {
			if share := row[a] / sums[k]; share > 0 {
				gradient[a] += share * gradient[k]
				floats.AddScaled(curves[a*n+a+1:(a+1)*n], share, row[a+1:])
			}
		}
	}
	gradient[n-1] = 0
	for k := n - 2; k >= 0; k-- {
		gradient[k] = (gradient[k] + floats.Dot(curves[k*n+k+1:(k+1)*n], gradient[k+1:])) / sums[k]
	}
	return true
}

// unreached finds two candidates of which no chain of comparisons with a chance leads from the first to the second.
func unreached(p ops.Matrix, with []int) (from, to int, apart bool) {
	for _, back := range []bool{false, true} {
		seen := make([]bool, p.Rows())
		seen[with[0]] = true
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

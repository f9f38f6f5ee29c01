package recipes

import (
	"fmt"
	"math"

	"github.com/expr-lang/expr"
	"gonum.org/v1/gonum/floats"

	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/rewards/ops/agreement"
	"github.com/assay-rm/assay/rewards/ops/games"
	"github.com/assay-rm/assay/rewards/ops/groups"
	"github.com/assay-rm/assay/rewards/ops/vectors"
)

// The functions of numbers that belong together: the rewards of the responses of a group, the scores of several
// scorers, the values of coalitions, the preferences between responses.
var (
	inGroup = map[string]func(v []float64) ([]ops.Maybe, error){
		"leave_one_out": func(v []float64) ([]ops.Maybe, error) { return groups.LeaveOneOut(maybes(v)), nil },
		"ranks":         func(v []float64) ([]ops.Maybe, error) { return groups.Ranks(maybes(v)), nil },
		"shapley": func(v []float64) ([]ops.Maybe, error) {
			of, err := agreement.Shapley(v)
			return maybes(of), err
		},
	}
	ofTwo = map[string]func(a, b []float64) (float64, error){
		"kendall": byTwos(agreement.Kendall), "spearman": agreement.Spearman, "pearson": agreement.Pearson,
		"consistency": byTwos(agreement.Consistency), "r_squared": agreement.RSquared,
		"ends_agree": func(a, b []float64) (float64, error) {
			is, err := agreement.EndsAgree(a, b)
			return flag(is), err
		},
		"dot":      func(a, b []float64) (float64, error) { return floats.Dot(a, b), nil },
		"distance": func(a, b []float64) (float64, error) { return floats.Distance(a, b, 2), nil },
		"cosine":   vectors.Cosine,
	}
	ofGames = map[string]func(p ops.Matrix) ([]ops.Maybe, error){
		"win_rates": func(p ops.Matrix) ([]ops.Maybe, error) { return ops.WinRates(p), nil },
		"copeland":  games.Copeland, "bradley_terry": games.BradleyTerry, "nash": games.Nash, "tournament": tournament,
	}
)

// bertScore is the one function that matches the tokens of two texts. What it takes grows with the product of their
// lengths, so that calls of it are counted ([Recipe.Matching]).
const bertScore = "bert_score"

// mostCompared is how many numbers a function takes that compares every two of them.
const mostCompared = 512

// mostGames is how many responses a function of a matrix takes: the time of some grows with the cube of it.
const mostGames = 128

func few(name string, responses int) error {
	if responses > mostGames {
		return fmt.Errorf("%s: there are %d responses, and may be %d", name, responses, mostGames)
	}
	return nil
}

// byTwos bounds a function that compares every two numbers of its vectors.
func byTwos(of func(a, b []float64) (float64, error)) func(a, b []float64) (float64, error) {
	return func(a, b []float64) (float64, error) {
		if len(a) > mostCompared {
			return 0, fmt.Errorf("the vectors have %d numbers, and may have %d", len(a), mostCompared)
		}
		return of(a, b)
	}
}

func betweenFunctions() []expr.Option {
	var all []expr.Option
	toVector, ofVectorAndNumber := new(func(vector) vector), new(func(vector, float64) vector)
	for name, of := range inGroup {
		all = append(all, expr.Function(name, func(args ...any) (any, error) {
			out, err := of(numbersOf(args[0]))
			return known(name, out, err)
		}, toVector))
	}
	for name, of := range ofTwo {
		all = append(all, expr.Function(name, func(args ...any) (any, error) {
			a, b := numbersOf(args[0]), numbersOf(args[1])
			if len(a) != len(b) {
				return nil, fmt.Errorf("%s: the vectors have %d and %d numbers", name, len(a), len(b))
			}
			return finite(name)(of(a, b))
		}, new(func(vector, vector) float64)))
	}
	for name, of := range ofGames {
		all = append(all, expr.Function(name, func(args ...any) (any, error) {
			if err := few(name, matrixOf(args[0]).Rows()); err != nil {
				return nil, err
			}
			out, err := of(matrixOf(args[0]))
			return known(name, out, err)
		}, new(func(matrix) vector)))
	}
	return append(all,
		expr.Function(bertScore, func(args ...any) (any, error) {
			y, x := tokensOf(args[0]), tokensOf(args[1])
			if n, m := len(y.Rows[0]), len(x.Rows[0]); n != m {
				return nil, fmt.Errorf("%s: the tokens have vectors of %d and of %d numbers", bertScore, n, m)
			}
			match, err := vectors.Greedy(y, x)
			return finite(bertScore)(match.F1, err)
		}, new(func(tokenVectors, tokenVectors) float64)),
		expr.Function("elo", func(args ...any) (any, error) {
			if err := few("elo", matrixOf(args[0]).Rows()); err != nil {
				return nil, err
			}
			strengths, err := games.BradleyTerry(matrixOf(args[0]))
			return known("elo", games.Elo(strengths, number(args[1])), err)
		}, new(func(matrix, float64) vector)),
		expr.Function("preferences", func(args ...any) (any, error) {
			v := numbersOf(args[0])
			if err := few("preferences", len(v)); err != nil {
				return nil, err
			}
			return matrix{ops.Preferences(maybes(v))}, nil
		}, new(func(vector) matrix)),
		expr.Function("normalized", func(args ...any) (any, error) {
			return known("normalized", groups.Normalized(maybes(numbersOf(args[0])), number(args[1])), nil)
		}, ofVectorAndNumber),
		expr.Function("top", func(args ...any) (any, error) {
			v, k := numbersOf(args[0]), number(args[1])
			if k != math.Trunc(k) || k < 0 {
				return nil, fmt.Errorf("top: k is %g, and must be a whole number from 0 on", k)
			}
			return chosen(len(v), groups.Top(maybes(v), int(min(k, float64(len(v)))))), nil
		}, ofVectorAndNumber),
		expr.Function("top_share", func(args ...any) (any, error) {
			v := numbersOf(args[0])
			of, err := groups.TopShare(maybes(v), number(args[1]))
			if err != nil {
				return nil, fmt.Errorf("top_share: %w", err)
			}
			return chosen(len(v), of), nil
		}, ofVectorAndNumber),
		expr.Function("votes", func(args ...any) (any, error) { return votes(wordsOf(args[1]), numbersOf(args[0])) },
			new(func(vector, wordList) vector)),
		expr.Function("tree_sums", func(args ...any) (any, error) {
			parents := make([]int, len(numbersOf(args[1])))
			for i, x := range numbersOf(args[1]) {
				if parents[i] = int(x); float64(parents[i]) != x {
					return nil, fmt.Errorf("tree_sums: parent %g of node %d is no whole number", x, i)
				}
			}
			out, err := groups.TreeSums(parents, maybes(numbersOf(args[0])))
			return known("tree_sums", maybes(out), err)
		}, new(func(vector, vector) vector)),
	)
}

// chosen is 1 at the places that are chosen, and 0 elsewhere.
func chosen(n int, places []int) vector {
	out := make(vector, n)
	for _, i := range places {
		out[i] = 1
	}
	return out
}

// votes gives each response the weights of all responses with the same key, its own among them.
func votes(keys []string, weights []float64) (any, error) {
	ballots, err := groups.Vote(keys, maybes(weights), false)
	if err != nil {
		return nil, fmt.Errorf("votes: %w", err)
	}
	of := make(map[string]float64, len(ballots))
	for _, b := range ballots {
		of[b.Key] = b.Weight
	}
	out := make([]float64, len(keys))
	for i, key := range keys {
		out[i] = of[key]
	}
	return finiteVector("votes", out)
}

// tournament is 1 of the best and −1 of the worst by a two-sided tournament on preferences, and 0 of the others.
func tournament(p ops.Matrix) ([]ops.Maybe, error) {
	bracket, err := games.Tournament(p.Rows(), func(first, second int) (bool, error) { return p.Row(first)[second].Value >= 0.5, nil })
	if err != nil {
		return nil, err
	}
	out := maybes(make([]float64, p.Rows()))
	out[bracket.Best].Value, out[bracket.Worst].Value = 1, -1
	return out, nil
}

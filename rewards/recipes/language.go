package recipes

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/expr-lang/expr"

	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/rewards/ops/agreement"
	"github.com/assay-rm/assay/rewards/ops/groups"
	"github.com/assay-rm/assay/rewards/ops/ordered"
)

// reduction is a function of the language from a vector to a number.
type reduction func(v []float64) (float64, error)

// reductions, scans and numbers are functions of the language. Each is the operator of the same name, and what it
// gives must be finite.
var (
	reductions = map[string]reduction{
		"min": ordered.Min, "max": ordered.Max,
		"first": func(v []float64) (float64, error) { return at(v, 0) },
		"last":  ordered.Last, "mean": ordered.Mean, "sum": ordered.Sum, "product": ordered.Product,
		"geometric_mean": ordered.GeometricMean, "mean_logit": ordered.MeanLogit, "mean_odds": ordered.MeanOdds,
		"count":     func(v []float64) (float64, error) { return float64(len(v)), nil },
		"deviation": func(v []float64) (float64, error) { _, of, err := agreement.Ensemble(v); return of, err },
		"sample_deviation": func(v []float64) (float64, error) {
			of, _ := groups.Describe(maybes(v))
			return of.Deviation, nil
		},
	}
	// several are reductions of numbers that are listed, too.
	several = []string{"min", "max", "mean", "deviation"}
	scans   = map[string]func(v []float64) []float64{
		"cumulative": ordered.Cumulative, "remaining": ordered.Remaining, "delta": ordered.Delta,
	}
	// numbers are of one number, or of each number of a vector.
	numbers = map[string]func(x float64) float64{
		"abs": math.Abs, "sqrt": math.Sqrt, "exp": math.Exp, "log": math.Log, "tanh": math.Tanh,
		"sigmoid": ops.Sigmoid, "log_sigmoid": ops.LogSigmoid,
		"logit": func(x float64) float64 { return math.Log(x) - math.Log1p(-x) },
	}
	// arithmetic are the operators, of numbers and of each number of a vector.
	arithmetic = map[string]struct {
		name string
		of   func(a, b float64) float64
	}{
		"+": {"$plus", func(a, b float64) float64 { return a + b }}, "-": {"$minus", func(a, b float64) float64 { return a - b }},
		"*": {"$times", func(a, b float64) float64 { return a * b }}, "/": {"$over", func(a, b float64) float64 { return a / b }},
		"**": {"$power", math.Pow},
	}
)

// functions are the options of the compiler that make the language.
var functions = makeFunctions()

// words are the names of the language.
var words = makeWords()

func reserved(name string) bool { return slices.Contains(words, name) }

func makeWords() []string {
	all := []string{
		"true", "false", "and", "or", "not", "let", "if", "else", "in", "nil", "score", "clip", "at_most", "at_least", "best_of", "progress", "skip", "at",
		"elo", "preferences", "normalized", "top", "top_share", "votes", "tree_sums", "words", "characters", "unique_ngrams", "found", "up_to", "same", bertScore,
	}
	all = append(all, texts...)
	all = slices.AppendSeq(all, maps.Keys(reductions))
	all = slices.AppendSeq(all, maps.Keys(scans))
	all = slices.AppendSeq(all, maps.Keys(numbers))
	all = slices.AppendSeq(all, maps.Keys(inGroup))
	all = slices.AppendSeq(all, maps.Keys(ofTwo))
	all = slices.AppendSeq(all, maps.Keys(ofGames))
	slices.Sort(all)
	return all
}

func makeFunctions() []expr.Option {
	var all []expr.Option
	ofVector, toVector := new(func(vector) float64), new(func(vector) vector)
	ofNumber, ofVectorAndNumber := new(func(float64) float64), new(func(vector, float64) vector)
	for name, of := range reductions {
		if slices.Contains(several, name) {
			all = append(all, expr.Function(name, reduce(name, of), ofVector, new(func(float64, ...float64) float64)))
		} else {
			all = append(all, expr.Function(name, reduce(name, of), ofVector))
		}
	}
	for name, of := range scans {
		all = append(all, expr.Function(name, func(args ...any) (any, error) { return finiteVector(name, of(numbersOf(args[0]))) }, toVector))
	}
	for name, of := range numbers {
		all = append(all, expr.Function(name, func(args ...any) (any, error) { return each(name, of, args[0]) }, ofNumber, toVector))
	}
	for symbol, operator := range arithmetic {
		both := func(args ...any) (any, error) { return pointwise(symbol, operator.of, args[0], args[1]) }
		all = append(all, expr.Function(operator.name, both, new(func(float64, float64) float64), ofVectorAndNumber,
			new(func(float64, vector) vector), new(func(vector, vector) vector)))
	}
	all = append(all, slices.Concat(betweenFunctions(), textFunctions())...)
	return append(all,
		expr.Function("clip", func(args ...any) (any, error) {
			low, high := number(args[1]), number(args[2])
			if low > high {
				return nil, fmt.Errorf("clip: the low limit %g is above the high one, %g", low, high)
			}
			return each("clip", func(x float64) float64 { return ops.Clip(x, low, high) }, args[0])
		}, new(func(float64, float64, float64) float64), new(func(vector, float64, float64) vector)),
		expr.Function("at_most", func(args ...any) (any, error) {
			high := number(args[1])
			return each("at_most", func(x float64) float64 { return min(x, high) }, args[0])
		}, new(func(float64, float64) float64), ofVectorAndNumber),
		expr.Function("at_least", func(args ...any) (any, error) {
			low := number(args[1])
			return each("at_least", func(x float64) float64 { return max(x, low) }, args[0])
		}, new(func(float64, float64) float64), ofVectorAndNumber),
		expr.Function("best_of", func(args ...any) (any, error) {
			k := number(args[1])
			return each("best_of", func(p float64) float64 {
				if p < 0 || p > 1 || k < 0 {
					return math.NaN()
				}
				return ops.BestOf(p, k)
			}, args[0])
		}, new(func(float64, float64) float64), ofVectorAndNumber),
		expr.Function("progress", func(args ...any) (any, error) {
			return finiteVector("progress", ordered.Progress(numbersOf(args[0]), number(args[1])))
		}, ofVectorAndNumber),
		expr.Function("skip", func(args ...any) (any, error) {
			n, v := number(args[1]), numbersOf(args[0])
			if n != math.Trunc(n) || n < 0 || int(n) >= len(v) {
				return nil, fmt.Errorf("skip: %g of %d numbers leaves none", n, len(v))
			}
			return vector(v[int(n):]), nil
		}, ofVectorAndNumber),
		expr.Function("at", func(args ...any) (any, error) {
			return finite("at")(at(numbersOf(args[0]), number(args[1])))
		}, new(func(vector, float64) float64)),
	)
}

// at is the number at a place, counted from 0.
func at(v []float64, place float64) (float64, error) {
	if place != math.Trunc(place) || place < 0 || int(place) >= len(v) {
		return 0, fmt.Errorf("there is no place %g among %d numbers", place, len(v))
	}
	return v[int(place)], nil
}

// each does a function to a number, or to each number of a vector.
func each(name string, of func(x float64) float64, arg any) (any, error) {
	if x, one := arg.(float64); one {
		return finite(name)(of(x), nil)
	}
	v := numbersOf(arg)
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = of(x)
	}
	return finiteVector(name, out)
}

// pointwise does an operator to two numbers, or to each number of a vector and another one, or to two vectors place by
// place.
func pointwise(symbol string, of func(a, b float64) float64, a, b any) (any, error) {
	x, one := a.(float64)
	y, other := b.(float64)
	switch {
	case one && other:
		return finite(symbol)(of(x, y), nil)
	case one:
		return each(symbol, func(y float64) float64 { return of(x, y) }, b)
	case other:
		return each(symbol, func(x float64) float64 { return of(x, y) }, a)
	}
	left, right := numbersOf(a), numbersOf(b)
	if len(left) != len(right) {
		return nil, fmt.Errorf("%s: the vectors have %d and %d numbers", symbol, len(left), len(right))
	}
	out := make([]float64, len(left))
	for i := range left {
		out[i] = of(left[i], right[i])
	}
	return finiteVector(symbol, out)
}

// reduce is a reduction of a vector, or of several numbers.
func reduce(name string, of reduction) func(args ...any) (any, error) {
	return func(args ...any) (any, error) {
		v, one := args[0].(vector)
		if !one {
			for _, arg := range args {
				v = append(v, number(arg))
			}
		}
		return finite(name)(of(v))
	}
}

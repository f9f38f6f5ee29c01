package recipes

import (
	"fmt"
	"math"
	"slices"

	"github.com/expr-lang/expr"

	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/rewards/ops/ordered"
)

// Vector is numbers in an order, as the scores of steps. It is a type of its own, so that an expression's types tell it
// from other lists.
type Vector []float64

// reduction is a function of the language from a vector to a number.
type reduction func(v []float64) (float64, error)

// reductions, scans and numbers are the functions of the language. Each is the operator of the same name, and what it
// gives must be finite.
var (
	reductions = map[string]reduction{
		"first": func(v []float64) (float64, error) { return at(v, 0) },
		"last":  ordered.Last, "mean": ordered.Mean, "sum": ordered.Sum, "product": ordered.Product,
		"geometric_mean": ordered.GeometricMean, "mean_logit": ordered.MeanLogit, "mean_odds": ordered.MeanOdds,
		"count": func(v []float64) (float64, error) { return float64(len(v)), nil },
	}
	scans = map[string]func(v []float64) []float64{
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
	all := []string{"true", "false", "and", "or", "not", "let", "if", "else", "in", "nil", "min", "max", "clip", "at_most", "at_least", "best_of", "progress", "skip", "at"}
	for name := range reductions {
		all = append(all, name)
	}
	for name := range scans {
		all = append(all, name)
	}
	for name := range numbers {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

func makeFunctions() []expr.Option {
	var all []expr.Option
	ofVector, toVector := new(func(Vector) float64), new(func(Vector) Vector)
	ofNumber, ofVectorAndNumber := new(func(float64) float64), new(func(Vector, float64) Vector)
	for name, of := range reductions {
		all = append(all, expr.Function(name, func(args ...any) (any, error) { return finite(name)(of(vector(args[0]))) }, ofVector))
	}
	for name, of := range scans {
		all = append(all, expr.Function(name, func(args ...any) (any, error) { return finiteVector(name, of(vector(args[0]))) }, toVector))
	}
	for name, of := range numbers {
		all = append(all, expr.Function(name, func(args ...any) (any, error) { return each(name, of, args[0]) }, ofNumber, toVector))
	}
	for symbol, operator := range arithmetic {
		both := func(args ...any) (any, error) { return pointwise(symbol, operator.of, args[0], args[1]) }
		all = append(all, expr.Function(operator.name, both, new(func(float64, float64) float64), ofVectorAndNumber,
			new(func(float64, Vector) Vector), new(func(Vector, Vector) Vector)))
	}
	return append(all,
		expr.Function("min", extreme("min", ordered.Min), ofVector, new(func(float64, ...float64) float64)),
		expr.Function("max", extreme("max", ordered.Max), ofVector, new(func(float64, ...float64) float64)),
		expr.Function("clip", func(args ...any) (any, error) {
			low, high := number(args[1]), number(args[2])
			if low > high {
				return nil, fmt.Errorf("clip: the low limit %g is above the high one, %g", low, high)
			}
			return each("clip", func(x float64) float64 { return ops.Clip(x, low, high) }, args[0])
		}, new(func(float64, float64, float64) float64), new(func(Vector, float64, float64) Vector)),
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
			return finiteVector("progress", ordered.Progress(vector(args[0]), number(args[1])))
		}, ofVectorAndNumber),
		expr.Function("skip", func(args ...any) (any, error) {
			n, v := number(args[1]), vector(args[0])
			if n != math.Trunc(n) || n < 0 || int(n) >= len(v) {
				return nil, fmt.Errorf("skip: %g of %d numbers leaves none", n, len(v))
			}
			return Vector(v[int(n):]), nil
		}, ofVectorAndNumber),
		expr.Function("at", func(args ...any) (any, error) {
			return finite("at")(at(vector(args[0]), number(args[1])))
		}, new(func(Vector, float64) float64)),
	)
}

func vector(arg any) []float64 { return arg.(Vector) } //nolint:forcetypeassert // the compiler has proved it

func number(arg any) float64 { return arg.(float64) } //nolint:forcetypeassert // the compiler has proved it

// at is the number at a place, counted from 0.
func at(v []float64, place float64) (float64, error) {
	if place != math.Trunc(place) || place < 0 || int(place) >= len(v) {
		return 0, fmt.Errorf("there is no place %g among %d numbers", place, len(v))
	}
	return v[int(place)], nil
}

// finite holds what a function gives to numbers.
func finite(name string) func(x float64, err error) (any, error) {
	return func(x float64, err error) (any, error) {
		if err == nil && !ops.Finite(x) {
			err = fmt.Errorf("the result is %g", x)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return x, nil
	}
}

func finiteVector(name string, v []float64) (any, error) {
	for i, x := range v {
		if !ops.Finite(x) {
			return nil, fmt.Errorf("%s: number %d of the result is %g", name, i, x)
		}
	}
	return Vector(v), nil
}

// each does a function to a number, or to each number of a vector.
func each(name string, of func(x float64) float64, arg any) (any, error) {
	if x, one := arg.(float64); one {
		return finite(name)(of(x), nil)
	}
	v := vector(arg)
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
	left, right := vector(a), vector(b)
	if len(left) != len(right) {
		return nil, fmt.Errorf("%s: the vectors have %d and %d numbers", symbol, len(left), len(right))
	}
	out := make([]float64, len(left))
	for i := range left {
		out[i] = of(left[i], right[i])
	}
	return finiteVector(symbol, out)
}

// extreme is min or max, of a vector or of several numbers.
func extreme(name string, of reduction) func(args ...any) (any, error) {
	return func(args ...any) (any, error) {
		v, one := args[0].(Vector)
		if !one {
			for _, arg := range args {
				v = append(v, number(arg))
			}
		}
		return finite(name)(of(v))
	}
}

package recipes

import (
	"fmt"

	"github.com/expr-lang/expr/types"

	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/rewards/ops/vectors"
)

// The types of expressions beside float64 and string. Each is a type of its own, so that an expression's types tell it
// from others.
type (
	vector   []float64               // numbers in an order, as the scores of steps, or of the responses of a group
	wordList []string                // words in an order
	text     string                  // of an item; only functions of texts take it
	matrix   struct{ of ops.Matrix } // of every two responses of a group; no number is missing

	tokenVectors struct{ of vectors.Tokens } // of a text's tokens; only a function of two texts takes them
)

var (
	aNumber = types.TypeOf(0.0)
	aWord   = types.TypeOf("")
	aVector = types.TypeOf(vector{})
	aList   = types.TypeOf(wordList{})
	aText   = types.TypeOf(text(""))
	aMatrix = types.TypeOf(matrix{})
	aTokens = types.TypeOf(tokenVectors{})
)

// shape is the type of what has the form.
func (f form) shape() types.Type {
	switch f {
	case aWordForm:
		return aWord
	case aWordsForm:
		return aList
	case aVectorForm:
		return aVector
	case aNumberForm:
	}
	return aNumber
}

// The compiler has proved what the arguments of a function are.

func numbersOf(arg any) []float64 { return arg.(vector) } //nolint:forcetypeassert // see above

func number(arg any) float64 { return arg.(float64) } //nolint:forcetypeassert // see above

func textOf(arg any) string { return string(arg.(text)) } //nolint:forcetypeassert // see above

func wordsOf(arg any) []string { return arg.(wordList) } //nolint:forcetypeassert // see above

func tokensOf(arg any) vectors.Tokens { return arg.(tokenVectors).of } //nolint:forcetypeassert // see above

func matrixOf(arg any) ops.Matrix { return arg.(matrix).of } //nolint:forcetypeassert // see above

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
	return vector(v), nil
}

// known gives numbers of which none may be missing.
func known(name string, of []ops.Maybe, err error) (any, error) {
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	out := make([]float64, len(of))
	for i, m := range of {
		if !m.Known {
			return nil, fmt.Errorf("%s: there is no number %d", name, i)
		}
		out[i] = m.Value
	}
	return finiteVector(name, out)
}

func maybes(v []float64) []ops.Maybe {
	out := make([]ops.Maybe, len(v))
	for i, x := range v {
		out[i] = ops.Some(x)
	}
	return out
}

package protocols

import (
	"cmp"
	"slices"

	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// The functions that classifiers apply to what they read. Left out, it is sigmoid of a model of one label, and softmax
// of one of several.
const (
	functionNone    = "none"
	functionSigmoid = "sigmoid"
	functionSoftmax = "softmax"
)

// classifying tells what a classifier would of the results of a model or a recipe.
type classifying struct {
	label string                // of a model of one label
	told  func(float64) float64 // of one that has no function but its default
}

// classifier is how results of that model are told as classes.
func classifier(e Engine, model string) classifying {
	of := classifying{label: "score", told: telling(e, model, false)}
	all := e.Models()
	for i := range all {
		if m := &all[i].Manifest; m.Name == model && len(m.Graph.Labels) == 1 {
			of.label = m.Graph.Labels[0]
		}
	}
	return of
}

// classes are the labels of a result with their scores under a function, the greatest first. Where the model has
// several, they are of its outputs, whatever its manifest makes of them.
func (c *classifying) classes(result *rewards.Result, function string) ([]wire.TEIPrediction, error) {
	if len(result.Logits) < 2 {
		value := rawOf(result)
		switch function {
		case functionNone:
		case functionSigmoid:
			value = ops.Sigmoid(value)
		case functionSoftmax:
			return nil, problem.New(failure.CodeActivation, "softmax: the model has one label, of which it would always be 1")
		default:
			value = c.told(value)
		}
		return []wire.TEIPrediction{{Score: value, Label: c.label}}, nil
	}
	classes := make([]wire.TEIPrediction, 0, len(result.Logits))
	for label, logit := range result.Logits {
		classes = append(classes, wire.TEIPrediction{Score: logit, Label: label})
	}
	slices.SortFunc(classes, func(a, b wire.TEIPrediction) int { // sigmoid and softmax change nothing of the order
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Label, b.Label))
	})
	values := make([]float64, len(classes))
	for i := range classes {
		values[i] = classes[i].Score
	}
	switch function {
	case functionNone:
		return classes, nil
	case functionSigmoid:
		for i, x := range values {
			values[i] = ops.Sigmoid(x)
		}
	default:
		values = ops.Softmax(values)
	}
	for i, x := range values {
		classes[i].Score = x
	}
	return classes, nil
}

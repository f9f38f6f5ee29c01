package graphs

import (
	"errors"
	"fmt"
	"math"

	"github.com/assay-rm/assay/kernels/onnx"
)

// The opsets whose meaning the tests prove against ONNX Runtime.
const (
	minOpset = 13
	maxOpset = 21
)

// rules are the operators of ONNX's own domain that a head graph may hold.
var rules = allRules()

func allRules() map[string]rule {
	all := map[string]rule{
		"Gemm":               {0, [2]int{2, 3}, []string{"alpha", "beta", "transA", "transB"}, importGemm},
		"MatMul":             {0, [2]int{2, 2}, nil, importMatMul},
		"LeakyRelu":          {0, [2]int{1, 1}, []string{"alpha"}, onCurve(leakyRelu)},
		"Elu":                {0, [2]int{1, 1}, []string{"alpha"}, onCurve(elu)},
		"Celu":               {0, [2]int{1, 1}, []string{"alpha"}, onCurve(celu)},
		"Selu":               {0, [2]int{1, 1}, []string{"alpha", "gamma"}, onCurve(selu)},
		"HardSigmoid":        {0, [2]int{1, 1}, []string{"alpha", "beta"}, onCurve(hardSigmoid)},
		"Gelu":               {20, [2]int{1, 1}, []string{"approximate"}, onCurve(func(c *call) (curve, error) { return gelu(c.text("approximate", "none")) })},
		"Clip":               {0, [2]int{1, 3}, nil, onCurve(importClip)},
		"Where":              {0, [2]int{3, 3}, nil, importWhere},
		"Softmax":            {0, [2]int{1, 1}, []string{"axis"}, onAxis(softmax)},
		"LogSoftmax":         {0, [2]int{1, 1}, []string{"axis"}, onAxis(logSoftmax)},
		"LayerNormalization": {17, [2]int{2, 3}, []string{"axis", "epsilon", "stash_type"}, importLayerNorm},
		"BatchNormalization": {0, [2]int{5, 5}, []string{"epsilon", "momentum", "training_mode"}, importBatchNorm},
		"Reshape":            {0, [2]int{2, 2}, []string{"allowzero"}, importReshape},
		"Flatten":            {0, [2]int{1, 1}, []string{"axis"}, importFlatten},
		"Squeeze":            {0, [2]int{1, 2}, nil, importSqueeze},
		"Unsqueeze":          {0, [2]int{2, 2}, nil, importUnsqueeze},
		"Transpose":          {0, [2]int{1, 1}, []string{"perm"}, importTranspose},
		"Expand":             {0, [2]int{2, 2}, nil, importExpand},
		"Slice":              {0, [2]int{3, 5}, nil, importSlice},
		"Split":              {0, [2]int{1, 2}, []string{"axis", "num_outputs"}, importSplit},
		"Gather":             {0, [2]int{2, 2}, []string{"axis"}, importGather},
		"Concat":             {0, [2]int{1, 1024}, []string{"axis"}, importConcat},
		"Shape":              {0, [2]int{1, 1}, []string{"start", "end"}, importShape},
		"ConstantOfShape":    {0, [2]int{1, 1}, []string{"value"}, importConstantOfShape},
		"Mod":                {0, [2]int{2, 2}, []string{"fmod"}, importMod},
		"Cast":               {0, [2]int{1, 1}, []string{"to", "saturate"}, importCast},
		"Identity":           {0, [2]int{1, 1}, nil, func(c *call) ([]*value, error) { return c.in, nil }},
		"Dropout":            {0, [2]int{1, 3}, []string{"seed"}, importDropout},
		"Constant": {0, [2]int{0, 0}, []string{
			"value", "value_float", "value_floats", "value_int", "value_ints",
		}, importConstant},
	}
	for name, c := range curves {
		all[name] = rule{0, [2]int{1, 1}, nil, onCurve(func(*call) (curve, error) { return c, nil })}
	}
	mish := all["Mish"]
	mish.since = 18
	all["Mish"] = mish
	hard := all["HardSwish"]
	hard.since = 14
	all["HardSwish"] = hard
	for name := range pairings {
		all[name] = rule{0, [2]int{2, 2}, nil, onPairing(name)}
	}
	for name, holds := range comparisons {
		all[name] = rule{0, [2]int{2, 2}, nil, onComparison(name, holds)}
	}
	for name := range reductions {
		all[name] = rule{0, [2]int{1, 2}, []string{"axes", "keepdims", "noop_with_empty_axes"}, onReduction(name)}
	}
	return all
}

var comparisons = map[string]func(a, b float32) bool{
	"Equal":          func(a, b float32) bool { return a == b },
	"Greater":        func(a, b float32) bool { return a > b },
	"GreaterOrEqual": func(a, b float32) bool { return a >= b },
	"Less":           func(a, b float32) bool { return a < b },
	"LessOrEqual":    func(a, b float32) bool { return a <= b },
}

// single is a rule's result of one value.
func single(v *value, err error) ([]*value, error) {
	if err != nil {
		return nil, err
	}
	return []*value{v}, nil
}

func onCurve(of func(*call) (curve, error)) func(*call) ([]*value, error) {
	return func(c *call) ([]*value, error) {
		x, err := c.numbers(0)
		if err != nil {
			return nil, err
		}
		shape, err := of(c)
		if err != nil || c.err != nil {
			return nil, errors.Join(err, c.err)
		}
		return single(c.b.mapped(c.node.Op, x, shape))
	}
}

func leakyRelu(c *call) (curve, error) {
	alpha := c.float("alpha", float64(float32(0.01)))
	return bent(1, func(x float64) float64 { return alpha * x }, func(float64) float64 { return alpha }), nil
}

func elu(c *call) (curve, error) { return exponential(1, c.float("alpha", 1), 1), nil }

func celu(c *call) (curve, error) {
	alpha := c.float("alpha", 1)
	if alpha == 0 {
		return curve{}, errors.New("attribute alpha is 0")
	}
	return exponential(1, alpha, alpha), nil
}

func selu(c *call) (curve, error) {
	alpha := c.float("alpha", float64(float32(1.67326319217681884765625)))
	return exponential(c.float("gamma", float64(float32(1.05070102214813232421875))), alpha, 1), nil
}

func hardSigmoid(c *call) (curve, error) {
	alpha, beta := c.float("alpha", float64(float32(0.2))), c.float("beta", 0.5)
	return curve{func(x float64) float64 { return clamp(alpha*x+beta, 0, 1) }, func(x, _ float64) float64 {
		if y := alpha*x + beta; y <= 0 || y >= 1 {
			return 0
		}
		return alpha
	}}, nil
}

// importClip reads the borders, which must be constants.
func importClip(c *call) (curve, error) {
	border := [2]float64{math.Inf(-1), math.Inf(1)}
	for i := range border {
		v := c.at(i + 1)
		if v == nil {
			continue
		}
		if v.floats == nil || v.kind != onnx.Float32 || len(v.floats.data) != 1 {
			return curve{}, fmt.Errorf("input %d, %q, must be a constant of one float", i+1, c.node.Inputs[i+1])
		}
		border[i] = float64(v.floats.data[0])
	}
	return clip(border[0], border[1]), nil
}

func onPairing(name string) func(*call) ([]*value, error) {
	return onTwo(name, func(c *call, x, y *value) (*value, error) { return c.b.paired(name, x, y, pairings[name]) })
}

func onComparison(name string, holds func(a, b float32) bool) func(*call) ([]*value, error) {
	return onTwo(name, func(c *call, x, y *value) (*value, error) { return c.b.compared(name, x, y, holds) })
}

// onTwo counts with two constant integers, and applies floats to anything else.
func onTwo(name string, floats func(c *call, x, y *value) (*value, error)) func(*call) ([]*value, error) {
	return func(c *call) ([]*value, error) {
		if c.in[0].ints != nil && c.in[1].ints != nil {
			return single(c.b.counted(name, c.in[0], c.in[1]))
		}
		x, err := c.numbers(0)
		if err != nil {
			return nil, err
		}
		y, err := c.numbers(1)
		if err != nil {
			return nil, err
		}
		return single(floats(c, x, y))
	}
}

func importMod(c *call) ([]*value, error) {
	if c.in[0].ints == nil || c.in[1].ints == nil || c.int("fmod", 0) != 0 {
		return nil, errors.New("it is supported for constants of integers with fmod 0 only")
	}
	return single(c.b.counted("Mod", c.in[0], c.in[1]))
}

func importWhere(c *call) ([]*value, error) {
	if c.in[0].ints != nil && c.in[1].ints != nil && c.in[2].ints != nil {
		return single(c.b.countedWhere(c.in[0], c.in[1], c.in[2]))
	}
	for i := 1; i < 3; i++ {
		if _, err := c.numbers(i); err != nil {
			return nil, err
		}
	}
	return single(c.b.chosenBy(c.in[0], c.in[1], c.in[2]))
}

func importGemm(c *call) ([]*value, error) {
	var third *value
	for i, v := range c.in {
		if v == nil {
			continue
		}
		if _, err := c.numbers(i); err != nil {
			return nil, err
		}
		if i == 2 {
			third = v
		}
	}
	turnX, turnY := c.int("transA", 0) != 0, c.int("transB", 0) != 0
	return single(c.b.gemm(c.in[0], c.in[1], third, turnX, turnY, c.float("alpha", 1), c.float("beta", 1)))
}

func importMatMul(c *call) ([]*value, error) {
	x, err := c.numbers(0)
	if err != nil {
		return nil, err
	}
	y, err := c.numbers(1)
	if err != nil {
		return nil, err
	}
	return single(c.b.matmul(x, y))
}

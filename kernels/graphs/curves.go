package graphs

import (
	"fmt"
	"math"
)

// curve is a function of one number with its derivative, which may use y = f(x). Both are computed in float64.
type curve struct {
	f func(x float64) float64
	d func(x, y float64) float64
}

func sigmoid(x float64) float64 {
	if x < 0 {
		e := math.Exp(x)
		return e / (1 + e)
	}
	return 1 / (1 + math.Exp(-x))
}

// softplus is log(1 + e^x), without overflow.
func softplus(x float64) float64 {
	return math.Max(x, 0) + math.Log1p(math.Exp(-math.Abs(x)))
}

// bell is the density of the standard normal distribution.
func bell(x float64) float64 { return math.Exp(-x*x/2) / math.Sqrt(2*math.Pi) }

// step01 is 1 for x > 0, else 0: Relu's derivative as PyTorch has it.
func step01(x float64) float64 {
	if x > 0 {
		return 1
	}
	return 0
}

// curves are the operators without attributes that work on every number alone.
var curves = map[string]curve{
	"Neg":  {func(x float64) float64 { return -x }, func(_, _ float64) float64 { return -1 }},
	"Relu": {func(x float64) float64 { return math.Max(x, 0) }, func(x, _ float64) float64 { return step01(x) }},
	"Tanh": {math.Tanh, func(_, y float64) float64 { return 1 - y*y }},
	"Sigmoid": {sigmoid, func(x, _ float64) float64 {
		s := sigmoid(x)
		return s * (1 - s)
	}},
	"Softplus":   {softplus, func(x, _ float64) float64 { return sigmoid(x) }},
	"Erf":        {math.Erf, func(x, _ float64) float64 { return 2 / math.Sqrt(math.Pi) * math.Exp(-x*x) }},
	"Exp":        {math.Exp, func(x, _ float64) float64 { return math.Exp(x) }},
	"Log":        {math.Log, func(x, _ float64) float64 { return 1 / x }},
	"Sqrt":       {math.Sqrt, func(x, _ float64) float64 { return 0.5 / math.Sqrt(x) }},
	"Reciprocal": {func(x float64) float64 { return 1 / x }, func(x, _ float64) float64 { return -1 / (x * x) }},
	"Abs":        {math.Abs, func(x, _ float64) float64 { return step01(x) - step01(-x) }},
	"Softsign": {func(x float64) float64 { return x / (1 + math.Abs(x)) }, func(x, _ float64) float64 {
		return 1 / ((1 + math.Abs(x)) * (1 + math.Abs(x)))
	}},
	"Mish": {func(x float64) float64 { return x * math.Tanh(softplus(x)) }, func(x, _ float64) float64 {
		t := math.Tanh(softplus(x))
		return t + x*(1-t*t)*sigmoid(x)
	}},
	"HardSwish": {func(x float64) float64 { return x * clamp(x/6+0.5, 0, 1) }, func(x, _ float64) float64 {
		switch {
		case x <= -3:
			return 0
		case x >= 3:
			return 1
		}
		return x/3 + 0.5
	}},
}

func clamp(x, low, high float64) float64 { return math.Min(math.Max(x, low), high) }

// gelu is x · Φ(x), or its approximation by tanh.
func gelu(approximate string) (curve, error) {
	switch approximate {
	case "none":
		phi := func(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }
		return curve{func(x float64) float64 { return x * phi(x) }, func(x, _ float64) float64 { return phi(x) + x*bell(x) }}, nil
	case "tanh":
		c := math.Sqrt(2 / math.Pi)
		inner := func(x float64) float64 { return math.Tanh(c * (x + 0.044715*x*x*x)) }
		return curve{func(x float64) float64 { return 0.5 * x * (1 + inner(x)) }, func(x, _ float64) float64 {
			t := inner(x)
			return 0.5*(1+t) + 0.5*x*(1-t*t)*c*(1+3*0.044715*x*x)
		}}, nil
	}
	return curve{}, fmt.Errorf("attribute approximate is %q, and none or tanh is wanted", approximate)
}

// bent is x for x > 0, else below(x): the shape of Elu and its kin.
func bent(scale float64, below, slope func(float64) float64) curve {
	return curve{func(x float64) float64 {
		if x > 0 {
			return scale * x
		}
		return below(x)
	}, func(x, _ float64) float64 {
		if x > 0 {
			return scale
		}
		return slope(x)
	}}
}

// exponential is scale · x above 0 and scale · alpha · (e^(x / width) − 1) below.
func exponential(scale, alpha, width float64) curve {
	return bent(scale, func(x float64) float64 { return scale * alpha * math.Expm1(x/width) },
		func(x float64) float64 { return scale * alpha / width * math.Exp(x/width) })
}

// clip holds x between low and high; its derivative is 1 at the borders too, as PyTorch has it.
func clip(low, high float64) curve {
	return curve{func(x float64) float64 { return math.Min(math.Max(x, low), high) }, func(x, _ float64) float64 {
		if x < low || x > high {
			return 0
		}
		return 1
	}}
}

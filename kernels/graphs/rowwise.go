package graphs

import (
	"math"

	"github.com/assay-rm/assay/kernels/onnx"
)

// fold is a function of a line of numbers, with its gradient. Lines are computed one by one, in order and with float64
// sums, so that a line's result has the same bits whatever stands beside it.
type fold struct {
	f func(out, x []float32)
	d func(dx, x, y, g []float32) // from the gradient g of y = f(x)
}

// reductions turn a line into one number. Where several numbers are the greatest or least, they share the gradient.
var reductions = map[string]fold{
	"ReduceSum": {func(out, x []float32) { out[0] = float32(sum(x)) }, func(dx, _, _, g []float32) { fill(dx, g[0]) }},
	"ReduceMean": {func(out, x []float32) { out[0] = float32(sum(x) / float64(len(x))) }, func(dx, x, _, g []float32) {
		fill(dx, float32(float64(g[0])/float64(len(x))))
	}},
	"ReduceMax": {func(out, x []float32) { out[0] = float32(greatest(x)) }, share},
	"ReduceMin": {func(out, x []float32) {
		out[0] = x[0]
		for _, v := range x[1:] {
			out[0] = float32(math.Min(float64(out[0]), float64(v)))
		}
	}, share},
	"ReduceL2": {func(out, x []float32) { out[0] = float32(math.Sqrt(squares(x))) }, func(dx, x, y, g []float32) {
		for i, v := range x {
			if dx[i] = 0; y[0] != 0 {
				dx[i] = float32(float64(g[0]) * float64(v) / float64(y[0]))
			}
		}
	}},
	"ReduceSumSquare": {func(out, x []float32) { out[0] = float32(squares(x)) }, func(dx, x, _, g []float32) {
		for i, v := range x {
			dx[i] = float32(2 * float64(g[0]) * float64(v))
		}
	}},
	"ReduceLogSumExp": {func(out, x []float32) { out[0] = float32(logSumExp(x)) }, func(dx, x, _, g []float32) {
		all := logSumExp(x)
		for i, v := range x {
			dx[i] = float32(float64(g[0]) * math.Exp(float64(v)-all))
		}
	}},
}

var softmax = fold{func(out, x []float32) {
	all := logSumExp(x)
	for i, v := range x {
		out[i] = float32(math.Exp(float64(v) - all))
	}
}, func(dx, _, y, g []float32) {
	along := dot(y, g)
	for i, p := range y {
		dx[i] = float32(float64(p) * (float64(g[i]) - along))
	}
}}

var logSoftmax = fold{func(out, x []float32) {
	all := logSumExp(x)
	for i, v := range x {
		out[i] = float32(float64(v) - all)
	}
}, func(dx, _, y, g []float32) {
	all := sum(g)
	for i, l := range y {
		dx[i] = float32(float64(g[i]) - math.Exp(float64(l))*all)
	}
}}

// normalized brings a line to mean 0 and variance 1: (x − mean) / √(variance + epsilon).
func normalized(epsilon float64) fold {
	moments := func(x []float32) (mean, scale float64) {
		mean = sum(x) / float64(len(x))
		var v float64
		for _, one := range x {
			v += (float64(one) - mean) * (float64(one) - mean)
		}
		return mean, 1 / math.Sqrt(v/float64(len(x))+epsilon)
	}
	return fold{func(out, x []float32) {
		mean, scale := moments(x)
		for i, v := range x {
			out[i] = float32((float64(v) - mean) * scale)
		}
	}, func(dx, x, y, g []float32) {
		_, scale := moments(x)
		n := float64(len(x))
		shift, along := sum(g)/n, dot(y, g)/n
		for i, v := range g {
			dx[i] = float32(scale * (float64(v) - shift - float64(y[i])*along))
		}
	}}
}

func sum(x []float32) float64 {
	var s float64
	for _, v := range x {
		s += float64(v)
	}
	return s
}

func squares(x []float32) float64 { return dot(x, x) }

func dot(x, y []float32) float64 {
	var s float64
	for i, v := range x {
		s += float64(v) * float64(y[i])
	}
	return s
}

func greatest(x []float32) float64 {
	m := math.Inf(-1)
	for _, v := range x {
		m = math.Max(m, float64(v))
	}
	return m
}

func logSumExp(x []float32) float64 {
	m := greatest(x)
	var s float64
	for _, v := range x {
		s += math.Exp(float64(v) - m)
	}
	return m + math.Log(s)
}

func fill(x []float32, v float32) {
	for i := range x {
		x[i] = v
	}
}

// share gives the gradient of a greatest or least number to those that equal it.
func share(dx, x, y, g []float32) {
	n := 0
	for _, v := range x {
		if v == y[0] {
			n++
		}
	}
	for i, v := range x {
		if dx[i] = 0; v == y[0] {
			dx[i] = float32(float64(g[0]) / float64(n))
		}
	}
}

// folded applies a fold to lines of width numbers; each gives to numbers.
func (b *builder) folded(name string, v *value, dims []int, rows, width, to int, f fold) (*value, error) {
	n := size(v.dims)
	lines := n / width
	if err := b.spend(lines * to); err != nil {
		return nil, err
	}
	grad := func(in []*vector, out, g *vector) ([]*vector, error) {
		d, err := b.apply(name+" gradient", n, func(dx []float32, in [][]float32) {
			for i := range lines {
				x, y := i*width, i*to
				f.d(dx[x:x+width], in[0][x:x+width], in[1][y:y+to], in[2][y:y+to])
			}
		}, nil, nil, in[0], out, g)
		return []*vector{d}, err
	}
	node, err := b.apply(name, lines*to, func(out []float32, in [][]float32) {
		for i := range lines {
			f.f(out[i*to:(i+1)*to], in[0][i*width:(i+1)*width])
		}
	}, []bool{v.active}, grad, b.on(v))
	return &value{dims: dims, rows: rows, kind: onnx.Float32, node: node, active: v.active}, err
}

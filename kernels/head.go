package kernels

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Activation is the function between the two layers of a head.
type Activation int

// The activations that reward heads use, each as PyTorch defines it.
const (
	Identity Activation = iota
	ReLU
	Tanh
	GELU // exact, by erf
	SiLU
)

// fusedSigmoid is the last layer's activation where the head's output is Sigmoid.
const fusedSigmoid = SiLU + 1

// Output is what becomes of a row of labels: "activation" in docs/BUNDLE.md.
type Output int

// The outputs.
const (
	Plain Output = iota
	Sigmoid
	Softmax // over the row's labels
)

// Layer is a linear layer: weight · x + bias.
type Layer struct {
	Weight Tensor // (units, width), float32
	Bias   Tensor // (1, units), float32; the zero Tensor: no bias
}

// Head turns a hidden state into labels: one linear layer, or two with an activation between them.
type Head struct {
	Layers     []Layer
	Activation Activation // between two layers; Identity if there is one
	Output     Output
}

// labels is the number of values that a row has in the end.
func (h Head) labels() int { return h.Layers[len(h.Layers)-1].Weight.Rows }

// check refuses a head that does not fit hidden states (rows, width).
func (h Head) check(hidden Tensor) error {
	if err := hidden.Check("hidden"); err != nil {
		return err
	}
	if len(h.Layers) < 1 || len(h.Layers) > 2 {
		return fmt.Errorf("head: it has %d layers, and may have 1 or 2", len(h.Layers))
	}
	if h.Activation < Identity || h.Activation > SiLU || h.Activation != Identity && len(h.Layers) == 1 {
		return fmt.Errorf("head: activation %d of %d layers", h.Activation, len(h.Layers))
	}
	if h.Output < Plain || h.Output > Softmax {
		return fmt.Errorf("head: output %d is unknown", h.Output)
	}
	width := hidden.Cols
	for i, layer := range h.Layers {
		name := fmt.Sprintf("head: layer %d", i)
		if err := errors.Join(layer.Weight.Check(name+": weight"), layer.Bias.Check(name+": bias")); err != nil {
			return err
		}
		units := layer.Weight.Rows
		if layer.Weight.Type != Float32 || layer.Weight.Cols != width || units == 0 {
			return fmt.Errorf("%s: weight is %v (%d, %d), and must be float32 (units, %d)", name, layer.Weight.Type, units, layer.Weight.Cols, width)
		}
		if b := layer.Bias; b.Rows != 0 && (b.Type != Float32 || b.Rows != 1 || b.Cols != units) {
			return fmt.Errorf("%s: bias is %v (%d, %d), and must be float32 (1, %d)", name, b.Type, b.Rows, b.Cols, units)
		}
		width = units
	}
	return nil
}

// PooledHead reads hidden states at the given rows and gives the labels of each, (len(rows), labels).
//
// hidden is (positions, width), all on the host. A row outside it, or a softmax over NaN, +∞ or -∞ only, gives labels
// that are NaN. With one layer and a sequence's last row it is the head of transformers' *ForSequenceClassification.
func PooledHead(hidden Tensor, rows []int64, head Head) ([]float64, error) {
	if err := head.check(hidden); err != nil {
		return nil, err
	}
	if err := hidden.onHost("hidden"); err != nil {
		return nil, err
	}
	for i, layer := range head.Layers {
		name := fmt.Sprintf("head: layer %d", i)
		if err := errors.Join(layer.Weight.onHost(name+": weight"), layer.Bias.onHost(name+": bias")); err != nil {
			return nil, err
		}
	}
	states := make([][]float64, len(rows))
	for r, row := range rows {
		states[r] = allNaN(hidden.Cols)
		if in(row, hidden.Rows) {
			states[r] = hidden.row(int(row))
		}
	}
	for i, layer := range head.Layers {
		states = layer.apply(states)
		for _, state := range states {
			if i < len(head.Layers)-1 {
				head.Activation.apply(state)
			} else {
				head.Output.apply(state)
			}
		}
	}
	return slices.Concat(states...), nil
}

// apply gives (rows, units) of states (rows, width).
func (l Layer) apply(states [][]float64) [][]float64 {
	out := make([][]float64, len(states))
	for r := range out {
		out[r] = make([]float64, l.Weight.Rows)
		if l.Bias.Rows == 1 {
			out[r] = l.Bias.row(0)
		}
	}
	for u := range l.Weight.Rows {
		weight := l.Weight.row(u)
		for r, state := range states {
			for k, x := range state {
				out[r][u] += weight[k] * x
			}
		}
	}
	return out
}

// apply changes the row to the activation of each number.
func (a Activation) apply(row []float64) {
	for i, x := range row {
		switch a {
		case ReLU:
			if x < 0 {
				row[i] = 0
			}
		case Tanh:
			row[i] = math.Tanh(x)
		case GELU:
			row[i] = 0.5 * x * (1 + math.Erf(x/math.Sqrt2))
		case SiLU:
			row[i] = x / (1 + math.Exp(-x))
		default: // Identity
		}
	}
}

// apply changes the row to what the output makes of it.
func (o Output) apply(row []float64) {
	switch o {
	case Sigmoid:
		for i, x := range row {
			row[i] = sigmoid(x)
		}
	case Softmax:
		total := logSumExp(row)
		for i, x := range row {
			row[i] = math.Exp(x - total)
		}
	default: // Plain
	}
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// logSumExp is log Σ e^x, -∞ of nothing or of -∞ only, NaN if a number is NaN or +∞.
func logSumExp(row []float64) float64 {
	top := math.Inf(-1)
	for _, x := range row {
		top = max(top, x)
	}
	if math.IsInf(top, -1) {
		return top
	}
	sum := 0.0
	for _, x := range row {
		sum += math.Exp(x - top)
	}
	return top + math.Log(sum)
}

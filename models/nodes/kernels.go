package nodes

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/operators"
)

// Machine starts kernels, each behind what was started before, and has memory for them.
type Machine interface {
	Launch(kernel string, grid [2]int, block int, arguments ...uint64) error
	Alloc(bytes int) (uintptr, error)
	Release(address uintptr) error
}

// Kernels computes the operators by our CUDA kernels, and linear layers by cuBLASLt, in float16, bfloat16 or int8. What
// it starts goes to the machine's stream, which the provider must run on too. One forward at a time may use it.
type Kernels struct {
	typed   kernels.Type
	machine Machine
	linears linears
}

// NewKernels starts nothing yet. file is that of cuBLASLt, [blaslt.Name] as a rule.
func NewKernels(typed kernels.Type, machine Machine, file string) *Kernels {
	return &Kernels{typed: typed, machine: machine, linears: newLinears(file)}
}

// Close lets go of cuBLASLt, and of memory. No forward runs, nor will one.
func (k *Kernels) Close() { k.linears.close(k.machine) }

// All has what computes each operator, for [Register].
func (k *Kernels) All() map[string]Compute {
	return map[string]Compute{
		"AddRmsNorm": k.addRmsNorm, "AddLayerNorm": k.addLayerNorm, "Linear": k.linear, "QuantizeRows": k.quantizeRows, "Linear8": k.linear8,
		"Rotate": k.rotate, "RotateQkv": k.rotateQkv, "TileAttention": k.tileAttention, "SwiGLU": k.swiGLU, "GeGLU": k.geGLU, "Gelu": k.gelu,
	}
}

// start starts a kernel, unless what made it was wrong.
func (k *Kernels) start(launch operators.Launch, err error) error {
	if err != nil {
		return err
	}
	if launch.Grid[0] == 0 || launch.Grid[1] == 0 {
		return nil
	}
	return k.machine.Launch(launch.Kernel, launch.Grid, launch.Block, launch.Arguments...)
}

func (k *Kernels) addRmsNorm(c *Call) error {
	normed, summed, err := twoRows(c)
	if err != nil {
		return err
	}
	shape := c.Inputs[1].Shape
	return k.start(operators.AddRmsNorm{
		Type: k.typed, Tokens: int(shape[0]), Width: int(shape[1]), Residual: c.Inputs[0].Address, X: c.Inputs[1].Address,
		Weight: c.Inputs[2].Address, Epsilon: c.Float("epsilon"), Normed: normed.Address, Summed: summed.Address,
	}.Launch())
}

func (k *Kernels) addLayerNorm(c *Call) error {
	normed, flows, err := twoRows(c)
	if err != nil {
		return err
	}
	shape := c.Inputs[1].Shape
	return k.start(operators.AddLayerNorm{
		Type: k.typed, Tokens: int(shape[0]), Width: int(shape[1]), Residual: c.Inputs[0].Address, X: c.Inputs[1].Address, Weight: c.Inputs[2].Address,
		Bias: c.Inputs[3].Address, Epsilon: c.Float("epsilon"), Behind: c.Int("behind") != 0, Normed: normed.Address, Flows: flows.Address,
	}.Launch())
}

// holds refuses a tensor that has not as many numbers as a kernel reads.
func holds(name string, t Tensor, want int64) error {
	if t.Elements() != want {
		return fmt.Errorf("%s %d have %d numbers, and must have %d", name, t.Shape, t.Elements(), want)
	}
	return nil
}

// twoRows makes a norm's outputs, which have the shape of its second input, to which the others must fit.
func twoRows(c *Call) (normed, flows Tensor, err error) {
	x := c.Inputs[1]
	if len(x.Shape) != 2 || c.Inputs[0].Elements() != x.Elements() {
		return normed, flows, fmt.Errorf("a residual %d does not fit to %d", c.Inputs[0].Shape, x.Shape)
	}
	for _, weights := range c.Inputs[2:] {
		if weights.Elements() != x.Shape[1] {
			return normed, flows, fmt.Errorf("weights %d do not fit to rows of %d numbers", weights.Shape, x.Shape[1])
		}
	}
	shape := x.Shape
	if normed, err = c.Output(0, shape...); err == nil {
		flows, err = c.Output(1, shape...)
	}
	return normed, flows, err
}

// rotate writes keys and values where the pools are: what it is given to write them to must be that.
func (k *Kernels) rotate(c *Call) error {
	turn, err := k.turn(c)
	if err != nil {
		return err
	}
	if err := poolsFit(c.Inputs, turn); err != nil {
		return err
	}
	pool := c.Inputs[7].Shape
	for i, into := range []*uintptr{&turn.KeyPool, &turn.ValuePool} {
		written, err := c.Output(1+i, pool...)
		if err != nil {
			return err
		}
		if written.Address != c.Inputs[7+i].Address {
			return errors.New("a pool of keys and values must be given as the output where it is the input, and is not")
		}
		*into = written.Address
	}
	turn.TokenSlots, turn.Slots = c.Inputs[6].Address, int(pool[0])
	return k.start(turn.Launch())
}

// poolsFit refuses pools and slots that do not fit to what is written there.
func poolsFit(inputs []Tensor, turn operators.Rotate) error {
	keys, values := inputs[7].Shape, inputs[8].Shape
	if len(keys) != 3 || keys[1] != int64(turn.Groups) || keys[2] != int64(turn.Size) || !slices.Equal(keys, values) {
		return fmt.Errorf("pools of keys %d and of values %d do not fit to %d heads of %d numbers", keys, values, turn.Groups, turn.Size)
	}
	return holds("slots", inputs[6], int64(turn.Tokens))
}

// rotateQkv writes each token's keys and values into a row of its own.
func (k *Kernels) rotateQkv(c *Call) error {
	turn, err := k.turn(c)
	if err != nil {
		return err
	}
	for i, into := range []*uintptr{&turn.KeyPool, &turn.ValuePool} {
		own, err := c.Output(1+i, int64(turn.Tokens), int64(turn.Groups), int64(turn.Size))
		if err != nil {
			return err
		}
		*into = own.Address
	}
	turn.Slots = max(1, turn.Tokens)
	return k.start(turn.Launch())
}

// maxSize is the most heads, and numbers of a head, so that products of them are no more than they are.
const maxSize = 1 << 20

// turn is what both have in common: all but where keys and values go.
func (k *Kernels) turn(c *Call) (operators.Rotate, error) {
	heads, turned := c.List("heads"), c.List("turned")
	if len(heads) != 3 || len(turned) != 2 {
		return operators.Rotate{}, errors.New("heads must be three numbers, and turned two")
	}
	for _, size := range slices.Concat(heads, turned) {
		if size < 0 || size > maxSize {
			return operators.Rotate{}, fmt.Errorf("heads are %d and turned %d, and none may be negative or over %d", heads, turned, maxSize)
		}
	}
	tokens, size := c.Inputs[1].Elements(), turned[0]+turned[1]
	places, pairs := c.Inputs[2].Shape[0], turned[0]/2
	fits := holds("queries, keys and values", c.Inputs[0], tokens*(heads[0]+heads[1]+heads[2])*size)
	if pairs > 0 {
		places = min(places, 1<<40) // so that the product is no more than it is
		fits = cmp.Or(fits, holds("cosines", c.Inputs[2], places*pairs), holds("sines", c.Inputs[3], places*pairs))
	}
	if c.Int("normed") != 0 {
		fits = cmp.Or(fits, holds("norms of queries", c.Inputs[4], size), holds("norms of keys", c.Inputs[5], size))
	}
	if heads[2] != heads[1] {
		fits = fmt.Errorf("there are %d heads of keys and %d of values", heads[1], heads[2])
	}
	if fits != nil {
		return operators.Rotate{}, fits
	}
	queries, err := c.Output(0, tokens, heads[0]*size)
	norms := [2]uintptr{}
	if c.Int("normed") != 0 {
		norms = [2]uintptr{c.Inputs[4].Address, c.Inputs[5].Address}
	}
	return operators.Rotate{
		Type: k.typed, Tokens: int(tokens), Heads: int(heads[0]), Groups: int(heads[1]), Size: int(size), Turned: int(turned[0]),
		QKV: c.Inputs[0].Address, Positions: c.Inputs[1].Address, Places: int(places), Cos: c.Inputs[2].Address, Sin: c.Inputs[3].Address,
		QueryNorm: norms[0], KeyNorm: norms[1], Epsilon: c.Float("epsilon"), Queries: queries.Address,
	}, err
}

func (k *Kernels) tileAttention(c *Call) error {
	shape, pool := c.Inputs[0].Shape, c.Inputs[6].Shape
	index, keys := c.Inputs[2].Shape, c.Inputs[3].Shape
	if len(shape) != 2 || len(pool) != 3 || len(index) != 2 || len(keys) != 2 || pool[1] < 1 || pool[2] < 1 || shape[1]%pool[2] != 0 || !slices.Equal(pool, c.Inputs[7].Shape) {
		return fmt.Errorf("queries %d, keys %d and values %d do not fit each other", shape, pool, c.Inputs[7].Shape)
	}
	fits := cmp.Or(holds("positions", c.Inputs[1], shape[0]), holds("scatter_index", c.Inputs[5], shape[0]),
		holds("key_len", c.Inputs[4], index[0]), holds("key_slots", c.Inputs[3], index[0]*keys[1]))
	if fits != nil {
		return fits
	}
	mixed, err := c.Output(0, shape...)
	if err != nil {
		return err
	}
	return k.start(operators.TileAttention{
		Type: k.typed, Tokens: int(shape[0]), Heads: int(shape[1] / pool[2]), Groups: int(pool[1]), Size: int(pool[2]),
		Queries: c.Inputs[0].Address, Positions: c.Inputs[1].Address, Tiles: int(index[0]), TileQueries: int(index[1]), TileKeys: int(keys[1]),
		QueryIndex: c.Inputs[2].Address, KeySlots: c.Inputs[3].Address, KeyLen: c.Inputs[4].Address, ScatterIndex: c.Inputs[5].Address,
		Slots: int(pool[0]), KeyPool: c.Inputs[6].Address, ValuePool: c.Inputs[7].Address, Scale: c.Float("scale"), Softcap: c.Float("softcap"),
		Window: int(c.Int("window")), Causal: c.Int("causal") != 0, Out: mixed.Address,
	}.Launch())
}

func (k *Kernels) swiGLU(c *Call) error { return k.gate(c, false) }

func (k *Kernels) geGLU(c *Call) error { return k.gate(c, true) }

func (k *Kernels) gate(c *Call, gelu bool) error {
	shape := c.Inputs[0].Shape
	out, err := c.Output(0, shape[0], shape[1]/2)
	if err != nil {
		return err
	}
	return k.start(operators.SwiGLU{
		Type: k.typed, Tokens: int(shape[0]), Width: int(shape[1] / 2), GateUp: c.Inputs[0].Address, GELU: gelu, Out: out.Address,
	}.Launch())
}

func (k *Kernels) gelu(c *Call) error {
	shape := c.Inputs[0].Shape
	out, err := c.Output(0, shape...)
	if err != nil {
		return err
	}
	return k.start(operators.Gelu{Type: k.typed, Tokens: int(shape[0]), Width: int(shape[1]), X: c.Inputs[0].Address, Out: out.Address}.Launch())
}

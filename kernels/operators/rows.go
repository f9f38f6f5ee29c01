package operators

import "github.com/assay-rm/assay/kernels"

// AddRmsNorm adds what a layer gives to the residual, and norms the sum. All memory is the device's.
type AddRmsNorm struct {
	Type          kernels.Type // of X and Normed
	Tokens, Width int
	Residual      uintptr // float32 (Tokens, Width); 0: zeros
	X             uintptr // (Tokens, Width)
	Weight        uintptr // float32 (Width)
	Epsilon       float32
	Normed        uintptr // (Tokens, Width), written
	Summed        uintptr // float32 (Tokens, Width), written; it may be Residual
}

// Launch gives the one start of a kernel that computes it. Width is a multiple of 8.
func (o AddRmsNorm) Launch() (Launch, error) {
	c := &checks{operator: "AddRmsNorm"}
	suffix := c.half(o.Type)
	c.size("the number of tokens", o.Tokens, 0, maxGridX, 1)
	c.size("the width", o.Width, chunk, maxCount, chunk)
	return c.launch("add_rms_norm"+suffix, o.Tokens, 1, normThreads,
		c.address("residual", o.Residual, 0), c.address("x", o.X, o.Tokens), c.address("weight", o.Weight, o.Width),
		c.address("normed", o.Normed, o.Tokens), c.address("summed", o.Summed, o.Tokens), uint64(o.Width), bits(o.Epsilon))
}

// AddLayerNorm adds what a layer of an encoder gives to the residual, and norms the sum by its mean and its variance.
// All memory is the device's.
type AddLayerNorm struct {
	Type          kernels.Type // of X and Normed
	Tokens, Width int
	Residual      uintptr // float32 (Tokens, Width); 0: zeros
	X             uintptr // (Tokens, Width)
	Weight, Bias  uintptr // float32 (Width); Bias may be 0: zeros
	Epsilon       float32
	Behind        bool    // the next part is added to the norm, and not to the sum
	Normed        uintptr // (Tokens, Width), written
	Flows         uintptr // float32 (Tokens, Width), written: the sum, or where Behind says so the norm; it may be Residual
}

// Launch gives the one start of a kernel that computes it. Width is a multiple of 8.
func (o AddLayerNorm) Launch() (Launch, error) {
	c := &checks{operator: "AddLayerNorm"}
	suffix := c.half(o.Type)
	c.size("the number of tokens", o.Tokens, 0, maxGridX, 1)
	c.size("the width", o.Width, chunk, maxCount, chunk)
	return c.launch("add_layer_norm"+suffix, o.Tokens, 1, normThreads,
		c.address("residual", o.Residual, 0), c.address("x", o.X, o.Tokens), c.address("weight", o.Weight, o.Width),
		c.address("bias", o.Bias, 0), c.address("normed", o.Normed, o.Tokens), c.address("flows", o.Flows, o.Tokens),
		uint64(o.Width), bits(o.Epsilon), flag(o.Behind))
}

// Gelu is the activation of a feed-forward layer that has no gate: x · Φ(x), exact. All memory is the device's.
type Gelu struct {
	Type          kernels.Type
	Tokens, Width int
	X             uintptr // (Tokens, Width)
	Out           uintptr // (Tokens, Width), written
}

// Launch gives the one start of a kernel that computes it. Width is a multiple of 8.
func (o Gelu) Launch() (Launch, error) {
	c := &checks{operator: "Gelu"}
	suffix := c.half(o.Type)
	c.size("the number of tokens", o.Tokens, 0, maxGridX, 1)
	c.size("the width", o.Width, chunk, maxCount, chunk)
	return c.launch("gelu"+suffix, o.Tokens, blocks(o.Width, chunk*gateThreads), gateThreads,
		c.address("x", o.X, o.Tokens), c.address("out", o.Out, o.Tokens), uint64(o.Width))
}

// SwiGLU is the gate of a feed-forward layer: activation(gate) · up. All memory is the device's.
type SwiGLU struct {
	Type          kernels.Type
	Tokens, Width int
	GateUp        uintptr // (Tokens, 2 · Width), of each token the gate and then up
	GELU          bool    // the activation is the exact GELU, by erf, and not SiLU
	Out           uintptr // (Tokens, Width), written
}

// Launch gives the one start of a kernel that computes it. Width is a multiple of 8.
func (o SwiGLU) Launch() (Launch, error) {
	c := &checks{operator: "SwiGLU"}
	kernel := "swiglu" + c.half(o.Type)
	if o.GELU {
		kernel = "geglu" + c.half(o.Type)
	}
	c.size("the number of tokens", o.Tokens, 0, maxGridX, 1)
	c.size("the width", o.Width, chunk, maxCount, chunk)
	return c.launch(kernel, o.Tokens, blocks(o.Width, chunk*gateThreads), gateThreads,
		c.address("gate and up", o.GateUp, o.Tokens), c.address("out", o.Out, o.Tokens), uint64(o.Width))
}

// Rotate norms queries and keys where the model does so, turns them by their positions, and puts keys and values into
// the pool. All memory is the device's.
type Rotate struct {
	Type                  kernels.Type
	Tokens, Heads, Groups int     // query heads, key heads
	Size                  int     // numbers of a head
	Turned                int     // of Size, from its start, in pairs of number i and number i + Turned/2
	QKV                   uintptr // (Tokens, Heads + 2 · Groups, Size)
	Positions             uintptr // int64 (Tokens)
	Places                int
	Cos, Sin              uintptr // float32 (Places, Turned/2)
	QueryNorm, KeyNorm    uintptr // float32 (Size), or both 0: no norm
	Epsilon               float32 // of the norms
	TokenSlots            uintptr // int64 (Tokens); what is no slot, -1 for one: the token goes nowhere. 0: token t goes to row t
	Slots                 int     // at least Tokens where there are no TokenSlots
	KeyPool, ValuePool    uintptr // (Slots, Groups, Size), written where the slots say
	Queries               uintptr // (Tokens, Heads, Size), written
}

// Launch gives the one start of a kernel that computes it. Size is a multiple of 8, Turned of 16.
func (o Rotate) Launch() (Launch, error) {
	c := &checks{operator: "Rotate"}
	suffix := c.half(o.Type)
	checkHeads(c, o.Tokens, o.Heads, o.Groups)
	c.size("the size of a head", o.Size, chunk, maxCount, chunk)
	c.size("the number of turned numbers", o.Turned, 0, o.Size, 2*chunk)
	c.size("the number of places", o.Places, 1, maxCount, 1)
	c.size("the number of slots", o.Slots, 1, maxCount, 1)
	if o.TokenSlots == 0 && o.Slots < o.Tokens {
		c.refuse("without token slots each token takes a slot, and there are %d for %d tokens", o.Slots, o.Tokens)
	}
	if (o.QueryNorm == 0) != (o.KeyNorm == 0) {
		c.refuse("one of queries and keys has a norm, and the other has none")
	}
	all := o.Heads + 2*o.Groups
	return c.launch("rotate"+suffix, o.Tokens, blocks(all*o.Size, chunk*rotateThreads), rotateThreads,
		c.address("qkv", o.QKV, o.Tokens), c.integers("positions", o.Positions, o.Tokens), c.address("cos", o.Cos, o.Turned),
		c.address("sin", o.Sin, o.Turned), c.address("query norm", o.QueryNorm, 0), c.address("key norm", o.KeyNorm, 0),
		c.integers("token slots", o.TokenSlots, 0), c.address("key pool", o.KeyPool, o.Slots),
		c.address("value pool", o.ValuePool, o.Slots), c.address("queries", o.Queries, o.Tokens),
		uint64(o.Heads), uint64(o.Groups), uint64(o.Size), uint64(o.Turned), uint64(o.Places), uint64(o.Slots), bits(o.Epsilon))
}

// checkHeads refuses numbers of tokens and heads that no kernel covers.
func checkHeads(c *checks, tokens, heads, groups int) {
	const mostHeads = 1024
	c.size("the number of tokens", tokens, 0, maxGridX, 1)
	c.size("the number of query heads", heads, 1, mostHeads, 1)
	c.size("the number of key heads", groups, 1, mostHeads, 1)
	if c.err == nil && heads%groups != 0 {
		c.refuse("%d query heads are no multiple of %d key heads", heads, groups)
	}
}

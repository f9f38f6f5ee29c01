package kerneltest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/operators"
)

// rotation is a call of Rotate; the norms are nil where there is none.
type rotation struct {
	typed                        kernels.Type
	heads, groups, size, turned  int
	qkv                          []uint16
	positions, slots             []int64 // nil slots are none
	cos, sin, queryNorm, keyNorm []float32
	epsilon                      float32
	places, poolSlots            int
	keys, values                 []uint16 // the pools before the call
}

func randomRotation(r *rand.Rand, typed kernels.Type, tokens, heads, groups, size, turned int, normed bool) rotation {
	const places, poolSlots = 40, 30
	o := rotation{
		typed: typed, heads: heads, groups: groups, size: size, turned: turned, places: places, poolSlots: poolSlots, epsilon: 1e-2,
		qkv:  normal(r, typed, tokens, (heads+2*groups)*size, 1).Halves,
		keys: normal(r, typed, poolSlots, groups*size, 1).Halves, values: normal(r, typed, poolSlots, groups*size, 1).Halves,
	}
	for i, slot := range r.Perm(poolSlots)[:tokens] {
		o.positions, o.slots = append(o.positions, r.Int64N(places)), append(o.slots, int64(slot))
		if i%3 == 2 {
			o.slots[i] = -1
		}
	}
	for at := range places * turned / 2 {
		angle := float64(at/(turned/2)) * math.Pow(100, -float64(at%(turned/2))/float64(turned))
		o.cos, o.sin = append(o.cos, float32(math.Cos(angle))), append(o.sin, float32(math.Sin(angle)))
	}
	if normed {
		o.queryNorm, o.keyNorm = normal(r, kernels.Float32, 1, size, 1).Float32s, normal(r, kernels.Float32, 1, size, 1).Float32s
	}
	return o
}

// run computes it, and gives the pools after the call.
func (o rotation) run(c *comparison, machine kernels.Machine) (queries, keys, values []uint16) {
	s := &stage{comparison: c, machine: machine}
	defer s.clear()
	queries, keys, values = make([]uint16, len(o.positions)*o.heads*o.size), slices.Clone(o.keys), slices.Clone(o.values)
	to, keyPool, valuePool := put(s, queries), put(s, keys), put(s, values)
	s.start(operators.Rotate{
		Type: o.typed, Tokens: len(o.positions), Heads: o.heads, Groups: o.groups, Size: o.size, Turned: o.turned, QKV: put(s, o.qkv),
		Positions: put(s, o.positions), Places: o.places, Cos: put(s, o.cos), Sin: put(s, o.sin), QueryNorm: put(s, o.queryNorm),
		KeyNorm: put(s, o.keyNorm), Epsilon: o.epsilon, TokenSlots: put(s, o.slots), Slots: o.poolSlots,
		KeyPool: keyPool, ValuePool: valuePool, Queries: to,
	}.Launch())
	return get(s, to, queries), get(s, keyPool, keys), get(s, valuePool, values)
}

// turnedHead is a head's numbers, normed where there is a weight and turned.
func (o rotation) turnedHead(token, head int, weight []float32) []float64 {
	x := widened(o.typed, o.qkv[(token*(o.heads+2*o.groups)+head)*o.size:][:o.size])
	if weight != nil {
		squares := 0.0
		for _, number := range x {
			squares += number * number
		}
		root := math.Sqrt(squares/float64(o.size) + float64(o.epsilon))
		for i := range x {
			x[i] = x[i] / root * float64(weight[i])
		}
	}
	half := o.turned / 2
	for i := range half {
		at := int(o.positions[token])*half + i
		c, s := float64(o.cos[at]), float64(o.sin[at])
		x[i], x[half+i] = x[i]*c-x[half+i]*s, x[half+i]*c+x[i]*s
	}
	return x
}

// check holds a call to the definition. The pools keep every bit that no token's slot names.
func (o rotation) check(c *comparison, machine kernels.Machine, what string) {
	queries, keys, values := o.run(c, machine)
	wantKeys, wantValues := widened(o.typed, o.keys), slices.Clone(o.values)
	untouched := map[int]bool{}
	for slot := range o.poolSlots {
		untouched[slot] = true
	}
	for token, slot := range o.slots {
		for head := range o.heads {
			c.nearHalves(fmt.Sprintf("%s: query head %d of token %d", what, head, token), o.typed,
				queries[(token*o.heads+head)*o.size:][:o.size], o.turnedHead(token, head, o.queryNorm))
		}
		if slot < 0 {
			continue
		}
		delete(untouched, int(slot))
		for group := range o.groups {
			at := (int(slot)*o.groups + group) * o.size
			copy(wantKeys[at:], o.turnedHead(token, o.heads+group, o.keyNorm))
			copy(wantValues[at:], o.qkv[(token*(o.heads+2*o.groups)+o.heads+o.groups+group)*o.size:][:o.size])
		}
	}
	c.nearHalves(what+": keys", o.typed, keys, wantKeys)
	c.sameHalves(what+": values", values, wantValues)
	for slot := range untouched {
		c.sameHalves(what+": keys of another slot", keys[slot*o.groups*o.size:][:o.groups*o.size], o.keys[slot*o.groups*o.size:][:o.groups*o.size])
	}
}

// rotateShapes: every head size, heads that share keys and that do not, turned whole and in part, normed and not.
func rotateShapes(machine kernels.Machine, seed uint64) (Worst, error) {
	r, worst := random(seed), Worst{}
	for at, shape := range [][4]int{{1, 1, 16, 16}, {2, 1, 64, 64}, {4, 2, 80, 32}, {3, 3, 96, 96}, {6, 2, 128, 128}, {7, 1, 128, 64}, {2, 1, 256, 256}, {1, 1, 8, 0}} {
		for turn := range 2 {
			typed := halfTypes[(at+turn)%2]
			o := randomRotation(r, typed, pick(r, 3, 4), shape[0], shape[1], shape[2], shape[3], turn == 1)
			c := oneRounding(typed)
			o.check(c, machine, fmt.Sprintf("%v, %d and %d heads of %d, %d turned, normed %v", typed, shape[0], shape[1], shape[2], shape[3], turn == 1))
			worst = worse(worst, c.worst)
			if c.err != nil {
				return worst, c.err
			}
		}
	}
	return worst, nil
}

// rotateBatch: a token has the same bits alone and in any batch, and in any slot.
func rotateBatch(machine kernels.Machine, seed uint64) (Worst, error) {
	c := oneRounding(kernels.BFloat16)
	batch := randomRotation(random(seed), kernels.BFloat16, 4, 3, 1, 64, 64, true)
	batch.slots = []int64{3, 9, 0, 20}
	queries, keys, values := batch.run(c, machine)
	width := 5 * 64
	for t, slot := range batch.slots {
		alone := batch
		alone.qkv, alone.positions, alone.slots = batch.qkv[t*width:][:width], batch.positions[t:][:1], []int64{29 - slot}
		q, k, v := alone.run(c, machine)
		c.sameHalves("alone", q, queries[t*3*64:][:3*64])
		c.sameHalves("alone: its key", k[(29-slot)*64:][:64], keys[slot*64:][:64])
		c.sameHalves("alone: its value", v[(29-slot)*64:][:64], values[slot*64:][:64])
	}
	return c.result()
}

// rotateWithoutSlots: without slots token t's key and value go to row t of the pools, with the same bits as where slots
// say so, and the rows behind the last token are as they were.
func rotateWithoutSlots(machine kernels.Machine, seed uint64) (Worst, error) {
	c := oneRounding(kernels.Float16)
	for _, tokens := range []int{1, 30} { // of 30 rows
		o := randomRotation(random(seed), kernels.Float16, tokens, 4, 2, 32, 32, true)
		for t := range o.slots {
			o.slots[t] = int64(t)
		}
		queries, keys, values := o.run(c, machine)
		o.slots = nil
		q, k, v := o.run(c, machine)
		c.sameHalves("without slots: queries", q, queries)
		c.sameHalves("without slots: keys", k, keys)
		c.sameHalves("without slots: values", v, values)
	}
	return c.result()
}

// rotateOutside: a position behind the last makes its token NaN, a slot that the pool has not takes nothing, and the
// tokens beside are as they were.
func rotateOutside(machine kernels.Machine, seed uint64) (Worst, error) {
	c := oneRounding(kernels.Float16)
	o := randomRotation(random(seed), kernels.Float16, 4, 2, 1, 32, 32, false)
	o.slots = []int64{5, 6, 7, 8}
	queries, keys, values := o.run(c, machine)
	wrong := o
	wrong.positions, wrong.slots = slices.Clone(o.positions), []int64{5, 6, 30, math.MaxInt64}
	wrong.positions[0], wrong.positions[1] = 40, -1
	q, k, v := wrong.run(c, machine)
	const row = 2 * 32
	for i := range 2 * row {
		if !math.IsNaN(o.typed.Widen(q[i])) {
			c.fail("a position outside the table: number %d is %#x", i, q[i])
		}
	}
	c.sameHalves("the tokens beside", q[2*row:], queries[2*row:])
	c.sameHalves("a slot outside the pool: keys", k[7*32:], o.keys[7*32:])
	c.sameHalves("a slot outside the pool: values", v[7*32:], o.values[7*32:])
	c.sameHalves("values of tokens without a place", v[:7*32], values[:7*32])
	c.sameHalves("keys before", k[:5*32], keys[:5*32])
	return c.result()
}

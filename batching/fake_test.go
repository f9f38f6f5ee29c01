package batching

import (
	"context"
	"fmt"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// fake computes a model of two layers from the plan alone: a token's first value is a hash of the ids and positions
// it sees, in the order listed, and its second a hash of the first values of the same tokens. So a token that sees
// too much, too little or in the wrong order, in any layer, gives a wrong answer.
type fake struct {
	before func(ctx context.Context, plan *Plan) error // nil: nothing
	slots  [][]fakeSlot                                // of each device's cache; none: nothing is cached
	beside []beside                                    // of each device; none: anything may run beside anything
}

// fakeSlot holds a block's ids and first values.
type fakeSlot struct{ ids, first [BlockTokens]uint64 }

func (f fake) Run(ctx context.Context, plan *Plan) ([][]float32, error) {
	if len(f.beside) > 0 {
		leave, err := f.beside[plan.Device].check(plan)
		defer leave()
		if err != nil {
			return nil, err
		}
	}
	if f.before != nil {
		if err := f.before(ctx, plan); err != nil {
			return nil, err
		}
	}
	return f.compute(plan)
}

const seed, prime = 14695981039346656037, 1099511628211

func mix(h, x uint64) uint64 { return (h ^ x) * prime }

// want returns what the fake gives for a sequence by itself.
func want(s Sequence) [][]float32 {
	first := make([]uint64, len(s.IDs))
	second := make([]uint64, len(s.IDs))
	h, g := uint64(seed), uint64(seed)
	for i, id := range s.IDs {
		h = mix(mix(h, uint64(id)), uint64(i))
		first[i] = h
		g = mix(g, h)
		second[i] = g
	}
	values := make([][]float32, len(s.Positions))
	for i, position := range s.Positions {
		values[i] = row(second[position])
	}
	return values
}

func row(h uint64) []float32 { return []float32{float32(h >> 40), float32(h & 0xffffff)} }

func (f fake) compute(plan *Plan) ([][]float32, error) {
	visible, err := visibleKeys(plan)
	if err != nil {
		return nil, err
	}
	past := len(plan.PastPositions)
	ids, first := make([]uint64, past+len(plan.IDs)), make([]uint64, past+len(plan.IDs)) // of every key
	for i, block := range plan.Past {
		slot := &f.slots[plan.Device][block.Slot]
		copy(ids[i*BlockTokens:], slot.ids[:])
		copy(first[i*BlockTokens:], slot.first[:])
	}
	for t, id := range plan.IDs {
		ids[past+t] = uint64(id)
	}
	for t, keys := range visible {
		h := uint64(seed)
		for _, k := range keys {
			h = mix(mix(h, ids[k]), uint64(positionOf(plan, k)))
		}
		first[past+t] = h
	}
	rows := make([][]float32, len(plan.Read))
	for i, t := range plan.Read {
		h := uint64(seed)
		for _, k := range visible[t] {
			h = mix(h, first[k])
		}
		rows[i] = row(h)
	}
	for _, keep := range plan.Keep {
		slot := &f.slots[plan.Device][keep.Block.Slot]
		for j, t := range keep.Tokens {
			slot.ids[j], slot.first[j] = ids[past+int(t)], first[past+int(t)]
		}
	}
	return rows, nil
}

// positionOf gives the position of a key.
func positionOf(plan *Plan, key int) int64 {
	if plan.Rows > 0 {
		return int64(key % plan.Length)
	}
	if past := len(plan.PastPositions); key >= past {
		return plan.Positions[key-past]
	}
	return plan.PastPositions[key]
}

// visibleKeys returns, for every token, the keys it sees under the mask of docs/BUNDLE.md, in the order of the keys.
func visibleKeys(plan *Plan) ([][]int, error) {
	if plan.Rows > 0 {
		return visiblePadded(plan)
	}
	if err := checkLengths(plan); err != nil {
		return nil, err
	}
	visible := make([][]int, len(plan.IDs))
	computed := make([]bool, len(plan.IDs)) // what no tile computes is padding, and sees nothing
	for _, t := range plan.QueryIndex {
		computed[t] = true
	}
	for t := range plan.IDs {
		if !computed[t] {
			continue
		}
		place := int(plan.Scatter[t])
		tile := place / plan.Queries
		if int(plan.QueryIndex[place]) != t {
			return nil, fmt.Errorf("token %d is scattered from place %d of token %d", t, place, plan.QueryIndex[place])
		}
		for _, k := range plan.KeyIndex[tile*plan.Keys:][:plan.KeyLen[tile]] {
			if positionOf(plan, int(k)) <= plan.Positions[t] {
				visible[t] = append(visible[t], int(k))
			}
		}
	}
	return visible, nil
}

func visiblePadded(plan *Plan) ([][]int, error) {
	if n := plan.Rows * plan.Length; len(plan.IDs) != n || len(plan.Mask) != n {
		return nil, fmt.Errorf("%d ids and %d mask for %d × %d", len(plan.IDs), len(plan.Mask), plan.Rows, plan.Length)
	}
	visible := make([][]int, len(plan.IDs))
	for t := range plan.IDs {
		for k := t - t%plan.Length; k <= t; k++ {
			if plan.Mask[k] == 1 {
				visible[t] = append(visible[t], k)
			}
		}
	}
	return visible, nil
}

// checkLengths says what is wrong with the arrays' sizes and indices.
func checkLengths(plan *Plan) error {
	tokens := len(plan.IDs)
	for _, c := range []struct {
		name  string
		array []int64
		size  int
		below int
	}{
		{"positions", plan.Positions, tokens, 1 << 30},
		{"query index", plan.QueryIndex, plan.Tiles * plan.Queries, tokens},
		{"past positions", plan.PastPositions, len(plan.Past) * BlockTokens, 1 << 30},
		{"key index", plan.KeyIndex, plan.Tiles * plan.Keys, len(plan.PastPositions) + tokens},
		{"key len", plan.KeyLen, plan.Tiles, plan.Keys + 1},
		{"scatter", plan.Scatter, tokens, plan.Tiles * plan.Queries},
		{"read", plan.Read, len(plan.Read), tokens},
	} {
		if len(c.array) != c.size {
			return fmt.Errorf("%s has %d elements, want %d", c.name, len(c.array), c.size)
		}
		for i, v := range c.array {
			if v < 0 || v >= int64(c.below) {
				return fmt.Errorf("%s[%d] = %d, not below %d", c.name, i, v, c.below)
			}
		}
	}
	return nil
}

// seq makes a sequence of the ids that reads its last token.
func seq(ids ...int64) Sequence { return Sequence{IDs: ids, Positions: []int{len(ids) - 1}} }

// run makes n ids, all different from those of another start that is far enough away.
func run(start, n int) []int64 {
	ids := make([]int64, n)
	for i := range ids {
		ids[i] = int64(start + i)
	}
	return ids
}

package nodes

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func upTo(n int64) []int64 {
	numbers := make([]int64, n)
	for i := range numbers {
		numbers[i] = int64(i)
	}
	return numbers
}

// Nodes that run: three tokens, two heads of queries on one of keys, four numbers a head, six slots, ten places.
var (
	rmsNode      = oneNode{"AddRmsNorm", []operand{floats(3, 8), floats(3, 8), floats(8)}, []operand{floats(3, 8), floats(3, 8)}, -1, nil}
	layerNode    = oneNode{"AddLayerNorm", []operand{floats(3, 8), floats(3, 8), floats(8), floats(8)}, []operand{floats(3, 8), floats(3, 8)}, -1, nil}
	gateNode     = oneNode{"SwiGLU", []operand{floats(3, 8)}, []operand{floats(3, 4)}, -1, nil}
	quantizeNode = oneNode{"QuantizeRows", []operand{floats(3, 8)}, []operand{levels(3, 8), floats(3)}, -1, nil}
	linearNode   = oneNode{"Linear", []operand{floats(3, 8), floats(5, 8), floats(5)}, []operand{floats(3, 5)}, 1, nil}
	linear8Node  = oneNode{"Linear8", []operand{levels(3, 8), floats(3), levels(5, 8), floats(5), floats(5)}, []operand{floats(3, 5)}, 2, nil}
	turned       = map[string]any{"heads": []int64{2, 1, 1}, "turned": []int64{2, 2}, "normed": int64(1)}
	rotateNode   = oneNode{
		"Rotate", []operand{
			floats(3, 16), ints([]int64{0, 9, 5}, 3), floats(10, 1), floats(10, 1), floats(4), floats(4), ints([]int64{5, 0, 2}, 3), floats(6, 1, 4), floats(6, 1, 4),
		}, []operand{floats(3, 8), {make([]float32, 24), []int64{6, 1, 4}, 8}, {make([]float32, 24), []int64{6, 1, 4}, 9}}, -1, turned,
	}
	rotateQkvNode = oneNode{"RotateQkv", rotateNode.inputs[:6], []operand{floats(3, 8), floats(3, 1, 4), floats(3, 1, 4)}, -1, turned}
	attentionNode = oneNode{
		"TileAttention", []operand{
			floats(3, 8), ints(upTo(3), 3), ints([]int64{0, 1, 2, 2}, 2, 2), ints(upTo(6), 2, 3), ints([]int64{3, 3}, 2), ints([]int64{0, 1, 2}, 3), floats(6, 1, 4), floats(6, 1, 4),
		}, []operand{floats(3, 8)}, -1, map[string]any{"scale": float32(1), "window": int64(100), "causal": int64(1)},
	}
)

// but is a node with one of its inputs replaced.
func (n oneNode) but(input int, by operand) oneNode {
	n.inputs = slices.Clone(n.inputs)
	n.inputs[input] = by
	return n
}

// with is a node with an attribute replaced.
func (n oneNode) with(name string, value any) oneNode {
	attributes := map[string]any{name: value}
	for other, is := range n.attributes {
		if other != name {
			attributes[other] = is
		}
	}
	n.attributes = attributes
	return n
}

func (n oneNode) keeping(input int) oneNode {
	n.kept = input
	return n
}

func (n oneNode) giving(outputs ...operand) oneNode {
	n.outputs = outputs
	return n
}

func TestNodesRun(t *testing.T) {
	for _, n := range []oneNode{
		rmsNode, layerNode, gateNode, quantizeNode, linearNode, linear8Node, rotateNode, rotateQkvNode, attentionNode, attentionNode.but(3, ints([]int64{-6, -1, 5, 0, 0, 0}, 2, 3)),
	} {
		if err := n.run(t); err != nil {
			t.Errorf("%s: %v", n.operator, err)
		}
	}
}

// What does not fit is a sentence that names the operator.
func TestWhatDoesNotFit(t *testing.T) {
	for _, test := range []struct {
		node oneNode
		want string
	}{
		{linearNode.keeping(-1), "Linear: its weights must be constant, and are computed or given"},
		{linear8Node.keeping(-1), "Linear8: its weights must be constant, and are computed or given"},
		{linearNode.but(1, floats(40)), "Linear: its weights have 1 dimensions, and must have two"},
		{linear8Node.but(2, levels(5, 131073)).but(0, levels(3, 131073)), "Linear8: its weights have 131073 inputs, and may have 131072, so that a sum is an int32"},
		{linearNode.but(1, floats(5, 1<<16)), "Linear: its weights have 5 outputs and 327680 numbers, and those with fewer than 8 outputs may have 262144"},
		{rmsNode.but(0, floats(2, 8)), "16 numbers of a residual do not fit to 24"},
		{rmsNode.but(2, floats(7)), "7 weights do not fit to rows of 8 numbers"},
		{layerNode.but(3, floats(9)), "9 weights do not fit to rows of 8 numbers"},
		{gateNode.but(0, floats(3, 7)), "rows of 7 numbers have no two halves"},
		{gateNode.but(0, floats(24)), "rows of 0 numbers have no two halves"},
		{quantizeNode.but(0, floats(3, 2, 4)), "3 dimensions, and there must be two"},
		{linearNode.but(0, floats(3, 7)), "rows of 7 numbers, weights [5, 8] and a bias of 5 do not fit each other"},
		{linearNode.but(2, floats(4)), "rows of 8 numbers, weights [5, 8] and a bias of 4 do not fit each other"},
		{linear8Node.but(1, floats(2)), "2 scales of rows and 5 of columns do not fit to [3, 5]"},
		{linear8Node.but(3, floats(6)), "3 scales of rows and 6 of columns do not fit to [3, 5]"},
		{rotateNode.but(0, floats(3, 15)), "45 numbers do not fit to 3 tokens of 2 and twice 1 heads"},
		{rotateNode.with("heads", []int64{2, 1, 2}), "48 numbers do not fit to 3 tokens of 2 and twice 1 heads"},
		{rotateNode.with("turned", []int64{-2, 6}), "heads of -2 turned and 6 other numbers"},
		{rotateNode.with("turned", []int64{8, -4}), "heads of 8 turned and -4 other numbers"},
		{rotateNode.with("turned", []int64{3, 1}), "heads of 3 turned and 1 other numbers"},
		{rotateNode.with("heads", []int64{2 + 1<<62, 1, 1}), "heads of 2 turned and 2 other numbers"},
		{rotateNode.with("turned", []int64{math.MaxInt64 - 1, math.MaxInt64}), "heads of 9223372036854775806 turned"},
		{rotateNode.but(2, floats(5, 2)).but(3, floats(5, 2)), "positions, cosines and sines do not fit each other"},
		{rotateNode.but(1, ints([]int64{0, 10, 5}, 3)), "positions, cosines and sines do not fit each other: there are 10 places"},
		{rotateNode.but(1, ints([]int64{0, -11, 5}, 3)), "positions, cosines and sines do not fit each other: there are 10 places"},
		{rotateNode.but(3, floats(9, 1)), "positions, cosines and sines do not fit each other: there are 10 places"},
		{rotateNode.but(2, operand{[]float32{1}, nil, 0}).keeping(2), "or cosines without places, cannot be turned"},
		{rotateNode.but(4, floats(3)), "norms of queries and keys must have 4 numbers"},
		{rotateNode.but(6, ints([]int64{0, 6, 5}, 3)), "slots must be 3 numbers below 6"},
		{rotateNode.but(6, ints([]int64{0, -7, 5}, 3)), "slots must be 3 numbers below 6"},
		{rotateNode.but(6, ints([]int64{0, 5}, 2)), "slots must be 3 numbers below 6"},
		{rotateNode.but(7, floats(6, 2, 2)), "pools of keys and values do not fit to 1 heads of 4 numbers"},
		{rotateNode.but(8, floats(5, 1, 4)), "pools of keys and values do not fit to 1 heads of 4 numbers"},
		{rotateNode.giving(rotateNode.outputs[0], floats(6, 1, 4), floats(6, 1, 4)), "a pool of keys and values must be given as the output where it is the input, and is not"},
		{attentionNode.but(0, floats(3, 7)), "queries, keys and values do not fit each other"},
		{attentionNode.but(0, floats(3, 0)).keeping(0), "queries, keys and values do not fit each other"},
		{attentionNode.but(6, floats(6, 3, 4)).but(7, floats(6, 3, 4)), "queries, keys and values do not fit each other"},
		{attentionNode.but(7, floats(5, 1, 4)), "queries, keys and values do not fit each other"},
		{attentionNode.with("window", int64(0)), "the window is 0, and must be at least 1"},
		{attentionNode.but(1, ints([]int64{0, 1 << 30, 2}, 3)), "positions and key_len must be within 16777216"},
		{attentionNode.but(4, ints([]int64{3, math.MinInt64}, 2)), "positions and key_len must be within 16777216"},
		{attentionNode.but(1, ints(upTo(2), 2)), "positions, tiles and places do not fit to 3 tokens in 2 tiles"},
		{attentionNode.but(4, ints(upTo(3), 3)), "positions, tiles and places do not fit to 3 tokens in 2 tiles"},
		{attentionNode.but(2, ints([]int64{0, 1, 3, 2}, 2, 2)), "query_index must be below 3"},
		{attentionNode.but(2, ints([]int64{0, 1, -1, 2}, 2, 2)), "query_index must be below 3"},
		{attentionNode.but(3, ints([]int64{0, 1, 2, 3, 4, 6}, 2, 3)), "key_slots must be below 6"},
		{attentionNode.but(3, ints([]int64{0, 1, 2, 3, 4, -7}, 2, 3)), "key_slots must be below 6"},
		{attentionNode.but(5, ints([]int64{0, 1, 4}, 3)), "scatter_index must be below 4"},
		{attentionNode.but(5, ints([]int64{0, 1, math.MinInt64}, 3)), "scatter_index must be below 4"},
		{attentionNode.but(0, floats(3, 65*4)).giving(floats(3, 65*4)), "65 query heads to a head of keys are over the limit of 64"},
	} {
		t.Run(test.node.operator+" "+test.want, func(t *testing.T) {
			err := test.node.run(t)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), test.node.operator) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

// Any numbers in the place of indices, positions and lengths are refused, or read nothing outside.
func TestAnyIndices(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 12))
	drawn := func(o operand) operand {
		numbers := slices.Clone(o.data.([]int64))
		for i := range numbers {
			switch r.IntN(12) {
			case 0:
				numbers[i] = r.Int64N(14) - 7
			case 1:
				numbers[i] = []int64{math.MaxInt64, math.MinInt64, math.MinInt64 + 1, 1 << 32, -1 << 40}[r.IntN(5)]
			}
		}
		return ints(numbers, o.shape...)
	}
	ran := 0
	for range 300 {
		n, inputs := rotateNode, []int{1, 6}
		if r.IntN(2) == 0 {
			n, inputs = attentionNode.with("window", []int64{1, 100, math.MaxInt64, 0, -5}[r.IntN(5)]).with("causal", int64(r.IntN(2))), []int{1, 2, 3, 4, 5}
		}
		for _, input := range inputs {
			n = n.but(input, drawn(n.inputs[input]))
		}
		err := n.run(t)
		if err == nil {
			ran++
		} else if !strings.Contains(err.Error(), "must be") && !strings.Contains(err.Error(), "do not fit") {
			t.Fatalf("%s: %v", n.operator, err)
		}
	}
	if ran == 0 || ran == 300 {
		t.Errorf("%d of 300 ran", ran)
	}
}

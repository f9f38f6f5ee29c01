package kerneltest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/operators"
)

// scene is a set of tokens, each with its position and its rows of queries, keys and values, and how they attend.
type scene struct {
	typed                 kernels.Type
	heads, groups, size   int
	positions             []int
	queries, keys, values []uint16 // (tokens, heads or groups, size)
	scale, softcap        float32
	window                int
	causal                bool
}

// everyKey is the window of layers that have none.
const everyKey = math.MaxInt32

// prompts is a scene of a prefix of so many tokens and answers of some lengths behind it, and each answer's sequence.
func prompts(r *rand.Rand, typed kernels.Type, heads, groups, size, prefix int, answers ...int) (scene, [][]int) {
	s := scene{typed: typed, heads: heads, groups: groups, size: size, scale: float32(2 / math.Sqrt(float64(size))), window: everyKey, causal: true}
	for p := range prefix {
		s.positions = append(s.positions, p)
	}
	var sequences [][]int
	for _, answer := range answers {
		sequence := make([]int, prefix)
		copy(sequence, s.positions)
		for p := range answer {
			sequence = append(sequence, len(s.positions))
			s.positions = append(s.positions, prefix+p)
		}
		sequences = append(sequences, sequence)
	}
	n := len(s.positions)
	s.queries, s.keys = normal(r, typed, n, heads*size, 1).Halves, normal(r, typed, n, groups*size, 1).Halves
	s.values = normal(r, typed, n, groups*size, 1).Halves
	return s, sequences
}

// tile is some tokens that are computed, and the sequence whose keys they see, from its first token on.
type tile struct{ queries, sequence []int }

// run computes the tiles' tokens in one call, and gives their rows by token. The tokens' slots are drawn from r, and
// what no tile names is NaN: other slots, and places behind a tile's last.
func (s scene) run(c *comparison, machine kernels.Machine, r *rand.Rand, tiles []tile) map[int][]uint16 {
	st := &stage{comparison: c, machine: machine}
	defer st.clear()
	n := len(s.positions)
	poolSlots := n + 5
	slots := r.Perm(poolSlots)
	row, width := s.groups*s.size, s.heads*s.size
	keyPool, valuePool := nans(poolSlots*row), nans(poolSlots*row)
	var tokens []int // that the call computes
	q, k := 1, 1
	for _, t := range tiles {
		tokens, q, k = append(tokens, t.queries...), max(q, len(t.queries)), max(k, len(t.sequence)+1)
		for _, token := range t.sequence {
			copy(keyPool[slots[token]*row:], s.keys[token*row:][:row])
			copy(valuePool[slots[token]*row:], s.values[token*row:][:row])
		}
	}
	var queries []uint16
	var positions, queryIndex, keySlots, keyLen []int64
	scatter := make([]int64, len(tokens))
	for _, token := range tokens {
		queries, positions = append(queries, s.queries[token*width:][:width]...), append(positions, int64(s.positions[token]))
	}
	at := 0
	for i, t := range tiles {
		for place := range q {
			if place >= len(t.queries) { // a place that is not used names any token, or none
				queryIndex = append(queryIndex, r.Int64N(int64(len(tokens)+1))-1)
				continue
			}
			queryIndex = append(queryIndex, int64(at))
			scatter[at] = int64(i*q + place)
			at++
		}
		for place := range k {
			slot := slots[n] // one that no token has
			if place < len(t.sequence) {
				slot = slots[t.sequence[place]]
			}
			keySlots = append(keySlots, int64(slot))
		}
		keyLen = append(keyLen, int64(len(t.sequence)))
	}
	out := make([]uint16, len(queries))
	to := put(st, out)
	st.start(operators.TileAttention{
		Type: s.typed, Tokens: len(tokens), Heads: s.heads, Groups: s.groups, Size: s.size, Queries: put(st, queries), Positions: put(st, positions),
		Tiles: len(tiles), TileQueries: q, TileKeys: k, QueryIndex: put(st, queryIndex), KeySlots: put(st, keySlots), KeyLen: put(st, keyLen),
		ScatterIndex: put(st, scatter), Slots: poolSlots, KeyPool: put(st, keyPool), ValuePool: put(st, valuePool),
		Scale: s.scale, Softcap: s.softcap, Window: s.window, Causal: s.causal, Out: to,
	}.Launch())
	get(st, to, out)
	rows := map[int][]uint16{}
	for i, token := range tokens {
		rows[token] = out[i*width:][:width]
	}
	return rows
}

func nans(n int) []uint16 { return slices.Repeat([]uint16{0x7fff}, n) }

// sees says whether a query at a position sees place j of its sequence.
func (s scene) sees(position, j int) bool {
	return (j <= position || !s.causal) && max(position-j, j-position) < s.window
}

// define is what a token's row is, and how far the weights' rounding may move each number: by the roundoff of every
// weight times how far its value lies from the mean.
func (s scene) define(token int, sequence []int) (want, moved []float64) {
	keys, values := widened(s.typed, s.keys), widened(s.typed, s.values)
	for head := range s.heads {
		query := widened(s.typed, s.queries[(token*s.heads+head)*s.size:][:s.size])
		weights := make([]float64, len(sequence))
		of := func(numbers []float64, place int) []float64 {
			return numbers[(sequence[place]*s.groups+head/(s.heads/s.groups))*s.size:][:s.size]
		}
		for j := range sequence {
			for i, x := range of(keys, j) {
				weights[j] += x * query[i] * float64(s.scale)
			}
			if s.softcap > 0 {
				weights[j] = float64(s.softcap) * math.Tanh(weights[j]/float64(s.softcap))
			}
			if !s.sees(s.positions[token], j) {
				weights[j] = math.Inf(-1)
			}
		}
		total := logSumExp(weights)
		for i := range s.size {
			sum, spread := 0.0, 0.0
			for j := range sequence {
				sum += math.Exp(weights[j]-total) * of(values, j)[i]
			}
			for j := range sequence {
				spread += math.Exp(weights[j]-total) * math.Abs(of(values, j)[i]-sum)
			}
			want, moved = append(want, sum), append(moved, roundoff(s.typed)*spread)
		}
	}
	return want, moved
}

func logSumExp(row []float64) float64 {
	top, sum := slices.Max(row), 0.0
	for _, x := range row {
		sum += math.Exp(x - top)
	}
	return top + math.Log(sum)
}

// check holds some tokens' rows to the definition: one rounding of the result, one of each weight, and what float32
// leaves of logits.
func (s scene) check(c *comparison, what string, rows map[int][]uint16, sequence []int, tokens ...int) {
	for _, token := range tokens {
		want, moved := s.define(token, sequence)
		for i, bits := range rows[token] {
			one := &comparison{abs: 1.01*moved[i] + 2e-5, rel: 1.01 * roundoff(s.typed)}
			one.nearHalves(fmt.Sprintf("%s: token %d at %d, number %d", what, token, s.positions[token], i), s.typed, []uint16{bits}, want[i:i+1])
			c.worst = worse(c.worst, one.worst)
			if one.err != nil {
				c.fail("%w", one.err)
			}
		}
	}
}

// attentionShapes: every head size and type, heads that share a key head and that do not, more rows than a block has.
func attentionShapes(machine kernels.Machine, seed uint64) (Worst, error) {
	r, c := random(seed), &comparison{}
	for at, size := range []int{32, 64, 80, 96, 128, 256} {
		for turn, typed := range halfTypes {
			shape := [][2]int{{2, 2}, {3, 1}, {4, 2}, {7, 1}}[(at+turn)%4]
			s, sequences := prompts(r, typed, shape[0], shape[1], size, 60, 11)
			sequence := sequences[0]
			first := pick(r, 59, 66, 70)
			rows := s.run(c, machine, r, []tile{{sequence[first:], sequence}})
			what := fmt.Sprintf("%v, %d and %d heads of %d", typed, shape[0], shape[1], size)
			s.check(c, what, rows, sequence, sequence[first:]...)
			if c.err != nil {
				return c.result()
			}
		}
	}
	return c.result()
}

// attentionPlans: a token has the same bits alone, in a batch behind a shared prefix, however tiles are cut, behind
// keys that were put into the pool before, and in any slots.
func attentionPlans(machine kernels.Machine, seed uint64) (Worst, error) {
	r, c := random(seed), &comparison{}
	s, sequences := prompts(r, kernels.BFloat16, 3, 1, 32, 61, 9, 20)
	prefix := sequences[0][:61]
	batch := s.run(c, machine, r, []tile{{prefix, prefix}, {sequences[0][61:], sequences[0]}, {sequences[1][61:], sequences[1]}})
	for i, sequence := range sequences {
		what := fmt.Sprintf("answer %d", i)
		s.check(c, what, batch, sequence, sequence[0], sequence[1], sequence[62], sequence[63], sequence[len(sequence)-1])
		for name, tiles := range map[string][]tile{
			"alone":   {{sequence, sequence}},
			"in cuts": {{sequence[:17], sequence[:17]}, {sequence[17:64], sequence[:64]}, {sequence[64:65], sequence[:65]}, {sequence[65:], sequence}},
			"cached":  {{sequence[len(sequence)-3:], sequence}},
		} {
			for token, row := range s.run(c, machine, r, tiles) {
				c.sameHalves(fmt.Sprintf("%s, token %d %s", what, token, name), row, batch[token])
			}
		}
	}
	return c.result()
}

// attentionWindows: a window, alone and with heads of both directions, at the borders of blocks of keys; and a softcap.
func attentionWindows(machine kernels.Machine, seed uint64) (Worst, error) {
	r, c := random(seed), &comparison{}
	for _, how := range []struct {
		window  int
		causal  bool
		softcap float32
	}{{1, true, 0}, {5, true, 0}, {64, true, 3}, {65, true, 0}, {5, false, 0}, {70, false, 2}, {everyKey, false, 0}} {
		s, sequences := prompts(r, kernels.Float16, 2, 1, 32, 0, 140)
		s.window, s.causal, s.softcap = how.window, how.causal, how.softcap
		sequence := sequences[0]
		what := fmt.Sprintf("window %d, causal %v, softcap %g", how.window, how.causal, how.softcap)
		rows := s.run(c, machine, r, []tile{{sequence[120:], sequence}})
		s.check(c, what, rows, sequence, sequence[120], sequence[127], sequence[128], sequence[139])
		cut := s.run(c, machine, r, []tile{{sequence[60:72], sequence}, {sequence[132:], sequence}})
		s.check(c, what, cut, sequence, sequence[60], sequence[63], sequence[64], sequence[71])
		for token := 132; token < 140; token++ {
			c.sameHalves(fmt.Sprintf("%s, token %d in another tile", what, token), cut[token], rows[token])
		}
		if c.err != nil {
			return c.result()
		}
	}
	return c.result()
}

// attentionExtremes: logits of some hundreds do not overflow, equal values are their own mean to the bit, and a tile
// without keys leaves its neighbour alone.
func attentionExtremes(machine kernels.Machine, seed uint64) (Worst, error) {
	r, c := random(seed), &comparison{}
	s, sequences := prompts(r, kernels.Float16, 1, 1, 64, 0, 70, 3)
	large := s
	large.scale = 40
	rows := large.run(c, machine, r, []tile{{sequences[0][66:], sequences[0]}})
	large.check(c, "large logits", rows, sequences[0], sequences[0][66:]...)
	same := s
	same.values = slices.Repeat([]uint16{0x3555}, len(s.values)) // a third
	for token, row := range same.run(c, machine, r, []tile{{sequences[0][66:], sequences[0]}}) {
		c.sameHalves(fmt.Sprintf("equal values, token %d", token), row, slices.Repeat([]uint16{0x3555}, 64))
	}
	beside := s.run(c, machine, r, []tile{{sequences[1][:2], nil}, {sequences[0][66:], sequences[0]}})
	alone := s.run(c, machine, r, []tile{{sequences[0][66:], sequences[0]}})
	for token, row := range alone {
		c.sameHalves(fmt.Sprintf("token %d beside a tile without keys", token), beside[token], row)
	}
	return c.result()
}

// attentionNoKeys: a query that sees no key gives NaN.
func attentionNoKeys(machine kernels.Machine, seed uint64) (Worst, error) {
	r, c := random(seed), &comparison{}
	s, sequences := prompts(r, kernels.Float16, 1, 1, 64, 0, 3)
	for token, row := range s.run(c, machine, r, []tile{{sequences[0][:2], nil}}) {
		for _, bits := range row {
			if !math.IsNaN(s.typed.Widen(bits)) {
				c.fail("token %d sees no key and is %#x, and must be NaN", token, bits)
			}
		}
	}
	return c.result()
}

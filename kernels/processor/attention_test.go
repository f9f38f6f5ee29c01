package processor_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/operators"
	"github.com/assay-rm/assay/kernels/processor/processortest"
)

// scene is tokens of tiles. Token t has a position, and is computed in tiles[of[t]], whose places are slots of the
// pools.
type scene struct {
	typed               kernels.Type
	heads, groups, size int
	scale, softcap      float32
	window              int
	causal              bool
	queries             [][]float32 // of each token (heads · size)
	positions, of       []int
	tiles               [][]int // slots
	keys, values        []float32
}

const poolSlots = 250 // so that some tiles have several blocks of keys

// randomScene has heads of any size, tiles of any length, and tokens in any order.
func randomScene(r *rand.Rand, typed kernels.Type) scene {
	groups := 1 + r.IntN(3)
	s := scene{
		typed: typed, heads: groups * (1 + r.IntN(5)), groups: groups, size: []int{8, 9, 20, 32, 33, 65, 80, 100, 128, 256}[r.IntN(10)],
		scale: 0.3, softcap: []float32{0, 0, 2}[r.IntN(3)], window: []int{1, 5, 96, 97, math.MaxInt32}[r.IntN(5)], causal: r.IntN(2) == 0,
	}
	for range 1 + r.IntN(3) {
		s.tiles = append(s.tiles, r.Perm(poolSlots)[:1+r.IntN(poolSlots-1)])
	}
	for range 1 + r.IntN(40) {
		tile := r.IntN(len(s.tiles))
		s.of, s.positions = append(s.of, tile), append(s.positions, r.IntN(len(s.tiles[tile])))
		s.queries = append(s.queries, narrowed(typed, gaussian(r, s.heads*s.size)))
	}
	s.keys, s.values = narrowed(typed, gaussian(r, poolSlots*groups*s.size)), narrowed(typed, gaussian(r, poolSlots*groups*s.size))
	return s
}

func gaussian(r *rand.Rand, n int) []float32 {
	numbers := make([]float32, n)
	for i := range numbers {
		numbers[i] = float32(r.NormFloat64())
	}
	return numbers
}

// run gives the rows of some tokens, in one call that computes these alone. Places behind a tile's keys name slot 0, a
// slot below 0 is counted from the end, and places of no token name the first.
func (s scene) run(m *processortest.Machine, tokens ...int) [][]float32 {
	d := &desk{Machine: m}
	var queries [][]float32
	var positions, index, slots, lengths, scatter []int64
	places, most := make([]int, len(s.tiles)), 0
	for _, tile := range s.tiles {
		most = max(most, len(tile)+1)
	}
	index = make([]int64, len(s.tiles)*(len(tokens)+1))
	for at, token := range tokens {
		queries, positions = append(queries, s.queries[token]), append(positions, int64(s.positions[token]))
		place := s.of[token]*(len(tokens)+1) + places[s.of[token]]
		places[s.of[token]]++
		index[place], scatter = int64(at), append(scatter, int64(place))
	}
	for i, tile := range s.tiles {
		lengths = append(lengths, int64(len(tile)))
		for j := range most {
			slot := 0
			if j < len(tile) {
				slot = tile[j] - poolSlots*((i+j)%2)
			}
			slots = append(slots, int64(slot))
		}
	}
	o := operators.TileAttention{
		Type: s.typed, Tokens: len(tokens), Heads: s.heads, Groups: s.groups, Size: s.size, Queries: d.typed(s.typed, joined(queries)), Positions: put(d, positions),
		Tiles: len(s.tiles), TileQueries: len(tokens) + 1, TileKeys: most, QueryIndex: put(d, index), KeySlots: put(d, slots), KeyLen: put(d, lengths),
		ScatterIndex: put(d, scatter), Slots: poolSlots, KeyPool: d.typed(s.typed, s.keys), ValuePool: d.typed(s.typed, s.values), Scale: s.scale,
		Softcap: s.softcap, Window: s.window, Causal: s.causal, Out: d.typed(s.typed, make([]float32, len(tokens)*s.heads*s.size)),
	}
	var rows [][]float32
	d.run(o, func() { rows = cut(len(tokens), d.read(s.typed, o.Out, len(tokens)*s.heads*s.size)) })
	return rows
}

func (s scene) all() []int {
	tokens := make([]int, len(s.positions))
	for i := range tokens {
		tokens[i] = i
	}
	return tokens
}

func (s scene) sees(token, place int) bool {
	far := s.positions[token] - place
	return far < s.window && (far >= 0 || !s.causal && -far < s.window)
}

// define is a token's row, and how far float32 may be from each number: by the errors of its dots, of exponentials and
// of sums, and in bfloat16 by the rounding of what values are weighed with.
func (s scene) define(token int) (want, bound []float64) {
	tile, weights := s.tiles[s.of[token]], 0.0
	if s.typed == kernels.BFloat16 {
		weights = 2 * roundoff[s.typed] // of each, and of their sum
	}
	for head := range s.heads {
		of := func(pool []float32, slot int) []float32 {
			return pool[(slot*s.groups+head/(s.heads/s.groups))*s.size:][:s.size]
		}
		query := s.queries[token][head*s.size:][:s.size]
		logits, worst, total, top := map[int]float64{}, 0.0, 0.0, math.Inf(-1)
		for place, slot := range tile {
			if !s.sees(token, place) {
				continue
			}
			dot, size := 0.0, 0.0
			for i, x := range of(s.keys, slot) {
				dot += float64(x) * float64(query[i])
				size += math.Abs(float64(x) * float64(query[i]))
			}
			logit := dot * float64(s.scale)
			if s.softcap > 0 {
				logit = float64(s.softcap) * math.Tanh(logit/float64(s.softcap))
			}
			logits[place], top = logit, max(top, logit)
			worst = max(worst, float64(s.size+2)*0x1p-24*size*float64(s.scale))
		}
		for _, logit := range logits {
			total += math.Exp(logit - top)
		}
		for i := range s.size {
			sum, size := 0.0, 0.0
			for place, logit := range logits {
				value := float64(of(s.values, tile[place])[i])
				sum += math.Exp(logit-top) / total * value
				size += math.Exp(logit-top) / total * math.Abs(value)
			}
			want = append(want, sum)
			bound = append(bound, size*(2*worst+float64(2*len(logits)+8)*0x1p-23+weights)+roundoff[s.typed]*math.Abs(sum)+0x1p-24)
		}
	}
	return want, bound
}

// Every tier has plain C's bits; a token has the same bits alone, and beside any others in any order.
func TestAttentionHasTheSameBits(t *testing.T) {
	machines := processortest.Machines()
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 4))
		s := randomScene(r, rapid.SampledFrom(types).Draw(t, "type"))
		if err := attends(s, machines, r, func(m *processortest.Machine) *processortest.Machine { return anyhow(t, m) }); err != nil {
			t.Fatal(err)
		}
	})
}

func attends(s scene, machines []*processortest.Machine, r *rand.Rand, anyhow func(*processortest.Machine) *processortest.Machine) error {
	want := s.run(anyhow(machines[0]), s.all()...)
	for _, m := range machines {
		order := r.Perm(len(want))
		for i, row := range s.run(anyhow(m), order...) {
			if err := same(row, want[order[i]]); err != nil {
				return fmt.Errorf("%v, %v, token %d: %w", m, s.typed, order[i], err)
			}
		}
		alone := order[0]
		if err := same(s.run(m, alone)[0], want[alone]); err != nil {
			return fmt.Errorf("%v, %v, token %d alone: %w", m, s.typed, alone, err)
		}
	}
	return nil
}

// Attention is within the stated bound of float64.
func TestAttentionIsExact(t *testing.T) {
	machines := processortest.Machines()
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 5))
		s, m := randomScene(r, rapid.SampledFrom(types).Draw(t, "type")), rapid.SampledFrom(machines).Draw(t, "tier")
		for token, row := range s.run(anyhow(t, m), s.all()...) {
			want, bound := s.define(token)
			for i, number := range row {
				if !(math.Abs(float64(number)-want[i]) <= bound[i]) {
					t.Fatalf("%v, %v, token %d, number %d is %g, and float64 has %g; %g is allowed", m, s.typed, token, i, number, want[i], bound[i])
				}
			}
		}
	})
}

// A key or value that is not finite changes only rows of tokens that see it, and of these only its own heads.
func TestAttentionOfWhatIsNotFinite(t *testing.T) {
	machines := processortest.Machines()
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 6))
		s, m := randomScene(r, rapid.SampledFrom(types).Draw(t, "type")), rapid.SampledFrom(machines).Draw(t, "tier")
		before := s.run(anyhow(t, m), s.all()...)
		slot, group, spoiled := r.IntN(poolSlots), r.IntN(s.groups), s
		spoiled.keys, spoiled.values = slices.Clone(s.keys), slices.Clone(s.values)
		pool := [][]float32{spoiled.keys, spoiled.values}[r.IntN(2)]
		pool[(slot*s.groups+group)*s.size+r.IntN(s.size)] = notFinite(r)
		for token, row := range spoiled.run(anyhow(t, m), s.all()...) {
			place := slices.Index(s.tiles[s.of[token]], slot)
			seen := place >= 0 && s.sees(token, place)
			for head := range s.heads {
				mine := row[head*s.size:][:s.size]
				if own := seen && head/(s.heads/s.groups) == group; own {
					continue
				}
				if err := same(mine, before[token][head*s.size:][:s.size]); err != nil {
					t.Fatalf("%v, %v, token %d does not see place %d, head %d: %v", m, s.typed, token, place, head, err)
				}
			}
		}
	})
}

// A token that sees no key is zeros, and changes no other.
func TestAttentionOfNothing(t *testing.T) {
	for seed, m := range processortest.Machines() {
		r := rand.New(rand.NewPCG(uint64(seed), 7))
		for range 20 {
			s := randomScene(r, types[r.IntN(3)])
			before := s.run(m, s.all()...)
			s.tiles, s.of[0] = append(s.tiles, nil), len(s.tiles)
			after := s.run(m, s.all()...)
			if err := same(after[0], make([]float32, len(after[0]))); err != nil {
				t.Fatalf("%v: a token without keys: %v", m, err)
			}
			for token := 1; token < len(after); token++ {
				if err := same(after[token], before[token]); err != nil {
					t.Fatalf("%v: token %d beside one without keys: %v", m, token, err)
				}
			}
		}
	}
}

package batching

import (
	"math"
	"time"
)

// work is what a forward has to do.
type work struct {
	tokens int // computed, padding too
	pairs  int // query places × key places, over all tiles; padded: rows × length²
	keys   int // key places, over all tiles; 0 padded
}

// work measures a plan.
func (p *Plan) work() work {
	return work{tokens: len(p.IDs), pairs: p.area(), keys: p.Tiles * p.Keys}
}

// cost is what a forward takes, in nanoseconds: base, and so much for every token, pair and key of its work.
type cost struct {
	base, token, pair, key float64
}

// of returns the expected duration of a forward.
func (c cost) of(w work) time.Duration {
	return time.Duration(c.base + c.token*float64(w.tokens) + c.pair*float64(w.pairs) + c.key*float64(w.keys))
}

// price is what callers pay for a forward: the nanoseconds that it is expected to take. Where nothing was measured, a
// token costs a microsecond, and a small forward as much as one of smallestShare tokens.
func (c cost) price(w work) int {
	if c == (cost{}) {
		c.token = float64(time.Microsecond)
		w.tokens = max(w.tokens, smallestShare)
	}
	return max(1, int(c.of(w)))
}

const (
	defaultGather = 64 // where nothing was measured
	defaultShared = 8

	typicalKeys = 256 // of a tile that a shared prefix costs in addition
)

// gather is what fetching the keys and values of one key place costs, in query places that attend to it. It makes few
// large tiles better than many small ones.
func (c cost) gather() int {
	if c.pair <= 0 {
		return defaultGather
	}
	return int(min(max(c.key/c.pair, 16), 512))
}

// shared is the shortest prefix worth a segment of its own: below it the extra tile costs more than the tokens saved.
func (c cost) shared() int {
	if c.token <= 0 {
		return defaultShared
	}
	return int(min(max(math.Ceil(typicalKeys*c.key/c.token), 4), 16))
}

// sample is one plan measured.
type sample struct {
	work work
	took time.Duration
}

func (s sample) throughput() float64 {
	return float64(s.work.tokens) / max(s.took.Seconds(), 1e-9)
}

const terms = 4 // of a cost

func (s sample) terms() [terms]float64 {
	return [terms]float64{1, float64(s.work.tokens), float64(s.work.pairs), float64(s.work.keys)}
}

// fit returns the cost with the least squared relative error of which no term is negative. With four terms it can try
// every choice of those that are not zero; where two fit alike, the one with fewer terms is kept.
func fit(samples []sample) cost {
	var best [terms]float64
	lowest := math.Inf(1)
	for chosen := 1; chosen < 1<<terms; chosen++ {
		solution, ok := solve(samples, chosen)
		if !ok {
			continue
		}
		wrong := 0.0
		for _, s := range samples {
			given := 0.0
			for i, x := range s.terms() {
				given += solution[i] * x
			}
			off := given/max(float64(s.took), 1) - 1
			wrong += off * off
		}
		if wrong < lowest*(1-1e-6)-1e-12 {
			best, lowest = solution, wrong
		}
	}
	return cost{base: best[0], token: best[1], pair: best[2], key: best[3]}
}

// solve fits the chosen terms by the normal equations. It reports false where these are singular or a term comes out
// negative.
func solve(samples []sample, chosen int) (solution [terms]float64, ok bool) {
	var scale [terms]float64 // brings the terms near one another
	for _, s := range samples {
		for i, x := range s.terms() {
			scale[i] = max(scale[i], x)
		}
	}
	var system [terms][terms + 1]float64
	for i := range terms {
		if chosen>>i&1 == 0 || scale[i] == 0 {
			system[i][i] = 1
			continue
		}
		for _, s := range samples {
			x, y := s.terms(), max(float64(s.took), 1)
			for j := range terms {
				if chosen>>j&1 == 1 && scale[j] > 0 {
					system[i][j] += x[i] / scale[i] * x[j] / scale[j] / (y * y)
				}
			}
			system[i][terms] += x[i] / scale[i] / y
		}
		diagonal := max(system[i][i], math.SmallestNonzeroFloat64)
		for j := range system[i] {
			system[i][j] /= diagonal
		}
	}
	if !eliminate(&system) {
		return solution, false
	}
	for i := range terms {
		if scale[i] > 0 {
			solution[i] = system[i][terms] / scale[i]
		}
		if solution[i] < 0 {
			return solution, false
		}
	}
	return solution, true
}

// eliminate solves a system in place by Gauss and Jordan; the last column becomes the solution.
func eliminate(system *[terms][terms + 1]float64) bool {
	for i := range terms {
		pivot := i
		for k := i + 1; k < terms; k++ {
			if math.Abs(system[k][i]) > math.Abs(system[pivot][i]) {
				pivot = k
			}
		}
		system[i], system[pivot] = system[pivot], system[i]
		if math.Abs(system[i][i]) < 1e-9 {
			return false
		}
		for k := range terms {
			if k == i {
				continue
			}
			factor := system[k][i] / system[i][i]
			for j := i; j <= terms; j++ {
				system[k][j] -= factor * system[i][j]
			}
		}
	}
	for i := range terms {
		system[i][terms] /= system[i][i]
	}
	return true
}

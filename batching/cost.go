package batching

import (
	"math"
	"time"
)

// Work is what a forward has to do.
type Work struct {
	Tokens int // computed, padding too
	Pairs  int // query places × key places, over all tiles; padded: rows × length²
	Keys   int // key places, over all tiles; 0 padded
}

// work measures a plan.
func (p *Plan) work() Work {
	return Work{Tokens: len(p.IDs), Pairs: p.area(), Keys: p.Tiles * p.Keys}
}

// Cost is what a forward takes, in nanoseconds: Base, and so much for every token, pair and key of its [Work].
type Cost struct {
	Base, Token, Pair, Key float64
}

// Of returns the expected duration of a forward.
func (c Cost) Of(w Work) time.Duration {
	return time.Duration(c.Base + c.Token*float64(w.Tokens) + c.Pair*float64(w.Pairs) + c.Key*float64(w.Keys))
}

const (
	defaultGather = 64 // where nothing was measured
	defaultShared = 8

	typicalKeys = 256 // of a tile that a shared prefix costs in addition
)

// gather is what fetching the keys and values of one key place costs, in query places that attend to it. It makes few large tiles
// better than many small ones.
func (c Cost) gather() int {
	if c.Pair <= 0 {
		return defaultGather
	}
	return int(min(max(c.Key/c.Pair, 16), 512))
}

// shared is the shortest prefix worth a segment of its own: below it the extra tile costs more than the tokens saved.
func (c Cost) shared() int {
	if c.Token <= 0 {
		return defaultShared
	}
	return int(min(max(math.Ceil(typicalKeys*c.Key/c.Token), 4), 16))
}

// sample is one plan measured.
type sample struct {
	work Work
	took time.Duration
}

func (s sample) throughput() float64 {
	return float64(s.work.Tokens) / max(s.took.Seconds(), 1e-9)
}

const terms = 4 // of a cost

func (s sample) terms() [terms]float64 {
	return [terms]float64{1, float64(s.work.Tokens), float64(s.work.Pairs), float64(s.work.Keys)}
}

// fit returns the cost with the least squared relative error of which no term is negative. With four terms it can try every choice of
// those that are not zero; where two fit alike, the one with fewer terms is kept.
func fit(samples []sample) Cost {
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
	return Cost{Base: best[0], Token: best[1], Pair: best[2], Key: best[3]}
}

// solve fits the chosen terms by the normal equations. It reports false where these are singular or a term comes out negative.
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

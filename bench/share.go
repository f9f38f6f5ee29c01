package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
)

// shareScenario measures a load's share of the ideal: tokens of the texts per second, served, over those of the model's
// graphs called in process, in the same round. The ideal is the best float32 engine: ONNX Runtime on the padded graph
// or on the packed one, which pads nothing, reads its last layer where it is asked, and computes a shared prompt once,
// or OpenVINO on the padded graph.
func shareScenario(load Load) Scenario {
	return Scenario{
		Name: load.Name, About: load.About, Asked: "≥ " + number(shareAtLeast) + " of the ideal", Servers: []string{serverMain},
		run: func(ctx context.Context, b *bench) (Result, error) {
			s := b.share(load, append([]Target{assayTarget(b.servers[serverMain].URL, 0)}, b.rivals...), waysIn(inFloat32, b.ways))
			rounds, err := s.measure(ctx)
			if err != nil {
				return Result{}, err
			}
			return s.summarise(rounds), nil
		},
	}
}

// share begins a load in these ways, or the load's own.
func (b *bench) share(load Load, targets []Target, ways []string) *share {
	s := &share{bench: b, load: load, ways: ways, rounds: b.Rounds, targets: targets, broken: map[string]string{}}
	if load.Ways != nil {
		s.ways, s.rounds = load.Ways, min(b.Rounds, 3)
		if b.Short {
			s.rounds = fewRounds
		}
	}
	return s
}

// share is one load under way.
type share struct {
	*bench
	load    Load
	ways    []string // of the ideal
	rounds  int
	targets []Target          // Assay first, then the rivals, or the same model in the padded layout
	broken  map[string]string // rivals that gave no usable answer, and why

	ofPadded float64 // what is asked of Assay beside the padded graph; 0: nothing
}

// round is what one round measured.
type round struct {
	tokens int
	ideal  []float64 // seconds, one a way
	served map[string]servedRound
}

// servedRound is a server's part of a round.
type servedRound struct {
	seconds   float64
	latencies []time.Duration
	checked   Checked
}

// measure runs a warm-up round and the counted ones, which it gives.
func (s *share) measure(ctx context.Context) ([]round, error) {
	var rounds []round
	for n := range s.rounds + 1 {
		texts := s.load.Texts(s.Seed, n, s.tokensPerWord)
		if n == 0 && s.load.Ways != nil {
			if err := s.warm(ctx, texts); err != nil {
				return nil, err
			}
			continue
		}
		r, err := s.round(ctx, texts, n)
		if err != nil {
			return nil, fmt.Errorf("round %d: %w", n, err)
		}
		s.tell(n, r)
		if n > 0 {
			rounds = append(rounds, r)
		} else {
			s.ways = bestWays(s.ways, r.ideal)
		}
	}
	return rounds, nil
}

// tell prints a round's rates, served over the fastest way of the same precision.
func (s *share) tell(n int, r round) {
	s.progress("%s %d/%d:", s.load.Name, n, s.rounds)
	for _, target := range s.targets {
		best := math.Inf(1)
		for i, way := range s.ways {
			if precisionOf(way) == target.precision() {
				best = min(best, r.ideal[i])
			}
		}
		if served, ok := r.served[target.Name]; ok {
			s.progress(" %s %.2f of %.0f tokens/s", target.Name, best/served.seconds, float64(r.tokens)/best)
		}
	}
	s.progress("\n")
}

// warm runs the servers alone, unchecked.
func (s *share) warm(ctx context.Context, texts []string) error {
	for i, target := range s.targets {
		if _, _, err := s.score(ctx, target, s.clients(), s.load.perRequest(), texts); err != nil && i == 0 {
			return fmt.Errorf("warm-up: %w", err)
		}
	}
	return nil
}

// clients are those of the load.
func (s *share) clients() int { return cmp.Or(s.load.Clients, s.Clients) }

// bestWays are the fastest of each engine.
func bestWays(ways []string, seconds []float64) []string {
	fastest := map[string]int{}
	for i, way := range ways {
		engine := engineOf(way)
		if at, known := fastest[engine]; !known || seconds[i] < seconds[at] {
			fastest[engine] = i
		}
	}
	var best []string
	for _, i := range slices.Sorted(maps.Values(fastest)) {
		best = append(best, ways[i])
	}
	return best
}

// round runs the ideal in each way, then each server; the one not running is idle. The order of the ways turns
// from round to round. A rival that fails is left out from then on; Assay's failure is an error.
func (s *share) round(ctx context.Context, texts []string, n int) (round, error) {
	tokens, err := s.ideal.Load(texts)
	if err != nil {
		return round{}, err
	}
	r := round{ideal: make([]float64, len(s.ways)), served: map[string]servedRound{}}
	for _, t := range tokens {
		r.tokens += t
	}
	scores := make([][]float64, len(s.ways))
	for i := range s.ways {
		i = (i + n) % len(s.ways)
		pass, err := s.ideal.Run(s.ways[i])
		if err != nil {
			return r, err
		}
		if len(pass.Scores) != len(texts) || pass.Seconds <= 0 {
			return r, fmt.Errorf("ideal: %d scores for %d texts in %g s", len(pass.Scores), len(texts), pass.Seconds)
		}
		r.ideal[i], scores[i] = pass.Seconds, pass.Scores
	}
	want := scores[slices.IndexFunc(s.ways, isPadded)]
	for i, way := range s.ways {
		if at, most := furthest(scores[i], want), s.tolerance(precisionOf(way)); at > most {
			return r, fmt.Errorf("ideal: %s is %g off the padded graph, and %g is allowed", way, at, most)
		}
	}
	for i, target := range s.targets {
		if s.broken[target.Name] != "" {
			continue
		}
		served, err := s.serve(ctx, target, texts, want, tokens)
		if err != nil && (i == 0 || ctx.Err() != nil) {
			return r, err
		}
		if err != nil {
			s.broken[target.Name] = err.Error()
			continue
		}
		r.served[target.Name] = served
	}
	return r, nil
}

// serve measures one server and checks its answers.
func (s *share) serve(ctx context.Context, target Target, texts []string, want []float64, tokens []int) (servedRound, error) {
	pass, answers, err := s.score(ctx, target, s.clients(), s.load.perRequest(), texts)
	if err != nil {
		return servedRound{}, err
	}
	checked, err := compare(answers, want, tokens, s.tolerance(target.precision()))
	return servedRound{pass.Seconds, pass.latencies(), checked}, err
}

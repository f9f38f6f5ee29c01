package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// shareScenario measures a load's share of the ideal: tokens of the texts per second, served, over those of the model's
// graphs called in process, in the same round. The ideal is the better of two: the padded graph, and the packed one,
// which pads nothing, reads its last layer where it is asked, and computes a shared prompt once.
func shareScenario(load Load) Scenario {
	return Scenario{
		Name: load.Name, About: load.About, Asked: "≥ " + number(shareAtLeast) + " of the ideal", Servers: []string{serverMain},
		run: func(ctx context.Context, b *bench) (Result, error) {
			s := &share{bench: b, load: load, ways: b.ways, rounds: b.Rounds, broken: map[string]string{}}
			s.targets = append([]Target{assayTarget(b.servers[serverMain].URL, 0)}, b.rivals...)
			if load.Heavy {
				s.ways, s.rounds = heavyWays, min(b.Rounds, 3)
				if b.Short {
					s.rounds = fewRounds
				}
			}
			return s.measure(ctx)
		},
	}
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

// measure runs a warm-up round and the counted ones.
func (s *share) measure(ctx context.Context) (Result, error) {
	var rounds []round
	for n := range s.rounds + 1 {
		texts := s.load.Texts(s.Seed, n, s.tokensPerWord)
		if n == 0 && s.load.Heavy {
			if err := s.warm(ctx, texts); err != nil {
				return Result{}, err
			}
			continue
		}
		r, err := s.round(ctx, texts, n)
		if err != nil {
			return Result{}, fmt.Errorf("round %d: %w", n, err)
		}
		best := slices.Min(r.ideal)
		s.progress("%s %d/%d: ideal %.0f tokens/s", s.load.Name, n, s.rounds, float64(r.tokens)/best)
		for _, target := range s.targets {
			if served, ok := r.served[target.Name]; ok {
				s.progress(", %s %.2f", target.Name, best/served.seconds)
			}
		}
		s.progress("\n")
		if n > 0 {
			rounds = append(rounds, r)
		} else {
			s.ways = bestWays(s.ways, r.ideal)
		}
	}
	return s.summarise(rounds), nil
}

// warm runs the servers alone, unchecked.
func (s *share) warm(ctx context.Context, texts []string) error {
	for i, target := range s.targets {
		if _, _, err := s.score(ctx, target, s.Clients, s.load.perRequest(texts), texts); err != nil && i == 0 {
			return fmt.Errorf("warm-up: %w", err)
		}
	}
	return nil
}

// bestWays are the fastest of each graph.
func bestWays(ways []string, seconds []float64) []string {
	fastest := map[string]int{}
	for i, way := range ways {
		graph, _, _ := strings.Cut(way, " ")
		if at, known := fastest[graph]; !known || seconds[i] < seconds[at] {
			fastest[graph] = i
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
		if at := furthest(scores[i], want); at > s.Tolerance {
			return r, fmt.Errorf("ideal: %s is %g off the padded graph", way, at)
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
	pass, answers, err := s.score(ctx, target, s.Clients, s.load.perRequest(texts), texts)
	if err != nil {
		return servedRound{}, err
	}
	checked, err := compare(answers, want, tokens, s.Tolerance)
	return servedRound{pass.Seconds, pass.latencies(), checked}, err
}

// isPadded tells the ways that run the padded graph.
func isPadded(way string) bool { return strings.HasPrefix(way, "padded") }

// What share loads are judged by.
const (
	ofIdeal  = "tokens/s over the better of both graphs run raw"
	ofPadded = "tokens/s over the padded graph run raw"
)

// summarise takes medians over the rounds, and shares of the ideal in the way whose median is best.
func (s *share) summarise(rounds []round) Result {
	var result Result
	best, padded, ideal := 0, 0, make([][]float64, len(s.ways))
	for i, way := range s.ways {
		for _, r := range rounds {
			ideal[i] = append(ideal[i], float64(r.tokens)/r.ideal[i])
		}
		result.Series = append(result.Series, newSeries("ideal "+way, tokensPerSecond, ideal[i]))
		if median(ideal[i]) > median(ideal[best]) {
			best = i
		}
		if isPadded(way) {
			padded = i
		}
	}
	result.Void = disturbed("the ideal's tokens/s", ideal[best])
	for i, target := range s.targets {
		series, shares := s.series(target, rounds, best)
		result.Series = append(result.Series, series)
		if i == 0 {
			result.Checks = []Check{
				ratioCheck(ofIdeal, shares, shareAtLeast),
				ratioCheck(ofPadded, over(target, rounds, padded), s.ofPadded),
				{What: "scores further than the tolerance from the padded graph's", Figure: float64(series.Wrong), AtMost: true, Must: true},
			}
		} else if target.Name == paddedLayout && series.Error == "" {
			result.Checks = append(result.Checks, ratioCheck("the padded layout's "+ofPadded, over(target, rounds, padded), 0))
		}
	}
	return result
}

// over are a server's shares of the ideal in one way, round by round.
func over(target Target, rounds []round, way int) []float64 {
	shares := make([]float64, len(rounds))
	for i, r := range rounds {
		shares[i] = r.ideal[way] / r.served[target.Name].seconds
	}
	return shares
}

// series is one server's; best is the index of the way that it is a share of.
func (s *share) series(target Target, rounds []round, best int) (series Series, shares []float64) {
	if why := s.broken[target.Name]; why != "" {
		return Series{Name: target.Name, Error: why}, nil
	}
	shares = over(target, rounds, best)
	var rates []float64
	var latencies []time.Duration
	var sum Checked
	total := 0
	for _, r := range rounds {
		served := r.served[target.Name]
		rates = append(rates, float64(r.tokens)/served.seconds)
		latencies = append(latencies, served.latencies...)
		sum = Checked{sum.Spared + served.checked.Spared, sum.Wrong + served.checked.Wrong, max(sum.Worst, served.checked.Worst)}
		total += r.tokens
	}
	series = newSeries(target.Name, tokensPerSecond, rates)
	series.Share, series.Latency = median(shares), latencyOf(latencies)
	series.Spared, series.Wrong, series.Worst = float64(sum.Spared)/float64(total), sum.Wrong, sum.Worst
	return series, shares
}

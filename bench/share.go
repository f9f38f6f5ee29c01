package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// shareScenario measures a load's share of the ideal: tokens of the texts per second, served, over those of the padded graph
// called in process, in the same round.
func shareScenario(load Load) Scenario {
	return Scenario{
		Name: load.Name, About: load.About, Asked: "≥ " + number(load.Target) + " of the ideal", Servers: []string{serverMain},
		run: func(ctx context.Context, b *bench) (Result, error) {
			s := &share{bench: b, load: load, budgets: b.budgets, rounds: b.Rounds, broken: map[string]string{}}
			s.targets = append([]Target{assayTarget(b.servers[serverMain].URL, 0)}, b.rivals...)
			if load.Heavy {
				s.budgets, s.rounds = []int{oneBudget}, min(b.Rounds, 3)
				if b.Short {
					s.rounds = 1
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
	budgets []int
	rounds  int
	targets []Target          // Assay first, then the rivals
	broken  map[string]string // rivals that gave no usable answer, and why
}

// round is what one round measured.
type round struct {
	tokens int
	ideal  []float64 // seconds, one a budget
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
		} else if s.Short { // the others take the time of the short form
			s.budgets = []int{s.budgets[slices.Index(r.ideal, best)]}
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

// round runs the ideal under each budget, then each server; the one not running is idle. The order of the budgets turns
// from round to round. A rival that fails is left out from then on; Assay's failure is an error.
func (s *share) round(ctx context.Context, texts []string, n int) (round, error) {
	tokens, err := s.ideal.Load(texts)
	if err != nil {
		return round{}, err
	}
	r := round{ideal: make([]float64, len(s.budgets)), served: map[string]servedRound{}}
	for _, t := range tokens {
		r.tokens += t
	}
	var want []float64
	for i := range s.budgets {
		i = (i + n) % len(s.budgets)
		pass, err := s.ideal.Run(s.budgets[i])
		if err != nil {
			return r, err
		}
		if len(pass.Scores) != len(texts) || pass.Seconds <= 0 {
			return r, fmt.Errorf("ideal: %d scores for %d texts in %g s", len(pass.Scores), len(texts), pass.Seconds)
		}
		r.ideal[i], want = pass.Seconds, pass.Scores
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

// summarise takes medians over the rounds, and shares of the ideal at the budget whose median is best.
func (s *share) summarise(rounds []round) Result {
	var result Result
	best, ideal := 0, make([][]float64, len(s.budgets))
	for i, budget := range s.budgets {
		for _, r := range rounds {
			ideal[i] = append(ideal[i], float64(r.tokens)/r.ideal[i])
		}
		result.Series = append(result.Series, newSeries(fmt.Sprintf("ideal %d", budget), tokensPerSecond, ideal[i]))
		if median(ideal[i]) > median(ideal[best]) {
			best = i
		}
	}
	result.Void = disturbed("the ideal's tokens/s", ideal[best])
	for i, target := range s.targets {
		series, shares := s.series(target, rounds, best)
		result.Series = append(result.Series, series)
		if i == 0 {
			result.Checks = []Check{
				ratioCheck("share of the ideal", shares, s.load.Target),
				{What: "scores further than the tolerance from the padded graph's", Figure: float64(series.Wrong), AtMost: true, Must: true},
			}
		}
	}
	return result
}

// series is one server's; best is the index of the budget that it is a share of.
func (s *share) series(target Target, rounds []round, best int) (series Series, shares []float64) {
	if why := s.broken[target.Name]; why != "" {
		return Series{Name: target.Name, Error: why}, nil
	}
	var rates []float64
	var latencies []time.Duration
	var sum Checked
	total := 0
	for _, r := range rounds {
		served := r.served[target.Name]
		rates = append(rates, float64(r.tokens)/served.seconds)
		shares = append(shares, r.ideal[best]/served.seconds)
		latencies = append(latencies, served.latencies...)
		sum = Checked{sum.Spared + served.checked.Spared, sum.Wrong + served.checked.Wrong, max(sum.Worst, served.checked.Worst)}
		total += r.tokens
	}
	series = newSeries(target.Name, tokensPerSecond, rates)
	series.Share, series.Latency = median(shares), latencyOf(latencies)
	series.Spared, series.Wrong, series.Worst = float64(sum.Spared)/float64(total), sum.Wrong, sum.Worst
	return series, shares
}

package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Settings say how much is measured.
type Settings struct {
	Rounds    int     `json:"rounds"`  // counted; one more comes first, to warm up
	Clients   int     `json:"clients"` // requests in flight
	Threads   int     `json:"threads"` // of the ideal
	Seed      uint64  `json:"seed"`
	Tolerance float64 `json:"tolerance"` // between a server's score and the padded graph's
}

// LoadResult is what one load gave.
type LoadResult struct {
	Name   string         `json:"name"`
	About  string         `json:"about"`
	Target float64        `json:"target"`
	Items  int            `json:"items"`  // per round
	Tokens float64        `json:"tokens"` // per item, the mean
	Ideals []IdealResult  `json:"ideals"` // one per token budget
	Ideal  int            `json:"ideal_budget"`
	Served []ServedResult `json:"served"` // one per server
}

// IdealResult is the ideal under one token budget: tokens of the texts per second, the median of the rounds and their range.
type IdealResult struct {
	Budget          int     `json:"budget"`
	TokensPerSecond float64 `json:"tokens_per_second"`
	Low             float64 `json:"low"`
	High            float64 `json:"high"`
}

// ServedResult is one server under one load. Share is the median over rounds of its tokens per second over those of the
// ideal of the same round, at the budget whose median is best.
type ServedResult struct {
	Server          string  `json:"server"`
	TokensPerSecond float64 `json:"tokens_per_second"`
	Share           float64 `json:"share"`
	ShareLow        float64 `json:"share_low"`
	ShareHigh       float64 `json:"share_high"`
	P50             float64 `json:"p50_ms"`
	P99             float64 `json:"p99_ms"`
	Spared          float64 `json:"spared,omitempty"` // tokens shared with another request or cached ÷ tokens of the texts
	Wrong           int     `json:"wrong"`
	Worst           float64 `json:"worst_distance"`
}

// bench is one measurement under way.
type bench struct {
	Settings
	ideal         Ideal
	budgets       []int
	targets       []Target
	client        *Client
	tokensPerWord float64
	progress      func(format string, args ...any)
}

// calibrate measures the tokenizer on sample text, so that loads have about the tokens that their names say.
func (b *bench) calibrate() error {
	const words = 2000
	tokens, err := b.ideal.Load([]string{Sample(b.Seed, words)})
	if err != nil {
		return err
	}
	b.tokensPerWord = float64(tokens[0]) / words
	return nil
}

// round is what one round measured: seconds per budget, and a pass per target.
type round struct {
	tokens  int
	ideal   []float64
	served  []float64
	latency [][]time.Duration
	checked []Checked
}

// measure runs a warm-up round and the counted ones of one load.
func (b *bench) measure(ctx context.Context, load Load) (LoadResult, error) {
	var rounds []round
	for n := range b.Rounds + 1 {
		r, err := b.round(ctx, load.Texts(b.Seed, n, b.tokensPerWord), n)
		if err != nil {
			return LoadResult{}, fmt.Errorf("%s, round %d: %w", load.Name, n, err)
		}
		b.progress("%s round %d/%d: ideal %.0f tokens/s", load.Name, n, b.Rounds, float64(r.tokens)/slices.Min(r.ideal))
		for i, target := range b.targets {
			b.progress(", %s %.2f", target.Name, slices.Min(r.ideal)/r.served[i])
		}
		b.progress("\n")
		if n > 0 {
			rounds = append(rounds, r)
		}
	}
	return b.summarise(load, rounds), nil
}

// round runs the ideal under each budget, then each server; the one not running is idle. The order of the budgets turns
// from round to round.
func (b *bench) round(ctx context.Context, texts []string, n int) (round, error) {
	tokens, err := b.ideal.Load(texts)
	if err != nil {
		return round{}, err
	}
	r := round{ideal: make([]float64, len(b.budgets))}
	for _, t := range tokens {
		r.tokens += t
	}
	var want []float64
	for i := range b.budgets {
		i = (i + n) % len(b.budgets)
		pass, err := b.ideal.Run(b.budgets[i])
		if err != nil {
			return r, err
		}
		if len(pass.Scores) != len(texts) || pass.Seconds <= 0 {
			return r, fmt.Errorf("ideal: %d scores for %d texts in %g s", len(pass.Scores), len(texts), pass.Seconds)
		}
		r.ideal[i], want = pass.Seconds, pass.Scores
	}
	for _, target := range b.targets {
		pass, err := b.client.Run(ctx, target, texts)
		if err != nil {
			return r, err
		}
		checked, err := Check(target, pass, want, tokens, b.Tolerance)
		if err != nil {
			return r, err
		}
		r.served = append(r.served, pass.Seconds)
		r.latency = append(r.latency, pass.Latencies)
		r.checked = append(r.checked, checked)
	}
	return r, nil
}

// summarise takes medians over the rounds.
func (b *bench) summarise(load Load, rounds []round) LoadResult {
	result := LoadResult{Name: load.Name, About: load.About, Target: load.Target, Items: len(rounds[0].latency[0])}
	total := 0
	for _, r := range rounds {
		total += r.tokens
	}
	result.Tokens = float64(total) / float64(len(rounds)*result.Items)
	rate := func(seconds func(round) float64) []float64 {
		var rates []float64
		for _, r := range rounds {
			rates = append(rates, float64(r.tokens)/seconds(r))
		}
		return rates
	}
	best := 0
	for i, budget := range b.budgets {
		rates := rate(func(r round) float64 { return r.ideal[i] })
		result.Ideals = append(result.Ideals, IdealResult{budget, median(rates), slices.Min(rates), slices.Max(rates)})
		if result.Ideals[i].TokensPerSecond > result.Ideals[best].TokensPerSecond {
			best = i
		}
	}
	result.Ideal = b.budgets[best]
	for i, target := range b.targets {
		served := ServedResult{Server: target.Name}
		served.TokensPerSecond = median(rate(func(r round) float64 { return r.served[i] }))
		var shares, milliseconds []float64
		for _, r := range rounds {
			shares = append(shares, r.ideal[best]/r.served[i])
			for _, l := range r.latency[i] {
				milliseconds = append(milliseconds, float64(l)/float64(time.Millisecond))
			}
			served.Wrong += r.checked[i].Wrong
			served.Worst = max(served.Worst, r.checked[i].Worst)
			served.Spared += float64(r.checked[i].Spared) / float64(total)
		}
		served.Share, served.ShareLow, served.ShareHigh = median(shares), slices.Min(shares), slices.Max(shares)
		served.P50, served.P99 = quantile(milliseconds, 0.5), quantile(milliseconds, 0.99)
		result.Served = append(result.Served, served)
	}
	return result
}

func median(values []float64) float64 { return quantile(values, 0.5) }

// quantile interpolates between the two nearest of the sorted values.
func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	at := q * float64(len(sorted)-1)
	low := int(at)
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (at-float64(low))*(sorted[high]-sorted[low])
}

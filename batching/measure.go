package batching

import (
	"context"
	"fmt"
	"time"
)

const (
	warmLength     = 128 // tokens of a synthetic sequence
	measureFirst   = 128 // tokens of the smallest plan measured; each next is twice as large
	measureLast    = 2048
	measureRuns    = 3                // timed runs of each plan; the fastest counts
	measureLimit   = 10 * time.Second // no larger plan is begun that would end later
	goodThroughput = 0.97             // of the best; the smallest plan that reaches it is the budget
)

// sample is one size measured.
type sample struct {
	tokens int
	took   time.Duration
}

// Measure runs synthetic plans of 128 to 2048 tokens and returns the token budget with the best throughput, and what a forward
// costs. It begins nothing that it expects to end more than ten seconds after the start; it must not run beside a [Batcher]
// of the same runner. A size on which the runner fails ends the search; the error is the runner's, when the smallest size
// failed, or the context's. The area of the budget is that of the options.
func Measure(ctx context.Context, runner Runner, options Options) (Budget, Cost, error) {
	options = options.withDefaults()
	samples, err := takeSamples(ctx, runner, options)
	if len(samples) == 0 || ctx.Err() != nil {
		return Budget{}, Cost{}, fmt.Errorf("measure the runner: %w", err)
	}
	return Budget{Tokens: fastest(samples), Area: options.Budget.Area}, fit(samples), nil
}

// takeSamples times plans of growing size until one fails, ctx ends or the time is over. It may return samples and an error.
func takeSamples(ctx context.Context, runner Runner, options Options) ([]sample, error) {
	ids := options.WarmIDs
	if len(ids) == 0 {
		ids = make([]int64, warmLength)
	}
	var samples []sample
	end := time.Now().Add(measureLimit)
	for tokens := measureFirst; tokens <= measureLast; tokens *= 2 {
		if err := ctx.Err(); err != nil {
			return samples, err
		}
		plan := syntheticPlan(ids, max(1, tokens/len(ids)), options)
		if n := len(samples); n > 0 {
			last := samples[n-1]
			if len(plan.IDs) <= last.tokens {
				continue // ids are longer than this size
			}
			if time.Until(end) < 2*2*last.took { // twice the tokens, two runs at least
				break
			}
		}
		took, err := timePlan(ctx, runner, plan)
		if err != nil {
			return samples, fmt.Errorf("plan of %d tokens: %w", len(plan.IDs), err)
		}
		samples = append(samples, sample{len(plan.IDs), took})
	}
	return samples, ctx.Err()
}

// syntheticPlan packs that many copies of ids, each computed by itself.
func syntheticPlan(ids []int64, copies int, options Options) *Plan {
	shape := newShape(options, nil)
	read := []int{len(ids) - 1}
	if options.Targets { // every token of a response is read, and each costs a look at the vocabulary
		read = read[:0]
		for at := range len(ids) - 1 {
			read = append(read, at)
		}
	}
	for range copies {
		shape.addApart(Sequence{IDs: ids, Read: read})
	}
	plan := new(Plan)
	shape.build(plan, nil)
	return plan
}

// timePlan returns the shortest of some runs, after one that does not count. A slow plan is timed once.
func timePlan(ctx context.Context, runner Runner, plan *Plan) (time.Duration, error) {
	var best, total time.Duration
	for i := range 1 + measureRuns {
		start := time.Now()
		if _, err := runPlan(ctx, runner, plan); err != nil {
			return 0, err
		}
		took := time.Since(start)
		total += took
		if i == 1 || took < best {
			best = took
		}
		if i > 0 && total > measureLimit/10 {
			break
		}
	}
	return best, nil
}

// fastest returns the smallest size that comes near the best throughput.
func fastest(samples []sample) int {
	best := 0.0
	for _, s := range samples {
		best = max(best, s.throughput())
	}
	for _, s := range samples {
		if s.throughput() >= goodThroughput*best {
			return s.tokens
		}
	}
	return DefaultTokens
}

func (s sample) throughput() float64 {
	return float64(s.tokens) / max(s.took.Seconds(), 1e-9)
}

// fit returns the cost with the least relative squared error; neither part is negative.
func fit(samples []sample) Cost {
	var w, wx, wxx, wy, wxy float64
	for _, s := range samples {
		x, y := float64(s.tokens), max(float64(s.took), 1)
		weight := 1 / (y * y)
		w += weight
		wx += weight * x
		wxx += weight * x * x
		wy += weight * y
		wxy += weight * x * y
	}
	base, slope := 0.0, wxy/wxx
	if det := w*wxx - wx*wx; len(samples) > 1 && det > 0 {
		b := (w*wxy - wx*wy) / det
		if a := (wy - b*wx) / w; a > 0 {
			base, slope = a, max(b, 0)
		}
	}
	return Cost{Base: time.Duration(base), Token: time.Duration(slope)}
}

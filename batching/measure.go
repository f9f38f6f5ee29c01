package batching

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	warmLength      = 128              // tokens of a synthetic sequence
	measureFirst    = 128              // tokens of the smallest plan measured; each next is twice as large
	measureRuns     = 3                // timed runs of each plan; the fastest counts
	measureLimit    = 10 * time.Second // no larger plan is begun that would end later
	goodThroughput  = 0.97             // of the best; the smallest plan that reaches it is the budget, if it is ample
	amplePlan       = 512              // tokens, of all lanes together, that hold several responses to a prompt
	ampleThroughput = 0.9              // of the best, which an ample plan must reach: slow ones are timed once
	lanesEnough     = 0.95             // of the throughput on all threads, which requests slow more: enough for lanes
)

// Measure runs synthetic plans and returns the options with what it found: Budget.Tokens, near the best throughput;
// what a forward costs; and Lanes and LaneTokens, which say whether the lanes of the options are to be used: on an
// idle machine they must nearly keep up with one forward at a time. It begins nothing that it expects to end more
// than ten seconds after the start; it must not run beside a [Batcher] of the same runner. A size on which the runner
// fails ends the search; the error is the runner's, when the smallest size failed, or the context's.
func Measure(ctx context.Context, runner Runner, options Options) (Options, error) {
	options = options.withDefaults()
	m := measuring{runner: runner, options: options, end: time.Now().Add(measureLimit)}
	onAll, err := m.ladder(ctx, 1)
	if len(onAll) == 0 || ctx.Err() != nil {
		return Options{}, fmt.Errorf("measure the runner: %w", err)
	}
	found := options
	found.Budget.Tokens, found.Lanes, found.LaneTokens = fastest(onAll), 1, 0
	if options.Lanes > 1 && err == nil {
		onOne, _ := m.ladder(ctx, options.Lanes) // lanes that fail are not used
		if best(onOne) >= lanesEnough*best(onAll) {
			found.Lanes, found.LaneTokens = options.Lanes, fastest(onOne)/options.Lanes
		}
	}
	found.cost = fit(append(onAll, m.shapes(ctx, onAll)...))
	if err := ctx.Err(); err != nil {
		return Options{}, fmt.Errorf("measure the runner: %w", err)
	}
	return found, nil
}

// AsMeasured returns the options with what [Measure] found for a runner that is as fast.
func (o Options) AsMeasured(found *Options) Options {
	o.Budget.Tokens, o.Lanes, o.LaneTokens, o.cost = found.Budget.Tokens, found.Lanes, found.LaneTokens, found.cost
	return o
}

// measuring times plans until the time is over.
type measuring struct {
	runner  Runner
	options Options
	end     time.Time
}

// ladder times plans of growing size, on that many lanes at once, until one fails, ctx ends or the time is over. It
// may return samples and an error; a sample is of all lanes together.
func (m *measuring) ladder(ctx context.Context, lanes int) ([]sample, error) {
	ids := m.options.WarmIDs
	if len(ids) == 0 {
		ids = make([]int64, warmLength)
	}
	var samples []sample
	for tokens := measureFirst; tokens <= m.options.WarmTokens; tokens *= 2 {
		if err := ctx.Err(); err != nil {
			return samples, err
		}
		plan := m.options.synthetic(slices.Repeat([][]int64{ids}, max(1, tokens/len(ids))), true)
		plan.Narrow = lanes > 1
		if n := len(samples); n > 0 {
			last := samples[n-1]
			if lanes*len(plan.IDs) <= last.work.tokens {
				continue // ids are longer than this size
			}
			if time.Until(m.end) < 2*2*last.took { // twice the tokens, two runs at least
				break
			}
		}
		took, err := m.time(ctx, plan, lanes)
		if err != nil {
			return samples, fmt.Errorf("plan of %d tokens: %w", len(plan.IDs), err)
		}
		one := plan.work()
		samples = append(samples, sample{work{lanes * one.tokens, lanes * one.pairs, lanes * one.keys}, took})
	}
	return samples, ctx.Err()
}

// shapes times plans whose attention differs from the ladder's: one long sequence, and short ones that each see a
// long prefix. One that fails, or for which there is no time, is left out.
func (m *measuring) shapes(ctx context.Context, ladder []sample) (samples []sample) {
	const most, ends = 1024, 16
	long := min(max(m.options.WarmLength, len(m.options.WarmIDs)), most)
	end := long / (2 * ends) // of a family, so that it has as many tokens as one sequence and a half
	if m.options.Padded || end == 0 {
		return nil
	}
	alone := [][]int64{m.options.warm(long)}
	var family [][]int64
	for i := range ends {
		ids := m.options.warm(long)
		slices.Reverse(ids[long-end:])
		ids[long-end] = ids[i] // where they part
		family = append(family, ids)
	}
	plans := []*Plan{m.options.synthetic(alone, true)}
	if !m.options.Bidirectional { // of which no family shares a prefix
		plans = append(plans, m.options.synthetic(family, false))
	}
	for _, plan := range plans {
		last := ladder[len(ladder)-1]
		if time.Until(m.end).Seconds() < 2*2*float64(len(plan.IDs))/last.throughput() { // twice as slow, two runs
			break
		}
		if took, err := m.time(ctx, plan, 1); err == nil {
			samples = append(samples, sample{plan.work(), took})
		}
	}
	return samples
}

// warm makes n ids of those to measure with.
func (o *Options) warm(n int) []int64 {
	ids := make([]int64, n)
	for i := range ids {
		if len(o.WarmIDs) > 0 {
			ids[i] = o.WarmIDs[i%len(o.WarmIDs)]
		}
	}
	return ids
}

// synthetic packs sequences, each computed by itself when they are to lie apart.
func (o *Options) synthetic(sequences [][]int64, apart bool) *Plan {
	shape := newShape(*o, nil)
	for _, ids := range sequences {
		sequence := Sequence{IDs: ids, Positions: o.reads(ids)}
		if apart {
			shape.addApart(sequence)
		} else {
			shape.add(sequence, cachedPrefix{}, nil)
		}
	}
	plan := new(Plan)
	shape.build(plan, nil)
	return plan
}

// reads are the positions that a measured sequence reads.
func (o *Options) reads(ids []int64) []int {
	if !o.Targets {
		return []int{len(ids) - 1}
	}
	var read []int // every token of a response is read, and each costs a look at the vocabulary
	for at := range len(ids) - 1 {
		read = append(read, at)
	}
	return read
}

// time returns the shortest of some runs on that many lanes at once, after one that does not count. A slow plan is
// timed once.
func (m *measuring) time(ctx context.Context, plan *Plan, lanes int) (time.Duration, error) {
	var best, total time.Duration
	for i := range 1 + measureRuns {
		start := time.Now()
		errs := make([]error, lanes)
		var group sync.WaitGroup
		for lane := range lanes {
			group.Go(func() { _, errs[lane] = runPlan(ctx, m.runner, plan) })
		}
		group.Wait()
		for _, err := range errs {
			if err != nil {
				return 0, err
			}
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

// best is the highest throughput, in tokens per second.
func best(samples []sample) (highest float64) {
	for _, s := range samples {
		highest = max(highest, s.throughput())
	}
	return highest
}

// fastest returns the smallest size that comes near the best throughput; or, where that is not ample, the smallest
// ample one that is not clearly slower, if there is one: every forward computes anew the end of a prompt that no block
// has kept, and with few responses in each there are more forwards.
func fastest(samples []sample) int {
	highest := best(samples)
	reaches := func(share float64, least int) int {
		for _, s := range samples {
			if s.work.tokens >= least && s.throughput() >= share*highest {
				return s.work.tokens
			}
		}
		return 0
	}
	found := cmp.Or(reaches(goodThroughput, 0), defaultTokens)
	if found < amplePlan {
		found = cmp.Or(reaches(ampleThroughput, amplePlan), found)
	}
	return found
}

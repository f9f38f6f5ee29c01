// Package batching decides which tokens run when.
//
// Sequences wait in a bounded queue; a pure planner turns the oldest of them, those that share its prefix and those of like
// length into a [Plan], one forward of a model; a [Runner] computes it; each sequence gets its own [Result]. A prefix that
// several sequences share is computed once, sequences with equal ids run once, and a sequence's values never depend on
// what ran beside it. The package knows no model and no protocol.
//
// [New] makes a [Batcher], one goroutine calls [Batcher.Run], any number call [Batcher.Submit], and [Batcher.Close] drains. A
// forward that fails is tried again in halves, so that one bad sequence spoils no other. [Measure] finds, at start, how
// many tokens a forward should have and what it costs. [MakePlan] packs sequences without a queue.
package batching

import (
	"context"
	"time"
)

// Result is the outcome of one [Sequence]: values or an error, never both.
type Result struct {
	// Values has one row per read position: (len(Read), labels). Sequences with equal ids share rows, and the list of them: do not change either.
	Values [][]float32
	Err    error         // why there are no values
	Shared int           // leading tokens of this sequence that it shared with others of its run, computed once
	Cached int           // leading tokens taken from the key-value cache; with Shared it may count a token twice
	Queue  time.Duration // from admission to the start of its run
	Run    time.Duration // of the forward it was part of
}

// Runner computes plans. A [Batcher] calls it from one goroutine at a time, or from as many as it has lanes with narrow plans, on each device.
type Runner interface {
	// Run computes one forward and returns the rows read, (len(plan.Read), labels).
	// The caller owns the rows; the runner must not keep the plan.
	Run(ctx context.Context, plan *Plan) ([][]float32, error)
}

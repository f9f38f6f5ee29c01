// Package batching decides which tokens run when.
//
// Sequences wait in a bounded queue. A pure planner picks whose turn it is, then those that share a prefix with it and
// those of like length, and packs them into a [Plan], one forward of a model. A [Runner] computes it, and each sequence
// gets its own [Result]. A prefix that several sequences share is computed once, equal sequences run once, and what a
// sequence gives never depends on what ran beside it. The package knows no model and no protocol.
//
// A packed plan has every distinct token once. This is the plan of a prompt, 1 … 8, and three responses to it, each of
// which reads its last token: 33 tokens are asked for, and 17 are computed.
//
//	token       0  1  2  |  3  4  5  6  7  8  9 10  | 11 12  | 13 14 15 16   T = 17
//	IDs        21 22 23  |  1  2  3  4  5  6  7  8  | 31 32  | 41 42 43 44
//	Positions   8  9 10  |  0  1  2  3  4  5  6  7  |  8  9  |  8  9 10 11
//	Read      [2 12 16]   N = 3
//
//	tile   tokens that it computes   and the keys that these see         R = 4, Q = 8, K = 12
//	   0    0  1  2  ·  ·  ·  ·  ·      3  4  5  6  7  8  9 10  0  1  2  ·
//	   1    3  4  5  6  7  8  9 10      3  4  5  6  7  8  9 10  ·  ·  ·  ·
//	   2   11 12  ·  ·  ·  ·  ·  ·      3  4  5  6  7  8  9 10 11 12  ·  ·
//	   3   13 14 15 16  ·  ·  ·  ·      3  4  5  6  7  8  9 10 13 14 15 16
//
// Each run of tokens that the same sequences have is a segment, and is cut into tiles of at most Q tokens. A tile lists
// the keys of its last token, in the order of their positions; an earlier token does not see those of later positions.
// Linear layers run on T tokens, attention on R · Q · K pairs, and the head on N. Keys that a cache has are listed
// before the tokens, as tokens 0 … P−1, and are not computed.
//
// [New] makes a [Batcher], one goroutine calls [Batcher.Run], any number call [Batcher.Submit] in the name of a
// [Caller], and [Batcher.Close] drains. Callers are served fairly, and none can fill the queue. A forward that fails is
// tried again in halves, so that one bad sequence spoils no other. [Measure] finds, at start, how many tokens a forward
// should have and what it costs. [MakePlan] packs sequences without a queue.
package batching

import (
	"context"
	"time"
)

// Result is the outcome of one [Sequence]: values or an error, never both.
type Result struct {
	// Values has one row for each of the sequence's positions: (len(Positions), labels). Equal sequences share rows,
	// and the list of them: do not change either.
	Values [][]float32
	Err    error         // why there are no values
	Shared int           // leading tokens of this sequence that it shared with others of its run, computed once
	Cached int           // leading tokens taken from the key-value cache; with Shared it may count a token twice
	Queue  time.Duration // from admission to the start of its run
	Run    time.Duration // of the forward it was part of
}

// Runner computes plans. For each device, a [Batcher] calls it from one goroutine at a time, or from as many as
// [Options.Stages] says, or, with plans that are to be run on one thread, from as many as the device has lanes.
type Runner interface {
	// Run computes one forward and returns the rows read, (len(plan.Read), labels).
	// The caller owns the rows; the runner must not keep the plan.
	Run(ctx context.Context, plan *Plan) ([][]float32, error)
}

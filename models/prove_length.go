package models

import (
	"context"
	"time"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/models/fault"
)

// Bounds of the sequences that are run to prove limits.max_tokens.
const (
	lengthFirst = 256             // tokens of the first; each has twice as many as the one before
	lengthMost  = 2048            // tokens of the longest: each head of a graph may hold their square of numbers
	lengthTime  = 4 * time.Second // for one, expected to take four times as long as the one before
)

// proveLength holds the graph to limits.max_tokens. Where a table of positions is shorter, every item that needs more
// of it would fail when it comes; where float16 overflows over a long sequence, every long one would.
//
// A packed graph is told the position of each token. A few tokens that stand at the last positions therefore reach what
// a whole sequence would, and cost nothing. Then every graph gets whole sequences: longer and longer ones, up to
// limits.max_tokens or to what would take too long or too much memory. The proof says how far it went.
func (m *Model) proveLength(ctx context.Context, options batching.Options) error {
	if m.features != nil {
		return nil
	}
	if m.info.Manifest.Graph.Packed() {
		if err := m.provePositions(ctx, options); err != nil {
			return err
		}
	}
	limit := m.info.Manifest.Limits.MaxTokens
	length := min(lengthFirst, limit)
	for {
		start := time.Now()
		if err := m.runsAt(ctx, options, length, 0); err != nil {
			return fault.New(fault.CodeBundle, "limits.max_tokens is %d, and a sequence of %d tokens does not run: %v",
				limit, length, err)
		}
		next := min(2*length, limit)
		if length == limit || next > lengthMost || 4*time.Since(start) > lengthTime {
			break
		}
		length = next
	}
	if length < limit {
		m.report("length",
			"%d tokens are read; to try the %d of limits.max_tokens would take too long, or too much memory", length,
			limit)
	} else {
		m.report("length", "the %d tokens of limits.max_tokens are read", limit)
	}
	return nil
}

// provePositions runs a short sequence that ends at the last position of limits.max_tokens.
func (m *Model) provePositions(ctx context.Context, options batching.Options) error {
	limit := m.info.Manifest.Limits.MaxTokens
	length := min(shortProbe, limit)
	if err := m.runsAt(ctx, options, length, limit-length); err != nil {
		return fault.New(fault.CodeBundle, "limits.max_tokens is %d, and a token at position %d cannot be read: %v",
			limit, limit-1, err)
	}
	m.report("positions", "a token at the last position of limits.max_tokens, %d, is read", limit-1)
	return nil
}

// runsAt runs a sequence of so many tokens whose first stands at that position, and wants finite readings.
func (m *Model) runsAt(ctx context.Context, options batching.Options, length, position int) error {
	sequence := batching.Sequence{IDs: m.probeItem(length, 10), Positions: []int{m.lastRead(length)}}
	rows, err := m.run(ctx, options, []batching.Sequence{sequence}, func(plan *batching.Plan) {
		for i := range plan.Positions {
			plan.Positions[i] += int64(position)
		}
	})
	if err != nil {
		return err
	}
	return m.finite(rows[0])
}

package models

import (
	"context"
	"errors"
	"time"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

// Ask is what one request asks of a model: items that are to be read, in order.
type Ask struct {
	Caller   Caller
	Items    []encode.Item
	Truncate encode.Truncation
	KeepIDs  bool // readings keep the ids of their items
}

// Reading is the outcome of one item: the head's raw outputs or an error, never both.
type Reading struct {
	Rows [][]float32 // (positions, labels): one of a reward model, one per step of a process model; all finite
	Err  error       // why there are none: *fault.Error, or a context's error

	Tokens    int     // of the item; beside an error those that were counted
	Truncated int     // tokens cut away
	Positions int     // how many were read
	Response  int     // likelihood: the token with which the response begins
	IDs       []int64 // of the item, where the ask keeps them
	Candidate int64   // choice: the token of the candidate
	Steps     []int   // process: the token of each step, of skipped ones too
	Ends      []int   // process: the end of each step in characters of the response, where it was given as steps or with a separator

	Shared int           // leading tokens computed once together with others of the run
	Cached int           // leading tokens taken from the cache
	Encode time.Duration // of the ask's items together, from text to ids
	Queue  time.Duration // waiting for a run
	Run    time.Duration // of the forward

	features []int64 // of a model that reads features: the item's numbers, for Slopes
}

// Admit tells, before anything is rendered, whether the items may be read at all and have a chance to be read now: nil,
// an error of the budget, or the *QueueFullError or ErrClosed that [Model.Read] would return. It keeps no place for
// them.
func (m *Model) Admit(ctx context.Context, ask Ask) error {
	if err := m.budget.admit(m.encoder, ask.Items); err != nil {
		return err
	}
	tokens := 0
	for i := range ask.Items {
		tokens += m.encoder.LeastTokens(&ask.Items[i])
	}
	return m.batcher.Admits(ctx, ask.Caller, len(ask.Items), tokens)
}

// Read renders, tokenizes and computes items, one reading per item, in order, whatever runs beside them. computed is
// how many tokens that took: what several share counts once, what is cached not at all. The error is of the whole
// request: of its budget, a *QueueFullError, ErrClosed, or that ctx was cancelled. When ctx's deadline passes, the
// items that are not read by then have its error.
func (m *Model) Read(ctx context.Context, ask Ask) (readings []Reading, computed int, err error) {
	ctx, span := m.traced(ctx, len(ask.Items))
	defer span.End()
	begin := time.Now()
	outcomes, err := m.encode(ctx, ask, false)
	if err != nil {
		return nil, 0, err
	}
	took := time.Since(begin)
	encoded(ctx, span, begin, took)
	readings = make([]Reading, len(outcomes))
	items := make([]encode.Encoded, 0, len(outcomes)) // those that have ids
	for i := range outcomes {
		readings[i] = m.begun(&outcomes[i])
		readings[i].Encode = took
		if outcomes[i].Err == nil {
			if ask.KeepIDs {
				readings[i].IDs = outcomes[i].IDs
			}
			items = append(items, outcomes[i].Encoded)
		}
	}
	if len(items) == 0 {
		return readings, 0, nil
	}
	read, err := m.ReadEncoded(ctx, ask.Caller, items)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, 0, err
	}
	next := 0 // of read
	for i := range readings {
		r := &readings[i]
		if r.Err != nil {
			continue
		}
		if r.Err = err; err == nil {
			of := &read[next]
			r.Rows, r.Err, r.Shared, r.Cached, r.Queue, r.Run = of.Rows, of.Err, of.Shared, of.Cached, of.Queue, of.Run
			next++
		}
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil, 0, ctx.Err()
	}
	return readings, computedTokens(items, read, m.whole()), nil
}

// whole tells whether sequences share what is computed only where they are the same: a padded graph computes each in a
// row of its own, and the tokens of an encoder see what follows them.
func (m *Model) whole() bool {
	g := &m.info.Manifest.Graph
	return g.Padded() || g.Bidirectional()
}

// Spell gives the text of each of the ids from the one at from on, as [tokenizer.Tokenizer.Spell] does.
func (m *Model) Spell(ids []int64, from int) []string { return m.encoder.Spell(ids, from) }

// Tokenize encodes items as [Model.Read] does, and gives what the model would see. Its error is of the whole request.
func (m *Model) Tokenize(ctx context.Context, ask Ask) ([]encode.Outcome, error) {
	return m.encode(ctx, ask, true)
}

// encode encodes the items and holds them to the budget.
func (m *Model) encode(ctx context.Context, ask Ask, keepText bool) ([]encode.Outcome, error) {
	if err := m.budget.admit(m.encoder, ask.Items); err != nil {
		return nil, err
	}
	outcomes, err := m.encoder.All(ctx, m.gate, ask.Items, encode.Options{Truncate: ask.Truncate, KeepText: keepText}, m.budget.Tokens)
	if err != nil {
		return nil, err
	}
	steps, numbers := 0, 0
	for i := range outcomes {
		if ask.Items[i].EveryToken && outcomes[i].Err == nil {
			numbers += len(outcomes[i].Positions) * len(m.info.Manifest.Graph.Labels)
		}
		if numbers > mostRows {
			return nil, fault.New(fault.CodeBudget, "the tokens of the first %d of %d items have vectors of %d numbers together, and those of one request may have %d",
				i+1, len(outcomes), numbers, mostRows)
		}
		if steps += len(outcomes[i].Steps); steps > m.budget.Steps {
			return nil, fault.New(fault.CodeBudget, "the first %d of %d items have %d steps, and one request may have %d", i+1, len(outcomes), steps, m.budget.Steps)
		}
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil, ctx.Err()
	}
	return outcomes, nil
}

// begun is the reading of an item that was encoded, before it is computed. It lets go of the ids.
func (m *Model) begun(o *encode.Outcome) Reading {
	r := Reading{
		Err: o.Err, Tokens: o.Tokens, Truncated: o.Truncated, Positions: len(o.Positions), Response: o.Response, Steps: o.Steps, Ends: o.Ends,
	}
	switch {
	case m.features != nil:
		r.features = o.IDs
	case m.info.Manifest.Kind == manifest.KindChoice && o.Err == nil:
		r.Candidate = o.IDs[len(o.IDs)-1]
	}
	return r
}

// ReadEncoded computes the readings of items that are encoded, in order. The error is of the whole submission.
func (m *Model) ReadEncoded(ctx context.Context, caller Caller, items []encode.Encoded) ([]Reading, error) {
	readings, err := m.rows(ctx, caller, m.sequences(caller, items))
	if err != nil {
		return nil, err
	}
	m.applyHead(ctx, items, readings)
	for i := range readings {
		if r := &readings[i]; r.Err == nil {
			if r.Err = m.finite(r.Rows); r.Err != nil {
				r.Rows = nil
			}
		}
	}
	return readings, nil
}

// sequences is what the batcher is to compute of items. Callers with a name share nothing with others, as if each had a
// cache of its own; those without one are the same to us.
func (m *Model) sequences(caller Caller, items []encode.Encoded) []batching.Sequence {
	space := batching.Space{Revision: m.info.Digest, Salt: caller.Name}
	sequences := make([]batching.Sequence, len(items))
	for i, item := range items {
		sequences[i] = batching.Sequence{IDs: item.IDs, Positions: item.Positions, Space: space}
	}
	return sequences
}

package commands

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/assay-rm/assay/commands/bulk"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/failure"
)

// How often rows whose forward failed are asked again, and what is waited before that. Where nothing else is answered
// either, so often again, and each wait is twice the one before.
const (
	mendTries = 5
	mendWait  = 500 * time.Millisecond
)

// passing tells the errors that are not of the row that has them: asked again, it would have another answer.
func passing(err *failure.Error) bool {
	switch err.Code {
	case failure.CodeQueueFull, failure.CodeClosed, failure.CodeDeadline, failure.CodeClientGone:
		return true
	}
	return false
}

// broken tells the errors of what answers, which may be of the moment, of the rows beside it, or of the row itself.
// Only asking again tells which.
func broken(err *failure.Error) bool {
	switch err.Code {
	case fault.CodeRun, fault.CodeRuntime, fault.CodeDevice, failure.CodeInternal, failure.CodeStateFailed:
		return true
	}
	return false
}

// errorOf is the first error of a row, or of any response in its answer, that is of such a kind; nil: there is none.
func errorOf[Q, R any](o *bulk.Outcome[Q, R], kind func(*failure.Error) bool) *failure.Error {
	if o.Err == nil || kind(o.Err) {
		return o.Err
	}
	if answer, ok := any(&o.Answer).(interface {
		Errors() iter.Seq[*failure.Error]
	}); ok {
		for err := range answer.Errors() {
			if err != nil && kind(err) {
				return err
			}
		}
	}
	return nil
}

// stillBroken are the rows whose forward failed.
func stillBroken[Q, R any](rows []*bulk.Outcome[Q, R]) (all []*bulk.Outcome[Q, R]) {
	for _, o := range rows {
		if errorOf(o, broken) != nil {
			all = append(all, o)
		}
	}
	return all
}

// ask asks rows together. Where all of them have no answer because the engine failed, each has that error.
func (w *work[Q, R, P]) ask(ctx context.Context, rows []*bulk.Outcome[Q, R]) error {
	for _, o := range rows {
		o.Refused = false
	}
	err := bulk.AskAll(ctx, w.engine, rows, w.view)
	switch why := failure.Of(err); {
	case ctx.Err() != nil:
		return ctx.Err()
	case why != nil && !broken(why):
		return err
	case why != nil:
		for _, o := range rows {
			o.Err, o.Refused = why, true
		}
	}
	for _, o := range rows {
		if o.Err == nil {
			w.answered.CompareAndSwap(nil, new(o.Asked))
			break
		}
	}
	return nil
}

// mend asks rows again whose forward failed: together first, and then each by itself, while nothing else of this run is
// asked, since a row may break the forward of those beside it. A row keeps its error only where it fails time after
// time while a row that was answered has its answer before and after. Else the error is not the row's, and it ends the
// run.
func (w *work[Q, R, P]) mend(ctx context.Context, rows []*bulk.Outcome[Q, R]) error {
	w.alone.Lock()
	defer w.alone.Unlock()
	wait, together := mendWait, len(rows)
	for tries, lost := 0, 0; tries < mendTries; {
		if lost == mendTries {
			return lostBy(rows[0])
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
		known, works, err := w.probe(ctx)
		if err != nil {
			return err
		}
		if works {
			tries, wait = tries+1, mendWait
		} else {
			lost, wait = lost+1, 2*wait
		}
		if known && !works {
			continue
		}
		for some := range slices.Chunk(rows, together) {
			if err := w.ask(ctx, some); err != nil {
				return err
			}
		}
		together = 1
		if rows = stillBroken(rows); len(rows) == 0 {
			return nil
		}
	}
	if _, works, err := w.probe(ctx); err != nil || works {
		return err
	}
	return lostBy(rows[0])
}

// lostBy is the error of a run in which nothing is answered any more, of which a row is the first.
func lostBy[Q, R any](o *bulk.Outcome[Q, R]) error {
	why := errorOf(o, broken)
	return fmt.Errorf("row %d: %s: %w; it was asked again for some time, and no other row is answered either, so this is kept as no row's answer",
		o.Number, why.Code, bulk.Explained(why))
}

// probe asks again a row that was answered in this run, if there is one, and tells whether it is.
func (w *work[Q, R, P]) probe(ctx context.Context) (known, works bool, err error) {
	asked := w.answered.Load()
	if asked == nil {
		return false, false, nil
	}
	o := &bulk.Outcome[Q, R]{Asked: *asked}
	err = w.ask(ctx, []*bulk.Outcome[Q, R]{o})
	return true, err == nil && o.Err == nil, err
}

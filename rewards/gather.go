package rewards

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
)

// need is what a request needs of one source: readings of items, or only what the source would see of them.
type need struct {
	source   Source
	items    []encode.Item
	truncate encode.Truncation
	refused  map[int]error // items that are not asked for, and why
	seen     bool          // only what the source would see
	keepIDs  bool          // readings keep the ids of their items
}

// gathered is what one source gave for a need: for each item, in order, a reading or what the source would see.
type gathered struct {
	readings []models.Reading
	seen     []encode.Outcome
	computed int // tokens, for all of the readings
}

// gather asks every source whether it admits what is needed of it before any is asked to read, so that none reads in
// vain for a request that another one refuses. All read at the same time. The error is of the whole request; a deadline
// that passes fails items only, and so does one of several sources that cannot read.
func gather(ctx context.Context, caller models.Caller, needs []need) ([]gathered, error) {
	asks := make([]models.Ask, len(needs))
	for i := range needs {
		n := &needs[i]
		asks[i] = models.Ask{Caller: caller, Items: n.fit(), Truncate: n.truncate, KeepIDs: n.keepIDs}
		if n.seen || len(asks[i].Items) == 0 {
			continue // what only shows what it would see has no queue
		}
		if err := n.source.Admit(ctx, asks[i]); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return nil, err
		}
	}
	all := make([]gathered, len(needs))
	var err error
	if len(needs) == 1 {
		all[0], err = needs[0].of(ctx, asks[0])
	} else {
		together(ctx, needs, asks, all)
	}
	if err == nil && errors.Is(ctx.Err(), context.Canceled) {
		err = ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	return all, nil
}

// together asks several sources at the same time. What one of them cannot read at all is an error of each of its items,
// so that what the others gave is not lost.
func together(ctx context.Context, needs []need, asks []models.Ask, all []gathered) {
	var reading sync.WaitGroup
	for i := range needs {
		reading.Go(func() {
			var err error
			if all[i], err = needs[i].of(ctx, asks[i]); err == nil {
				return
			}
			all[i].readings = make([]models.Reading, len(needs[i].items))
			for k := range all[i].readings {
				all[i].readings[k].Err = err
			}
		})
	}
	reading.Wait()
}

// fit lists the items that are not refused.
func (n *need) fit() []encode.Item {
	if len(n.refused) == 0 {
		return n.items
	}
	fit := make([]encode.Item, 0, len(n.items))
	for i := range n.items {
		if n.refused[i] == nil {
			fit = append(fit, n.items[i])
		}
	}
	return fit
}

// of asks the need's source.
func (n *need) of(ctx context.Context, ask models.Ask) (g gathered, err error) {
	shows, ok := n.source.(tokenizer)
	switch {
	case n.seen && !ok:
		return g, errors.New("the source does not show what it sees")
	case n.seen:
		if len(ask.Items) > 0 {
			g.seen, err = shows.Tokenize(ctx, ask)
		}
		g.seen, err = complete(n, g.seen, err, func(err error) encode.Outcome { return encode.Outcome{Err: err} })
	default:
		if len(ask.Items) > 0 {
			g.readings, g.computed, err = n.source.Read(ctx, ask)
		}
		g.readings, err = complete(n, g.readings, err, func(err error) models.Reading { return models.Reading{Err: err} })
	}
	return g, err
}

// complete puts the refused items back among what a source gave for the others. Where the source gave nothing since the
// deadline passed, that is what is said of each of the others.
func complete[T any](n *need, given []T, err error, failed func(error) T) ([]T, error) {
	late := errors.Is(err, context.DeadlineExceeded)
	if err != nil && !late {
		return nil, err
	}
	if len(n.refused) == 0 && !late {
		if len(given) != len(n.items) {
			return nil, fmt.Errorf("the source gave %d readings of %d items", len(given), len(n.items))
		}
		return given, nil
	}
	all := make([]T, len(n.items))
	for i := range all {
		switch why := n.refused[i]; {
		case why != nil:
			all[i] = failed(why)
		case late:
			all[i] = failed(err)
		case len(given) == 0:
			return nil, fmt.Errorf("the source gave too few readings of %d items", len(n.items)-len(n.refused))
		default:
			all[i], given = given[0], given[1:]
		}
	}
	return all, nil
}

package encode

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/assay-rm/assay/models/fault"
)

// Options say how items are encoded.
type Options struct {
	Truncate Truncation
	KeepText bool // Encoded has the text that was tokenized; else it is let go of at once
	Hurry    bool // an item with too many tokens is refused as soon as that is known, without counting how many it has
}

// Outcome is one item after encoding: its ids, or why there are none.
type Outcome struct {
	Encoded
	Err error // *fault.Error, ctx's, or that of a panic; then Encoded has at most the number of tokens
}

// All encodes the items of one request side by side, as far as the gate lets them, and gives one outcome per item, in
// order. Items that are left when ctx ends have its error. The error is of the whole request: its items have more than
// so many tokens together, which is found out long before all of them are encoded.
func (e *Encoder) All(ctx context.Context, gate *Gate, items []Item, options Options, tokens int) ([]Outcome, error) {
	options.Hurry = options.Hurry || len(items) > countedItems
	outcomes := make([]Outcome, len(items))
	items = e.inOneText(items)
	var total int
	if len(items) == 1 { // as most requests have: nothing is beside it
		outcomes[0] = e.one(ctx, gate, asked{Item: items[0]}, options)
		total = len(outcomes[0].IDs)
	} else {
		total = e.sideBySide(ctx, gate, items, options, tokens, outcomes)
	}
	if total > tokens {
		return nil, fault.New(fault.CodeBudget, "the items have more than %d tokens together, and one request may have %d", total-1, tokens)
	}
	return outcomes, nil
}

// sideBySide fills in the outcome of each item. It gives the tokens of all, and begins no item once they are too many.
func (e *Encoder) sideBySide(ctx context.Context, gate *Gate, items []Item, options Options, tokens int, outcomes []Outcome) (total int) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var sum, next atomic.Int64
	members := e.families(items)
	order := inFamilies(members)
	work := func() {
		for n := int(next.Add(1)) - 1; n < len(items); n = int(next.Add(1)) - 1 {
			i := order[n]
			outcomes[i] = e.one(ctx, gate, asked{items[i], members[i]}, options)
			members[i].done()
			if sum.Add(int64(len(outcomes[i].IDs))) > int64(tokens) {
				cancel()
			}
		}
	}
	workers := min(len(items), runtime.GOMAXPROCS(0))
	var group sync.WaitGroup
	for range workers - 1 {
		group.Go(work)
	}
	work()
	group.Wait()
	return int(sum.Load())
}

// one is an item's way through the gate. No input may end the process, so a panic on the way is the item's own error.
func (e *Encoder) one(ctx context.Context, gate *Gate, item asked, options Options) (out Outcome) {
	weight := gate.weight(e.weight(&item.Item))
	if err := gate.enter(ctx, weight); err != nil {
		return Outcome{Err: err}
	}
	defer gate.leave(weight)
	defer func() {
		if value := recover(); value != nil {
			out = Outcome{Err: fmt.Errorf("panic: %v\n%s", value, debug.Stack())}
		}
	}()
	encoded, err := e.whole(ctx, item, options)
	if err != nil {
		return Outcome{Encoded: Encoded{Tokens: encoded.Tokens}, Err: err}
	}
	return Outcome{Encoded: encoded}
}

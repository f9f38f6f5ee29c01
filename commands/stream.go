package commands

import (
	"context"
	"errors"
	"io"

	"golang.org/x/sync/errgroup"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
)

// chunksAhead is how many chunks are asked before the oldest is answered, so that a model never waits for the reader.
const chunksAhead = 2

// question is what an offline command asks of the engine for each line Q, and gives back as R.
type question[Q, R any] interface {
	// ask answers every line, in order. Its error is of the command, not of a line.
	ask(ctx context.Context, engine *rewards.Engine, lines []Q) ([]R, error)
	// failed is the first problem in an answer, nil where all of it succeeded.
	failed(answer R) *failure.Error
}

// outcome is what became of a line: an answer, or the problem that kept it from being asked.
type outcome[Q, R any] struct {
	number  int
	asked   Q
	answer  R
	problem *failure.Error // of the line, or the first in its answer
	refused bool           // the line was not asked
}

// answered are the outcomes of a chunk, and where in the input it ends.
type answered[Q, R any] struct {
	outcomes []outcome[Q, R]
	end      int64
}

// stream asks the question of every line, in chunks, and emits the outcomes in the lines' order. It holds a few chunks in
// memory whatever the input's length. When ctx ends it returns although a read may still wait for a terminal: nothing can
// interrupt that.
func stream[Q, R any, P form[Q]](
	ctx context.Context, engine *rewards.Engine, in *lineReader, chunk int, q question[Q, R], emit func(answered[Q, R]) error,
) error {
	group, ctx := errgroup.WithContext(ctx)
	slots := make(chan chan answered[Q, R], chunksAhead-1) // in the lines' order; each gets its chunk's outcomes
	reads := readChunks(ctx, in, chunk)
	group.Go(func() error {
		defer close(slots)
		for {
			next, err := receive(ctx, reads)
			if err != nil {
				return err
			}
			slot := make(chan answered[Q, R], 1)
			if err := send(ctx, slots, slot); err != nil {
				return err
			}
			group.Go(func() error {
				outcomes, err := answer[Q, R, P](ctx, engine, next.lines, q)
				if err == nil {
					slot <- answered[Q, R]{outcomes, next.end}
				}
				return err
			})
			if errors.Is(next.err, io.EOF) {
				return nil
			}
			if next.err != nil {
				return next.err
			}
		}
	})
	group.Go(func() error { return emitAll(ctx, slots, emit) })
	return group.Wait()
}

// emitAll emits what the slots get, slot by slot, until they are closed.
func emitAll[T any](ctx context.Context, slots <-chan chan T, emit func(T) error) error {
	for slot := range slots {
		done, err := receive(ctx, slot)
		if err != nil {
			return err
		}
		if err := emit(done); err != nil {
			return err
		}
	}
	return nil
}

// chunkRead is what one read gave.
type chunkRead struct {
	lines []line
	end   int64
	err   error
}

// readChunks reads on a goroutine that ends with the input or ctx; it alone is not waited for.
func readChunks(ctx context.Context, in *lineReader, chunk int) <-chan chunkRead {
	reads := make(chan chunkRead)
	go func() {
		for {
			lines, err := in.chunk(chunk)
			if send(ctx, reads, chunkRead{lines, in.bytes, err}) != nil || err != nil {
				return
			}
		}
	}()
	return reads
}

func receive[T any](ctx context.Context, from <-chan T) (value T, err error) {
	select {
	case value = <-from:
		return value, nil
	case <-ctx.Done():
		return value, ctx.Err()
	}
}

func send[T any](ctx context.Context, to chan<- T, value T) error {
	select {
	case to <- value:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// answer decodes the lines and asks those that are well formed.
func answer[Q, R any, P form[Q]](ctx context.Context, engine *rewards.Engine, lines []line, q question[Q, R]) ([]outcome[Q, R], error) {
	outcomes := make([]outcome[Q, R], len(lines))
	var asked []Q
	var at []int // asked[k] is of lines[at[k]]
	for i := range lines {
		o := &outcomes[i]
		o.number, o.problem = lines[i].number, lines[i].decode(P(&o.asked))
		if o.refused = o.problem != nil; !o.refused {
			asked, at = append(asked, o.asked), append(at, i)
		}
	}
	if len(asked) == 0 {
		return outcomes, nil
	}
	answers, err := q.ask(ctx, engine, asked)
	if err != nil {
		return nil, err
	}
	for k, i := range at {
		outcomes[i].answer, outcomes[i].problem = answers[k], q.failed(answers[k])
	}
	return outcomes, nil
}

// oneByOne asks about every line on its own, several at a time, so that a line that the engine refuses fails alone.
func oneByOne[Q, R any](ctx context.Context, lines []Q, ask func(context.Context, Q) (R, error), refused func(*failure.Error) R) ([]R, error) {
	answers := make([]R, len(lines))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for i := range lines {
		group.Go(func() error {
			given, err := ask(ctx, lines[i])
			if why := failure.Of(err); why != nil {
				if ofCommand(why) {
					return err
				}
				given = refused(why)
			}
			answers[i] = given
			return nil
		})
	}
	return answers, group.Wait()
}

// ofCommand tells the errors that every line would have from those of one line.
func ofCommand(err *failure.Error) bool {
	switch err.Code {
	case fault.CodeModel, fault.CodeKind, failure.CodeActivation, failure.CodeLabel, failure.CodeClientGone, failure.CodeClosed:
		return true
	}
	return false
}

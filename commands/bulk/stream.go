// Package bulk asks a question about every line of a file, whatever its length: it reads lines in bounded memory, asks
// about several chunks of them at once, and gives the answers in the lines' order.
//
//	Reader    lines → chunks of lines, each read as the server reads a body
//	Parquet   rows of a Parquet file → chunks of lines, each a JSON object of the row's columns
//	Stream    chunks → answers, in order, a few chunks ahead
//	Writer    answers → JSON lines, or a table for people
package bulk

import (
	"context"
	"errors"
	"io"

	"golang.org/x/sync/errgroup"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/client"
	"github.com/assay-rm/assay/server/problem"
)

// chunksAhead is how many chunks are asked before the oldest is answered, so that a model never waits for the reader.
const chunksAhead = 2

// Engine is what questions are asked of: a [rewards.Engine].
type Engine interface {
	Ask(ctx context.Context, request rewards.Request) (rewards.Answer, error)
}

// Question is what an offline command asks of the engine for each line Q, and gives back as R.
type Question[Q, R any] interface {
	// Ask answers every line, in order. Its error is of the command, not of a line.
	Ask(ctx context.Context, engine Engine, lines []Q) ([]R, error)
	// Failed is the first problem in an answer, nil where all of it succeeded.
	Failed(answer R) *failure.Error
}

// Outcome is what became of a line: an answer, or the problem that kept it from being asked.
type Outcome[Q, R any] struct {
	Number  int
	Asked   Q
	Answer  R
	Err     *failure.Error // of the line, or the first in its answer
	Refused bool           // the line was not asked
	Ignored []string       // columns of the line that were passed over, in the order of their names
}

// Chunk has the outcomes of a chunk, and where in the input it ends.
type Chunk[Q, R any] struct {
	Outcomes []Outcome[Q, R]
	End      int64
}

// Stream asks the question of every line, in chunks, and emits the outcomes in the lines' order. It holds a few chunks
// in memory whatever the input's length. When ctx ends it returns although a read may still wait for a terminal:
// nothing can interrupt that.
func Stream[Q, R any, P Form[Q]](
	ctx context.Context, engine Engine, in Source, chunk int, q Question[Q, R], emit func(Chunk[Q, R]) error,
) error {
	decode := func(l *Line, into *Q) ([]string, *failure.Error) { return l.Sample(P(into)) }
	return stream(ctx, engine, in, chunk, decode, q, emit)
}

// StreamRows is [Stream] for rows that are not of the wire: decode reads one, or says what is wrong with it.
func StreamRows[Q, R any](
	ctx context.Context, engine Engine, in Source, chunk int, decode func(text []byte) (Q, *failure.Error),
	q Question[Q, R], emit func(Chunk[Q, R]) error,
) error {
	return stream(ctx, engine, in, chunk, func(l *Line, into *Q) (ignored []string, err *failure.Error) {
		if l.err != nil {
			return nil, l.err
		}
		*into, err = decode(l.text)
		return nil, err
	}, q, emit)
}

func stream[Q, R any](
	ctx context.Context, engine Engine, in Source, chunk int, decode func(*Line, *Q) ([]string, *failure.Error),
	q Question[Q, R], emit func(Chunk[Q, R]) error,
) error {
	group, ctx := errgroup.WithContext(ctx)
	slots := make(chan chan Chunk[Q, R], chunksAhead-1) // in the lines' order; each gets its chunk's outcomes
	reads := readChunks(ctx, in, chunk)
	group.Go(func() error {
		defer close(slots)
		for {
			next, err := receive(ctx, reads)
			if err != nil {
				return err
			}
			slot := make(chan Chunk[Q, R], 1)
			if err := send(ctx, slots, slot); err != nil {
				return err
			}
			group.Go(func() error {
				outcomes, err := answer(ctx, engine, next.lines, decode, q)
				if err == nil {
					slot <- Chunk[Q, R]{outcomes, next.end}
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
	lines []Line
	end   int64
	err   error
}

// readChunks reads on a goroutine that ends with the input or ctx; it alone is not waited for.
func readChunks(ctx context.Context, in Source, chunk int) <-chan chunkRead {
	reads := make(chan chunkRead)
	go func() {
		for {
			lines, err := in.Chunk(chunk)
			if send(ctx, reads, chunkRead{lines, in.Done(), err}) != nil || err != nil {
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
func answer[Q, R any](
	ctx context.Context, engine Engine, lines []Line, decode func(*Line, *Q) ([]string, *failure.Error), q Question[Q, R],
) ([]Outcome[Q, R], error) {
	outcomes := make([]Outcome[Q, R], len(lines))
	fit := make([]*Outcome[Q, R], 0, len(lines))
	for i := range lines {
		o := &outcomes[i]
		o.Number = lines[i].Number
		o.Ignored, o.Err = decode(&lines[i], &o.Asked)
		if o.Refused = o.Err != nil; !o.Refused {
			fit = append(fit, o)
		}
	}
	if len(fit) == 0 {
		return outcomes, nil
	}
	return outcomes, AskAll(ctx, engine, fit, q)
}

// AskAll asks about lines that were read, and puts the answers into them. Lines that are more together than one request
// may be are asked half by half: so a line is refused only where it alone is too much, as it would be by a server.
func AskAll[Q, R any](ctx context.Context, engine Engine, lines []*Outcome[Q, R], q Question[Q, R]) error {
	asked := make([]Q, len(lines))
	for i, o := range lines {
		asked[i] = o.Asked
	}
	answers, err := q.Ask(ctx, engine, asked)
	switch half := len(lines) / 2; {
	case err == nil:
		for i, o := range lines {
			o.Answer, o.Err = answers[i], q.Failed(answers[i])
		}
		return nil
	case !TooMuch(failure.Of(err)):
		return err
	case half == 0:
		lines[0].Err, lines[0].Refused = failure.Of(err), true
		return nil
	default:
		if err := AskAll(ctx, engine, lines[:half], q); err != nil {
			return err
		}
		return AskAll(ctx, engine, lines[half:], q)
	}
}

// TooMuch tells an error of what one request may ask for, which a line alone may have too.
func TooMuch(err *failure.Error) bool {
	return err.Code == fault.CodeBudget || err.Code == failure.CodeTooManyItems || err.Code == problem.CodeBodyTooLarge
}

// OneByOne asks about every line on its own, several at a time, so that a line that the engine refuses fails alone.
func OneByOne[Q, R any](ctx context.Context, lines []Q, ask func(context.Context, Q) (R, error), refused func(*failure.Error) R) ([]R, error) {
	answers := make([]R, len(lines))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for i := range lines {
		group.Go(func() error {
			given, err := ask(ctx, lines[i])
			if why := failure.Of(err); why != nil {
				if OfCommand(why) {
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

// OfCommand tells the errors that every line would have from those of one line.
func OfCommand(err *failure.Error) bool {
	switch err.Code {
	case fault.CodeModel, fault.CodeKind, failure.CodeDigest, failure.CodeActivation, failure.CodeLabel, failure.CodeClientGone, failure.CodeClosed,
		client.CodeUnreachable:
		return true
	}
	return false
}

package batching

import (
	"errors"
	"fmt"
	"time"
)

// Errors of admission, returned by [Batcher.Submit] for a whole submission.
var (
	ErrQueueFull = errors.New("queue full")     // as a [*QueueFullError]; trying again later can succeed
	ErrClosed    = errors.New("batcher closed") // also the Err of a [Result] that a stopped batcher left unanswered
)

// Errors of one item, found in [Result.Err] beside a runner's own and a context's.
var (
	ErrSequence = errors.New("bad sequence") // no ids, no read position, or a read position out of order or range
)

// QueueFullError says what waits and when to come back. It matches [ErrQueueFull].
type QueueFullError struct {
	Items, Tokens           int // waiting now
	MaxItems, MaxTokens     int // the limits
	AskedItems, AskedTokens int // of the refused submission; AskedItems above MaxItems never fits and must be split

	Wait time.Duration // expected for the refused submission, at the recent rate
	Left time.Duration // until its deadline, when that is why it was refused; else 0

	RetryAfter time.Duration // when the queue should be empty at the recent rate, or short enough for the deadline
}

// Error implements error.
func (e *QueueFullError) Error() string {
	if e.AskedItems > e.MaxItems {
		return fmt.Sprintf("queue full: a submission of %d items exceeds the limit of %d", e.AskedItems, e.MaxItems)
	}
	if e.Left > 0 {
		return fmt.Sprintf("queue full: an answer is expected after about %v, and the deadline is in %v", e.Wait.Round(time.Millisecond), e.Left.Round(time.Millisecond))
	}
	return fmt.Sprintf("queue full: %d items and %d tokens wait (limits %d and %d), %d items and %d tokens more asked",
		e.Items, e.Tokens, e.MaxItems, e.MaxTokens, e.AskedItems, e.AskedTokens)
}

// Unwrap returns [ErrQueueFull].
func (*QueueFullError) Unwrap() error { return ErrQueueFull }

// PanicError is a panic of a runner, recovered. Only the sequences of the plan it panicked on see it.
type PanicError struct {
	Value any    // what it panicked with
	Stack []byte // of the goroutine at the panic, for a log
}

// Error implements error; it leaves the stack out.
func (e *PanicError) Error() string { return fmt.Sprintf("runner panicked: %v", e.Value) }

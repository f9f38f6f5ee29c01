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
	// Room is the part of the queue that has no place: "queue", all of it; "bulk", what bulk callers may fill; "caller", what one caller
	// may. It is empty where there is place, and an answer would come too late.
	Room string

	Items, Tokens           int // places taken there
	MaxItems, MaxTokens     int // places that it has
	AskedItems, AskedTokens int // places that the refused submission would take: never more than its share, however large it is

	Wait time.Duration // expected for the refused submission, at the recent rate, when that is why it was refused; else 0
	Left time.Duration // until its deadline, likewise

	RetryAfter time.Duration // when there should be place, or time enough, at the recent rate: between 1 s and 60 s
}

// Error implements error.
func (e *QueueFullError) Error() string {
	if e.Left > 0 {
		return fmt.Sprintf("queue full: an answer is expected after about %v, and the deadline is in %v", e.Wait.Round(time.Millisecond), e.Left.Round(time.Millisecond))
	}
	of := map[string]string{"bulk": " of bulk", "caller": " of the caller"}[e.Room]
	return fmt.Sprintf("queue full: %d items and %d tokens%s wait (limits %d and %d), %d items and %d tokens more asked",
		e.Items, e.Tokens, of, e.MaxItems, e.MaxTokens, e.AskedItems, e.AskedTokens)
}

// Unwrap returns [ErrQueueFull].
func (*QueueFullError) Unwrap() error { return ErrQueueFull }

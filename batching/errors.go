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
	ErrSequence = errors.New("bad sequence") // no ids, no read position, one out of order or range, or two revisions
)

// QueueFullError says what waits and when to come back. It matches [ErrQueueFull].
type QueueFullError struct {
	// Room is the part of the queue that has no place: "queue" is all of it, "bulk" what bulk callers may fill,
	// "interactive" what the others may once a bulk one has asked, "caller" what one caller may, or all without a name
	// once a named one has. It is empty where there is place, but an answer would come too late.
	Room string

	Items, Tokens       int // places taken there
	MaxItems, MaxTokens int // places that it has

	// Places that the refused submission would take: its share at most, however large it is, and so never more than
	// there are. It finds place as soon as enough of these are free.
	AskedItems, AskedTokens int

	// Why a submission was refused that found place; else 0.
	Wait time.Duration // until its answer, as expected at the recent rate
	Left time.Duration // until its deadline

	RetryAfter time.Duration // when there should be place, or time enough, at the recent rate: between 1 s and 60 s
}

// Error implements error.
func (e *QueueFullError) Error() string {
	if e.Left > 0 {
		return fmt.Sprintf("queue full: an answer is expected after about %v, and the deadline is in %v",
			e.Wait.Round(time.Millisecond), e.Left.Round(time.Millisecond))
	}
	return fmt.Sprintf("queue full: %d items and %d tokens take places of %s (limits %d and %d), %d and %d more are asked",
		e.Items, e.Tokens, e.Room, e.MaxItems, e.MaxTokens, e.AskedItems, e.AskedTokens)
}

// Unwrap returns [ErrQueueFull].
func (*QueueFullError) Unwrap() error { return ErrQueueFull }

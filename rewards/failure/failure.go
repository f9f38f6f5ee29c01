// Package failure says why a request, or one item of it, has no answer: by a code that never changes and one sentence.
//
// What a protocol makes of a code, such as a status, is not said here.
package failure

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/fault"
)

// Error is why there is no answer. Errors of items are values of an answer, and those of requests are returned.
type Error struct {
	Code       string        // one of the codes below, of package fault, or of whoever read the request
	Detail     string        // one sentence for the client, which names the field, the limit and the value
	RetryAfter time.Duration // when to try again; 0: no advice
	Cause      error         // for a log, never for a client; may be nil
}

// Codes of errors that no model names; package fault has the others.
const (
	CodeInvalidField = "invalid_field"     // a value that the request may not have
	CodeTooManyItems = "too_many_items"    // more items or responses than one request may have
	CodeActivation   = "bad_activation"    // an activation that makes no sense under the model
	CodeLabel        = "unknown_label"     // a label that the model does not have
	CodeRecipe       = "no_reward"         // a recipe that has no number for what was read of an item
	CodeDigest       = "digest_differs"    // what answers is not what the request expects
	CodeInUse        = "in_use"            // a recipe reads the model that is to go
	CodeUndefined    = "undefined"         // a number of a group, or a selection among it, that these responses do not have
	CodeQueueFull    = "queue_full"        // no room in the queue, or no time behind what waits in it
	CodeClosed       = "shutting_down"     // the model takes no more items
	CodeDeadline     = "deadline_exceeded" // the deadline passed before the answer was there
	CodeClientGone   = "client_gone"       // who asked does not wait for the answer any more
	CodeInternal     = "internal"          // a fault of ours

	CodeState       = "unknown_state"  // a state that was not declared, or any state of a server that keeps none
	CodeConflict    = "state_conflict" // a state that has another version, or another declaration
	CodeStateFull   = "state_full"     // a state, or what is kept of all states, at its bounds
	CodeStateFailed = "state_failed"   // the store of the states does not answer
	CodeMissing     = "state_missing"  // what a recipe needs of a state is not there
)

// Error gives the detail.
func (e *Error) Error() string { return e.Detail }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// New makes an error without a cause.
func New(code, format string, args ...any) *Error {
	return &Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// Within gives the same error with its detail led by the name of the field that it happened in.
func (e *Error) Within(field string) *Error {
	inner := *e
	inner.Detail = field + ": " + e.Detail
	return &inner
}

// Of gives any error its code: an Error is itself, the errors of models, of their queues and of contexts have codes of
// their own, and every other error is an internal one whose detail tells a client nothing. It is nil only for nil.
func Of(err error) *Error {
	if err == nil {
		return nil
	}
	var (
		known *Error
		of    *fault.Error
		full  *models.QueueFullError
		crash *models.PanicError
	)
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &full):
		return queueFull(full)
	case errors.Is(err, models.ErrClosed):
		return caused(err, CodeClosed, "the model takes no more items, since the server is stopping")
	case errors.Is(err, context.DeadlineExceeded):
		return caused(err, CodeDeadline, "the deadline passed before the answer was there")
	case errors.Is(err, context.Canceled):
		return caused(err, CodeClientGone, "the request was cancelled")
	case errors.As(err, &crash):
		return caused(err, fault.CodeRun, "the forward broke off")
	case errors.As(err, &of):
		return caused(of, of.Code, "%s", shown(of))
	}
	return caused(err, CodeInternal, "an error inside the server")
}

func caused(err error, code, format string, args ...any) *Error {
	e := New(code, format, args...)
	e.Cause = err
	return e
}

// shown is what a client may read of a model's error. The cause of a refusal is the client's to read; the cause of a
// fault of ours, such as a path or a library's message, is not.
func shown(of *fault.Error) string {
	switch of.Code {
	case fault.CodeBundle, fault.CodeRuntime, fault.CodeDevice, fault.CodeNotFinite, fault.CodeRun:
		return of.Detail
	}
	return of.Error()
}

// queueFull says what has no place, or no time. Nothing in it tells a caller of another one.
func queueFull(full *models.QueueFullError) *Error {
	waits := "wait"
	switch full.Room {
	case "interactive":
		waits = "of interactive callers wait"
	case "bulk":
		waits = "of bulk callers wait"
	case "caller":
		waits = "of this caller wait"
	}
	e := caused(full, CodeQueueFull, "%d items and %d tokens %s; the limits are %d and %d",
		full.Items, full.Tokens, waits, full.MaxItems, full.MaxTokens)
	if full.Left > 0 {
		e = caused(full, CodeQueueFull, "%d items wait, an answer is expected after about %d ms, and the deadline is in %d ms",
			full.Items, full.Wait.Milliseconds(), full.Left.Milliseconds())
	}
	e.RetryAfter = full.RetryAfter
	return e
}

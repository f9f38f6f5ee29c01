// Package problem is what HTTP makes of errors: the one table from their codes to statuses and sentences, which
// docs/API.md prints.
package problem

import (
	"errors"
	"iter"
	"net/http"
	"time"

	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/wire"
)

// Problem says why a request or one of its items failed. Its JSON is [wire.Problem]'s; it is an error itself.
type Problem struct {
	wire.Problem
	RetryAfter time.Duration // when to try again; 0: no advice
	Cause      error         // for a log, never for a client; may be nil
}

// Error gives the detail.
func (p *Problem) Error() string { return p.Detail }

// Unwrap gives the cause.
func (p *Problem) Unwrap() error { return p.Cause }

// New makes a problem of a code of the table; another code is a fault of the caller and panics.
func New(code, format string, args ...any) *Problem {
	if byCode[code] == nil {
		panic("problem: none has the code " + code)
	}
	return &Problem{Problem: Item(failure.New(code, format, args...))}
}

// Within gives the same problem with its detail led by the name of the field that it happened in.
func (p *Problem) Within(field string) *Problem {
	inner := *p
	inner.Detail = field + ": " + p.Detail
	return &inner
}

// Of maps any error to its problem: a problem to itself, what a decoder refuses to its code, and every other error to
// what [failure.Of] makes of it. It is nil only for nil.
func Of(err error) *Problem {
	if err == nil {
		return nil
	}
	if known, ok := errors.AsType[*Problem](err); ok {
		return known
	}
	if unread, ok := errors.AsType[*wire.Error](err); ok {
		return &Problem{Problem: Item(Refused(unread)), Cause: err}
	}
	why := failure.Of(err)
	return &Problem{Problem: Item(why), RetryAfter: why.RetryAfter, Cause: why.Cause}
}

// Refused is what a decoder refuses, as rewards say it.
func Refused(why *wire.Error) *failure.Error { return failure.New(why.Code, "%s", why.Error()) }

// Item is what an answer says of an item that failed. A code that the table does not have is a fault of ours, of which
// it says no more.
func Item(err *failure.Error) wire.Problem {
	if row := byCode[err.Code]; row != nil {
		return wire.Problem{Code: err.Code, Status: row.Status, Title: row.Title, Detail: err.Detail}
	}
	row := byCode[failure.CodeInternal]
	return wire.Problem{Code: row.Code, Status: row.Status, Title: row.Title, Detail: "an error inside the server"}
}

// Status is that of an answer with those errors: the one that all of them have where every item failed alike, and else
// 200.
func Status(errs iter.Seq[*failure.Error]) int {
	status := 0
	for err := range errs {
		if err == nil {
			return http.StatusOK
		}
		if of := Item(err).Status; status == 0 {
			status = of
		} else if of != status {
			return http.StatusOK
		}
	}
	if status == 0 {
		return http.StatusOK
	}
	return status
}

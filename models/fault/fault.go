// Package fault is the error that a caller can act on: a stable code, a sentence, and the cause.
package fault

import (
	"fmt"
	"strings"
)

// Error is a failure that a caller can act on.
type Error struct {
	Code   string // stable, one of the codes below
	Detail string // one sentence that names the field, the limit and the value
	Err    error  // the cause, if there is one
}

// Codes of [Error].
const (
	CodeBundle      = "bad_bundle"        // a bundle that cannot be loaded, or whose manifest does not hold
	CodeRuntime     = "runtime_missing"   // a native library is missing or of another version
	CodeDevice      = "no_device"         // a device that cannot be used
	CodeModel       = "unknown_model"     // no model of that name, or none named where several answer
	CodeKind        = "wrong_kind"        // the model answers another question
	CodeItem        = "bad_item"          // an item that gives no form, several, or an incomplete one
	CodeEmpty       = "empty_item"        // an item with no token
	CodeTemplate    = "template_error"    // the chat template refused the conversation
	CodeNoTemplate  = "no_template"       // the bundle has no chat template
	CodeTooLong     = "too_long"          // more tokens than limits.max_tokens
	CodeBudget      = "over_budget"       // more text or tokens than one request may have
	CodeID          = "id_out_of_range"   // an id outside the vocabulary
	CodeNoSeparator = "no_separator"      // a step request without a step separator
	CodeInText      = "separator_in_text" // the separator's token occurs inside a prompt or a step
	CodeBoundary    = "step_boundary"     // a step that ends inside a token
	CodeNotFinite   = "not_finite"        // NaN or infinity out of the graph
	CodeRun         = "run_failed"        // the forward failed
)

// Error gives the sentence.
func (e *Error) Error() string {
	if e.Err != nil {
		return e.Detail + ": " + e.Err.Error()
	}
	return e.Detail
}

// Because gives the error its cause, which its sentence then ends with.
func (e *Error) Because(cause error) *Error {
	e.Err = cause
	return e
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Short keeps what a client sent from filling a log or an answer.
func Short(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// New is an error of that code. It has no cause; [Error.Because] gives it one.
func New(code, format string, args ...any) *Error {
	return &Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}

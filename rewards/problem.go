package rewards

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/fault"
)

// Problem says why a request or one of its items failed. It is the JSON form of an error, both as an item's "error" and as the
// core of a problem-details answer, and it is an error itself.
type Problem struct {
	Code   string `json:"code" doc:"Stable name of the problem; docs/API.md lists them" example:"too_long"`
	Status int    `json:"status" doc:"HTTP status of the problem" example:"413"`
	Title  string `json:"title" doc:"The same sentence for every problem of this code"`
	Detail string `json:"detail" doc:"What is wrong here: the field, the limit, the value"`

	RetryAfter time.Duration `json:"-"` // when to try again; zero: no advice
	Cause      error         `json:"-"` // for a log, never for a client; may be nil
}

// Error gives the detail.
func (p *Problem) Error() string { return p.Detail }

// Unwrap gives the cause.
func (p *Problem) Unwrap() error { return p.Cause }

// Codes of problems that no model names; fault.Error has the others.
const (
	CodeBadJSON          = "bad_json"
	CodeUnknownField     = "unknown_field"
	CodeInvalidField     = "invalid_field"
	CodeTooManyItems     = "too_many_items"
	CodeBodyTooLarge     = "body_too_large"
	CodeBodyTimeout      = "body_timeout"
	CodeMediaType        = "unsupported_media_type"
	CodeUnauthorized     = "unauthorized"
	CodeNotFound         = "not_found"
	CodeMethodNotAllowed = "method_not_allowed"
	CodeActivation       = "bad_activation"
	CodeLabel            = "unknown_label"
	CodeQueueFull        = "queue_full"
	CodeClosed           = "shutting_down"
	CodeNotReady         = "not_ready"
	CodeDeadline         = "deadline_exceeded"
	CodeClientGone       = "client_gone"
	CodeInternal         = "internal"
)

// ProblemKind is a row of the table of problems.
type ProblemKind struct {
	Code   string
	Status int
	Title  string
	When   string // it happens
	Mend   string // what mends it
}

// kinds is the one table from a code to its status; docs/API.md prints it.
var kinds = []ProblemKind{
	{CodeBadJSON, 400, "The body is not JSON", "syntax error, not UTF-8, more than one value, empty body", "send one JSON object"},
	{CodeUnauthorized, 401, "A token is needed", "no `Authorization` header, or another token", "send `Authorization: Bearer TOKEN`"},
	{CodeNotFound, 404, "No such route", "path unknown", "`GET /openapi.json` lists the routes"},
	{fault.CodeModel, 404, "No such model", "`model` names none, or is left out where several answer", "`GET /v1/models` lists the names"},
	{CodeMethodNotAllowed, 405, "Method not allowed", "known path, other method", "the `Allow` header names the method"},
	{CodeBodyTimeout, 408, "The body came too slowly", "the body was not read in time", "send again, faster"},
	{CodeBodyTooLarge, 413, "The body is too large", "more bytes than the cap", "split the request"},
	{CodeTooManyItems, 413, "Too many items", "more items than one request, or than the queue, may hold", "split the request"},
	{fault.CodeTooLong, 413, "The item is too long", "more tokens than the model's `max_tokens`", "shorten it, or ask for `truncate`"},
	{CodeMediaType, 415, "Not JSON by its content type", "`Content-Type` missing or another", "send `Content-Type: application/json`"},
	{CodeUnknownField, 422, "Unknown field", "a field that the request does not have", "mind the spelling; the detail names the field"},
	{CodeInvalidField, 422, "Invalid field", "wrong type, null, missing, empty list, value out of range", "the detail names the field"},
	{fault.CodeKind, 422, "The model answers another question", "a process model asked for a reward, or the reverse", "the detail names what it answers"},
	{CodeActivation, 422, "The activation makes no sense here", "softmax over a single label", "ask for `none` or `sigmoid`"},
	{CodeLabel, 422, "No such label", "`label` is none of the model's", "`GET /v1/models` lists the labels"},
	{fault.CodeItem, 422, "The item is incomplete or ambiguous", "no form, several forms, half of one, or features or a user's vector that do not fit", "give exactly one form; the detail names what is missing"},
	{fault.CodeEmpty, 422, "The item has no token", "empty text or ids", "give it content"},
	{fault.CodeTemplate, 422, "The template refused the conversation", "roles or order that it does not know", "the detail is the template's own sentence"},
	{fault.CodeNoTemplate, 422, "The model has no chat template", "messages or a prompt for a bundle without one", "send `text` or `input_ids`"},
	{fault.CodeID, 422, "A token id is outside the vocabulary", "an id below 0, or not below `vocab_size`", "use this model's tokenizer"},
	{fault.CodeNoSeparator, 422, "The item has no step", "a step item without a separator or steps", "send `steps`, or `separator`"},
	{fault.CodeInText, 422, "The separator's token is inside the text", "a prompt or step that holds the step token", "remove it from the text"},
	{fault.CodeBoundary, 422, "A step ends inside a token", "a step whose end is no token's end", "end the step where a token ends, as at a line break"},
	{CodeQueueFull, 429, "The queue is full", "items or tokens waiting reach the limit, or the deadline would pass behind them", "try again after `Retry-After` seconds"},
	{CodeClientGone, 499, "The client is gone", "the connection closed before the answer (logged only)", "wait for the answer"},
	{fault.CodeBundle, 500, "The bundle does not hold", "a bundle that cannot be loaded", "`assay verify DIR` says what is wrong"},
	{fault.CodeRuntime, 500, "A native library is missing", "library missing or of another version", "`assay doctor` says which"},
	{fault.CodeDevice, 500, "The device cannot be used", "a GPU, its driver or a library of CUDA is missing", "the detail says which"},
	{fault.CodeNotFinite, 500, "The score is not finite", "NaN or infinity out of the graph or a transform", "check the model; the item has no score"},
	{fault.CodeRun, 500, "The forward failed", "the runtime returned an error", "see the server's log"},
	{CodeInternal, 500, "Internal error", "a fault of the server", "see the server's log, by `X-Request-Id`"},
	{CodeClosed, 503, "The server is shutting down", "it drains, or has stopped", "send it to another replica"},
	{CodeNotReady, 503, "The server is not ready", "a model's probe failed, or the server drains (`/readyz` only)", "the answer names each model and why"},
	{CodeDeadline, 504, "The deadline passed", "`timeout_ms` ended before the answer", "allow more time, or send less"},
}

var kindOf = func() map[string]ProblemKind {
	of := make(map[string]ProblemKind, len(kinds))
	for _, kind := range kinds {
		of[kind.Code] = kind
	}
	return of
}()

// ProblemKinds lists every problem there is, by status.
func ProblemKinds() []ProblemKind { return slices.Clone(kinds) }

// NewProblem makes a problem of a code of the table; another code is a fault of the caller and panics.
func NewProblem(code, format string, args ...any) *Problem {
	kind, ok := kindOf[code]
	if !ok {
		panic("rewards: no problem has the code " + code)
	}
	return &Problem{Code: code, Status: kind.Status, Title: kind.Title, Detail: fmt.Sprintf(format, args...)}
}

// Within gives the same problem with its detail led by the name of the field that it happened in.
func (p *Problem) Within(field string) *Problem {
	inner := *p
	inner.Detail = field + ": " + p.Detail
	return &inner
}

// ProblemOf maps any error to its problem: a problem to itself, the errors of models, of admission and of contexts to their
// codes, and every other error to an internal one whose detail tells a client nothing. It is nil only for nil.
func ProblemOf(err error) *Problem {
	if err == nil {
		return nil
	}
	var (
		problem *Problem
		failure *fault.Error
		full    *models.QueueFullError
		crash   *models.PanicError
	)
	switch {
	case errors.As(err, &problem):
		return problem
	case errors.As(err, &full):
		return fullProblem(full)
	case errors.Is(err, models.ErrClosed):
		return caused(err, CodeClosed, "the model takes no more items, since the server is stopping")
	case errors.Is(err, context.DeadlineExceeded):
		return caused(err, CodeDeadline, "the deadline passed before the answer was there")
	case errors.Is(err, context.Canceled):
		return caused(err, CodeClientGone, "the request was cancelled")
	case errors.As(err, &crash):
		return caused(err, fault.CodeRun, "the forward broke off")
	case errors.As(err, &failure) && kindOf[failure.Code] != ProblemKind{}:
		return modelProblem(failure)
	}
	return caused(err, CodeInternal, "an error inside the server")
}

func fullProblem(full *models.QueueFullError) *Problem {
	if full.AskedItems > full.MaxItems {
		return caused(full, CodeTooManyItems, "%d items are more than the queue's %d", full.AskedItems, full.MaxItems)
	}
	p := caused(full, CodeQueueFull, "%d items and %d tokens wait; the limits are %d and %d",
		full.Items, full.Tokens, full.MaxItems, full.MaxTokens)
	if full.Left > 0 {
		p = caused(full, CodeQueueFull, "%d items wait, an answer is expected after about %d ms, and the deadline is in %d ms",
			full.Items, full.Wait.Milliseconds(), full.Left.Milliseconds())
	}
	p.RetryAfter = full.RetryAfter
	return p
}

// modelProblem keeps the cause of a server's fault away from the client; the cause of a refusal is the client's to read.
func modelProblem(failure *fault.Error) *Problem {
	if kindOf[failure.Code].Status >= 500 {
		return caused(failure, failure.Code, "%s", failure.Detail)
	}
	return caused(failure, failure.Code, "%s", failure.Error())
}

func caused(err error, code, format string, args ...any) *Problem {
	p := NewProblem(code, format, args...)
	p.Cause = err
	return p
}

// FailedStatus is the status of a whole answer whose items all failed alike: the one that every problem has, or zero when they
// differ, when one is nil or when there are none.
func FailedStatus(problems []*Problem) int {
	status := 0
	for _, p := range problems {
		if p == nil || (status != 0 && p.Status != status) {
			return 0
		}
		status = p.Status
	}
	return status
}

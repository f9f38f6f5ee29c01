package problem

import (
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/wire"
)

// Codes of problems of HTTP itself. Packages wire, failure and fault have the others.
const (
	CodeUnauthorized     = "unauthorized"
	CodeForbidden        = "forbidden"
	CodeNotFound         = "not_found"
	CodeMethodNotAllowed = "method_not_allowed"
	CodeBodyTimeout      = "body_timeout"
	CodeBodyTooLarge     = "body_too_large"
	CodeMediaType        = "unsupported_media_type"
	CodeNotReady         = "not_ready"
	CodeBadBody          = "bad_body"
	CodeRateLimited      = "rate_limited"
	CodeBodiesFull       = "bodies_full"
	CodeUnknownRun       = "unknown_run"

	CodeUnknownJob    = "unknown_job"
	CodeJobConflict   = "job_conflict"
	CodeJobUnfinished = "job_unfinished"
	CodeJobsFull      = "jobs_full"
	CodeJobsFailed    = "jobs_failed"
)

// row is a row of the table of problems.
type row struct {
	Code   string
	Status int
	Title  string
	When   string // it happens
	Mend   string // what mends it
}

// table is the one table from a code to its status, by status; docs/API.md prints it.
var table = []row{
	{
		wire.CodeBadJSON, 400, "The body is not JSON",
		"syntax error, not UTF-8, more than one value, empty body",
		"send one JSON object",
	},
	{
		CodeBadBody, 400, "The body is not what its headers say",
		"broken chunks, fewer bytes than `Content-Length`, broken gzip, deflate or zstd",
		"send what the headers announce",
	},
	{
		CodeUnauthorized, 401, "A token is needed",
		"no `Authorization` header, or another token",
		"send `Authorization: Bearer TOKEN`",
	},
	{
		CodeForbidden, 403, "The token does not let it",
		"a change of a state or of the models, or a recipe of the request's own, with a token that does not let it",
		"ask with a token whose line in the token file says `state=write`, `models=write` or `recipes=own`",
	},
	{CodeNotFound, 404, "No such route", "path unknown", "`GET /openapi.json` lists the routes"},
	{
		fault.CodeModel, 404, "No such model",
		"`model` names none, or is left out where several answer",
		"`GET /v1/models` lists the names",
	},
	{
		CodeUnknownRun, 404, "No such run",
		"no request of this caller has named the run, or it was forgotten",
		"send `X-Assay-Run`; `GET /v1/runs` lists the names",
	},
	{
		failure.CodeState, 404, "No such state",
		"a state that was not declared, or any where the server keeps none (`--state`)",
		"declare it by POST with `kind`; `GET /v1/state` lists the names",
	},
	{
		CodeUnknownJob, 404, "No such job",
		"a job of another caller, or one that was removed or has expired, or any where the server keeps none (`--jobs`)",
		"`GET /v1/jobs` lists the caller's",
	},
	{
		CodeMethodNotAllowed, 405, "Method not allowed",
		"known path, other method",
		"the `Allow` header names the method",
	},
	{CodeBodyTimeout, 408, "The body came too slowly", "the body was not read in time", "send again, faster"},
	{
		failure.CodeDigest, 409, "Another digest than expected",
		"`expect_digest` is not the digest of what would answer: a model, or a recipe or one of its models, is another",
		"score anew, or ask the server that has the old one",
	},
	{
		failure.CodeConflict, 409, "The state is another",
		"another version than `expect_version`, or a name that is declared otherwise",
		"read it again and decide anew, or delete it first",
	},
	{
		failure.CodeInUse, 409, "Something needs the model",
		"a recipe reads the model that is to be unloaded, or cannot read the one that is to take its place",
		"`detail` names the recipe; start the server without it, or load a bundle that it can read",
	},
	{
		CodeJobConflict, 409, "The job is another",
		"an `Idempotency-Key` that came before with another body, or that comes twice at once",
		"give each job a key of its own; a job that is still being sent can be sent again",
	},
	{
		CodeJobUnfinished, 409, "The job has not ended well",
		"the result of a job whose rows are not all done",
		"wait for `done`; `follow=true` waits, and `partial=true` gives what there is",
	},
	{CodeBodyTooLarge, 413, "The body is too large", "more bytes than the cap", "split the request"},
	{
		failure.CodeStateFull, 413, "The state is full",
		"more states, keys or bytes than there may be",
		"let it forget keys, or declare another with more `keys`",
	},
	{
		failure.CodeTooManyItems, 413, "Too many items",
		"more items than one request may have, or more responses than may be compared",
		"split the request",
	},
	{
		fault.CodeBudget, 413, "Too much for one request",
		"more text, tokens, steps or numbers of an answer than one request may have (`budget` of `GET /v1/models`), or more metadata",
		"split the request",
	},
	{
		fault.CodeTooLong, 413, "The item is too long",
		"more tokens than the model's `max_tokens`",
		"shorten it, or ask for `truncate`",
	},
	{
		CodeMediaType, 415, "The type or encoding of the body is not taken",
		"`Content-Type` missing or another, `Content-Encoding` none of gzip, deflate and zstd",
		"send `Content-Type: application/json`, of jobs `application/x-ndjson`, and no encoding or one of these",
	},
	{
		wire.CodeUnknownField, 422, "Unknown field",
		"a field that the request does not have",
		"mind the spelling; the detail names the field",
	},
	{
		failure.CodeInvalidField, 422, "Invalid field",
		"wrong type, null, missing, empty list, value out of range",
		"the detail names the field",
	},
	{
		fault.CodeKind, 422, "The model answers another question",
		"a process model asked for a reward, or the reverse",
		"the detail names what it answers",
	},
	{
		failure.CodeActivation, 422, "The activation makes no sense here",
		"softmax over a single label",
		"ask for `none` or `sigmoid`",
	},
	{
		failure.CodeMissing, 422, "The state has nothing",
		"a recipe reads what its state does not know yet, and gives no default",
		"update the state first; `detail` names it, and its key",
	},
	{
		failure.CodeRecipe, 422, "The recipe has no number", "an item's readings are outside of what the recipe's expression is defined for",
		"`detail` names the value; see the recipe's expression in `GET /v1/recipes`",
	},
	{
		failure.CodeUndefined, 422, "These responses do not have it",
		"a strategy or an aggregate that has no answer for the scores of a group, such as a fit to sure wins",
		"`detail` says why; the scores beside it hold",
	},
	{failure.CodeLabel, 422, "No such label", "`label` is none of the model's", "`GET /v1/models` lists the labels"},
	{
		fault.CodeItem, 422, "The item is incomplete or ambiguous",
		"no form, several forms, half of one, text that is not Unicode, or features, a user's vector, a reference or a principle that do not fit",
		"give exactly one form; the detail names what is missing",
	},
	{fault.CodeEmpty, 422, "The item has no token", "empty text or ids", "give it content"},
	{
		fault.CodeTemplate, 422, "The template refused the conversation",
		"roles or order that it does not know",
		"the detail is the template's own sentence",
	},
	{
		fault.CodeNoTemplate, 422, "The model has no chat template",
		"messages or a prompt for a bundle without one",
		"send `text` or `input_ids`",
	},
	{
		fault.CodeID, 422, "A token id is outside the vocabulary",
		"an id below 0, or not below `vocab_size`",
		"use this model's tokenizer",
	},
	{
		fault.CodeNoSeparator, 422, "The item has no step",
		"a step item without a separator or steps",
		"send `steps`, or `separator`",
	},
	{
		fault.CodeInText, 422, "The separator's token is inside the text",
		"a prompt or step that holds the step token",
		"remove it from the text",
	},
	{
		fault.CodeBoundary, 422, "A step ends inside a token",
		"a step whose end is no token's end",
		"end the step where a token ends, as at a line break",
	},
	{
		fault.CodeBundle, 422, "The bundle does not hold",
		"a bundle that cannot be loaded, or is not what its manifest says; what was served is served still",
		"`assay verify DIR` says what is wrong",
	},
	{
		failure.CodeQueueFull, 429, "The queue is full",
		"items or tokens waiting reach the limit, or the deadline would pass behind them",
		"try again after `Retry-After` seconds",
	},
	{
		CodeRateLimited, 429, "The caller's tokens are used up",
		"the token's `rate` of tokens per minute is exceeded",
		"try again after `Retry-After` seconds",
	},
	{
		CodeBodiesFull, 429, "Too many bodies at once",
		"the bodies of all requests in flight, or of one caller's, have no room for this one's",
		"try again after `Retry-After` seconds; smaller requests",
	},
	{
		CodeJobsFull, 429, "No more jobs",
		"the jobs that are kept, or those of one caller, reach their number, or their rows and results the size of the store",
		"delete jobs that are not needed any more, or try again after `Retry-After` seconds",
	},
	{
		failure.CodeClientGone, 499, "The client is gone",
		"the connection closed before the answer (logged only)",
		"wait for the answer",
	},
	{
		fault.CodeRuntime, 500, "A native library is missing",
		"library missing or of another version",
		"`assay doctor` says which",
	},
	{
		fault.CodeDevice, 500, "The device cannot be used",
		"a GPU, its driver or a library of CUDA is missing",
		"the detail says which",
	},
	{
		fault.CodeNotFinite, 500, "The score is not finite",
		"NaN or infinity out of the graph or a transform",
		"check the model; the item has no score",
	},
	{fault.CodeRun, 500, "The forward failed", "the runtime returned an error", "see the server's log"},
	{failure.CodeInternal, 500, "Internal error", "a fault of the server", "see the server's log, by `X-Request-Id`"},
	{
		failure.CodeStateFailed, 503, "The states cannot be reached",
		"the file or the database of the states does not answer",
		"send it again later; see the server's log",
	},
	{
		CodeJobsFailed, 503, "The jobs cannot be reached",
		"the store of the jobs does not answer",
		"send it again later; see the server's log",
	},
	{failure.CodeClosed, 503, "The server is shutting down", "it drains, or has stopped", "send it to another replica"},
	{
		CodeNotReady, 503, "The server is not ready",
		"a model's probe failed, or the server drains (`/readyz` only)",
		"the answer names each model and why",
	},
	{
		failure.CodeDeadline, 504, "The deadline passed",
		"`timeout_ms` ended before the answer",
		"allow more time, or send less",
	},
}

// byCode is the table by code.
var byCode = func() map[string]*row {
	rows := make(map[string]*row, len(table))
	for i := range table {
		rows[table[i].Code] = &table[i]
	}
	return rows
}()

// Rows lists every problem there is, by status.
func Rows() []wire.ProblemRow {
	rows := make([]wire.ProblemRow, len(table))
	for i, r := range table {
		rows[i] = wire.ProblemRow(r)
	}
	return rows
}

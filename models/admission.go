package models

import "github.com/assay-rm/assay/batching"

// What [Model.Read] says of a whole submission, and of a run: the batcher's own words, so that no room above names it.
type (
	// QueueFullError says what waits and when to come back.
	QueueFullError = batching.QueueFullError
	// Caller says who asks, and in which class.
	Caller = batching.Caller
	// PanicError is a panic of a forward, recovered.
	PanicError = batching.PanicError
)

// ErrClosed is what a stopping model answers.
var ErrClosed = batching.ErrClosed

// Limits of what waits for one model, unless [Options] say otherwise.
const (
	DefaultMaxItems  = batching.DefaultMaxItems
	DefaultMaxTokens = batching.DefaultMaxTokens
)

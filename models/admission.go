package models

import "github.com/assay-rm/assay/batching"

// What [Model.Read] says of a whole submission, and of forwards. They are the batcher's own, named here so that no
// room above needs to import it.
type (
	// QueueFullError says how much waits and when to come back.
	QueueFullError = batching.QueueFullError
	// Caller says who asks, and in which class.
	Caller = batching.Caller
	// PanicError is a panic of a forward, recovered.
	PanicError = batching.PanicError
)

// ErrClosed is what a model answers after [Model.Close].
var ErrClosed = batching.ErrClosed

// Limits of what waits for one model, unless [Options] say otherwise.
const (
	DefaultMaxItems  = batching.DefaultMaxItems
	DefaultMaxTokens = batching.DefaultMaxTokens
)

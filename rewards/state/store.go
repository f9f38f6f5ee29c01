package state

import (
	"context"
	"errors"
)

// Store keeps states. What it keeps survives the process, and a change is there whole or not at all, whenever the
// process ends. Its methods are safe for concurrent use. Names and keys are as [States] admits them, and values are
// JSON that a store does not look into. An error other than those below is of the store itself.
type Store interface {
	// Heads lists the states, by name.
	Heads(ctx context.Context) ([]Head, error)
	// Load gives a state with the cells of those keys that have one, in no order; of nil with all cells. Head and cells
	// are of one moment. ErrUnknown: there is no such state.
	Load(ctx context.Context, name string, keys []string) (Head, []Cell, error)
	// Swap writes changes if the state still has that version; version 0: if there is none. It gives the new version.
	// ErrConflict: somebody was faster, and nothing was written.
	Swap(ctx context.Context, version uint64, change *Change) (uint64, error)
	// Close frees what the store holds. Nothing may be asked of it afterwards.
	Close() error
}

// Head is what a store knows of a state beside its cells.
type Head struct {
	Name    string
	Spec    []byte // [Spec.Text]
	Version uint64 // of the last change, above 0; a store gives none twice, even to a state that was deleted meanwhile
	Keys    int    // cells
	Bytes   int64  // of them, as States counts them
}

// Cell is the value of one key.
type Cell struct {
	Key   string
	Value []byte // JSON; nil in a change: the cell goes
}

// Change is what one swap writes.
type Change struct {
	Head         // as it will be, without its version
	Cells []Cell // those that change, each key once
	Fresh bool   // every other cell goes
	Gone  bool   // the state goes, with all of its cells
}

// Errors of stores.
var (
	ErrUnknown  = errors.New("there is no such state")
	ErrConflict = errors.New("the state was changed meanwhile")
)

package commands

import (
	"context"
	"fmt"
	"strings"

	"github.com/assay-rm/assay/rewards/state"
	"github.com/assay-rm/assay/rewards/state/bolt"
	"github.com/assay-rm/assay/rewards/state/postgres"
)

// openStates opens where a server keeps its states: a file, or a database that replicas share; nil for nowhere. The
// states are to be closed when nothing asks them any more.
func openStates(ctx context.Context, where string) (*state.States, error) {
	if where == "" {
		return nil, nil //nolint:nilnil // a server without states is one
	}
	open := func() (state.Store, error) { return bolt.Open(where) }
	if strings.HasPrefix(where, "postgres://") || strings.HasPrefix(where, "postgresql://") {
		open = func() (state.Store, error) { return postgres.Open(ctx, where) }
	} else if strings.Contains(where, "://") {
		scheme, _, _ := strings.Cut(where, "://")
		return nil, usage("--state: %s:// is no place for states; give a file or postgres://USER:PASSWORD@HOST:PORT/DATABASE", scheme)
	}
	store, err := open()
	if err != nil {
		return nil, fmt.Errorf("--state: %w", err)
	}
	return state.New(store, state.Limits{}), nil
}

// closeStates closes states that were opened.
func closeStates(states *state.States) error {
	if states == nil {
		return nil
	}
	return states.Close()
}

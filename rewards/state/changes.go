package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/failure"
)

// Bounds of one call.
const (
	mostUpdates = 4096
	mostFits    = 16 // updates of users
)

// Update makes changes of cells in their order, all or none of them. An error names the update by its place. Where
// expect is not 0, the state must have that version, so that an update that is sent again after its answer was lost is
// not made twice.
func (s *States) Update(ctx context.Context, name string, updates []Update, expect uint64) (Info, error) {
	keys := map[string]bool{}
	if len(updates) < 1 || len(updates) > mostUpdates {
		return Info{}, invalid("updates", "are %d, and must be 1 to %d", len(updates), mostUpdates)
	}
	for i := range updates {
		if err := checkKey(updates[i].Key); err != nil {
			return Info{}, at("updates", i, err)
		}
		keys[updates[i].Key] = true
	}
	return s.change(ctx, name, sorted(keys), expect, func(info Info, cells map[string][]byte) (*Change, error) {
		after := map[string][]byte{}
		if info.Spec.Kind == Users && len(updates) > mostFits {
			return nil, invalid("updates", "are %d of users, and may be %d: each is a fit", len(updates), mostFits)
		}
		for i := range updates {
			u := &updates[i]
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			before, changed := after[u.Key]
			if !changed {
				before = cells[u.Key]
			}
			value, err := info.Spec.Apply(before, u)
			if err != nil {
				return nil, at("updates", i, err)
			}
			if len(value) > s.limits.Value {
				return nil, at("updates", i, failure.New(failure.CodeStateFull, "the value of key %q would have %d bytes, and may have %d",
					fault.Short(u.Key), len(value), s.limits.Value))
			}
			after[u.Key] = value
		}
		return s.replacing(&info, cells, after)
	})
}

// at leads an error by the place of an element.
func at(list string, i int, err error) error {
	return failure.Of(err).Within(fmt.Sprintf("%s[%d]", list, i))
}

// replacing is the change that puts cells in the place of those before; a nil value removes one.
func (s *States) replacing(info *Info, before, after map[string][]byte) (*Change, error) {
	change := &Change{Head: Head{Name: info.Name, Spec: info.Spec.Text(), Keys: info.Keys, Bytes: info.Bytes}}
	for _, key := range sorted(after) {
		if old, had := before[key]; had {
			change.Keys, change.Bytes = change.Keys-1, change.Bytes-costs(key, old)
		} else if after[key] == nil {
			continue
		}
		if after[key] != nil {
			change.Keys, change.Bytes = change.Keys+1, change.Bytes+costs(key, after[key])
		}
		change.Cells = append(change.Cells, Cell{key, after[key]})
	}
	return change, s.bounded(&info.Spec, change)
}

func costs(key string, value []byte) int64 { return int64(2*len(key) + len(value) + cellCosts) }

// bounded refuses a state over its bounds.
func (s *States) bounded(spec *Spec, change *Change) error {
	if change.Keys > spec.Keys {
		return failure.New(failure.CodeStateFull, "state %q would have %d keys, and may have %d", change.Name, change.Keys, spec.Keys)
	}
	if change.Bytes > s.limits.Bytes {
		return failure.New(failure.CodeStateFull, "state %q would have %d bytes, and may have %d", change.Name, change.Bytes, s.limits.Bytes)
	}
	return nil
}

// Reset removes those keys, or all of them where keys is nil, and leaves the state declared.
func (s *States) Reset(ctx context.Context, name string, keys []string, expect uint64) (Info, error) {
	load := keys
	if keys == nil {
		load = []string{}
	}
	return s.change(ctx, name, load, expect, func(info Info, cells map[string][]byte) (*Change, error) {
		if keys == nil {
			return &Change{Head: Head{Name: name, Spec: info.Spec.Text()}, Fresh: true}, nil
		}
		after := map[string][]byte{}
		for _, key := range keys {
			after[key] = nil
		}
		return s.replacing(&info, cells, after)
	})
}

// Delete removes a state, its declaration with it.
func (s *States) Delete(ctx context.Context, name string, expect uint64) error {
	_, err := s.change(ctx, name, []string{}, expect, func(Info, map[string][]byte) (*Change, error) {
		return &Change{Head: Head{Name: name}, Gone: true}, nil
	})
	return err
}

// Snapshot is a whole state at one moment.
type Snapshot struct {
	Spec  Spec
	Cells []Cell // by key
}

// Snapshot reads a whole state.
func (s *States) Snapshot(ctx context.Context, name string) (Info, Snapshot, error) {
	info, cells, err := s.load(ctx, name, nil)
	if err != nil {
		return Info{}, Snapshot{}, err
	}
	all := make([]Cell, 0, len(cells))
	for _, key := range sorted(cells) {
		all = append(all, Cell{key, cells[key]})
	}
	return info, Snapshot{info.Spec, all}, nil
}

// Restore puts a snapshot in the place of a state, at once, or makes the state where there is none. Every cell is
// proved first to be one that updates could have made.
func (s *States) Restore(ctx context.Context, name string, of *Snapshot) (Info, error) {
	spec, err := of.Spec.Checked()
	if err != nil {
		return Info{}, err
	}
	change := &Change{Head: Head{Name: name, Spec: spec.Text(), Keys: len(of.Cells)}, Fresh: true}
	seen := make(map[string]bool, len(of.Cells))
	for i, cell := range of.Cells {
		if seen[cell.Key] {
			return Info{}, at("cells", i, invalid("key", "%q is given twice", fault.Short(cell.Key)))
		}
		value, err := s.proved(&spec, &cell)
		if err != nil {
			return Info{}, at("cells", i, err)
		}
		seen[cell.Key] = true
		change.Cells = append(change.Cells, Cell{cell.Key, value})
		change.Bytes += costs(cell.Key, value)
	}
	if err := s.bounded(&spec, change); err != nil {
		return Info{}, err
	}
	return s.put(ctx, name, spec, change)
}

// proved gives the value of a cell that was written elsewhere, as it is written here.
func (s *States) proved(spec *Spec, cell *Cell) ([]byte, error) {
	if err := checkKey(cell.Key); err != nil {
		return nil, err
	}
	if len(cell.Value) > s.limits.Value {
		return nil, failure.New(failure.CodeStateFull, "the value has %d bytes, and may have %d", len(cell.Value), s.limits.Value)
	}
	of, err := kinds[spec.Kind].prove(spec, cell.Value)
	if err != nil {
		return nil, err
	}
	return json.Marshal(of)
}

// put swaps a change in that makes the whole state, whether there is one of that name or not.
func (s *States) put(ctx context.Context, name string, spec Spec, change *Change) (Info, error) {
	defer s.take(name)()
	for range mostTries {
		info, _, err := s.load(ctx, name, []string{})
		if err != nil && failure.Of(err).Code == failure.CodeState {
			err = s.roomForName(ctx, name)
		}
		if err != nil {
			return Info{}, err
		}
		version, err := s.store.Swap(ctx, info.Version, change)
		if err == nil {
			return Info{Name: name, Spec: spec, Version: version, Keys: change.Keys, Bytes: change.Bytes}, nil
		}
		if !errors.Is(err, ErrConflict) {
			return Info{}, failed(name, err)
		}
	}
	return Info{}, failed(name, ErrConflict)
}

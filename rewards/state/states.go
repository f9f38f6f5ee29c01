package state

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/failure"
)

// Limits bound what is kept. A field that is left at zero has its default.
type Limits struct {
	Names int   // states; 256
	Value int   // bytes of a cell's value; 1 MiB
	Bytes int64 // of a state: of each cell its value, twice its key and 64; 16 MiB
}

const (
	longestName = 64  // characters of a state's name
	longestKey  = 256 // bytes of a cell's key
	cellCosts   = 64  // bytes that a cell counts beside its key and value
)

// States are the states of one store. They are safe for concurrent use, and so are several States of one store, in one
// process or many.
type States struct {
	store  Store
	limits Limits

	mu      sync.Mutex
	turns   map[string]*turn // of the names that somebody changes now
	indexes map[string]versioned
}

// turn lets one change of a state after another be made in this process, so that they do not undo each other's work.
type turn struct {
	sync.Mutex
	waiting int
}

// New makes the states of a store, which they own from now on.
func New(store Store, limits Limits) *States {
	if limits.Names == 0 {
		limits.Names = 256
	}
	if limits.Value == 0 {
		limits.Value = 1 << 20
	}
	if limits.Bytes == 0 {
		limits.Bytes = 16 << 20
	}
	return &States{store: store, limits: limits, turns: map[string]*turn{}, indexes: map[string]versioned{}}
}

// Close closes the store.
func (s *States) Close() error { return s.store.Close() }

// Info is what can be known of a state without its cells.
type Info struct {
	Name    string
	Spec    Spec
	Version uint64 // changes with every change
	Keys    int
	Bytes   int64
}

// List lists the states by name.
func (s *States) List(ctx context.Context) ([]Info, error) {
	heads, err := s.store.Heads(ctx)
	if err != nil {
		return nil, failed("", err)
	}
	all := make([]Info, len(heads))
	for i := range heads {
		if all[i], err = infoOf(&heads[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func infoOf(head *Head) (Info, error) {
	spec, err := ParseSpec(head.Spec)
	if err != nil {
		return Info{}, failed(head.Name, err)
	}
	return Info{Name: head.Name, Spec: spec, Version: head.Version, Keys: head.Keys, Bytes: head.Bytes}, nil
}

// load reads a state with those cells.
func (s *States) load(ctx context.Context, name string, keys []string) (Info, map[string][]byte, error) {
	if err := checkName(name); err != nil {
		return Info{}, nil, err
	}
	head, cells, err := s.store.Load(ctx, name, keys)
	if err != nil {
		return Info{}, nil, failed(name, err)
	}
	info, err := infoOf(&head)
	if err != nil {
		return Info{}, nil, err
	}
	by := make(map[string][]byte, len(cells))
	for _, cell := range cells {
		by[cell.Key] = cell.Value
	}
	return info, by, nil
}

// Declare makes a state, or leaves it as it is where it is declared just so. It refuses another spec under a name that
// is taken ([failure.CodeConflict]).
func (s *States) Declare(ctx context.Context, name string, spec Spec) (Info, error) {
	spec, err := spec.Checked()
	if err != nil {
		return Info{}, err
	}
	if err := checkName(name); err != nil {
		return Info{}, err
	}
	head, _, err := s.store.Load(ctx, name, []string{})
	switch {
	case err == nil:
		return sameSpec(&head, &spec)
	case !errors.Is(err, ErrUnknown):
		return Info{}, failed(name, err)
	}
	if err := s.roomForName(ctx, name); err != nil {
		return Info{}, err
	}
	version, err := s.store.Swap(ctx, 0, &Change{Head: Head{Name: name, Spec: spec.Text()}})
	if errors.Is(err, ErrConflict) { // somebody has just declared it
		if head, _, err = s.store.Load(ctx, name, []string{}); err == nil {
			return sameSpec(&head, &spec)
		}
	}
	if err != nil {
		return Info{}, failed(name, err)
	}
	return Info{Name: name, Spec: spec, Version: version}, nil
}

func sameSpec(head *Head, spec *Spec) (Info, error) {
	if string(head.Spec) != string(spec.Text()) {
		return Info{}, failure.New(failure.CodeConflict, "state %q is declared otherwise, as %s; delete it first", head.Name, fault.Short(string(head.Spec)))
	}
	return infoOf(head)
}

// roomForName refuses one name too many. Of names that are taken at the same moment a few more may get in.
func (s *States) roomForName(ctx context.Context, name string) error {
	heads, err := s.store.Heads(ctx)
	if err != nil {
		return failed(name, err)
	}
	if len(heads) >= s.limits.Names {
		return failure.New(failure.CodeStateFull, "there are %d states, and there may be %d", len(heads), s.limits.Names)
	}
	return nil
}

const (
	mostTries   = 100 // of a swap, each of which fails only where another one has succeeded
	longestWait = 20 * time.Millisecond
)

// change reads a state, makes a change of it and swaps that in, again and again until nobody was faster. Expect is the
// version that the state must have; 0: any.
func (s *States) change(ctx context.Context, name string, keys []string, expect uint64, make func(info Info, cells map[string][]byte) (*Change, error)) (Info, error) {
	defer s.take(name)()
	for range mostTries {
		info, cells, err := s.load(ctx, name, keys)
		if err != nil {
			return Info{}, err
		}
		if expect != 0 && info.Version != expect {
			return Info{}, failure.New(failure.CodeConflict, "state %q has version %d, and %d is expected", name, info.Version, expect)
		}
		change, err := make(info, cells)
		if err != nil {
			return Info{}, err
		}
		version, err := s.store.Swap(ctx, info.Version, change)
		if err == nil {
			info.Version, info.Keys, info.Bytes = version, change.Keys, change.Bytes
			return info, nil
		}
		if !errors.Is(err, ErrConflict) {
			return Info{}, failed(name, err)
		}
		select {
		case <-ctx.Done():
			return Info{}, ctx.Err()
		case <-time.After(rand.N(longestWait)): // another process changes the same state
		}
	}
	return Info{}, failed(name, ErrConflict)
}

// take waits for the turn of a name. The function that it gives ends it.
func (s *States) take(name string) func() {
	s.mu.Lock()
	mine := s.turns[name]
	if mine == nil {
		mine = &turn{}
		s.turns[name] = mine
	}
	mine.waiting++
	s.mu.Unlock()
	mine.Lock()
	return func() {
		mine.Unlock()
		s.mu.Lock()
		defer s.mu.Unlock()
		if mine.waiting--; mine.waiting == 0 {
			delete(s.turns, name)
		}
	}
}

// checkName refuses what is no name of a state.
func checkName(name string) error {
	for i := range len(name) {
		c := name[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && (i == 0 || c != '-' && c != '_' && c != '.') {
			return badName(name)
		}
	}
	if name == "" || len(name) > longestName {
		return badName(name)
	}
	return nil
}

func badName(name string) error {
	return invalid("name", "%q is none: 1 to %d letters, digits and - _ ., a letter or digit first", fault.Short(name), longestName)
}

func checkKey(key string) error {
	if len(key) > longestKey {
		return invalid("key", "has %d bytes, and may have %d", len(key), longestKey)
	}
	for _, c := range key {
		if c == utf8.RuneError || unicode.IsControl(c) {
			return invalid("key", "%q has a control character, or is not UTF-8", fault.Short(key))
		}
	}
	return nil
}

// failed is the error of a store.
func failed(name string, err error) error {
	switch {
	case errors.Is(err, ErrUnknown):
		return failure.New(failure.CodeState, "no state is named %q; it is declared first", name)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	e := failure.New(failure.CodeStateFailed, "the states cannot be read or changed now")
	e.Cause = err
	return e
}

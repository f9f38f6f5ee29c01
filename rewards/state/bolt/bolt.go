// Package bolt keeps states in one file, by bbolt: a commit is on the disk when it returns, and one process at a time
// holds the file.
package bolt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/assay-rm/assay/rewards/state"
)

// The file has two buckets: heads by the state's name, and cells, which has a bucket of cells by key for each state
// that has any. Keys of bbolt may not be empty, so each key is led by one byte.
var (
	heads = []byte("heads")
	cells = []byte("cells")
)

const lockWait = 2 * time.Second // for another process to let go of the file

// Open opens the file, or makes it.
func Open(path string) (state.Store, error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockWait})
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, fmt.Errorf("%s: another process holds it", path)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(heads)
		_, err2 := tx.CreateBucketIfNotExists(cells)
		return errors.Join(err, err2)
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), db.Close())
	}
	return &store{db}, nil
}

type store struct{ db *bbolt.DB }

// Close closes the file.
func (s *store) Close() error { return s.db.Close() }

// Heads lists the states.
func (s *store) Heads(context.Context) ([]state.Head, error) {
	var all []state.Head
	err := s.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(heads).ForEach(func(_, text []byte) error {
			var head state.Head
			if err := json.Unmarshal(text, &head); err != nil {
				return err
			}
			all = append(all, head)
			return nil
		})
	})
	return all, err
}

// head reads one; false: there is none.
func head(tx *bbolt.Tx, name string) (state.Head, bool, error) {
	var of state.Head
	text := tx.Bucket(heads).Get([]byte(name))
	if text == nil {
		return of, false, nil
	}
	return of, true, json.Unmarshal(text, &of)
}

// Load reads a state.
func (s *store) Load(_ context.Context, name string, keys []string) (of state.Head, found []state.Cell, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		var known bool
		if of, known, err = head(tx, name); err != nil {
			return err
		}
		if !known {
			return state.ErrUnknown
		}
		in := tx.Bucket(cells).Bucket([]byte(name))
		switch {
		case in == nil:
		case keys == nil:
			return in.ForEach(func(key, value []byte) error {
				found = append(found, state.Cell{Key: string(key[1:]), Value: append([]byte{}, value...)})
				return nil
			})
		default:
			for _, key := range keys {
				if value := in.Get(led(key)); value != nil {
					found = append(found, state.Cell{Key: key, Value: append([]byte{}, value...)})
				}
			}
		}
		return nil
	})
	return of, found, err
}

func led(key string) []byte { return append([]byte{'.'}, key...) }

// Swap writes a change in one transaction.
func (s *store) Swap(_ context.Context, version uint64, change *state.Change) (next uint64, err error) {
	err = s.db.Update(func(tx *bbolt.Tx) error {
		was, _, err := head(tx, change.Name)
		if err != nil {
			return err
		}
		if was.Version != version {
			return state.ErrConflict
		}
		all := tx.Bucket(cells)
		if change.Fresh || change.Gone {
			if err := all.DeleteBucket([]byte(change.Name)); err != nil && !errors.Is(err, berrors.ErrBucketNotFound) {
				return err
			}
		}
		if next, err = tx.Bucket(heads).NextSequence(); err != nil {
			return err
		}
		if change.Gone {
			return tx.Bucket(heads).Delete([]byte(change.Name))
		}
		if err := write(all, change); err != nil {
			return err
		}
		as := change.Head
		as.Version = next
		text, err := json.Marshal(as)
		if err != nil {
			return err
		}
		return tx.Bucket(heads).Put([]byte(change.Name), text)
	})
	if err != nil {
		return 0, err
	}
	return next, nil
}

// write puts and removes the cells of a change.
func write(all *bbolt.Bucket, change *state.Change) error {
	in, err := all.CreateBucketIfNotExists([]byte(change.Name))
	if err != nil {
		return err
	}
	for _, cell := range change.Cells {
		if cell.Value == nil {
			err = in.Delete(led(cell.Key))
		} else {
			err = in.Put(led(cell.Key), cell.Value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

package state

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
)

// mostIndexes is how many neighbours' indexes are kept in memory.
const mostIndexes = 16

// versioned is the index of a state at a version.
type versioned struct {
	version uint64
	index   index
}

// Read reads a state: what is known of each query's key, in order, all at one moment. An error names the query.
func (s *States) Read(ctx context.Context, name string, queries []Query) (Info, []Reading, error) {
	keys := make([]string, len(queries))
	near := false
	for i := range queries {
		if err := checkKey(queries[i].Key); err != nil {
			return Info{}, nil, at("queries", i, err)
		}
		keys[i], near = queries[i].Key, near || queries[i].Vector != nil
	}
	info, cells, err := s.load(ctx, name, keys)
	if err != nil {
		return Info{}, nil, err
	}
	var of index
	if near && info.Spec.Kind == Neighbours {
		if info, of, err = s.indexOf(ctx, info); err != nil {
			return Info{}, nil, err
		}
	}
	readings := make([]Reading, len(queries))
	for i := range queries {
		q := &queries[i]
		if info.Spec.Kind == Neighbours && q.Vector != nil {
			readings[i], err = of.nearest(&info.Spec, q)
		} else {
			readings[i], err = info.Spec.Read(cells[q.Key], q)
		}
		if err != nil {
			return Info{}, nil, at("queries", i, err)
		}
	}
	return info, readings, nil
}

// indexOf gives the index of a state, and the state as it is of.
func (s *States) indexOf(ctx context.Context, info Info) (Info, index, error) {
	s.mu.Lock()
	kept := s.indexes[info.Name]
	s.mu.Unlock()
	if kept.version == info.Version {
		return info, kept.index, nil
	}
	head, cells, err := s.store.Load(ctx, info.Name, nil)
	if err != nil {
		return Info{}, nil, failed(info.Name, err)
	}
	of, err := newIndex(cells)
	if err == nil {
		info, err = infoOf(&head)
	}
	if err != nil {
		return Info{}, nil, failed(info.Name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.indexes[info.Name]; !known && len(s.indexes) >= mostIndexes {
		for other := range s.indexes { // any one
			delete(s.indexes, other)
			break
		}
	}
	s.indexes[info.Name] = versioned{head.Version, of}
	return info, of, nil
}

// KeyOf is the key of a text that may be longer than a key, such as a prompt: sha256: and the hexadecimal digest of its
// UTF-8.
func KeyOf(text string) string {
	digest := sha256.Sum256([]byte(text))
	return "sha256:" + hex.EncodeToString(digest[:])
}

package tokenizer

import (
	"container/list"
	"strings"
	"sync"
)

// memoBytes bounds what a tokenizer remembers: about a thousand prompts of 2,000 tokens.
const memoBytes = 32 << 20

// entryBytes is about what an entry takes beside its piece and its ids.
const entryBytes = 256

// memo remembers the ids of pieces, the least recently used of which go first. It is safe for concurrent use, and a
// piece that several ask for at once is encoded once.
type memo struct {
	mu      sync.Mutex
	entries map[string]*list.Element // of *entry
	order   list.List                // the most recently used first
	bytes   int
	limit   int
	encode  func(piece string) []uint32
}

// entry is a piece; its ids, which nobody changes, are there once it is encoded.
type entry struct {
	piece string
	once  sync.Once
	ids   []uint32
	bytes int
}

func newMemo(limit int, encode func(piece string) []uint32) *memo {
	return &memo{entries: map[string]*list.Element{}, limit: limit, encode: encode}
}

// ids gives the ids of a piece. One so long that it would push out much else is not remembered.
func (m *memo) ids(piece string) []uint32 {
	if len(piece) > m.limit/16 {
		return m.encode(piece)
	}
	e := m.entry(piece)
	e.once.Do(func() {
		e.ids = m.encode(e.piece)
		m.account(e)
	})
	return e.ids
}

// entry finds the entry of a piece, or makes it.
func (m *memo) entry(piece string) *entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	if place, ok := m.entries[piece]; ok {
		m.order.MoveToFront(place)
		return place.Value.(*entry)
	}
	e := &entry{piece: strings.Clone(piece)} // a part of a text would keep all of it
	m.entries[e.piece] = m.order.PushFront(e)
	m.add(e, entryBytes+len(piece))
	return e
}

// account counts the ids of an entry, unless it is gone already.
func (m *memo) account(e *entry) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if place, ok := m.entries[e.piece]; ok && place.Value == e {
		m.add(e, 4*len(e.ids))
	}
}

// add counts bytes of an entry, and forgets the oldest entries that there is no room for.
func (m *memo) add(e *entry, bytes int) {
	e.bytes += bytes
	m.bytes += bytes
	for m.bytes > m.limit {
		oldest := m.order.Remove(m.order.Back()).(*entry)
		delete(m.entries, oldest.piece)
		m.bytes -= oldest.bytes
	}
}

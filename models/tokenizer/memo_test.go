package tokenizer

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"
)

// TestMemoStaysInItsBounds: its bytes are those of its entries and within the limit, and what it gives is right
// whatever it forgot.
func TestMemoStaysInItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		encode := func(piece string) []uint32 { return make([]uint32, len(piece)/2) }
		m := newMemo(rapid.IntRange(0, 1<<14).Draw(t, "limit"), encode)
		for _, n := range rapid.SliceOfN(rapid.IntRange(1, 2000), 1, 60).Draw(t, "lengths") {
			if got := len(m.ids(strings.Repeat("a", n))); got != n/2 {
				t.Fatalf("%d ids, want %d", got, n/2)
			}
			bytes := 0
			for _, place := range m.entries {
				e := place.Value.(*entry)
				bytes += entryBytes + len(e.piece) + 4*len(e.ids)
			}
			if m.bytes != bytes || bytes > m.limit || m.order.Len() != len(m.entries) {
				t.Fatalf("%d bytes of %d counted as %d in %d of %d entries", bytes, m.limit, m.bytes, m.order.Len(), len(m.entries))
			}
		}
	})
}

// TestMemoForgetsTheOldest: what was asked for lately stays.
func TestMemoForgetsTheOldest(t *testing.T) {
	calls := map[string]int{}
	m := newMemo(17*(entryBytes+1), func(piece string) []uint32 { calls[piece]++; return nil })
	for i := range 40 {
		m.ids("!")
		m.ids(string(rune('A' + i)))
	}
	if calls["!"] != 1 {
		t.Errorf("%d calls for a piece that was asked for all the time", calls["!"])
	}
	if m.ids("A"); calls["A"] != 2 {
		t.Errorf("%d calls for the oldest piece", calls["A"])
	}
}

// TestMemoEncodesOnce: those who ask for a piece while it is encoded wait for it.
func TestMemoEncodesOnce(t *testing.T) {
	var calls atomic.Int64
	m := newMemo(memoBytes, func(piece string) []uint32 { calls.Add(1); return []uint32{uint32(len(piece))} })
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			for k := range 100 {
				if got := m.ids(strings.Repeat("a", 1+(i+k)%100)); got[0] != uint32(1+(i+k)%100) {
					t.Errorf("ids %v", got)
				}
			}
		})
	}
	group.Wait()
	if calls.Load() != 100 {
		t.Errorf("%d calls for 100 pieces", calls.Load())
	}
}

// TestASharedPromptIsEncodedOnce: of texts that share a prompt, and of a text that grows by steps, only what is new is
// encoded.
func TestASharedPromptIsEncodedOnce(t *testing.T) {
	tokens := fixture(t, nil)
	var encoded atomic.Int64
	whole := tokens.memo.encode
	tokens.memo.encode = func(piece string) []uint32 { encoded.Add(int64(len(piece))); return whole(piece) }
	prompt := strings.Repeat("a word and another ", 400)
	size := 0
	for i := range 64 {
		response := fmt.Sprintf("it is number %d", i)
		size += len(response)
		if _, err := tokens.Encode("<|im_start|>user\n" + prompt + "<|im_end|>\n<|im_start|>assistant\n" + response + "<|im_end|>\n"); err != nil {
			t.Fatal(err)
		}
	}
	if got, most := int(encoded.Load()), len(prompt)+size+64*len("assistant\n")+100; got > most {
		t.Errorf("%d bytes were encoded, want %d at most", got, most)
	}
	encoded.Store(0)
	text := ""
	for i := range 32 {
		text += fmt.Sprintf("step %d says that one and one are two. ", i)
		if _, err := tokens.Encode(text); err != nil {
			t.Fatal(err)
		}
	}
	if got, most := int(encoded.Load()), len(text)+32*(chunkBytes+64); got > most {
		t.Errorf("%d bytes of steps were encoded, want %d at most", got, most)
	}
}

// TestNobodyChangesWhatIsRemembered: the ids given are the caller's own.
func TestNobodyChangesWhatIsRemembered(t *testing.T) {
	tokens := fixture(t, nil)
	first, err := tokens.Encode("some text")
	if err != nil {
		t.Fatal(err)
	}
	want := slices.Clone(first)
	_ = append(first, -1)
	clear(first)
	if again, err := tokens.Encode("some text"); err != nil || !slices.Equal(again, want) {
		t.Errorf("%v, %v; want %v", again, err, want)
	}
}

// TestAllocations: encoding allocates nothing per token, neither what is new nor what is remembered.
func TestAllocations(t *testing.T) {
	tokens := fixture(t, nil)
	remembered := "<|im_start|>user\n" + strings.Repeat("a word and another ", 400) + "<|im_end|>\n"
	n, fresh := 0, make([]string, 200)
	for i := range fresh {
		fresh[i] = fmt.Sprintf("%d words of %s", i, strings.Repeat("longer", 30))
	}
	for name, test := range map[string]struct {
		most float64
		text func() string
	}{
		"remembered": {1, func() string { return remembered }},
		"new":        {6, func() string { n++; return fresh[n] }},
	} {
		got := testing.AllocsPerRun(100, func() {
			if _, err := tokens.Encode(test.text()); err != nil {
				t.Fatal(err)
			}
		})
		if got > test.most {
			t.Errorf("%s: %g allocations, want %g at most", name, got, test.most)
		}
	}
}

package order

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards"
)

// TestPlan: every question is in one batch, no batch is over its limits, what shares a prompt stands together, and the
// longest question of the groups falls from batch to batch.
func TestPlan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOf(rapid.Custom(func(t *rapid.T) Key {
			return Key{Shared: rapid.Uint64Range(0, 5).Draw(t, "shared"), Size: rapid.IntRange(0, 100).Draw(t, "size")}
		})).Draw(t, "keys")
		most := Batch{rapid.IntRange(1, 9).Draw(t, "questions"), rapid.IntRange(1, 300).Draw(t, "bytes")}
		var flat []int
		for _, batch := range Plan(keys, most) {
			size := 0
			for _, i := range batch {
				size += keys[i].Size
			}
			if len(batch) == 0 || len(batch) > most.Questions || len(batch) > 1 && size > most.Bytes {
				t.Fatalf("a batch of %d questions and %d bytes, and %+v is the most", len(batch), size, most)
			}
			flat = append(flat, batch...)
		}
		sorted := slices.Sorted(slices.Values(flat))
		for i := range keys {
			if i >= len(sorted) || sorted[i] != i {
				t.Fatalf("%v are not the places of %d questions", sorted, len(keys))
			}
		}
		longest, left := map[uint64]int{}, map[uint64]bool{}
		for _, k := range keys {
			longest[k.Shared] = max(longest[k.Shared], k.Size)
		}
		for n, i := range flat {
			if n == 0 {
				continue
			}
			before, now := keys[flat[n-1]], keys[i]
			if before.Shared != now.Shared {
				left[before.Shared] = true
			}
			if now.Shared != 0 && left[now.Shared] {
				t.Fatalf("group %d is divided by another: %v", now.Shared, flat)
			}
			of := func(k Key) int {
				if k.Shared == 0 {
					return k.Size
				}
				return longest[k.Shared]
			}
			if of(before) < of(now) {
				t.Fatalf("%v come before %v", before, now)
			}
		}
	})
}

// TestKeys: items share what comes before the response, in whatever form it is, and nothing else.
func TestKeys(t *testing.T) {
	conversation := func(turns ...string) encode.Item {
		var item encode.Item
		for _, turn := range turns {
			item.Messages = append(item.Messages, chat.Message{Role: "user", Content: turn})
		}
		return item
	}
	prompt := func(prompt, response string) encode.Item { return encode.Item{Prompt: &prompt, Response: &response} }
	ids := encode.Item{InputIDs: make([]int64, leadingIDs)}
	for _, test := range []struct {
		a, b   encode.Item
		shared bool
	}{
		{prompt("p", "long"), prompt("p", "r"), true},
		{prompt("p", "r"), prompt("q", "r"), false},
		{conversation("a", "b", "c"), conversation("a", "b", "other"), true},
		{conversation("a", "b", "c"), conversation("ab", "", "c"), false},
		{ids, encode.Item{InputIDs: append(slices.Clone(ids.InputIDs), 1)}, true},
	} {
		if a, b := Item(&test.a), Item(&test.b); (a.Shared == b.Shared) != test.shared || a.Shared == 0 {
			t.Errorf("%+v and %+v: %v, %v", test.a, test.b, a, b)
		}
	}
	if k := Item(&encode.Item{InputIDs: []int64{1, 2}}); k != (Key{Size: 16}) {
		t.Errorf("few ids: %v", k)
	}
	both := rewards.Group{Prompt: new("p"), Responses: []string{"ab", "c"}}
	if of, single := Group(&both), prompt("p", ""); of.Size != 4 || of.Shared != Item(&single).Shared {
		t.Errorf("a group: %v", of)
	}
}

// Package order says in which order many questions are best asked, when all of them are there from the start: those
// that share a prompt together, so that it is computed once, and those of like length together, so that a forward holds
// many. Who asks so puts the answers back into the order of the questions.
package order

import (
	"cmp"
	"hash/maphash"
	"slices"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards"
)

// Key is what the order goes by.
type Key struct {
	Shared uint64 // of what comes before the response: equal keys share it; 0: nothing is shared
	Size   int    // bytes of text, or 8 for each id or number
}

// Batch is how much is asked at once: so many questions, or of so many bytes, whichever is reached first; one at least.
type Batch struct {
	Questions, Bytes int
}

// seed is one for the process: keys are compared in it alone, and the order never changes what is answered.
var seed = maphash.MakeSeed()

// Item is the key of an item. Rendered text and ids share what begins alike, which nobody can know before the batcher
// sees them; so such items go by their beginnings.
func Item(of *encode.Item) Key {
	k := Key{Size: textSize(of)}
	switch {
	case len(of.Messages) > 1:
		k.Shared = messages(of.Messages[:len(of.Messages)-1])
	case of.Prompt != nil:
		k.Shared = maphash.String(seed, *of.Prompt)
	case of.Text != nil:
		k.Shared = maphash.String(seed, (*of.Text)[:min(len(*of.Text), leading)])
	case len(of.InputIDs) >= leadingIDs:
		k.Shared = maphash.Comparable(seed, [leadingIDs]int64(of.InputIDs[:leadingIDs]))
	}
	return k
}

// What of a text, or of ids, tells those that begin alike from others.
const (
	leading    = 256
	leadingIDs = 64
)

// Group is the key of responses to one prompt.
func Group(of *rewards.Group) Key {
	item := encode.Item{Prompt: of.Prompt, Messages: of.Messages}
	k := Key{Size: textSize(&item)}
	if of.Prompt != nil {
		k.Shared = maphash.String(seed, *of.Prompt)
	} else {
		k.Shared = messages(of.Messages)
	}
	for _, response := range of.Responses {
		k.Size += len(response)
	}
	return k
}

func messages(of []chat.Message) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for i := range of {
		maphash.WriteComparable(&h, [2]string{of[i].Role, of[i].Content})
	}
	return h.Sum64()
}

func textSize(of *encode.Item) (size int) {
	for _, text := range []*string{of.Prompt, of.Response, of.Text, of.Reference, of.Principle} {
		if text != nil {
			size += len(*text)
		}
	}
	for i := range of.Messages {
		size += len(of.Messages[i].Content)
	}
	for _, step := range of.Steps {
		size += len(step)
	}
	return size + 8*(len(of.InputIDs)+len(of.Features)+len(of.User))
}

// Plan divides questions into batches, each a list of their indices. What shares a prompt stands together, the groups
// with the longest question first, so that the last batches are short; a group is divided only where it is more than a
// batch. The same keys always give the same plan.
func Plan(keys []Key, most Batch) [][]int {
	longest := map[uint64]Key{} // of each group, with its first place as Shared
	for i, k := range keys {
		if k.Shared == 0 {
			continue
		}
		group, known := longest[k.Shared]
		if !known {
			group.Shared = uint64(i)
		}
		group.Size = max(group.Size, k.Size)
		longest[k.Shared] = group
	}
	group := func(i int) Key {
		if keys[i].Shared == 0 {
			return Key{uint64(i), keys[i].Size}
		}
		return longest[keys[i].Shared]
	}
	places := make([]int, len(keys))
	for i := range places {
		places[i] = i
	}
	slices.SortFunc(places, func(a, b int) int {
		of, and := group(a), group(b)
		return cmp.Or(cmp.Compare(and.Size, of.Size), cmp.Compare(of.Shared, and.Shared), cmp.Compare(keys[b].Size, keys[a].Size), cmp.Compare(a, b))
	})
	return batches(places, keys, most)
}

// batches cuts the order into batches. Before a group that would be divided and that fits one batch, a batch ends
// early, where it is half full already.
func batches(places []int, keys []Key, most Batch) (all [][]int) {
	for len(places) > 0 {
		n, size := 0, 0
		for n < len(places) && n < most.Questions && (n == 0 || size+keys[places[n]].Size <= most.Bytes) {
			size += keys[places[n]].Size
			n++
		}
		if n < len(places) && keys[places[n]].Shared != 0 {
			begin := n
			for begin > 0 && keys[places[begin-1]].Shared == keys[places[n]].Shared {
				begin--
			}
			if begin > 0 && 2*begin >= n {
				n = begin
			}
		}
		all = append(all, places[:n:n])
		places = places[n:]
	}
	return all
}

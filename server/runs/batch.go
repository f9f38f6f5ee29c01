package runs

import (
	"hash/maphash"
	"maps"
	"slices"
	"strings"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/ops"
)

// Batch is what one answer gives a run.
type Batch struct {
	Model, Digest string
	Items         int            // results, those that failed among them
	Failed        map[string]int // results that failed, by code
	Values        []Value
}

// Value is one number of an answer.
type Value struct {
	Model, Component string
	Number           float64
	Tokens           int  // of the sequence that it is of; 0: of none
	Group            int  // responses of one prompt have one number above 0; 0: it has no mates
	Unit             bool // a probability
}

// Of is what an answer gives a run. Mates is as [Mates] had it of the request.
func Of(a *rewards.Answer, mates []int) Batch {
	b := Batch{Model: a.Model, Digest: a.Digest, Failed: map[string]int{}}
	for err := range a.Errors() {
		b.Items++
		if err != nil {
			b.Failed[err.Code]++
		}
	}
	unit := probability(a.Transforms)
	for i := range a.Results {
		b.result(&a.Results[i], Primary, at(mates, i), unit)
	}
	for i := range a.Pairs {
		if p := &a.Pairs[i]; p.Err == nil {
			b.add("probability", p.Probability, 0, true)
			b.add("margin", p.Margin, 0, false)
			if p.Chosen != nil {
				b.result(p.Chosen, "chosen", 0, false)
				b.result(p.Rejected, "rejected", 0, false)
			}
		}
	}
	for i := range a.Steps {
		if s := &a.Steps[i]; s.Err == nil {
			b.add("steps.min", s.Min, s.Tokens.Tokens, unit)
			b.add("steps.mean", s.Mean, s.Tokens.Tokens, unit)
			b.add("steps.last", s.Last, s.Tokens.Tokens, unit)
		}
	}
	for i := range a.Choices {
		if c := &a.Choices[i]; c.Err == nil {
			b.add("share", c.Share, c.Tokens.Tokens, true)
		}
	}
	for i := range a.Logprobs {
		l := &a.Logprobs[i]
		if l.Err != nil || len(l.Tokens) == 0 {
			continue
		}
		b.add("logprobs.policy", l.Policy.Mean, len(l.Tokens), false)
		if l.Tokens[0].Difference.Known {
			b.add("logprobs.reference", l.Reference.Mean, len(l.Tokens), false)
			b.add("logprobs.difference", l.Difference.Mean, len(l.Tokens), false)
		}
	}
	return b
}

// result adds a score with its parts; nothing of one that failed.
func (b *Batch) result(r *rewards.Result, name string, group int, unit bool) {
	if r.Err != nil {
		return
	}
	length := r.Tokens.Tokens
	for i := range r.Parts {
		length = max(length, r.Parts[i].Tokens.Tokens) // a recipe's score is of no sequence of its own
	}
	b.Values = append(b.Values, Value{b.Model, name, r.Score, length, group, unit})
	if name != Primary {
		return
	}
	if r.Raw.Known && r.Raw.Value != r.Score {
		b.add("raw", r.Raw.Value, length, false)
	}
	b.named("labels.", r.Scores, length)
	b.named("values.", r.Values, length)
	for i := range r.Parts {
		b.part(&r.Parts[i])
	}
}

// part adds what a reading of a recipe gave: its score, its labels, or the least of its steps.
func (b *Batch) part(p *rewards.Part) {
	name := "components." + p.Name
	switch {
	case p.Err != nil:
	case len(p.Steps) > 0:
		b.add(name+".min", slices.Min(p.Steps), p.Tokens.Tokens, false)
	case p.Scores != nil:
		b.named(name+".", p.Scores, p.Tokens.Tokens)
	default:
		for _, x := range []ops.Maybe{p.Score, p.Raw} {
			if x.Known {
				b.add(name, x.Value, p.Tokens.Tokens, false)
				return
			}
		}
	}
}

func (b *Batch) named(prefix string, numbers map[string]float64, length int) {
	for _, name := range slices.Sorted(maps.Keys(numbers)) {
		b.add(prefix+name, numbers[name], length, false)
	}
}

func (b *Batch) add(name string, x float64, length int, unit bool) {
	b.Values = append(b.Values, Value{Model: b.Model, Component: name, Number: x, Tokens: length, Unit: unit})
}

// probability tells whether the last of the transforms makes numbers from 0 to 1.
func probability(transforms []string) bool {
	is := false
	for _, name := range transforms {
		switch {
		case name == "sigmoid" || name == "softmax":
			is = true
		case !strings.HasPrefix(name, "label "):
			is = false
		}
	}
	return is
}

// Mates gives each item of a request that asks about items, or each response of one that asks about groups, the number
// of its group: those with the same prompt, or the same turns before the last, have one above 0. Text, ids and features
// do not tell their prompt and have 0. What the engine is asked may change the request, so this comes first.
func Mates(r *rewards.Request) []int {
	var mates []int
	for i := range r.Groups {
		for range r.Groups[i].Responses {
			mates = append(mates, i+1)
		}
	}
	numbers, seed := map[uint64]int{}, maphash.MakeSeed()
	for i := range r.Items {
		key, told := before(&r.Items[i], seed)
		if !told {
			mates = append(mates, 0)
			continue
		}
		if numbers[key] == 0 {
			numbers[key] = len(numbers) + 1
		}
		mates = append(mates, numbers[key])
	}
	return mates
}

// before is a digest of an item's prompt, false where it tells none.
func before(item *encode.Item, seed maphash.Seed) (uint64, bool) {
	var h maphash.Hash
	h.SetSeed(seed)
	turns := item.Messages
	if item.Prompt == nil && item.Response == nil && len(turns) > 0 {
		turns = turns[:len(turns)-1]
	}
	for i := range turns {
		write(&h, turns[i].Role)
		write(&h, turns[i].Content)
		if more := turns[i].More; more != nil {
			write(&h, string(more.ToolCalls))
		}
	}
	if item.Prompt != nil {
		write(&h, *item.Prompt)
	}
	return h.Sum64(), item.Prompt != nil || len(turns) > 0
}

// write adds a text and its end, which no text has inside: none of its bytes is 0xFF.
func write(h *maphash.Hash, text string) {
	_, _ = h.WriteString(text)
	_ = h.WriteByte(0xff)
}

func at(mates []int, i int) int {
	if i >= len(mates) {
		return 0
	}
	return mates[i]
}

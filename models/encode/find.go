package encode

import (
	"context"
	"slices"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

// find checks the tokenizer and the template against the manifest, and takes from them what the manifest does not say.
func (e *Encoder) find() error {
	m := e.manifest
	if have := e.tokens.VocabSize(); have > m.Graph.VocabSize {
		return fault.New(fault.CodeBundle, "graph.vocab_size is %d, and the tokenizer has %d tokens", m.Graph.VocabSize,
			have)
	}
	if m.Kind == manifest.KindProcess && m.Steps.Joint() {
		if err := e.findSeparator(); err != nil {
			return err
		}
	}
	if token := m.Read.Token; token != "" {
		ids, err := e.tokens.Encode(token)
		if err != nil || len(ids) != 1 {
			return fault.New(fault.CodeBundle, "read.token %q gives %d tokens, and must be one", token, len(ids))
		}
		e.readID = ids[0]
	}
	for _, id := range m.Prompt.Pattern {
		if id < 0 || id >= m.Graph.VocabSize {
			return fault.New(fault.CodeBundle, "read.prompt.pattern has id %d, and graph.vocab_size is %d", id,
				m.Graph.VocabSize)
		}
	}
	if err := e.findSegments(); err != nil {
		return err
	}
	if e.template == nil && e.segments == nil {
		return nil
	}
	return e.findTail()
}

// findTail encodes two short conversations that have nothing in common: the ids with which both end follow every
// response.
func (e *Encoder) findTail() error {
	m := e.manifest
	first, err := e.probeConversation("1 + 1?", "It is two.")
	if err != nil {
		return err
	}
	second, err := e.probeConversation("Who?", "Nobody!")
	if err != nil {
		return err
	}
	n := 0
	for n < min(len(first), len(second)) && first[len(first)-1-n] == second[len(second)-1-n] {
		n++
	}
	if err := e.findBeside(first); err != nil {
		return err
	}
	e.tail = slices.Clone(first[len(first)-n:])
	if n >= m.Limits.MaxTokens {
		return fault.New(fault.CodeBundle,
			"limits.max_tokens is %d, and the template alone puts %d tokens after a response", m.Limits.MaxTokens,
			n)
	}
	return nil
}

// probeConversation gives the ids of a short item of the model's kind, whatever limits.max_tokens is.
func (e *Encoder) probeConversation(user, assistant string) ([]int64, error) {
	return e.probeIDs(e.probeItem(user, assistant))
}

// probeItem is a short item of the model's kind. The texts beside the conversation, where there are any, are the
// user's.
func (e *Encoder) probeItem(user, assistant string) Item {
	item := Item{Prompt: &user, Response: &assistant}
	switch e.manifest.Kind {
	case manifest.KindProcess:
		item = Item{Prompt: &user, Steps: slices.Repeat([]string{assistant}, e.manifest.Steps.Skip+1)}
	case manifest.KindPair:
		item = Item{Prompt: &user, First: &user, Second: &assistant}
	case manifest.KindChoice:
		item = Item{Prompt: &user}
	case manifest.KindReward, manifest.KindPreference, manifest.KindFeatures, manifest.KindEmbedding:
	}
	e.besides(&item, user)
	if e.user > 0 {
		item.User = make([]float64, e.user)
	}
	return item
}

// probeIDs are the ids of a short item.
func (e *Encoder) probeIDs(item Item) ([]int64, error) {
	unlimited := *e.manifest
	unlimited.Limits.MaxTokens = 1 << 30 // whose square is a number too
	probe := *e
	probe.manifest = &unlimited
	encoded, err := probe.Encode(context.Background(), item, Options{Truncate: TruncateError})
	if err != nil {
		return nil, fault.New(fault.CodeBundle, "template %s: a conversation of two turns cannot be encoded: %v",
			e.manifest.Template.File, err)
	}
	return encoded.IDs, nil
}

// findSeparator finds the separator's id. It must be one id, the same whatever stands around it, and no other text may
// give it. A separator that is no added token of the tokenizer need only be so where steps put it: behind a step.
func (e *Encoder) findSeparator() error {
	spec := &e.manifest.Steps
	separator := spec.Separator
	step, err := e.tokens.Encode("x = 12")
	if err != nil {
		return fault.New(fault.CodeBundle, "steps.separator %q: %v", separator, err)
	}
	behind, err := e.tokens.Encode("x = 12" + separator)
	if err != nil || len(behind) != len(step)+1 {
		return fault.New(fault.CodeBundle, "steps.separator %q gives %d tokens behind a step, and must be one",
			separator, len(behind)-len(step))
	}
	e.separator = behind[len(step)]
	around := [][2]string{
		{"", ""},
		{"x = 12", "y"},
		{"done. ", " next"},
		{"\n", "\n\n"},
		{"é", "日"},
		{separator, separator},
	}
	if !e.tokens.Added(separator) {
		around = [][2]string{
			{"x = 12", ""},
			{"x = 12", spec.Join + "y"},
			{"done.", spec.Join + "Next"},
			{"so 4", spec.Join + "Step 2: 5"},
		}
	}
	for _, texts := range around {
		ids, err := e.tokens.Encode(texts[0] + separator + texts[1])
		if err != nil {
			return fault.New(fault.CodeBundle, "steps.separator %q: %v", separator, err)
		}
		want := 1
		if texts[0] == separator {
			want = 3
		}
		if have := countOf(ids, e.separator); have != want {
			return fault.New(fault.CodeBundle,
				"steps.separator %q is not one token in every context: between %q and %q its id %d occurs %d times, "+
					"not %d",
				separator, texts[0], texts[1], e.separator, have, want)
		}
	}
	for _, text := range []string{"x = 12", "done. next", "\n\n", "é日"} {
		ids, err := e.tokens.Encode(text)
		if err != nil || slices.Contains(ids, e.separator) {
			return fault.New(fault.CodeBundle, "steps.separator %q: its id %d stands for other text too", separator,
				e.separator)
		}
	}
	return nil
}

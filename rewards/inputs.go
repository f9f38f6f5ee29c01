package rewards

import (
	"strings"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/recipes"
)

// textsOf are the texts of an item that a recipe may name, as far as they are there: the user's last turn, the
// assistant's turn behind it or a text that is read alone, and the reference.
func textsOf(item *encode.Item) map[string]recipes.Given {
	of := map[string]recipes.Given{}
	set := func(name string, text *string) {
		if text != nil {
			of[name] = recipes.Given{Word: *text}
		}
	}
	before, last := conversation(item)
	set(recipes.Prompt, item.Prompt)
	for i := range before {
		if before[i].Role == roleUser {
			set(recipes.Prompt, &before[i].Content)
		}
	}
	set(recipes.Response, item.Text)
	set(recipes.Response, last)
	set(recipes.Reference, item.Reference)
	return of
}

const (
	roleUser      = "user"
	roleAssistant = "assistant"
)

// conversation is the turns of an item before its response, where it has turns, and the response, where it has one. A
// turn with more than a text is no response, which would lose the rest of it.
func conversation(item *encode.Item) (before []chat.Message, response *string) {
	before, response = item.Messages, item.Response
	if n := len(before); n > 0 && response == nil && before[n-1].Role == roleAssistant && before[n-1].More == nil {
		return before[:n-1], &before[n-1].Content
	}
	if response == nil && item.Steps != nil {
		return before, new(strings.Join(item.Steps, ""))
	}
	return before, response
}

// inputs are what a reading's model reads in the place of an item: one input, or several. As the model would take it
// the item has no reference, perhaps, which an input may be made of.
func inputs(one *recipes.Reading, item, taken *encode.Item, given map[string]recipes.Given) ([]encode.Item, error) {
	in, texts := one.Input, textsOf(item)
	of := func(name string) (*string, error) {
		text, there := texts[name]
		if !there {
			return nil, failure.New(fault.CodeItem, "reading %s reads the %s of the item, which has none", one.Name, name)
		}
		return &text.Word, nil
	}
	if in.Alone != "" {
		text, err := of(in.Alone)
		return []encode.Item{{Text: text}}, err
	}
	base := encode.Item{Prompt: item.Prompt, Reference: taken.Reference, Principle: taken.Principle, User: item.User}
	var response *string
	base.Messages, response = conversation(item)
	if in.Turns != nil {
		base.Prompt, base.Messages = nil, make([]chat.Message, len(in.Turns))
		for i := range in.Turns {
			text, err := passage(&in.Turns[i].Passage, of)
			if err != nil {
				return nil, err
			}
			base.Messages[i] = chat.Message{Role: in.Turns[i].Role, Content: *text}
		}
	}
	if in.Response != nil {
		var err error
		if in.Response.Kinds != "" {
			response, err = ofKind(one, item, given[in.Response.Kinds].Words)
		} else {
			response, err = passage(in.Response, of)
		}
		if err != nil {
			return nil, err
		}
	}
	if in.Masks != "" {
		return masked(one, &base, response, given[in.Masks].Words)
	}
	if !one.Many() {
		base.Response = response
		return []encode.Item{base}, nil
	}
	all := make([]encode.Item, len(in.Response.Texts))
	for i := range all {
		all[i] = base
		all[i].Response = &in.Response.Texts[i]
	}
	return all, nil
}

func passage(p *recipes.Passage, of func(name string) (*string, error)) (*string, error) {
	if p.Of != "" {
		return of(p.Of)
	}
	return &p.Texts[0], nil
}

// ofKind is the steps of an item that are of the kind which the reading reads.
func ofKind(one *recipes.Reading, item *encode.Item, kinds []string) (*string, error) {
	in := one.Input.Response
	if len(kinds) != len(item.Steps) || len(kinds) == 0 {
		return nil, failure.New(fault.CodeItem, "given.%s: tells the kind of %d steps, and the item has %d", in.Kinds, len(kinds), len(item.Steps))
	}
	var text strings.Builder
	for i, kind := range kinds {
		if kind != in.Kind {
			continue
		}
		if in.Last {
			text.Reset()
		}
		text.WriteString(item.Steps[i])
	}
	if text.Len() == 0 {
		return nil, failure.New(fault.CodeItem, "given.%s: no step is of kind %q, which reading %s reads", in.Kinds, in.Kind, one.Name)
	}
	return new(text.String()), nil
}

// masked makes an input of every set of the prompt's parts: in the one at place s part k is there where bit k of s is
// set, and the mask stands in its place otherwise.
func masked(one *recipes.Reading, base *encode.Item, response *string, parts []string) ([]encode.Item, error) {
	if base.Prompt == nil {
		return nil, failure.New(fault.CodeItem, "reading %s masks parts of the prompt, and the item is not in the form of prompt and response", one.Name)
	}
	if len(parts) == 0 || len(parts) > recipes.MostParts {
		return nil, failure.New(fault.CodeItem, "given.%s: there are %d parts, and must be 1 to %d", one.Input.Masks, len(parts), recipes.MostParts)
	}
	for k, part := range parts {
		if n := strings.Count(*base.Prompt, part); part == "" || n != 1 {
			return nil, failure.New(fault.CodeItem, "given.%s: part %d, %q, is in the prompt %d times, and must be once", one.Input.Masks, k, fault.Short(part), n)
		}
	}
	all := make([]encode.Item, 1<<len(parts))
	for set := range all {
		var pairs []string
		for k, part := range parts {
			if set>>k&1 == 0 {
				pairs = append(pairs, part, one.Input.Mask)
			}
		}
		all[set] = *base
		all[set].Prompt, all[set].Response = new(strings.NewReplacer(pairs...).Replace(*base.Prompt)), response
	}
	return all, nil
}

package recipes

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/assay-rm/assay/models/fault"
)

// input is what a model reads in an item's place. Where it makes several texts, the reading gives a number for each: a
// vector.
type input struct {
	Alone    string   // Prompt, Response or Reference: that text of the item, alone
	Turns    []turn   // the conversation before the response; nil: the item's own
	Response *Passage // nil: the item's own
	Masks    string   // the words among the item's fields that are parts of the prompt, each of which is there or masked
	Mask     string   // what stands in the place of a part that is masked
}

// names tells whether the input is made of that text of the item.
func (i *input) names(text string) bool {
	return i != nil && (i.Alone == text || i.Response != nil && i.Response.Of == text ||
		slices.ContainsFunc(i.Turns, func(t turn) bool { return t.Of == text }))
}

// kinds is the field that tells the kinds of steps; empty: there is none.
func (i *input) kinds() string {
	if i.Response == nil {
		return ""
	}
	return i.Response.Kinds
}

// turn is one turn of a conversation.
type turn struct {
	Role string
	Passage
}

// Passage is a text: of the item, or the recipe's own.
type Passage struct {
	Of    string   // Prompt, Response or Reference; empty: the recipe's own
	Texts []string // one, or several, of which each makes an input of its own
	Kinds string   // the words among the item's fields that tell of each of its steps of what kind it is
	Kind  string   // with Kinds: the steps of this kind, one after the other
	Last  bool     // with Kinds: the last of them alone
	many  bool
}

// The texts of an item, which expressions may name too.
const (
	Prompt    = "prompt"    // the user's last turn
	Response  = "response"  // the assistant's last turn, or a text that is read alone
	Reference = "reference" // an answer that is known to be good
)

var texts = []string{Prompt, Response, Reference}

// MostParts is how many parts of a prompt a reading may mask: it makes 2^parts inputs.
const MostParts = 10

type turnSpec struct {
	Role string `yaml:"role"`
	Of   string `yaml:"of"`
	Text string `yaml:"text"`
}

type passageSpec struct {
	Of    string   `yaml:"of"`
	Text  string   `yaml:"text"`
	Texts []string `yaml:"texts"`
	Kinds string   `yaml:"kinds"`
	Kind  string   `yaml:"kind"`
	Last  bool     `yaml:"last"`
}

func (s *readingSpec) input(given []Param) (*input, error) {
	in := &input{Alone: s.Reads, Masks: s.Masks, Mask: cmp.Or(s.Mask, "_")}
	switch {
	case s.Reads != "" && (s.Turns != nil || s.Response != nil || s.Masks != ""):
		return nil, errors.New(".reads: one text that is read alone has no turns, response or masks beside it")
	case s.Reads != "" && !slices.Contains(texts, s.Reads):
		return nil, fmt.Errorf(".reads: %q is none of %s", fault.Short(s.Reads), strings.Join(texts, ", "))
	case s.Mask != "" && s.Masks == "":
		return nil, errors.New(".mask: goes with masks, the parts that it stands for")
	case s.Masks != "" && s.Turns != nil:
		return nil, errors.New(".masks: are of the item's own prompt, and turns take its place")
	case len(s.Turns) > maxTurns:
		return nil, fmt.Errorf(".turns: there are %d, and may be %d", len(s.Turns), maxTurns)
	}
	if s.Masks != "" && !givesWords(given, s.Masks) {
		return nil, fmt.Errorf(".masks: %q is no field of an item (given) that gives words", fault.Short(s.Masks))
	}
	for i := range s.Turns {
		spec := &s.Turns[i]
		of, err := (&passageSpec{Of: spec.Of, Text: spec.Text}).passage()
		switch {
		case err != nil:
			return nil, fmt.Errorf(".turns[%d]%w", i, err)
		case spec.Role == "":
			return nil, fmt.Errorf(".turns[%d].role: is missing", i)
		}
		in.Turns = append(in.Turns, turn{spec.Role, *of})
	}
	if s.Response == nil {
		return in, nil
	}
	if field := s.Response.Kinds; field != "" && !givesWords(given, field) {
		return nil, fmt.Errorf(".response.kinds: %q is no field of an item (given) that gives words", fault.Short(field))
	}
	of, err := s.Response.passage()
	if err != nil {
		return nil, fmt.Errorf(".response%w", err)
	}
	if of.many && s.Masks != "" {
		return nil, errors.New(".response.texts: several texts do not go with masks")
	}
	in.Response = of
	return in, nil
}

func givesWords(given []Param, name string) bool {
	return slices.ContainsFunc(given, func(p Param) bool { return p.Name == name && p.Form == aWordsForm })
}

// passage is the text; the error begins with what follows the field's name.
func (s *passageSpec) passage() (*Passage, error) {
	switch {
	case (s.Kinds != "") != (s.Kind != "") || s.Kinds == "" && s.Last:
		return nil, errors.New(": `kinds`, `kind` and `last` go together")
	case s.Kinds != "" && (s.Of != "" || s.Text != "" || s.Texts != nil):
		return nil, errors.New(".kinds: stands alone")
	case s.Kinds != "":
		return &Passage{Kinds: s.Kinds, Kind: s.Kind, Last: s.Last}, nil
	case (s.Of != "") == (s.Text != "" || s.Texts != nil) || s.Text != "" && s.Texts != nil:
		return nil, errors.New(": must have one of `of`, `text` and `texts`")
	case s.Of != "" && !slices.Contains(texts, s.Of):
		return nil, fmt.Errorf(".of: %q is none of %s", fault.Short(s.Of), strings.Join(texts, ", "))
	case len(s.Texts) > maxTexts:
		return nil, fmt.Errorf(".texts: there are %d, and may be %d", len(s.Texts), maxTexts)
	case s.Texts != nil && (len(s.Texts) == 0 || slices.Contains(s.Texts, "")):
		return nil, errors.New(".texts: there is none, or one is empty")
	case s.Texts != nil:
		return &Passage{Texts: s.Texts, many: true}, nil
	case s.Text != "":
		return &Passage{Texts: []string{s.Text}}, nil
	}
	return &Passage{Of: s.Of}, nil
}

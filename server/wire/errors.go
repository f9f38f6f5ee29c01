package wire

import (
	"fmt"
	"strings"
)

// Error says why a text, or one item of it, was refused. Every error of this package is one.
type Error struct {
	Code   string // one of the codes below
	Path   string // where it is, as in "items[3].messages[1].role"; empty when the text is no JSON
	Detail string // what is wrong there; at most a few hundred bytes, whatever the text holds
}

// Codes of [Error]; docs/API.md says when each is given.
const (
	CodeBadJSON      = "bad_json"       // not one JSON value, or a string outside of items that is not Unicode
	CodeUnknownField = "unknown_field"  // a field that the form does not have
	CodeInvalidField = "invalid_field"  // a wrong type, a null, a missing or second field, a value out of range
	CodeTooManyItems = "too_many_items" // more items, responses or pairs than a request may have
	CodeTooLong      = "too_long"       // more messages, steps, ids, numbers or metadata than an item may have
	CodeBadItem      = "bad_item"       // an item with a string that is not Unicode
	CodeOverBudget   = "over_budget"    // more metadata than a request may have
)

// Error is the detail, led by its path.
func (e *Error) Error() string {
	if e.Path == "" {
		return e.Detail
	}
	return e.Path + ": " + e.Detail
}

// shown is how many bytes of something that a client sent stand in an error.
const shown = 80

// short cuts what a client sent, so that it cannot fill a log or an answer.
func short[T ~string | ~[]byte](text T) string {
	if len(text) <= shown {
		return strings.ToValidUTF8(string(text), "\uFFFD")
	}
	return strings.ToValidUTF8(string(text[:shown]), "") + "…"
}

// path is where in a text the decoder is.
type path []place

// place is a member of an object or an element of a list.
type place struct {
	name  string
	index int // -1: a member
}

func member(name string) place { return place{name, -1} }
func element(index int) place  { return place{"", index} }

// String gives the path as errors show it.
func (p path) String() string {
	var text strings.Builder
	for _, at := range p {
		switch {
		case at.index >= 0:
			fmt.Fprintf(&text, "[%d]", at.index)
		case text.Len() > 0:
			text.WriteString("." + short(at.name))
		default:
			text.WriteString(short(at.name))
		}
	}
	return text.String()
}

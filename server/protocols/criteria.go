package protocols

import (
	"bytes"
	"encoding/json"

	"github.com/go-json-experiment/json/jsontext"
)

// plain is the text of a JSON value: of a string what it says, of null nothing, and of everything else the JSON.
func plain(raw json.RawMessage) string {
	switch {
	case len(raw) == 0 || raw[0] == 'n':
		return ""
	case raw[0] != '"':
		return string(raw)
	case bytes.IndexByte(raw, '\\') < 0:
		return string(raw[1 : len(raw)-1])
	}
	var text string
	_ = json.Unmarshal(raw, &text) // it was read as JSON before
	return text
}

// membersOf are the members of a JSON object, in their order, and whether it is one. The text has been read as JSON.
func membersOf(raw json.RawMessage) ([]option, bool) {
	if len(raw) == 0 || raw[0] != '{' {
		return nil, false
	}
	in := jsontext.NewDecoder(bytes.NewBuffer(raw), jsontext.AllowDuplicateNames(true)) // there are none
	_, _ = in.ReadToken()
	all := make([]option, 0, 4)
	for in.PeekKind() == jsontext.KindString {
		name, _ := in.ReadValue()
		o := option{name: plain(json.RawMessage(name))}
		value, err := in.ReadValue()
		if err != nil {
			return nil, false
		}
		o.description = plain(json.RawMessage(value))
		all = append(all, o)
	}
	return all, true
}

// elementsOf are the elements of a JSON list as names of options, and whether it is one.
func elementsOf(raw json.RawMessage) ([]option, bool) {
	if len(raw) == 0 || raw[0] != '[' {
		return nil, false
	}
	in := jsontext.NewDecoder(bytes.NewBuffer(raw))
	_, _ = in.ReadToken()
	all := make([]option, 0, 4)
	for in.PeekKind() != jsontext.KindEndArray {
		value, err := in.ReadValue()
		if err != nil {
			return nil, false
		}
		all = append(all, option{name: plain(json.RawMessage(value))})
	}
	return all, true
}

package wire

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// What several of the foreign forms read.

// unlessNull reads a value that foreign clients write as null where they have none.
func (d *decoder) unlessNull(read func() error) error {
	if null, err := d.null(); null || err != nil {
		return err
	}
	return read()
}

// textOfParts reads a text, or a list of parts whose texts it joins; parts without a text, such as images, are refused.
func (d *decoder) textOfParts(into *any) error {
	if d.in.PeekKind() == jsontext.KindString {
		var text string
		err := d.text(&text)
		*into = text
		return err
	}
	var parts []textPart
	if err := list(d, &parts, ofItem(d.limits.Messages), func(d *decoder, p *textPart) error { return object(d, &textPartForm, p) }); err != nil {
		return err
	}
	var all strings.Builder
	for i := range parts {
		all.WriteString(parts[i].text)
	}
	*into = all.String()
	return nil
}

type textPart struct{ text string }

var textPartForm = form[textPart]{lenient: true, fields: []field[textPart]{
	{"text", true, func(d *decoder, p *textPart) error { return d.text(&p.text) }},
}}

// Without copies a text that is a JSON object, without the members that drop names and without its closing brace: what
// it gives ends where another member may follow.
func Without(text []byte, drop func(name string) bool) []byte {
	in := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
	_, _ = in.ReadToken()
	left := append(make([]byte, 0, len(text)+512), '{')
	var plain []byte
	for in.PeekKind() == jsontext.KindString {
		name, err := in.ReadValue()
		if err != nil {
			return left
		}
		plain, _ = jsontext.AppendUnquote(plain[:0], name)
		begin := len(left)
		left = append(append(left, name...), ':')
		value, err := in.ReadValue()
		if err != nil || drop(string(plain)) {
			left = left[:begin]
			continue
		}
		left = append(append(left, value...), ',')
	}
	return left
}

package wire

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// scalar returns the bytes of the next value, which must be of that kind. They are valid until the next read.
func (d *decoder) scalar(kind jsontext.Kind, expected string) ([]byte, error) {
	if d.in.PeekKind() != kind {
		return nil, d.wrong(expected)
	}
	raw, err := d.in.ReadValue()
	if err != nil {
		return nil, d.syntax(err)
	}
	return raw, nil
}

// enter reads the bracket that begins an object or a list.
func (d *decoder) enter(kind jsontext.Kind, expected string) error {
	if d.in.PeekKind() != kind {
		return d.wrong(expected)
	}
	return d.leave()
}

// leave reads one token, mostly the bracket that ends an object or a list.
func (d *decoder) leave() error {
	if _, err := d.in.ReadToken(); err != nil {
		return d.syntax(err)
	}
	return nil
}

// wrong is the error of a value of another type than the expected one. It reads the value, which may turn out to be no
// JSON.
func (d *decoder) wrong(expected string) error {
	got := "an object"
	switch d.in.PeekKind() {
	case jsontext.KindBeginObject:
	case jsontext.KindBeginArray:
		got = "an array"
	case jsontext.KindNull, jsontext.KindTrue, jsontext.KindFalse, jsontext.KindString, jsontext.KindNumber:
		raw, err := d.in.ReadValue()
		if err != nil {
			return d.syntax(err)
		}
		if got = short(raw); raw[0] == '"' {
			got = `"` + short(raw[1:len(raw)-1]) + `"`
		}
	default:
		_, err := d.in.ReadToken()
		return d.syntax(err)
	}
	return d.invalid("expected %s, got %s", expected, got)
}

// text reads a string.
func (d *decoder) text(into *string) error {
	raw, err := d.scalar(jsontext.KindString, "string")
	if err != nil {
		return err
	}
	text, ok := d.unquote(raw)
	if !ok {
		return d.notUnicode(raw)
	}
	*into = text
	return nil
}

// notUnicode fails the item that holds the string just read, or the text where no item does.
func (d *decoder) notUnicode(raw []byte) error {
	why := "half of a surrogate pair"
	if !utf8.Valid(raw) {
		why = "bytes that are not UTF-8"
	}
	return d.spoiled(d.unread(), "is not Unicode: %s, in the string at byte %d", why, int(d.in.InputOffset())-len(raw)+1)
}

// unread is the code of what is not Unicode.
func (d *decoder) unread() string {
	if d.lone {
		return CodeBadItem
	}
	return CodeBadJSON
}

// unquote returns the text that a quoted string stands for, and whether it is Unicode.
func (d *decoder) unquote(raw []byte) (string, bool) {
	inner := raw[1 : len(raw)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return string(inner), utf8.Valid(inner)
	}
	var err error
	d.scratch, err = jsontext.AppendUnquote(d.scratch[:0], raw)
	return string(d.scratch), err == nil
}

// optional reads a string that may be left out.
func (d *decoder) optional(into **string) error {
	*into = new(string)
	return d.text(*into)
}

// word reads one of a few words.
func (d *decoder) word(into *string, of ...string) error {
	if err := d.text(into); err != nil {
		return err
	}
	if !slices.Contains(of, *into) {
		return d.invalid("%q is none of %s", short(*into), strings.Join(of, ", "))
	}
	return nil
}

// integer reads a whole number, written as one.
func (d *decoder) integer(into *int64) error {
	raw, err := d.scalar(jsontext.KindNumber, "integer")
	if err != nil {
		return err
	}
	if *into, err = strconv.ParseInt(string(raw), 10, 64); err != nil {
		return d.invalid("expected integer, got %s", short(raw))
	}
	return nil
}

// index reads a whole number that is not below 0.
func (d *decoder) index(into *int) error {
	var n int64
	if err := d.integer(&n); err != nil {
		return err
	}
	if n < 0 {
		return d.invalid("%d is below 0", n)
	}
	*into = int(n)
	return nil
}

// number reads a number that a float64 can hold.
func (d *decoder) number(into *float64) error {
	raw, err := d.scalar(jsontext.KindNumber, "number")
	if err != nil {
		return err
	}
	if *into, err = strconv.ParseFloat(string(raw), 64); err != nil {
		return d.invalid("%s is beyond the range of numbers", short(raw))
	}
	return nil
}

// boolean reads true or false.
func (d *decoder) boolean(into *bool) error {
	*into = d.in.PeekKind() == jsontext.KindTrue
	if !*into && d.in.PeekKind() != jsontext.KindFalse {
		return d.wrong("boolean")
	}
	return d.leave()
}

// null reads a null if one comes next, and tells whether it did.
func (d *decoder) null() (bool, error) {
	if d.in.PeekKind() != jsontext.KindNull {
		return false, nil
	}
	return true, d.leave()
}

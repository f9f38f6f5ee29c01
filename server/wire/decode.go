package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// Form is what a text can be decoded into: a pointer to one of the requests and lines of this package.
type Form interface {
	decode(d *decoder) error
}

// DecodeBody reads the body of a request into a form, which must be zero. Its error is always an [*Error]; the content
// of the form means nothing then. The form keeps nothing of the text's memory.
func DecodeBody(text []byte, into Form, limits Limits) error {
	names, of := into.(ignoring)
	ignored, err := decode("body", text, into, limits, of)
	if len(ignored) > 0 {
		names.ignore(ignored)
	}
	return err
}

// DecodeLine is [DecodeBody] for a line of a file, in which no column is passed over. Its errors say "line" where those
// of DecodeBody say "body".
func DecodeLine(text []byte, into Form, limits Limits) error {
	_, err := decode("line", text, into, limits, false)
	return err
}

// DecodeSample is [DecodeLine] for a line that may have more columns than the form has. It names those that it passed
// over, in the order of their names.
func DecodeSample(text []byte, into Form, limits Limits) (ignored []string, err error) {
	return decode("line", text, into, limits, true)
}

func decode(what string, text []byte, into Form, limits Limits, columns bool) (ignored []string, err error) {
	d := &decoder{whole: text, body: *bytes.NewBuffer(text), what: what, limits: limits.withDefaults(), passes: columns}
	d.path = d.room[:0]
	// The token reader lets both pass. This package refuses them itself, since it knows which item they spoil.
	d.in.Reset(&d.body, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
	if err := into.decode(d); err != nil {
		return nil, err
	}
	after := text[d.in.InputOffset():]
	if rest := bytes.TrimLeft(after, " \t\r\n"); len(rest) > 0 {
		return nil, d.fail(CodeBadJSON, "the %s goes on after its JSON value, at byte %d", what, len(text)-len(rest)+1)
	}
	return d.ignored(), nil
}

// decoder reads one text from its front to its back and stops at the first error.
type decoder struct {
	in      jsontext.Decoder
	whole   []byte // the text
	body    bytes.Buffer
	what    string // "body" or "line", for errors
	limits  Limits
	path    path
	room    [4]place // for the path, where that is no longer
	scratch []byte   // for strings with escapes

	passes  bool            // columns of items are passed over
	columns map[string]bool // those that were
	kept    int             // bytes of metadata read so far
	content bool            // the turn that is being read has one

	lone  bool   // an item, pair or response is being read, which may fail alone
	spoil *Error // why it fails: the first reason; nil while there is none
}

// fail refuses the text for what is wrong at the path.
func (d *decoder) fail(code, format string, args ...any) error {
	return d.refusal(code, format, args...)
}

func (d *decoder) refusal(code, format string, args ...any) *Error {
	return &Error{Code: code, Path: d.path.String(), Detail: fmt.Sprintf(format, args...)}
}

// invalid refuses the value at the path. Where the path is empty, the error names the whole body or line.
func (d *decoder) invalid(format string, args ...any) error {
	e := d.refusal(CodeInvalidField, format, args...)
	if e.Path == "" {
		e.Path = d.what
	}
	return e
}

// spoiled fails the item, pair or response that is being read, and returns nil: the rest of it must be read all the
// same. Outside of those it returns the error that refuses the text.
func (d *decoder) spoiled(code, format string, args ...any) error {
	if !d.lone {
		return d.fail(code, format, args...)
	}
	if d.spoil == nil {
		d.spoil = d.refusal(code, format, args...)
	}
	return nil
}

// alone reads an item, pair or response. The first result says why it alone fails, the second why the text is refused.
func (d *decoder) alone(read func() error) (*Error, error) {
	d.lone, d.spoil = true, nil
	err := read()
	d.lone = false
	return d.spoil, err
}

// syntax is the error of text that is not JSON.
func (d *decoder) syntax(err error) error {
	d.path = nil
	var at *jsontext.SyntacticError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return d.fail(CodeBadJSON, "the %s ends inside its JSON value", d.what)
	case errors.As(err, &at):
		return d.fail(CodeBadJSON, "at byte %d: %s", at.ByteOffset+1, short(at.Err.Error()))
	}
	return d.fail(CodeBadJSON, "the %s is empty", d.what) // the only other error is io.EOF
}

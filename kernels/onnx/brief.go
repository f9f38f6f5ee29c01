package onnx

import (
	"strings"
	"unicode"
)

// maxText is the bytes of an error's text.
const maxText = 500

// brief is an error with a text of its own.
type brief struct {
	text string
	err  error
}

func (b brief) Error() string { return b.text }

func (b brief) Unwrap() error { return b.err }

// Brief gives the error with a text of one line and at most 500 bytes. What a file calls its nodes may be long and hold
// anything; of a longer text the middle is left out, so that the place, which comes first, and the cause, which comes
// last, stay. Nil stays nil.
func Brief(err error) error {
	if err == nil {
		return nil
	}
	const gap = " … "
	text := printable(err.Error())
	if len(text) > maxText {
		half := (maxText - len(gap)) / 2
		text = beginning(text, half) + gap + strings.ToValidUTF8(text[len(text)-half:], "")
	}
	if text == err.Error() {
		return err
	}
	return brief{text, err}
}

// printable is the text with spaces for what cannot be printed, so that it is one line.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(text, "?"))
}

// beginning is the text's beginning of at most so many bytes.
func beginning(text string, most int) string {
	return strings.ToValidUTF8(text[:min(len(text), most)], "")
}

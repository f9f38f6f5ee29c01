// Package chat renders conversations into text, as the chat template of a checkpoint says and as transformers'
// apply_chat_template does.
//
// A template is a program that came with a checkpoint. It is run by minijinja with Python's operators, filters and
// methods (models/native), within a budget of steps and bytes: one that never ends, or doubles a text for ever, ends
// with an error of its item.
package chat

// #cgo CFLAGS: -I${SRCDIR}/../native
// #cgo LDFLAGS: -L${SRCDIR}/../../.runtime/lib -ltokenizers -ldl -lm -lstdc++
// #include <templates.h>
import "C"

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"time"
	"unsafe"
)

// Template is a chat template, rendered as transformers' apply_chat_template does: blocks trimmed, with
// raise_exception, strftime_now, {% generation %} and a tojson that writes as Python's json.dumps does. It can include
// no other file. It may be rendered by several goroutines at once.
type Template struct {
	compiled  *C.AssayTemplate
	variables map[string]string
	date      *[3]C.int32_t // nil is today
	of        *Template     // whose compiled one this has; nil: its own
	reading   *reading      // what the template reads of a turn
}

// New compiles the text of a template, which sees the variables beside what a rendering gives. Where it writes the
// date, it writes the given day, or today where that is the zero time. The error is one sentence, with the template's
// line.
func New(source string, variables map[string]string, date time.Time) (*Template, error) {
	var said C.AssayText
	compiled := C.assay_template_new((*C.uint8_t)(unsafe.Pointer(unsafe.StringData(source))), C.size_t(len(source)), &said)
	if compiled == nil {
		_, err := taken(said)
		return nil, err
	}
	t := &Template{compiled: compiled, variables: variables, reading: readingOf(source)}
	if year, month, day := date.Date(); !date.IsZero() {
		t.date = &[3]C.int32_t{C.int32_t(year), C.int32_t(month), C.int32_t(day)}
	}
	runtime.AddCleanup(t, func(compiled *C.AssayTemplate) { C.assay_template_free(compiled) }, compiled)
	return t, nil
}

// With gives the template with further variables, which those of one conversation are, beside its own.
func (t *Template) With(more map[string]string) *Template {
	variables := make(map[string]string, len(t.variables)+len(more))
	maps.Copy(variables, t.variables)
	maps.Copy(variables, more)
	return &Template{compiled: t.compiled, variables: variables, date: t.date, of: t, reading: t.reading}
}

// Render gives the text of a conversation, with a generation prompt when generate is set. Its error is what the
// template's raise_exception says, or what went wrong and in which line.
func (t *Template) Render(messages []Message, generate bool) (string, error) {
	return t.execute(messages, map[string]any{"add_generation_prompt": generate})
}

// RenderPair gives the text of a conversation with two responses beside it.
func (t *Template) RenderPair(messages []Message, first, second string) (string, error) {
	return t.execute(messages, map[string]any{"add_generation_prompt": false, "first": first, "second": second})
}

func (t *Template) execute(messages []Message, given map[string]any) (string, error) {
	return t.executed(seen(messages), given)
}

// executed renders turns, however they are written.
func (t *Template) executed(turns any, given map[string]any) (string, error) {
	variables, err := t.given(turns, given)
	if err != nil {
		return "", err
	}
	return t.render(variables)
}

// given is an object of JSON with the variables of a rendering.
func (t *Template) given(turns any, given map[string]any) ([]byte, error) {
	given["messages"] = turns
	given["tools"], given["documents"] = nil, nil // as transformers has them where none are given
	for name, value := range t.variables {
		given[name] = value
	}
	var variables bytes.Buffer
	encoder := json.NewEncoder(&variables)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(given); err != nil {
		return nil, fmt.Errorf("the template's variables: %w", err)
	}
	return variables.Bytes(), nil
}

// render gives the text for an object of JSON with the template's variables.
func (t *Template) render(variables []byte) (string, error) {
	defer runtime.KeepAlive(t)
	date := (*C.int32_t)(unsafe.Pointer(t.date))
	return taken(C.assay_template_render(t.compiled, first(variables), C.size_t(len(variables)), date))
}

// taken is a text of the engine, or its error, after which the engine's memory is given back.
func taken(text C.AssayText) (string, error) {
	defer C.assay_text_free(text)
	out := C.GoStringN((*C.char)(unsafe.Pointer(text.data)), C.int(text.size))
	if text.failed {
		return "", errors.New(out)
	}
	return out, nil
}

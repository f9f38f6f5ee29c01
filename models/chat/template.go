// Package chat renders conversations into text, as the chat template of a checkpoint says and as transformers'
// apply_chat_template does.
package chat

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nikolalohinski/gonja/v2/builtins"
	"github.com/nikolalohinski/gonja/v2/config"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/loaders"
)

// Template is a chat template, rendered as transformers' apply_chat_template does: blocks trimmed, with
// raise_exception, strftime_now and a tojson that writes like Python's json.dumps with ensure_ascii off. It can include
// no other file.
type Template struct {
	compiled  *exec.Template
	variables map[string]string
}

const templateID = "/chat_template.jinja"

// New compiles the text of a template, which sees the variables beside what a rendering gives. Its error is what the
// engine says at bottom.
func New(source string, variables map[string]string) (*Template, error) {
	compiled, err := compile(source)
	if err != nil {
		return nil, innermost(err)
	}
	return &Template{compiled: compiled, variables: variables}, nil
}

func compile(source string) (*exec.Template, error) {
	cfg := config.New()
	cfg.TrimBlocks, cfg.LeftStripBlocks = true, true
	loader, err := loaders.NewMemoryLoader(map[string]string{templateID: source})
	if err != nil {
		return nil, err
	}
	globals := exec.EmptyContext().Update(builtins.GlobalFunctions).Update(builtins.GlobalVariables)
	globals.Set("strftime_now", func(format string) (string, error) { return strftime(time.Now(), format) })
	globals.Set("range", pythonRange)
	controls, err := tags()
	if err != nil {
		return nil, err
	}
	return exec.NewTemplate(templateID, cfg, loader, &exec.Environment{
		Context:           globals,
		Filters:           pythonFilters(),
		Tests:             builtins.Tests,
		ControlStructures: controls,
		Methods:           pythonMethods(),
	})
}

// Render gives the text of a conversation, with a generation prompt when generate is set.
func (t *Template) Render(messages []Message, generate bool) (string, error) {
	return t.execute(messages, map[string]any{"add_generation_prompt": generate})
}

// RenderPair gives the text of a conversation with two responses beside it.
func (t *Template) RenderPair(messages []Message, first, second string) (string, error) {
	return t.execute(messages, map[string]any{"add_generation_prompt": false, "first": first, "second": second})
}

func (t *Template) execute(messages []Message, data map[string]any) (text string, err error) {
	defer func() {
		if panicked := recover(); panicked != nil { // gonja indexes some texts out of range
			text, err = "", fmt.Errorf("the template engine failed: %v", panicked)
		}
	}()
	turns, size := make(list, len(messages)), 256
	for i, m := range messages {
		turns[i] = map[string]any{"role": m.Role, "content": m.Content}
		size += len(m.Content) + 64
	}
	var raised error
	data["messages"] = turns
	data["raise_exception"] = func(message string) (string, error) {
		raised = errors.New(message)
		return "", raised
	}
	for name, value := range t.variables {
		data[name] = value
	}
	var out strings.Builder
	out.Grow(size) // a long prompt is then copied once
	err = t.compiled.Execute(&out, exec.NewContext(data))
	return out.String(), innermost(cmp.Or(raised, err))
}

// innermost is the error at the bottom of a chain: what the template raised, without the template engine's trail.
func innermost(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}

// strftime writes a time by C's format letters, those that chat templates use.
func strftime(now time.Time, format string) (string, error) {
	layouts := map[byte]string{
		'a': "Mon",
		'A': "Monday",
		'b': "Jan",
		'B': "January",
		'd': "02",
		'e': "_2",
		'F': "2006-01-02",
		'H': "15",
		'I': "03",
		'j': "002",
		'M': "04",
		'm': "01",
		'p': "PM",
		'T': "15:04:05",
		'S': "05",
		'y': "06",
		'Y': "2006",
		'Z': "MST",
		'z': "-0700",
	}
	var out strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			out.WriteByte(format[i])
			continue
		}
		i++
		switch {
		case i < len(format) && format[i] == '%':
			out.WriteByte('%')
		case i < len(format) && layouts[format[i]] != "":
			out.WriteString(now.Format(layouts[format[i]]))
		default:
			return "", fmt.Errorf("strftime_now: format %q has a directive that is not known", format)
		}
	}
	return out.String(), nil
}

package models

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nikolalohinski/gonja/v2/builtins"
	"github.com/nikolalohinski/gonja/v2/config"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/loaders"
)

// template is a chat template, rendered as transformers' apply_chat_template does: blocks trimmed, with raise_exception,
// strftime_now and a tojson that writes like Python's json.dumps with ensure_ascii off. It can include no other file.
type template struct {
	compiled  *exec.Template
	variables map[string]string
}

const templateID = "/chat_template.jinja"

func newTemplate(source string, variables map[string]string) (*template, error) {
	cfg := config.New()
	cfg.TrimBlocks, cfg.LeftStripBlocks = true, true
	loader, err := loaders.NewMemoryLoader(map[string]string{templateID: source})
	if err != nil {
		return nil, err
	}
	globals := exec.EmptyContext().Update(builtins.GlobalFunctions).Update(builtins.GlobalVariables)
	globals.Set("raise_exception", raiseException)
	globals.Set("strftime_now", func(format string) (string, error) { return strftime(time.Now(), format) })
	filters := exec.NewFilterSet(map[string]exec.FilterFunction{}).Update(builtins.Filters)
	if err := filters.Replace("tojson", filterToJSON); err != nil {
		return nil, err
	}
	compiled, err := exec.NewTemplate(templateID, cfg, loader, &exec.Environment{
		Context:           globals,
		Filters:           filters,
		Tests:             builtins.Tests,
		ControlStructures: builtins.ControlStructures,
		Methods:           builtins.Methods,
	})
	if err != nil {
		return nil, err
	}
	return &template{compiled: compiled, variables: variables}, nil
}

// render gives the text of a whole conversation, without a generation prompt.
func (t *template) render(messages []Message) (string, error) {
	turns := make([]any, len(messages))
	for i, m := range messages {
		turns[i] = map[string]any{"role": m.Role, "content": m.Content}
	}
	data := map[string]any{"messages": turns, "add_generation_prompt": false}
	for name, value := range t.variables {
		data[name] = value
	}
	var out bytes.Buffer
	if err := t.compiled.Execute(&out, exec.NewContext(data)); err != nil {
		return "", err
	}
	return out.String(), nil
}

func raiseException(message string) (string, error) { return "", errors.New(message) }

// strftime writes a time by C's format letters, those that chat templates use.
func strftime(now time.Time, format string) (string, error) {
	layouts := map[byte]string{
		'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'd': "02", 'H': "15", 'I': "03", 'M': "04", 'm': "01",
		'p': "PM", 'S': "05", 'y': "06", 'Y': "2006", 'Z': "MST", 'z': "-0700",
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

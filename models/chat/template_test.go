package chat

import (
	"testing"
	"time"
)

func TestTemplateRendering(t *testing.T) {
	turns := []Message{{Role: "user", Content: "a \"b\" <é>"}, {Role: "assistant", Content: "ok"}}
	tests := []struct{ name, source, want string }{
		{"blocks are trimmed", "  {% for m in messages %}\n{{ m['role'] }}|\n  {% endfor %}\nend", "user|\nassistant|\nend"},
		{"content is not escaped", "{{ messages[0].content }}", "a \"b\" <é>"},
		{"tojson is json.dumps", "{{ messages[0] | tojson }}", `{"role": "user", "content": "a \"b\" <é>"}`},
		{"tojson with indent", "{{ [1, true, none, {'k': 'v'}] | tojson(indent=2) }}", "[\n  1,\n  true,\n  null,\n  {\n    \"k\": \"v\"\n  }\n]"},
		{"variables", "{{ bos_token }}{{ messages | length }}", "<s>2"},
		{"no generation prompt", "{% if add_generation_prompt %}x{% endif %}", ""},
		{"namespace and loop", "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% if loop.last %}{{ ns.n }}{% endif %}{% endfor %}", "2"},
		{"generation marks", "{% for m in messages %}\n{% generation %}\n{{ m.role }}\n{% endgeneration %}\n{% endfor %}", "user\nassistant\n"},
		{"string methods", "{{ messages[1]['content'].strip().split('k')[0] }}", "o"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tpl, err := New(test.source, map[string]string{"bos_token": "<s>"}, time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := tpl.Render(turns, false)
			if err != nil || got != test.want {
				t.Errorf("rendered %q, %v; want %q", got, err, test.want)
			}
		})
	}
}

func TestTemplateRaises(t *testing.T) {
	tpl, err := New(`{% if messages[0].role != 'user' %}{{ raise_exception('roles must alternate') }}{% endif %}`, nil, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = tpl.Render([]Message{{Role: "system", Content: "x"}}, false)
	if err == nil || err.Error() != "roles must alternate" {
		t.Errorf("error %v, want the template's own sentence", err)
	}
}

func TestTemplateReadsNoFile(t *testing.T) {
	for _, source := range []string{`{% include "/etc/passwd" %}`, `{% extends "x" %}`, `{% from "x" import y %}`, `{% import "x" as y %}`} {
		if _, err := New(source, nil, time.Time{}); err == nil || err.Error() != "a template can take nothing from another file" {
			t.Errorf("%s: %v", source, err)
		}
	}
}

// TestFurtherVariables: those of one conversation are seen by it alone, and over the template's own.
func TestFurtherVariables(t *testing.T) {
	tpl, err := New(`{{ a }}{{ b }}{{ c is defined }}{{ messages[0].content }}`, map[string]string{"a": "1", "b": "2"}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	turns := []Message{{Role: "user", Content: "x"}}
	with := tpl.With(map[string]string{"b": "{{ a }}", "c": ""})
	for _, test := range []struct {
		template *Template
		want     string
	}{{with, "1{{ a }}Truex"}, {tpl, "12Falsex"}, {with.With(map[string]string{"a": "é"}), "é{{ a }}Truex"}} {
		if got, err := test.template.Render(turns, false); err != nil || got != test.want {
			t.Errorf("rendered %q, %v; want %q", got, err, test.want)
		}
		texts := test.template.RenderEach(nil, "user", []string{"x", "y"})
		if texts == nil {
			t.Fatalf("%q is not rendered once for both", test.want)
		}
		if got, err := texts.At(0); err != nil || got != test.want {
			t.Errorf("rendered %q among others, %v; want %q", got, err, test.want)
		}
		texts.Close()
	}
}

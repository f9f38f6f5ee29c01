package chat

import (
	"strings"
	"testing"
	"time"
)

// TestWhatOtherEnginesReadOtherwise: constructs that engines beside Jinja2 were reported to parse or answer in another
// way, each with what Jinja2 3.1 gives when transformers renders.
func TestWhatOtherEnginesReadOtherwise(t *testing.T) {
	turns := []Message{{Role: "user", Content: `a "b" <é>`}, {Role: "assistant", Content: "ok"}}
	tests := []struct{ name, source, want string }{
		{"a conditional in parentheses", "{% for m in messages %}{{ m.role + (': ' if loop.first else ', ') }}{% endfor %}", "user: assistant, "},
		{"a conditional in a conditional", "{{ 'a' if messages | length > 2 else 'b' if messages | length > 1 else 'c' }}", "b"},
		{"no tools and documents", "{{ tools is defined }} {{ documents is defined }} {{ tools is none }} {{ tools is not none }}", "True True True False"},
		{"tools that are asked for their length", "{% if tools is iterable and tools | length > 0 %}tools{% else %}none{% endif %}", "none"},
		{"tools that are asked for nothing but none", "{% if tools is not none %}tools{% else %}none{% endif %}", "none"},
		{"what is undefined is not none", "{{ x is not none }} {{ x is none }} {{ x is defined }}", "True False False"},
		{"none is written, what is undefined is not", "{{ none }}|{{ x }}|", "None||"},
		{"a default takes the place of what is undefined", "{{ none | default('d') }} {{ x | default('d') }} {{ none | default('d', true) }}", "None d d"},
		{"a key that is not there", "{{ messages[0].get('name') }} {{ messages[0].get('name', 'n') }} {{ messages[0].name is defined }}", "None n False"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tpl, err := New(test.source, nil, time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			if got, err := tpl.Render(turns, false); err != nil || got != test.want {
				t.Errorf("rendered %q, %v; want %q", got, err, test.want)
			}
		})
	}
}

// TestAttributesOfATextAreAnError: a template that takes a text for a list of parts ends in an error as Jinja2 does,
// and does not give every response the same empty turn.
func TestAttributesOfATextAreAnError(t *testing.T) {
	tpl, err := New("{% for p in messages[0]['content'] %}{{ p.text + '!' }}{% endfor %}", nil, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := tpl.Render([]Message{{Role: "user", Content: "hello"}}, false); err == nil || !strings.Contains(err.Error(), "undefined") {
		t.Errorf("rendered %q, %v; want an error on a value that is undefined", got, err)
	}
}

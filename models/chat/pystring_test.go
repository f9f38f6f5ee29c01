package chat

import (
	"testing"
	"time"
)

// TestPythonInTemplates holds strings and lists in templates to what Jinja2 3.1.6 renders.
func TestPythonInTemplates(t *testing.T) {
	tests := []struct{ name, source, want string }{
		{"last of one", "{{ messages[-1].content }}|{{ messages[-2] }}", "\x1f a  b\u00a0\n|"},
		{"last of a slice of one", "{{ messages[0:][-1].role }}|{{ (messages | list)[-1].role }}", "user|user"},
		{"last of a split", "{{ 'a'.split(',')[-1] }}", "a"},
		{"strip", "[{{ messages[0].content.strip() }}][{{ messages[0].content | trim }}]", "[a  b][a  b]"},
		{"strip of one side", "[{{ ' \t\na\t '.lstrip() }}][{{ ' \ta\n '.rstrip() }}]", "[a\t ][ \ta]"},
		{"strip of characters", "{{ 'éaéx'.lstrip('é') }}{{ 'xyax'.strip('xy') }}{{ '--a-'.rstrip('-') }}", "aéxa--a"},
		{"trim of characters", "{{ '..a.' | trim('.') }}", "a"},
		{"a stripped string is a string", "{{ ' a '.strip() == 'a' }}{{ 'A'.lower() == 'a' }}{{ 'a' in 'a,b'.split(',') }}", "TrueTrueTrue"},
		{"split at white space", "{{ ' a \t b\n'.split() | join('|') }}", "a|b"},
		{"split at most", "{{ 'a,b,c'.split(',', 1) | join('|') }} {{ 'a,b,c'.split(',', maxsplit=0) | join('|') }}", "a|b,c a,b,c"},
		{"split from the right", "{{ 'a,b,c'.rsplit(',', 1) | join('|') }} {{ 'a,b'.rsplit(',') | join('|') }}", "a,b|c a|b"},
		{"lines", "{{ 'a\\r\\nb\\n\\nc'.splitlines() | join('|') }} {{ 'a\\nb'.splitlines(true) | length }}", "a|b||c 2"},
		{"affixes", "{{ 'abc'.startswith('ab') }}{{ 'abc'.endswith(('x', 'bc')) }}{{ 'abc'.startswith('b') }}", "TrueTrueFalse"},
		{"replace and count", "{{ 'aaa'.replace('a', 'b') }}{{ 'aaa'.replace('a', 'b', 1) }}{{ 'banana'.count('an') }}", "bbbbaa2"},
		{"range", "{% for i in range(5) %}{% if i == 2 %}{% break %}{% endif %}{{ i }}{% endfor %} {{ range(5, 0, -2) | join(',') }}", "01 5,3,1"},
		{"found by characters", "{{ 'né数b'.find('b') }}{{ 'né数b'.rfind('x') }}{{ ''.find('a') }}", "3-1-1"},
		{"no tools", "{{ tools is none }}{% if tools %}x{% endif %}", "True"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tpl, err := New(test.source, nil, time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := tpl.Render([]Message{{Role: "user", Content: "\x1f a  b\u00a0\n"}}, false)
			if err != nil || got != test.want {
				t.Errorf("rendered %q, %v; want %q", got, err, test.want)
			}
		})
	}
}

// TestPythonRefusals: a call that Python refuses fails, and so does one that is not covered.
func TestPythonRefusals(t *testing.T) {
	for _, call := range []string{"replace('a')", "split('')", "strip('a', 'b')", "strip(sep='a')", "join(range(1000000))", "startswith()", "nothing()"} {
		tpl, err := New("{{ 'a b'."+call+" }}", nil, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := tpl.Render(nil, false); err == nil {
			t.Errorf("%s gave %q", call, got)
		}
	}
}

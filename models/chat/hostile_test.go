package chat

import (
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestHostileTemplates: whatever a template does, it ends, within its budget and with one short sentence, and the
// process lives on.
func TestHostileTemplates(t *testing.T) {
	for _, test := range hostile() {
		t.Run(test.name, func(t *testing.T) {
			tpl, err := New(test.source, nil, time.Time{})
			var text string
			if err == nil {
				text, err = tpl.Render([]Message{{Role: "user", Content: "x"}}, false)
			}
			if test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("%.100q, error %.500v; want one with %q", text, err, test.want)
			}
			if err != nil && len(err.Error()) > 500 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
}

// FuzzTemplate: no template ends the process, and what one renders it renders again.
func FuzzTemplate(f *testing.F) {
	for _, test := range hostile() {
		if len(test.source) < 5000 {
			f.Add(test.source, "x")
		}
	}
	f.Fuzz(func(t *testing.T, source, content string) {
		tpl, err := New(source, map[string]string{"bos_token": "<s>"}, time.Unix(0, 0))
		if err != nil {
			return
		}
		messages := []Message{{Role: "user", Content: content}, {Role: "assistant", Content: "ok"}}
		text, err := tpl.Render(messages, true)
		again, twice := tpl.Render(messages, true)
		if text != again || (err == nil) != (twice == nil) {
			t.Errorf("rendered %q, %v, and then %q, %v", text, err, again, twice)
		}
	})
}

// TestTemplateInParallel: a template is rendered by many at once, each with its own budget, date and error.
func TestTemplateInParallel(t *testing.T) {
	tpl, err := New("{% if messages[0].content == 'raise' %}{{ raise_exception('no ' ~ messages[0].role) }}{% endif %}{{ messages[0].content * 1000 }}", nil, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			content, role := strconv.Itoa(i), "r"+strconv.Itoa(i)
			if text, err := tpl.Render([]Message{{Role: role, Content: content}}, false); err != nil || text != strings.Repeat(content, 1000) {
				t.Errorf("%.20q, %v", text, err)
			}
			if _, err := tpl.Render([]Message{{Role: role, Content: "raise"}}, false); err == nil || err.Error() != "no "+role {
				t.Errorf("error %v of %s", err, role)
			}
		})
	}
	all.Wait()
}

type hostileTemplate struct{ name, source, want string } // want is a part of the error; empty: it may end either way

func hostile() []hostileTemplate {
	deep := func(open, shut string, n int) string { return strings.Repeat(open, n) + strings.Repeat(shut, n) }
	return []hostileTemplate{
		{"a loop in loops", "{% for a in range(100000) %}{% for b in range(100000) %}{{ a }}{% endfor %}{% endfor %}", "steps"},
		{"a macro that calls itself", "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "recursion"},
		{"macros that call each other", "{% macro f() %}{{ g() }}{% endmacro %}{% macro g() %}{{ f() }}{% endmacro %}{{ f() }}", "recursion"},
		{"a recursive loop", "{% for a in [[1]] recursive %}{{ loop([a]) }}{% endfor %}", "recursion"},
		{"a text that doubles", "{% set n = namespace(x='xxxxxxxx') %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}{{ n.x }}", "bytes"},
		{"a text that is added to itself", "{% set n = namespace(x='xxxxxxxx') %}{% for i in range(60) %}{% set n.x = n.x + n.x %}{% endfor %}{{ n.x }}", "bytes"},
		{"a list that doubles", "{% set n = namespace(x=[1]) %}{% for i in range(60) %}{% set n.x = n.x + n.x %}{% endfor %}{{ n.x }}", "bytes"},
		{"a text times a number", "{{ 'abcdefgh' * 1000000000000 }}", "bytes"},
		{"a list times a number", "{{ [1] * 1000000000000 }}", "bytes"},
		{"constants folded", "{{ ('a' * 100000000) ~ ('b' * 100000000) ~ ('c' * 100000000) }}", "bytes"},
		{"a replacement that grows", "{% set x = 'a' * 100000 %}{{ x | replace('a', x) }}", "bytes"},
		{"an empty text replaced", "{% set x = 'a' * 100000 %}{{ x.replace('', x) }}", "bytes"},
		{"a join that grows", "{% set x = 'a' * 100000 %}{{ x.join(x) }}", "bytes"},
		{"a width", "{{ 'a' | indent(1000000000) }}{{ ('a' * 1000000) | list | batch(1000000000) }}", "10000"},
		{"literal text again and again", "{% for a in range(100000) %}" + strings.Repeat("x", 10000) + "{% endfor %}", "bytes"},
		{"a text beyond any request's", "{% set x = 'a' * 1000000 %}{% for a in range(200) %}{{ x }}{% endfor %}", "writes more than 134217728 bytes"},
		{"a block of literal text", "{% set b %}{% for a in range(100000) %}" + strings.Repeat("x", 10000) + "{% endfor %}{% endset %}", "bytes"},
		{"lists in lists", "{% set n = namespace(x=[]) %}{% for i in range(99999) %}{% set n.x = [n.x] %}{% endfor %}", "lists and dicts of others"},
		{"dicts in dicts", "{% set n = namespace(x={}) %}{% for i in range(99999) %}{% set n.x = {'x': n.x} %}{% endfor %}", "lists and dicts of others"},
		{"namespaces in namespaces", "{% set n = namespace(x=1) %}{% for i in range(99999) %}{% set n.x = namespace(x=n.x) %}{% endfor %}", "lists and dicts of others"},
		{"generators of generators", "{% set n = namespace(x=[1]) %}{% for i in range(99999) %}{% set n.x = n.x | reverse %}{% endfor %}", ""},
		{"slices of slices", "{% set n = namespace(x=[1]) %}{% for i in range(99999) %}{% set n.x = n.x[0:] %}{% endfor %}", ""},
		{"deep lists written", "{% set n = namespace(x=[]) %}{% for i in range(999) %}{% set n.x = [n.x] %}{% endfor %}{{ n.x }}", "deep"},
		{"deep lists as JSON", "{% set n = namespace(x=[]) %}{% for i in range(999) %}{% set n.x = [n.x] %}{% endfor %}{{ n.x | tojson }}", "deep"},
		{"deep lists compared", "{% set n = namespace(x=[], y=[]) %}{% for i in range(2000) %}{% set n.x = [n.x] %}{% set n.y = [n.y] %}{% endfor %}{{ n.x == n.y }}", "deep"},
		{"deep lists sorted", "{% set n = namespace(x=[], y=[]) %}{% for i in range(2000) %}{% set n.x = [n.x] %}{% set n.y = [n.y] %}{% endfor %}{{ [n.x, n.y] | sort | length }}", "deep"},
		{"a number without end", "{{ 2 ** 1000000000 }}{{ 9999999999999999999 ** 9 }}", "out of range"},
		{"a range without end", "{{ range(1000000000) | list }}", "range"},
		{"nested parentheses", "{{ " + deep("(", ")", 100000) + " }}", "tokens"},
		{"nested lists", "{{ " + deep("[", "]", 900) + " }}", "recursion"},
		{"nested conditions", deep("{% if 1 %}", "{% endif %}", 20000), "nested"},
		{"a chain of elif", "{% if 0 %}" + strings.Repeat("{% elif 0 %}", 20000) + "{% endif %}", "nested"},
		{"a sum of many", "{{ 1" + strings.Repeat(" + 1", 20000) + " }}", "tokens"},
		{"a chain of filters", "{{ 'a'" + strings.Repeat("|trim", 20000) + " }}", "tokens"},
		{"a chain of attributes", "{{ a" + strings.Repeat(".a", 20000) + " }}", "tokens"},
		{"a chain of nots", "{{ " + strings.Repeat("not ", 20000) + "a }}", "tokens"},
		{"as many nots as are allowed", "{{ " + strings.Repeat("not ", 1990) + "a }}", ""},
		{"as many filters as are allowed", "{{ 'a'" + strings.Repeat("|trim", 990) + " }}", ""},
		{"a template of megabytes", strings.Repeat("x", 2<<20), "1048576"},
		{"attributes of Python", "{{ ''.__class__.__mro__ }}", "not allowed"},
		{"a date without end", "{{ strftime_now('%c' * 1000000) }}", "bytes"},
		{"an error of megabytes", "{{ raise_exception('x' * 10000000) }}", "x…"},
		{"a deep search", "{% set x = 'a' * 10000000 %}{% for i in range(100000) %}{{ 'b' in x }}{% endfor %}", "bytes"},
		{"large lists compared, many times", "{% set a = ['a' * 1000000] * 1000 %}{% set b = ['a' * 1000000] * 1000 %}{% for i in range(100000) %}{{ a == b }}{% endfor %}", "bytes"},
		{"large texts tested, many times", "{% set a = 'a' * 1000000 %}{% set b = 'a' * 1000000 %}{% for i in range(100000) %}{{ a is eq(b) }}{% endfor %}", "bytes"},
		{"a large key, many times", "{% set a = 'a' * 1000000 %}{% for i in range(100000) %}{{ {}.get(a) }}{{ {}[a] }}{% endfor %}", "bytes"},
		{"a deep key of nothing", "{% set n = namespace(x=[]) %}{% for i in range(4000) %}{% set n.x = [n.x] %}{% endfor %}{{ nothing[n.x] }}", "no items"},
		{"a deep key", "{% set n = namespace(x=[]) %}{% for i in range(4000) %}{% set n.x = [n.x] %}{% endfor %}{{ {}[n.x] }}", "deep"},
		{"split, many times", "{% set x = 'a ' * 1000000 %}{% for i in range(100000) %}{% set y = x.split() %}{% endfor %}", "bytes"},
		{"a count of nothing", "{{ ('a' * 1000000).count('') }}", ""},
	}
}

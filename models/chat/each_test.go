package chat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// responses are what models answer: some that templates look into, and some that they trim.
var responses = []string{
	"4", "It is 4.", " It is 4.\n", "<think>\nTwo and two.\n</think>\n\nIt is 4.", "<think>So.</think>", "\n", "'\"{}\\",
	"system", "user", "héllo 4 \U0001f600", "It is 4.", "</think>", "<|im_end|>", "{{ messages }}", strings.Repeat("long ", 500),
}

// TestEachRendersAsAlone renders the templates of the cases with many last turns at once, and wants the text of each as
// it is alone. It never gives a text where there is none alone.
func TestEachRendersAsAlone(t *testing.T) {
	folders := []string{"testdata"}
	if more := os.Getenv("ASSAY_TEMPLATES"); more != "" {
		folders = append(folders, more)
	}
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join(folder, "cases.jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			templates, shared := 0, 0
			for text := range bytes.Lines(data) {
				var one line
				if err := json.Unmarshal(text, &one); err != nil {
					t.Fatal(err)
				}
				tpl, err := New(one.Template, nil, time.Date(2000, 2, 1, 0, 0, 0, 0, time.UTC))
				if err != nil {
					continue
				}
				templates++
				alike := false
				for _, want := range one.Cases {
					alike = holdToAlone(t, one.From, tpl, want.Variables, responses[:2]) || alike
					holdToAlone(t, one.From, tpl, want.Variables, responses)
				}
				if alike {
					shared++
				}
			}
			if shared*2 < templates {
				t.Errorf("of %d templates %d render plain responses at once, and half should", templates, shared)
			}
			t.Logf("of %d templates %d render plain responses at once", templates, shared)
		})
	}
}

// holdToAlone puts each of the contents in the place of the last turn's, and tells whether they were rendered at once.
func holdToAlone(t *testing.T, from string, tpl *Template, variables json.RawMessage, contents []string) bool {
	t.Helper()
	var given map[string]json.RawMessage
	var messages []map[string]json.RawMessage
	if json.Unmarshal(variables, &given) != nil || json.Unmarshal(given["messages"], &messages) != nil ||
		len(messages) == 0 || messages[len(messages)-1]["content"] == nil {
		return false
	}
	with := func(content string) []byte {
		messages[len(messages)-1]["content"] = written(t, content)
		given["messages"] = written(t, messages)
		return written(t, given)
	}
	texts := tpl.renderEach(with(marks()[0]), written(t, [][]string{contents}))
	if texts == nil {
		return false
	}
	defer texts.Close()
	for i, content := range contents {
		got, err := texts.At(i)
		if err != nil {
			t.Fatal(err)
		}
		if want, err := tpl.render(with(content)); err != nil || got != want {
			t.Errorf("%s\n%.300s\n at once %q\n   alone %q, %v", from, with(content), got, want, err)
		}
	}
	return true
}

func written(t *testing.T, value any) json.RawMessage {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestWhatIsReadOfEach: what a template asks of a response is asked of each, and they are rendered at once where the
// answers let it.
func TestWhatIsReadOfEach(t *testing.T) {
	for _, test := range []struct {
		template string
		contents string // in words
		alike    bool
	}{
		{`{{ m }}`, "a b", true},
		{`{{ m | trim }}|{{ m.strip() }}`, "a b", true},
		{`{{ m + '!' ~ m }}`, "a b", true},
		{`{{ m | upper }}`, "a b", true},
		{`{% if 'x' in m %}1{% endif %}{{ m }}`, "a b", true},
		{`{% if 'x' in m %}1{% endif %}{{ m }}`, "a x", false},
		{`{{ m | length }}`, "a b", true},
		{`{{ m | length }}`, "a bb", false},
		{`{{ m.split('/')[-1] }}`, "a/b c/d", true},
		{`{{ m.split('/')[-1] }}`, "a/b c", false}, // lists of two lengths, whose last is asked for: each by itself
		{`{{ messages }}`, "a b", true},
		{`{{ messages | tojson }}`, "a b", true},
		{`{{ messages | map(attribute='content') | join('-') }}`, "a b", true},
		{`{{ messages | selectattr('content', 'equalto', 'c') | list | length }}`, "a b", true},
		{`{{ messages | selectattr('content', 'equalto', 'b') | list | length }}`, "a b", false},
		{`{% for c in m %}[{{ c }}]{% endfor %}`, "ab cd", true},
		{`{% for c in m %}[{{ c }}]{% endfor %}`, "ab c", false},
		{`{% set x = {m: 1} %}{{ x['a'] }}`, "a b", false},
		{`{% set ns = namespace(x=m) %}{{ ns.x }}`, "a b", true},
		{`{% set x %}<{{ m }}>{% endset %}{{ x | replace('<', '[') }}`, "a b", true},
		{`{% macro f(x, y='-') %}{{ y }}{{ x }}{% endmacro %}{{ f(m) }}{{ f('', m) }}`, "a b", true},
		{`{% for x in messages %}{% if loop.changed(x.content) %}{{ x.content }}{% endif %}{% endfor %}`, "a b", false},
		{`{% for x in [m] recursive %}{{ x }}{% if loop.depth < 2 %}{{ loop(x) }}{% endif %}{% endfor %}`, "a b", false},
		{`{{ raise_exception(m) }}`, "a b", false},
		{`{{ m is sameas('a') }}`, "a b", false},
		{`{{ m is filter }}`, "trim upper", false},
		{`{{ m | safe }}`, "a b", false},
		{`{{ m * 2 }}{{ m[0] }}{{ m[1:] }}{{ '%' in m }}{{ m < 'c' }}`, "aa bb", true},
		{`{{ {'a': m}.a }}{{ {'a': m}.get('a') }}{{ dict(a=m)['a'] }}{{ (m, 1)[0] }}`, "a b", true},
		{`{% for k, v in {'a': m}.items() %}{{ k }}{{ v }}{% endfor %}`, "a b", true},
		{`{{ m if m else 'none' }}{{ m or 'x' }}{{ m and 'x' }}{{ m is string }}{{ m | default('d') }}`, "a b", true},
	} {
		tpl, err := New(`{%- set m = messages[-1].content -%}`+test.template, nil, time.Time{})
		if err != nil {
			t.Fatal(test.template, err)
		}
		variables := written(t, map[string]any{"messages": []Message{{Role: "user", Content: "?"}, {Role: "assistant"}}})
		if alike := holdToAlone(t, test.template, tpl, variables, strings.Fields(test.contents)); alike != test.alike {
			t.Errorf("%s of %q: rendered at once: %v, want %v", test.template, test.contents, alike, test.alike)
		}
	}
}

// TestEachOfAnyContents: whatever the responses are, they come out as they went in.
func TestEachOfAnyContents(t *testing.T) {
	tpl, err := New(`{% for m in messages %}{{ '<' + m.role + '>' + m['content'] | trim + '</s>' }}{% endfor %}`, nil, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		before := []Message{{Role: "user", Content: rapid.String().Draw(t, "prompt")}}
		contents := rapid.SliceOfN(rapid.StringN(1, 40, -1), 1, 20).Draw(t, "contents")
		texts := tpl.RenderEach(before, "assistant", contents)
		if texts != nil {
			defer texts.Close()
		}
		for i, content := range contents {
			want, err := tpl.Render(append(before, Message{Role: "assistant", Content: content}), false)
			if err != nil {
				t.Fatal(err)
			}
			if texts == nil {
				if blank := strings.TrimSpace(strings.Join(contents, "")) != strings.Join(contents, ""); !blank && len(contents) == 1 {
					t.Fatalf("%q is not rendered at once", content)
				}
				continue
			}
			if got, err := texts.At(i); err != nil || got != want {
				t.Fatalf("at once %q, %v; alone %q", got, err, want)
			}
		}
	})
}

// TestEachTakesWhatAloneTakes: what is refused alone, since it reads or writes or keeps too much, is not rendered with
// others.
func TestEachTakesWhatAloneTakes(t *testing.T) {
	long := strings.Repeat("a", 60<<10)
	for name, test := range map[string]struct {
		template string
		alone    bool // each may be rendered alone
	}{
		"copies without end":      {`{% set ns = namespace(x='') %}{% for i in range(20000) %}{% set ns.x = m ~ '' %}{% endfor %}`, false},
		"sums without end":        {`{% set ns = namespace(x='') %}{% for i in range(20000) %}{% set ns.x = m + 'b' %}{% endfor %}`, false},
		"written without end":     {`{% for i in range(3000) %}{{ m }}{% endfor %}`, false},
		"asked without end":       {`{% for i in range(20000) %}{% if 'b' in m %}b{% endif %}{% endfor %}`, false},
		"a text of many":          {`{{ 'b' * 5000000 }}{{ m }}`, true},
		"marks of large texts":    {`{% for i in range(60) %}{% set x = m | upper %}{% endfor %}`, true},
		"within what they may be": {`{{ 'b' * 1000 }}{{ m | upper }}`, true},
	} {
		tpl, err := New(`{%- set m = messages[-1].content -%}`+test.template, nil, time.Time{})
		if err != nil {
			t.Fatal(name, err)
		}
		before := []Message{{Role: "user", Content: "?"}}
		texts := tpl.RenderEach(before, "assistant", []string{long, long + "c"})
		if _, err := tpl.Render(append(before, Message{Role: "assistant", Content: long}), false); (err == nil) != test.alone {
			t.Errorf("%s: alone %v", name, err)
		}
		if (texts != nil) != strings.HasPrefix(name, "within") {
			t.Errorf("%s: rendered with others: %t", name, texts != nil)
		}
		if texts != nil {
			texts.Close()
		}
	}
}

// TestEachPairRendersAsAlone: so do pairs of responses to one prompt.
func TestEachPairRendersAsAlone(t *testing.T) {
	tpl, err := New(`{{ messages[0].content }}<1>{{ first | trim }}<2>{{ second }}{% if 'x' in first %}x{% endif %}`, nil, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	messages := []Message{{Role: "user", Content: "?"}}
	firsts, seconds := []string{"a", "b ", "a"}, []string{"b", "c", "a"}
	texts := tpl.RenderEachPair(messages, firsts, seconds)
	if texts == nil {
		t.Fatal("the pairs are not rendered at once")
	}
	defer texts.Close()
	for i := range firsts {
		want, err := tpl.RenderPair(messages, firsts[i], seconds[i])
		if got, err2 := texts.At(i); err != nil || err2 != nil || got != want {
			t.Errorf("at once %q, %v; alone %q, %v", got, err2, want, err)
		}
	}
	if tpl.RenderEachPair(messages, []string{"a", "x"}, []string{"b", "c"}) != nil {
		t.Error("pairs are rendered at once that are not alike")
	}
}

// BenchmarkRenderEach renders a prompt of 8 KiB with 64 responses of 400 bytes, at once and each by itself.
func BenchmarkRenderEach(b *testing.B) {
	tpl, err := New(`{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] | trim + '<|im_end|>\n' }}{% endfor %}`, nil, time.Time{})
	if err != nil {
		b.Fatal(err)
	}
	before := []Message{{Role: "user", Content: strings.Repeat("What is it? ", 700)}}
	contents := make([]string, 64)
	for i := range contents {
		contents[i] = strings.Repeat(fmt.Sprintf("It is %d. ", i), 40)
	}
	b.Run("at once", func(b *testing.B) {
		for b.Loop() {
			texts := tpl.RenderEach(before, "assistant", contents)
			for i := range contents {
				if _, err := texts.At(i); err != nil {
					b.Fatal(err)
				}
			}
			texts.Close()
		}
	})
	b.Run("each alone", func(b *testing.B) {
		for b.Loop() {
			for _, content := range contents {
				if _, err := tpl.Render(append(before, Message{Role: "assistant", Content: content}), false); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}

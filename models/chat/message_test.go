package chat

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// Templates of these tests. What they make of the conversations below is what transformers 5 made of them
// (render_jinja_template), with the contents in parts as lists and the arguments of calls as objects.
const (
	readsAll = `{% for m in messages %}<{{ m.role }}{% if m.name %} {{ m.name }}{% endif %}>` +
		`{% if m.reasoning_content is string %}({{ m.reasoning_content }}){% endif %}{% if m.content %}{{ m.content }}{% endif %}` +
		`{% for c in m.tool_calls or [] %}[{{ c.function.name }} {{ c.function.arguments | tojson }}]{% endfor %}` +
		`{% if m.tool_call_id %}#{{ m.tool_call_id }}{% endif %}{% endfor %}`
	readsParts = `{% for m in messages %}<{{ m.role }}>{% if m.content is string %}{{ m.content }}{% else %}` +
		`{% for p in m.content %}{% if p.type == 'text' %}{{ p.text }}{% endif %}{% endfor %}{% endif %}{% endfor %}`
	spacesParts = `{% for m in messages %}<{{ m.role }}>{% if m.content is string %}{{ m.content }}{% else %}` +
		`{{ m.content | map(attribute='text') | join(' ') }}{% endif %}{% endfor %}`
	trimsParts = `{% for m in messages %}<{{ m.role }}>{% if m.content is string %}{{ m.content | trim }}{% else %}` +
		`{% for p in m.content %}{{ p.text | trim }}{% endfor %}{% endif %}{% endfor %}`
	countsParts = `{% for m in messages %}<{{ m.role }}>{% if m.content is string %}{{ m.content }}{% else %}` +
		`{% for p in m.content %}{{ p.text }}{% if not loop.first %}({{ loop.index }}){% endif %}{% endfor %}{% endif %}{% endfor %}`
	readsTexts  = `{% for m in messages %}<{{ m.role }}>{{ m.content + '' }}{% endfor %}`
	printsAny   = `{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}`
	framesParts = `{% for m in messages %}{% if m.content is string %}{{ m.content }}{% else %}{% for p in m.content %}({{ p.text }}){% endfor %}{% endif %}{% endfor %}`
	leavesParts = `'text'{% for m in messages %}<{{ m.role }}>{% if m.content is string %}{{ m.content }}{% endif %}{% endfor %}`
	printsJSON  = `{% for m in messages %}{{ m.content | tojson }}{% endfor %}`
	userOnly    = `{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}` +
		`{% if m.role == 'user' and m.content is not string %}{% for p in m.content %}{{ p.text }}{% endfor %}{% else %}{{ m.content }}{% endif %}{% endfor %}`
)

func compiled(t *testing.T, source string) *Template {
	t.Helper()
	tpl, err := New(source, nil, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return tpl
}

// TestTurnsWithMoreThanText: a template is given what transformers would give it.
func TestTurnsWithMoreThanText(t *testing.T) {
	arguments := func(text string) json.RawMessage {
		return json.RawMessage(`[{"id":"c1","type":"function","function":{"name":"add","arguments":` + text + `}}]`)
	}
	for given, want := range map[string]string{
		`"{\"b\": 30, \"a\": 12.0}"`: `{"b": 30, "a": 12.0}`, // as OpenAI's clients send them
		`{"b":30,"a":12.0}`:          `{"b": 30, "a": 12.0}`,
		`"{\"b\": 30"`:               `"{\"b\": 30"`,
		`"[1]"`:                      `"[1]"`,
		`"30"`:                       `"30"`,
		`""`:                         `""`,
		`null`:                       `null`,
	} {
		turns := []Message{
			{Role: "user", Content: "12 + 30?"},
			{Role: "assistant", More: &More{Reasoning: new("a sum"), ToolCalls: arguments(given)}},
			{Role: "tool", Content: "42", More: &More{Name: new("add"), ToolCallID: new("c1")}},
			{Role: "assistant", Content: "42"},
		}
		want = "<user>12 + 30?<assistant>(a sum)[add " + want + "]<tool add>42#c1<assistant>42"
		if got, err := compiled(t, readsAll).Render(turns, false); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", given, got, err, want)
		}
		texts := compiled(t, readsAll).RenderEach(turns[:3], "assistant", []string{"42", "43"})
		if texts == nil {
			t.Fatalf("%s: not rendered once for both", given)
		}
		if got, err := texts.At(0); err != nil || got != want {
			t.Errorf("%s: %q among others, %v; want %q", given, got, err, want)
		}
		texts.Close()
	}
}

// TestArgumentsOfOtherPlacesStay: only what a call's function is given becomes an object, and everything keeps its
// order.
func TestArgumentsOfOtherPlacesStay(t *testing.T) {
	const calls = `[{"arguments":"{}","z":1,"function":{"x":{"arguments":"{}"},"arguments":"{\"b\":1,\"a\":{}}","arguments":"arguments"},"function":["arguments","{}"]},["function",{"arguments":"{}"}]]`
	const want = `[{"arguments":"{}","z":1,"function":{"x":{"arguments":"{}"},"arguments":{"b":1,"a":{}},"arguments":"arguments"},"function":["arguments","{}"]},["function",{"arguments":"{}"}]]`
	got := strings.NewReplacer("\n", "", " ", "").Replace(string(called(json.RawMessage(calls))))
	if got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestWhatATemplateReads is told by the names in it.
func TestWhatATemplateReads(t *testing.T) {
	for source, want := range map[string][2]bool{
		readsAll: {true, true}, readsTexts: {false, false}, `{{ messages[0]['reasoning'] }}`: {false, true}, `{{ messages[0]["tool_calls"] }}`: {true, false},
		`Reasoning: {{ reasoning_effort }} tool_calls`: {false, false}, `{{ messages[0].tool_calls_x }}{{ messages[0].reasoning_effort }}`: {false, false},
	} {
		tpl := compiled(t, source)
		if got := [2]bool{tpl.ReadsToolCalls(), tpl.ReadsReasoning()}; got != want {
			t.Errorf("%s: %v, want %v", source, got, want)
		}
		if with := tpl.With(map[string]string{"a": ""}); with.ReadsToolCalls() != want[0] {
			t.Errorf("%s with variables is another", source)
		}
	}
}

// TestHowPartsAreJoined: as the template itself does where it reads parts, by a line's end where it reads texts alone,
// and not at all where it does something else.
func TestHowPartsAreJoined(t *testing.T) {
	for _, test := range []struct {
		source, role, want string
		ok                 bool
	}{
		{readsParts, "user", "", true},
		{readsParts, "assistant", "", true},
		{readsParts, "system", "", true},
		{readsParts, "tool", "", true},
		{spacesParts, "user", " ", true},
		{readsTexts, "user", "\n", true},
		{printsAny, "user", "\n", true},
		{trimsParts, "user", "", false},
		{countsParts, "user", "", false},
		{framesParts, "user", "", false},
		{leavesParts, "user", "\n", true},
		{printsJSON, "user", "\n", true},
		{userOnly, "user", "", true},
		{userOnly, "assistant", "\n", true},
		{userOnly, "system", "", false},
		{readsParts, "critic", "", false},
	} {
		tpl := compiled(t, test.source)
		for range 2 { // the second is remembered
			if got, ok := tpl.Join(test.role); got != test.want || ok != test.ok {
				t.Errorf("%s of %s: %q, %v", test.role, test.source, got, ok)
			}
		}
	}
	turns := []Message{{Role: "user", Content: "12 + " + "" + " 30?"}, {Role: "assistant", Content: "42"}}
	if got, err := compiled(t, readsParts).Render(turns, false); err != nil || got != "<user>12 +  30?<assistant>42" {
		t.Errorf("%q, %v", got, err)
	}
	turns[0].Content = "12 + " + " " + " 30?"
	if got, err := compiled(t, spacesParts).Render(turns, false); err != nil || got != "<user>12 +   30?<assistant>42" {
		t.Errorf("%q, %v", got, err)
	}
}

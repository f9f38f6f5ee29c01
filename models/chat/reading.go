package chat

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// reading is what a template reads of a turn beside its text.
type reading struct {
	calls, reasoning bool

	mutex sync.Mutex
	joins map[string]join // by role, of those that were asked about
}

// join is what stands between the texts of a content; ok tells whether that is all there is to it.
type join struct {
	between string
	ok      bool
}

var (
	readsCalls     = regexp.MustCompile(`[.'"]tool_calls\b`)
	readsReasoning = regexp.MustCompile(`[.'"]reasoning(_content)?\b`)
)

func readingOf(source string) *reading {
	return &reading{calls: readsCalls.MatchString(source), reasoning: readsReasoning.MatchString(source), joins: map[string]join{}}
}

// ReadsToolCalls tells whether the template names tool_calls: one that does not leaves them out of the text.
func (t *Template) ReadsToolCalls() bool { return t.reading.calls }

// ReadsReasoning tells whether the template names reasoning_content, or reasoning.
func (t *Template) ReadsReasoning() bool { return t.reading.reasoning }

// roles are those whose turns a template is asked about.
var roles = []string{"system", "developer", "user", "assistant", "tool"}

// Join tells what stands between the texts of a turn's content in parts: what the template puts there, where it reads
// parts itself, and else a line's end, as in vLLM. ok is false where it does something else with them, where it refuses
// the short conversation that it is asked by, and of a role that is none of system, developer, user, assistant and
// tool.
func (t *Template) Join(role string) (between string, ok bool) {
	if !slices.Contains(roles, role) {
		return "", false
	}
	t.reading.mutex.Lock()
	defer t.reading.mutex.Unlock()
	found, known := t.reading.joins[role]
	if !known {
		found = t.join(role)
		t.reading.joins[role] = found
	}
	return found.between, found.ok
}

// join asks the template with a conversation that has a turn of the role, as a text and in parts. A template does not
// read parts where it refuses them, leaves them out, or prints the list that they are in.
func (t *Template) join(role string) join {
	const first, second = "one ", " two"
	text, err := t.probe(role, first)
	if err != nil {
		return join{}
	}
	switch alone, err := t.probe(role, parts(first)); {
	case err != nil || !strings.Contains(alone, first[:len(first)-1]) || lists(alone) > lists(text):
		return join{"\n", true}
	case alone != text: // what else is done with one part
		return join{}
	}
	both, err := t.probe(role, parts(first, second))
	if err != nil {
		return join{}
	}
	for _, between := range []string{"", "\n", " ", "\n\n"} {
		if text, err := t.probe(role, first+between+second); err == nil && text == both {
			return join{between, true}
		}
	}
	return join{}
}

// lists is how often the name of a part's field stands in a text, as Python or JSON writes it.
func lists(text string) int { return strings.Count(text, "'text'") + strings.Count(text, `"text"`) }

// probe renders a conversation whose turn of the role has that content.
func (t *Template) probe(role string, content any) (string, error) {
	turns := []turn{{Role: role, Content: content}, {Role: "assistant", Content: "answer"}}
	switch role {
	case "user":
	case "assistant":
		turns = []turn{{Role: "user", Content: "question"}, {Role: role, Content: content}}
	default:
		turns = []turn{turns[0], {Role: "user", Content: "question"}, turns[1]}
	}
	return t.executed(turns, map[string]any{"add_generation_prompt": false, "first": "a", "second": "b"})
}

// parts are the parts of a content, as clients of chat APIs write them.
func parts(texts ...string) []map[string]string {
	all := make([]map[string]string, len(texts))
	for i, text := range texts {
		all[i] = map[string]string{"type": "text", "text": text}
	}
	return all
}

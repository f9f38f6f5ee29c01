package evaluation

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
)

// row is one row of a file: its columns, each as it is written. A column that is null is as one that is left out, but
// where null says something.
type row map[string]jsontext.Value

// decodeRow reads a row strictly: one JSON object, Unicode, no column twice.
func decodeRow(text []byte) (row, *failure.Error) {
	var r row
	if len(text) > 0 && text[0] == '[' {
		return nil, failure.New(failure.CodeInvalidField, "the row is a list, and each line must be one object; jq -c '.[]' makes such lines of a list")
	}
	if err := json.Unmarshal(text, &r); err != nil {
		if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
			return nil, failure.New(failure.CodeInvalidField, "the row is not JSON: at byte %d: %s", syntax.ByteOffset+1, plain(syntax.Err))
		}
		return nil, failure.New(failure.CodeInvalidField, "the row is no JSON object")
	}
	if r == nil {
		return nil, failure.New(failure.CodeInvalidField, "the row is no JSON object")
	}
	return r, nil
}

// plain is an error of the decoder without its own name.
func plain(err error) string { return strings.TrimPrefix(err.Error(), "jsontext: ") }

// has tells whether the row has all of these columns, null or not.
func (r row) has(names ...string) bool {
	for _, name := range names {
		if _, ok := r[name]; !ok {
			return false
		}
	}
	return true
}

// given tells whether a column is there and not null.
func (r row) given(name string) bool {
	value, ok := r[name]
	return ok && value.Kind() != jsontext.KindNull
}

// first is the first of the columns that is given; where none is, the first name.
func (r row) first(names ...string) string {
	for _, name := range names {
		if r.given(name) {
			return name
		}
	}
	return names[0]
}

// reader takes columns of a row and keeps the first thing that is wrong with one.
type reader struct {
	row row
	err *failure.Error
}

func (d *reader) wrong(name, format string, args ...any) {
	if d.err == nil {
		d.err = failure.New(failure.CodeInvalidField, "%s: %s", name, fmt.Sprintf(format, args...))
	}
}

// value decodes a column, which must be what is expected of it.
func value[T any](d *reader, name, expected string) (into T) {
	if !d.row.given(name) {
		d.wrong(name, "is missing")
		return into
	}
	if err := json.Unmarshal(d.row[name], &into); err != nil {
		d.wrong(name, "expected %s", expected)
	}
	return into
}

func (d *reader) text(name string) string { return value[string](d, name, "text") }

// optional is a text that may be left out.
func (d *reader) optional(name string) *string {
	if !d.row.given(name) {
		return nil
	}
	return new(d.text(name))
}

// texts is a list of texts, at least one.
func (d *reader) texts(name string) []string {
	all := value[[]string](d, name, "a list of texts")
	if len(all) == 0 {
		d.wrong(name, "has no text")
	}
	return all
}

// name is a text or a whole number, as ids are; empty where the column is left out.
func (d *reader) name(column string) string {
	if !d.row.given(column) {
		return ""
	}
	if d.row[column].Kind() == jsontext.KindNumber {
		return string(d.row[column])
	}
	return d.text(column)
}

// index is the index of a step, below n; −1 and null say that there is none.
func (d *reader) index(name string, n int) int {
	if d.row.has(name) && !d.row.given(name) {
		return -1
	}
	at := value[int](d, name, "the index of a step")
	if at < -1 || at >= n {
		d.wrong(name, "is %d, and there are %d steps", at, n)
	}
	return at
}

// message is one turn of a conversation.
type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// turns is a text, or a conversation.
func (d *reader) turns(name string) (text *string, messages []chat.Message) {
	if d.row.given(name) && d.row[name].Kind() == jsontext.KindBeginArray {
		for _, m := range value[[]message](d, name, "a conversation") {
			messages = append(messages, chat.Message{Role: m.Role, Content: m.Content})
		}
		if len(messages) == 0 {
			d.wrong(name, "has no turn")
		}
		return nil, messages
	}
	return new(d.text(name)), nil
}

// group is the prompt of a row, in the first of the columns that it has, with what stands beside it.
func (d *reader) group(columns ...string) rewards.Group {
	g := rewards.Group{Reference: d.optional("reference"), Principle: d.optional("principle")}
	g.Prompt, g.Messages = d.turns(d.row.first(columns...))
	return g
}

// response is the better or worse response of a pair: a text or, as some data sets have it, the whole conversation,
// whose last turn it is.
func (d *reader) response(name string) string {
	text, messages := d.turns(name)
	if n := len(messages); n > 0 {
		if role := messages[n-1].Role; role != "assistant" {
			d.wrong(name, "ends with a turn of %s, and must end with the assistant's", role)
		}
		return messages[n-1].Content
	}
	if text == nil {
		return ""
	}
	return *text
}

// split is the part of the data that a row belongs to, by the first of the columns that names one.
func (d *reader) split(columns ...string) string {
	if name := d.name(d.row.first(columns...)); name != "" {
		return name
	}
	return "all"
}

package wire

import (
	"maps"
	"slices"
	"strings"
)

// Columns are the fields of an item, or of a pair, that no form of it has: what else a data set says of a sample. They
// are passed over, and the answer names them, so that nobody takes them for read. What looks like a field of the form,
// or would have changed what is read, is refused instead.

// longestColumn is how many bytes the name of a column may have.
const longestColumn = 80

// rendering are the fields by which other libraries change what a template makes of a conversation. Here none is read,
// and a score without it would be of another text; only one that is null or empty is passed over.
var rendering = []string{
	"tools", "functions", "documents", "chat_template", "chat_template_kwargs", "enable_thinking", "add_generation_prompt", "continue_final_message",
	"system", "system_prompt", "history", "image", "images", "video", "videos", "audio", "audios",
}

// asking are fields of requests that are no usual name of a column.
var asking = []string{"truncate", "timeout_ms", "params", "recipe", "expect_digest", "on_error", "activation", "explain", "threshold", "strategy", "aggregate"}

// ignoring is a form that can say which columns it passed over; other forms refuse them.
type ignoring interface{ ignore(columns []string) }

func (c *Common) ignore(columns []string) { c.Ignored = columns }

// ignored are the columns that were passed over, in their order; nil: none were.
func (d *decoder) ignored() []string {
	if len(d.columns) == 0 {
		return nil
	}
	return slices.Sorted(maps.Keys(d.columns))
}

// columnsBeside gives what reads the unknown fields of a form with those fields.
func columnsBeside[T any](fields []field[T]) func(d *decoder, name string) error {
	known := make([]string, len(fields))
	for i := range fields {
		known[i] = fields[i].name
	}
	return func(d *decoder, name string) error { return d.column(name, known) }
}

// column passes over a field that is none of the known ones, unless it is refused.
func (d *decoder) column(name string, known []string) error {
	switch {
	case !d.passes:
		return d.fail(CodeUnknownField, "unknown field")
	case !d.columns[name]:
		if err := d.newColumn(name, known); err != nil {
			return err
		}
	}
	if !slices.Contains(rendering, name) {
		return d.skip()
	}
	raw, err := d.raw()
	if err == nil && !empty(raw) {
		err = d.fail(CodeUnknownField, "unknown field; it would change what the model reads, and is not read here: leave it out, or write it into messages or text")
	}
	return err
}

// newColumn looks at the name of a column once.
func (d *decoder) newColumn(name string, known []string) error {
	if field := meant(name, known); field != "" {
		return d.fail(CodeUnknownField, "unknown field; if %s is meant, write it so, and else give the column another name", field)
	}
	switch {
	case slices.Contains(asking, name):
		return d.fail(CodeUnknownField, "unknown field; it is one of the request, not of an item")
	case len(name) > longestColumn:
		return d.fail(CodeUnknownField, "unknown field; its name has %d bytes, and that of a column may have %d", len(name), longestColumn)
	case len(d.columns) >= d.limits.Columns:
		return d.fail(CodeUnknownField, "unknown field, beside %d other columns, the limit of a request", d.limits.Columns)
	}
	if d.columns == nil {
		d.columns = map[string]bool{}
	}
	d.columns[name] = true
	return nil
}

// meant is the known field that a name may be a slip of the pen for, empty where there is none: one that is the same
// but for case, hyphens and underscores, or that differs by at most two letters, or by one where the field has no more
// than four. Two letters say too little, so an id is not compared by letters.
func meant(name string, known []string) string {
	plain := joined(name)
	for _, field := range known {
		if strings.EqualFold(plain, joined(field)) {
			return field
		}
	}
	for _, field := range known {
		most := 2
		if len(field) <= 4 {
			most = 1
		}
		if len(field) > 2 && slips(strings.ToLower(name), field, most) {
			return field
		}
	}
	return ""
}

// joined is a name without what may stand between its words.
func joined(name string) string {
	if !strings.ContainsAny(name, "_- ") {
		return name
	}
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == ' ' {
			return -1
		}
		return r
	}, name)
}

// slips tells whether a becomes b by at most so many slips: a letter left out, put in or changed, or two neighbours
// that change places (the optimal string alignment distance).
func slips(a, b string, most int) bool {
	if len(a)-len(b) > most || len(b)-len(a) > most {
		return false
	}
	var room [3][16]int
	before, last, next := room[0][:], room[1][:], room[2][:]
	if len(b) >= len(last) {
		before, last, next = make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	}
	for j := range len(b) + 1 {
		last[j] = j
	}
	for i := range len(a) {
		next[0] = i + 1
		for j := range len(b) {
			change := 1
			if a[i] == b[j] {
				change = 0
			}
			next[j+1] = min(last[j+1]+1, next[j]+1, last[j]+change)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, last, next = last, next, before
	}
	return last[len(b)] <= most
}

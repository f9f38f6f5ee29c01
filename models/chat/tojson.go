package chat

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/nikolalohinski/gonja/v2/exec"
)

// filterToJSON is transformers' tojson: json.dumps(value, ensure_ascii=False, indent=indent), with its ", " and ": ".
func filterToJSON(_ *exec.Evaluator, in *exec.Value, params *exec.VarArgs) *exec.Value {
	if in.IsError() {
		return in
	}
	indent := -1
	if given := params.GetKeywordArgument("indent", nil); given.IsInteger() {
		indent = given.Integer()
	}
	var out strings.Builder
	if err := writeJSON(&out, in.ToGoSimpleType(true), indent, 0); err != nil {
		return exec.AsValue(exec.ErrInvalidCall(err))
	}
	return exec.AsSafeValue(out.String())
}

// writeJSON writes value at a depth; indent is in spaces a level, negative for one line.
func writeJSON(out *strings.Builder, value any, indent, depth int) error {
	switch v := value.(type) {
	case map[string]any:
		keys := make([]string, 0, len(v))
		for key := range v {
			keys = append(keys, key)
		}
		slices.SortFunc(keys, byMessageOrder)
		return writeList(out, "{}", len(keys), indent, depth, func(i int) error {
			if err := writeJSON(out, keys[i], indent, depth); err != nil {
				return err
			}
			out.WriteString(": ")
			return writeJSON(out, v[keys[i]], indent, depth+1)
		})
	case map[any]any:
		plain := make(map[string]any, len(v))
		for key, item := range v {
			plain[fmt.Sprint(key)] = item
		}
		return writeJSON(out, plain, indent, depth)
	case []any:
		return writeList(out, "[]", len(v), indent, depth,
			func(i int) error { return writeJSON(out, v[i], indent, depth+1) })
	case error:
		return v
	}
	var scalar strings.Builder
	encoder := json.NewEncoder(&scalar)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("tojson: %w", err)
	}
	out.WriteString(unescapeLines.Replace(strings.TrimSuffix(scalar.String(), "\n")))
	return nil
}

// unescapeLines writes the two line separators as Python does with ensure_ascii off.
var unescapeLines = strings.NewReplacer(`\u2028`, "\u2028", `\u2029`, "\u2029")

func writeList(out *strings.Builder, brackets string, n, indent, depth int, item func(int) error) error {
	out.WriteByte(brackets[0])
	for i := range n {
		switch {
		case i > 0 && indent < 0:
			out.WriteString(", ")
		case i > 0:
			out.WriteByte(',')
		}
		newLine(out, indent, depth+1)
		if err := item(i); err != nil {
			return err
		}
	}
	if n > 0 {
		newLine(out, indent, depth)
	}
	out.WriteByte(brackets[1])
	return nil
}

func newLine(out *strings.Builder, indent, depth int) {
	if indent >= 0 {
		out.WriteByte('\n')
		out.WriteString(strings.Repeat(" ", indent*depth))
	}
}

// byMessageOrder puts a message's role before its content, as clients write it; other keys follow by name.
func byMessageOrder(a, b string) int {
	rank := func(key string) int { return slices.Index([]string{"content", "role"}, key) }
	if by := cmp.Compare(rank(b), rank(a)); by != 0 {
		return by
	}
	return strings.Compare(a, b)
}

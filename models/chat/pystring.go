package chat

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nikolalohinski/gonja/v2/builtins"
	"github.com/nikolalohinski/gonja/v2/exec"
)

// What templates do with strings and lists, as Python does it where gonja does not. Not covered: lists and dicts
// printed as such, one character of a text that is not ASCII (text[0]), [-1] of a list literal of one, // and % of
// negative numbers, and text % values.

// list is a list as Python indexes it: from the end with negative numbers, the first item included, which gonja's own
// leaves out.
type list []any

// GetItem gives the item at a place; the bool is false where there is none.
func (l list) GetItem(key any) (*exec.Value, bool) {
	at, ok := key.(int)
	if ok && at < 0 {
		at += len(l)
	}
	if !ok || at < 0 || at >= len(l) {
		return exec.AsValue(nil), false
	}
	return exec.AsValue(l[at]), true
}

// asList makes a list of any slice, and leaves other values alone.
func asList(value any) any {
	items := reflect.ValueOf(value)
	if items.Kind() != reflect.Slice {
		return value
	}
	out := make(list, items.Len())
	for i := range out {
		out[i] = plainString(items.Index(i).Interface())
	}
	return out
}

// plainString takes off a named string type, with which no string of another type is equal.
func plainString(value any) any {
	if text := reflect.ValueOf(value); text.Kind() == reflect.String {
		return text.String()
	}
	return value
}

// pythonRange is Python's range as a list; gonja's own leaves a goroutine behind when a loop breaks.
func pythonRange(bounds ...int) (list, error) {
	start, step := 0, 1
	var stop int
	switch len(bounds) {
	case 1:
		stop = bounds[0]
	case 2:
		start, stop = bounds[0], bounds[1]
	case 3:
		start, stop, step = bounds[0], bounds[1], bounds[2]
	default:
		return nil, fmt.Errorf("range takes 1 to 3 numbers, and %d were given", len(bounds))
	}
	if step == 0 || (stop-start)/step > maxRange {
		return nil, fmt.Errorf("range(%d, %d, %d) is not between 0 and %d long", start, stop, step, maxRange)
	}
	out := list{}
	for ; step > 0 && start < stop || step < 0 && start > stop; start += step {
		out = append(out, start)
	}
	return out, nil
}

// maxRange bounds a range, as Jinja2's sandbox does.
const maxRange = 100_000

// listFilters are the filters whose result is a list.
var listFilters = []string{
	"batch",
	"list",
	"map",
	"reject",
	"rejectattr",
	"reverse",
	"select",
	"selectattr",
	"slice",
	"sort",
	"unique",
}

// pythonFilters are gonja's filters with lists and white space as Python has them.
func pythonFilters() *exec.FilterSet {
	filters := exec.NewFilterSet(map[string]exec.FilterFunction{}).Update(builtins.Filters)
	replaced := map[string]exec.FilterFunction{"tojson": filterToJSON, "trim": filterTrim}
	for _, name := range listFilters {
		if filter, ok := filters.Get(name); ok {
			replaced[name] = func(e *exec.Evaluator, in *exec.Value, params *exec.VarArgs) *exec.Value {
				out := filter(e, in, params)
				if !out.IsList() {
					return out
				}
				return exec.AsValue(asList(out.Interface()))
			}
		}
	}
	for name, filter := range replaced {
		if err := filters.Replace(name, filter); err != nil {
			panic(err) // gonja has each of them
		}
	}
	return filters
}

func filterTrim(_ *exec.Evaluator, in *exec.Value, params *exec.VarArgs) *exec.Value {
	if in.IsError() {
		return in
	}
	chars, err := arguments(params, 0, "chars")
	if err != nil {
		return exec.AsValue(exec.ErrInvalidCall(err))
	}
	return exec.AsValue(strip(in.String(), chars[0], true, true))
}

// otherMethods are the methods of str that are taken from gonja, less its own string type.
var otherMethods = []string{
	"capitalize",
	"format",
	"isalnum",
	"isalpha",
	"isascii",
	"isdecimal",
	"isdigit",
	"islower",
	"isnumeric",
	"isspace",
	"isupper",
	"join",
	"lower",
	"partition",
	"removeprefix",
	"removesuffix",
	"rpartition",
	"title",
	"upper",
}

// pythonMethods are gonja's methods with those of str as Python has them.
func pythonMethods() exec.Methods {
	str := map[string]exec.Method[string]{}
	for _, name := range otherMethods {
		if method, ok := builtins.Methods.Str.Get(name); ok {
			str[name] = func(self string, value *exec.Value, params *exec.VarArgs) (any, error) {
				out, err := method(self, value, params)
				return asList(plainString(out)), err
			}
		}
	}
	add := func(name string, required int, method func(self string, given []*exec.Value) (any, error), names ...string) {
		str[name] = func(self string, _ *exec.Value, params *exec.VarArgs) (any, error) {
			given, err := arguments(params, required, names...)
			if err != nil {
				return nil, exec.ErrInvalidCall(err)
			}
			return method(self, given)
		}
	}
	for name, sides := range map[string][2]bool{"strip": {true, true}, "lstrip": {true, false}, "rstrip": {false, true}} {
		add(name, 0, func(self string, given []*exec.Value) (any, error) {
			return strip(self, given[0], sides[0], sides[1]), nil
		}, "chars")
	}
	for name, fromRight := range map[string]bool{"split": false, "rsplit": true} {
		add(name, 0, func(self string, given []*exec.Value) (any, error) {
			return split(self, given[0], integer(given[1], -1), fromRight)
		}, "sep", "maxsplit")
	}
	for name, has := range map[string]func(text, affix string) bool{"startswith": strings.HasPrefix, "endswith": strings.HasSuffix} {
		add(name, 1, func(self string, given []*exec.Value) (any, error) { return anyOf(given[0], self, has), nil },
			"affix")
	}
	add("splitlines", 0,
		func(self string, given []*exec.Value) (any, error) { return splitLines(self, given[0].IsTrue()), nil },
		"keepends")
	for name, index := range map[string]func(text, sub string) int{"find": strings.Index, "rfind": strings.LastIndex} {
		add(name, 1, func(self string, given []*exec.Value) (any, error) {
			at := index(self, given[0].String())
			return at - max(0, at) + utf8.RuneCountInString(self[:max(0, at)]), nil
		}, "sub")
	}
	add("count", 1, func(self string, given []*exec.Value) (any, error) {
		return strings.Count(self, given[0].String()), nil
	}, "sub")
	add("replace", 2, func(self string, given []*exec.Value) (any, error) {
		return strings.Replace(self, given[0].String(), given[1].String(), integer(given[2], -1)), nil
	}, "old", "new", "count")
	methods := builtins.Methods
	methods.Str = exec.NewMethodSet(str)
	return methods
}

// arguments gives a call's arguments in the order of their names, None where one is left out.
func arguments(params *exec.VarArgs, required int, names ...string) ([]*exec.Value, error) {
	if len(params.Args) > len(names) {
		return nil, fmt.Errorf("%d arguments were given, and at most %d are known: %s", len(params.Args), len(names),
			strings.Join(names, ", "))
	}
	for name := range params.KwArgs {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("argument %q is not known; known are %s", name, strings.Join(names, ", "))
		}
	}
	given := make([]*exec.Value, len(names))
	for i, name := range names {
		given[i] = params.GetKeywordArgument(name, nil)
		if i < len(params.Args) {
			given[i] = params.Args[i]
		}
		if i < required && given[i].IsNil() {
			return nil, fmt.Errorf("argument %q is missing", name)
		}
	}
	return given, nil
}

func integer(value *exec.Value, otherwise int) int {
	if value.IsNil() {
		return otherwise
	}
	return value.Integer()
}

// isSpace is Python's str.isspace: Unicode's white space and the four separators of ASCII.
func isSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

// strip takes white space, or the characters given, off either end.
func strip(text string, chars *exec.Value, left, right bool) string {
	out := isSpace
	if !chars.IsNil() {
		out = func(r rune) bool { return strings.ContainsRune(chars.String(), r) }
	}
	if left {
		text = strings.TrimLeftFunc(text, out)
	}
	if right {
		text = strings.TrimRightFunc(text, out)
	}
	return text
}

// split cuts at a separator, at most so many times, counted from the left or from the right; without one at runs of
// white space.
func split(text string, sep *exec.Value, most int, fromRight bool) (list, error) {
	switch {
	case sep.IsNil() && most >= 0:
		return nil, errors.New("split at white space with maxsplit is not supported")
	case sep.IsNil():
		return toList(strings.FieldsFunc(text, isSpace)), nil
	case sep.String() == "":
		return nil, errors.New("split: the separator is empty")
	}
	parts := strings.Split(text, sep.String())
	switch rest := len(parts) - most; {
	case most < 0 || rest <= 1:
	case fromRight:
		parts = slices.Insert(parts[rest:], 0, strings.Join(parts[:rest], sep.String()))
	default:
		parts = append(parts[:most], strings.Join(parts[most:], sep.String()))
	}
	return toList(parts), nil
}

// splitLines cuts at the ends of lines that Python knows, which are kept or not.
func splitLines(text string, keep bool) list {
	var lines []string
	for text != "" {
		at := strings.IndexAny(text, "\n\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029")
		if at < 0 {
			return toList(append(lines, text))
		}
		_, width := utf8.DecodeRuneInString(text[at:])
		if strings.HasPrefix(text[at:], "\r\n") {
			width = 2
		}
		line := text[:at]
		if keep {
			line = text[:at+width]
		}
		lines, text = append(lines, line), text[at+width:]
	}
	return toList(lines)
}

func toList(parts []string) list {
	out := make(list, len(parts))
	for i, part := range parts {
		out[i] = part
	}
	return out
}

// anyOf tells whether the text has one of the affixes: a string, or a tuple of them.
func anyOf(affixes *exec.Value, text string, has func(text, affix string) bool) bool {
	if !affixes.IsList() {
		return has(text, affixes.String())
	}
	for i := range affixes.Len() {
		if has(text, affixes.Index(i).String()) {
			return true
		}
	}
	return false
}

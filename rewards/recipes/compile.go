package recipes

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"
)

// compile checks and compiles what is computed of an item, the values in their order and then the score and the steps,
// and then what is computed of a group. A value may use those before it.
func (r *Recipe) compile(where locator) error {
	of := scope{where: where, env: types.Map{}, used: map[string]bool{}}
	for _, p := range slices.Concat(r.Params, r.Given) {
		of.env[p.Name] = p.Form.shape()
	}
	for i := range r.Readings {
		if r.Readings[i].Gives != Preferences {
			of.env[r.Readings[i].Name] = r.Readings[i].shape()
		}
	}
	for _, name := range texts {
		of.env[name] = aText
	}
	r.nameStates(&of)
	of.words = oneOf(slices.Concat(r.Params, r.Given))
	for i := range r.Readings {
		if in := r.Readings[i].Input; in != nil {
			of.used[in.Masks] = true
			of.used[in.kinds()] = true
		}
	}
	if err := of.values("values", r.Values); err != nil {
		return err
	}
	var err error
	if r.Score != "" {
		if r.score, err = of.expression("score", r.Score, aNumber, "one number: reduce it, as by mean or last"); err != nil {
			return err
		}
	}
	if r.Steps != "" {
		if r.steps, err = of.expression("steps", r.Steps, aVector, "a vector, of one number for each step"); err != nil {
			return err
		}
	}
	if err := r.compileStates(&of); err != nil {
		return err
	}
	if r.Group != nil {
		if err := r.Group.compile(r, &of); err != nil {
			return err
		}
	}
	r.size, r.calls = of.parts, of.calls
	for _, name := range texts {
		if of.used[name] {
			r.texts = append(r.texts, name)
		}
	}
	return r.unused(&of)
}

// unused finds what the recipe has and uses nowhere.
func (r *Recipe) unused(of *scope) error {
	for i := range r.Params {
		if name := r.Params[i].Name; !of.used[name] {
			return of.where.wrong("params."+name, "params.%s: nothing uses it", name)
		}
	}
	for i := range r.Given {
		if name := r.Given[i].Name; !of.used[name] {
			return of.where.wrong("given."+name, "given.%s: nothing uses it", name)
		}
	}
	for i := range r.Readings {
		if name := r.Readings[i].Name; !of.used[name] {
			return of.where.wrong("readings."+name, "readings.%s: nothing uses it", name)
		}
	}
	return nil
}

// scope is the names that expressions may use, and those that some have used.
type scope struct {
	where locator
	env   types.Map
	words map[string][]string // of a word that is one of some: these
	used  map[string]bool
	parts int // of all expressions
	calls int // of bert_score
}

func oneOf(params []Param) map[string][]string {
	of := map[string][]string{}
	for i := range params {
		if params[i].OneOf != nil {
			of[params[i].Name] = params[i].OneOf
		}
	}
	return of
}

// values compiles named expressions; each is a name for those behind it.
func (s *scope) values(field string, all []Value) error {
	for i := range all {
		v := &all[i]
		program, gives, err := s.compile(v.Expression)
		if err != nil {
			return s.where.inside(field+"."+v.Name, v.Expression, err)
		}
		v.program, s.env[v.Name] = program, gives
	}
	return nil
}

// expression compiles one expression, which must give this.
func (s *scope) expression(field, expression string, want types.Type, must string) (*vm.Program, error) {
	program, gives, err := s.compile(expression)
	if err == nil && gives != want {
		err = fmt.Errorf("the expression gives %s, and must give %s", nameOf(gives), must)
	}
	if err != nil {
		return nil, s.where.inside(field, expression, err)
	}
	return program, nil
}

// results are the types that an expression may give.
var results = map[reflect.Type]struct {
	of   types.Type
	name string
}{
	reflect.TypeFor[float64](): {aNumber, "a number"}, reflect.TypeFor[vector](): {aVector, "a vector"},
	reflect.TypeFor[matrix](): {aMatrix, "a matrix"}, reflect.TypeFor[text](): {aText, "a text"},
}

func nameOf(gives types.Type) string {
	for _, result := range results {
		if result.of == gives {
			return result.name
		}
	}
	return "something else"
}

// compile makes a program of an expression and tells what it gives.
func (s *scope) compile(expression string) (*vm.Program, types.Type, error) {
	if len(expression) > maxExpression {
		return nil, nil, fmt.Errorf("the expression has %d bytes, and may have %d", len(expression), maxExpression)
	}
	guard := &guard{scope: s}
	options := append([]expr.Option{
		expr.Env(s.env), expr.DisableAllBuiltins(), expr.MaxNodes(maxNodes), expr.Optimize(false), expr.Patch(guard),
	}, functions...)
	program, err := expr.Compile(expression, options...)
	if guard.err != nil {
		return nil, nil, guard.err
	}
	s.parts += guard.parts
	s.calls += guard.matched
	if err != nil {
		return nil, nil, err
	}
	gives := program.Node().Type()
	if result, known := results[gives]; known {
		return program, result.of, nil
	}
	if gives != nil && gives.Kind() == reflect.Bool {
		return nil, nil, errors.New("the expression gives true or false, and must give a number: condition ? 1 : 0")
	}
	return nil, nil, errors.New("the expression gives neither a number nor a vector")
}

// inside is an error of an expression, with the line of the file and the column of the expression.
func (l locator) inside(field, expression string, err error) error {
	var located *file.Error
	if !errors.As(err, &located) {
		return l.wrong(field, "%s: %w", field, err)
	}
	column := len([]rune(expression[:min(located.From, len(expression))])) + 1
	message, _, _ := strings.Cut(located.Message, "\n")
	return l.wrong(field, "%s, column %d: %s", field, column, message)
}

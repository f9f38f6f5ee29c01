package recipes

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"

	"github.com/assay-rm/assay/models/fault"
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

// guard lets through what the language has, makes a number of every literal, and a call of every arithmetic operator,
// which looks at what comes out.
type guard struct {
	*scope

	err error // the first
}

var comparisons = []string{"==", "!=", "<", "<=", ">", ">=", "and", "or", "&&", "||"}

// Visit is called for every node, children first.
func (g *guard) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IntegerNode:
		ast.Patch(node, &ast.FloatNode{Value: float64(n.Value)})
	case *ast.FloatNode, *ast.BoolNode, *ast.ConditionalNode:
	case *ast.IdentifierNode:
		if _, known := g.env[n.Value]; !known && !reserved(n.Value) {
			g.fail(n, "unknown name "+fault.Short(n.Value))
		}
		g.used[n.Value] = true
	case *ast.UnaryNode:
		if n.Operator == "-" { // 0 − x, which vectors have too
			call(node, "$minus", &ast.FloatNode{}, n.Node)
		}
	case *ast.BinaryNode:
		if operator, ok := arithmetic[strings.Replace(n.Operator, "^", "**", 1)]; ok {
			call(node, operator.name, n.Left, n.Right)
		} else if !slices.Contains(comparisons, n.Operator) {
			g.refuse(n, "the operator "+n.Operator)
		}
		g.compared(n)
	case *ast.MemberNode:
		property, named := n.Property.(*ast.StringNode)
		of, is := n.Node.(*ast.IdentifierNode)
		if is && named {
			g.used[of.Value+"."+property.Value] = true
			if has, known := g.env[of.Value].(types.Map); known && has[property.Value] == nil {
				g.fail(n, of.Value+" has no "+fault.Short(property.Value))
			}
		}
		if !is || !named || n.Optional {
			g.refuse(n, "an index (labels are read as reading.label or reading[\"label\"], and places by at(vector, place))")
		}
	case *ast.StringNode: // of a member, compared to a word, or an argument of a function of texts
	case *ast.CallNode:
		if _, ok := n.Callee.(*ast.IdentifierNode); !ok {
			g.refuse(n, "a call of what is no function")
		}
		g.pattern(n)
		n.SetType(unknown)
	default:
		g.refuse(n, "this")
	}
}

// compared refuses a word that a param is compared to and can never be.
func (g *guard) compared(n *ast.BinaryNode) {
	for _, sides := range [][2]ast.Node{{n.Left, n.Right}, {n.Right, n.Left}} {
		name, isName := sides[0].(*ast.IdentifierNode)
		word, isWord := sides[1].(*ast.StringNode)
		if !isName || !isWord {
			continue
		}
		if of, known := g.words[name.Value]; known && !slices.Contains(of, word.Value) {
			g.fail(word, fmt.Sprintf("%s is never %q, but one of %s", name.Value, fault.Short(word.Value), strings.Join(of, ", ")))
		}
	}
}

// pattern proves the regular expression of a call of found, which must be written out.
func (g *guard) pattern(n *ast.CallNode) {
	name, ok := n.Callee.(*ast.IdentifierNode)
	if !ok || (name.Value != "found" && name.Value != "up_to") || len(n.Arguments) != 2 {
		return
	}
	of, ok := n.Arguments[1].(*ast.StringNode)
	if !ok {
		g.fail(n, name.Value+" takes a text of the recipe's own in quotes")
		return
	}
	if name.Value == "found" {
		if _, err := regexp.Compile(of.Value); err != nil {
			g.fail(of, err.Error())
		}
	}
}

// call puts a call of a function in a node's place.
func call(node *ast.Node, name string, args ...ast.Node) {
	at := (*node).Location()
	ast.Patch(node, &ast.CallNode{Callee: &ast.IdentifierNode{Value: name}, Arguments: args})
	(*node).SetLocation(at)
	(*node).SetType(unknown)
}

// unknown is the type of a call whose type is to be found anew. The compiler checks types once before a guard is there,
// when arithmetic with vectors is still an error, and keeps what it then took a call for.
var unknown = reflect.TypeFor[any]()

func (g *guard) refuse(node ast.Node, what string) { g.fail(node, what+" is no part of the language") }

func (g *guard) fail(node ast.Node, message string) {
	if g.err == nil {
		g.err = &file.Error{Location: node.Location(), Message: message}
	}
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

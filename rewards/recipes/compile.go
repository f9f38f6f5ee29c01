package recipes

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"

	"github.com/assay-rm/assay/models/fault"
)

var (
	aNumber = types.TypeOf(0.0)
	aVector = types.TypeOf(Vector{})
)

// compile checks and compiles the values in their order and then the score. A value may use those before it.
func (r *Recipe) compile(where locator) error {
	env := types.Map{}
	for _, p := range r.Params {
		env[p.Name] = aNumber
	}
	for _, reading := range r.Readings {
		env[reading.Name] = reading.shape()
	}
	used := map[string]bool{}
	for i := range r.Values {
		v := &r.Values[i]
		program, gives, err := compile(v.Expression, env, used)
		if err != nil {
			return where.inside("values."+v.Name, v.Expression, err)
		}
		v.program, env[v.Name] = program, gives
	}
	program, gives, err := compile(r.Score, env, used)
	if err == nil && gives != aNumber {
		err = errors.New("the score is a vector, and must be one number: reduce it, as by mean or last")
	}
	if err != nil {
		return where.inside("score", r.Score, err)
	}
	r.score = program
	if r.Steps != "" {
		program, gives, err := compile(r.Steps, env, used)
		if err == nil && gives != aVector {
			err = errors.New("the steps are a number, and must be a vector, of one number for each step")
		}
		if err != nil {
			return where.inside("steps", r.Steps, err)
		}
		r.steps = program
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if !used[name] && !slices.ContainsFunc(r.Values, func(v Value) bool { return v.Name == name }) {
			field := "params."
			if slices.ContainsFunc(r.Readings, func(one Reading) bool { return one.Name == name }) {
				field = "readings."
			}
			return where.wrong(field+name, "%s%s: nothing uses it", field, name)
		}
	}
	return nil
}

// shape is the type of what a reading gives.
func (r *Reading) shape() types.Type {
	switch r.Gives {
	case Steps:
		return aVector
	case Labels:
		of := types.Map{}
		for _, label := range r.Labels {
			of[label] = aNumber
		}
		return of
	case Score, Raw:
	}
	return aNumber
}

// compile makes a program of an expression and tells what it gives, a number or a vector.
func compile(expression string, env types.Map, used map[string]bool) (*vm.Program, types.Type, error) {
	if len(expression) > maxExpression {
		return nil, nil, fmt.Errorf("the expression has %d bytes, and may have %d", len(expression), maxExpression)
	}
	guard := &guard{env: env, used: used}
	options := append([]expr.Option{
		expr.Env(env), expr.DisableAllBuiltins(), expr.MaxNodes(maxNodes), expr.Optimize(false), expr.Patch(guard),
	}, functions...)
	program, err := expr.Compile(expression, options...)
	if guard.err != nil {
		return nil, nil, guard.err
	}
	if err != nil {
		return nil, nil, err
	}
	switch gives := program.Node().Type(); {
	case gives == reflect.TypeFor[float64]():
		return program, aNumber, nil
	case gives == reflect.TypeFor[Vector]():
		return program, aVector, nil
	case gives != nil && gives.Kind() == reflect.Bool:
		return nil, nil, errors.New("the expression gives true or false, and must give a number: condition ? 1 : 0")
	}
	return nil, nil, errors.New("the expression gives neither a number nor a vector")
}

// guard lets through what the language has, makes a number of every literal, and a call of every arithmetic operator,
// which looks at what comes out.
type guard struct {
	env  types.Map
	used map[string]bool // names that an expression has
	err  error           // the first
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
	case *ast.MemberNode:
		_, named := n.Property.(*ast.StringNode)
		if _, of := n.Node.(*ast.IdentifierNode); !of || !named || n.Optional {
			g.refuse(n, "an index (labels are read as reading.label or reading[\"label\"], and places by at(vector, place))")
		}
	case *ast.StringNode: // of a member, or an argument that no function takes
	case *ast.CallNode:
		if _, ok := n.Callee.(*ast.IdentifierNode); !ok {
			g.refuse(n, "a call of what is no function")
		}
		n.SetType(unknown)
	default:
		g.refuse(n, "this")
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

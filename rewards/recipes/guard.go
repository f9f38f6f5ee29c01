package recipes

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/types"

	"github.com/assay-rm/assay/models/fault"
)

// guard lets through what the language has, makes a number of every literal, and a call of every arithmetic operator,
// which looks at what comes out.
type guard struct {
	*scope

	parts   int
	matched int   // calls of bert_score
	err     error // the first
}

var comparisons = []string{"==", "!=", "<", "<=", ">", ">=", "and", "or", "&&", "||"}

// Reset and ShouldRepeat put the guard among the visitors that the compiler calls last, with no other check of types
// between it and the one that counts: a check keeps the type of a call whose own arguments fit, and what is wrong
// deeper within it is not looked at again.
func (*guard) Reset() {}

// ShouldRepeat is false: see [guard.Reset].
func (*guard) ShouldRepeat() bool { return false }

// Visit is called for every node, children first.
func (g *guard) Visit(node *ast.Node) {
	g.parts++
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
		if name, ok := n.Callee.(*ast.IdentifierNode); ok && name.Value == bertScore {
			g.matched++
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

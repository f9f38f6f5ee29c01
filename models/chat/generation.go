package chat

import (
	"fmt"

	"github.com/nikolalohinski/gonja/v2/builtins"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/nodes"
	"github.com/nikolalohinski/gonja/v2/parser"
	"github.com/nikolalohinski/gonja/v2/tokens"
)

// generation is transformers' {% generation %} … {% endgeneration %}, which marks what an assistant wrote and renders
// as it is.
type generation struct {
	body *nodes.Wrapper
}

func (g *generation) Position() *tokens.Token { return g.body.Position() }

func (g *generation) String() string { return fmt.Sprintf("generation(line %d)", g.Position().Line) }

// Execute renders the body in a scope of its own.
func (g *generation) Execute(r *exec.Renderer, _ *nodes.ControlStructureBlock) error {
	return r.Inherit().ExecuteWrapper(g.body)
}

func parseGeneration(p, args *parser.Parser) (nodes.ControlStructure, error) {
	body, _, err := p.WrapUntil("endgeneration")
	if err != nil {
		return nil, err
	}
	if !args.Stream().End() {
		return nil, args.Error("generation takes no arguments", nil)
	}
	return &generation{body}, nil
}

// tags are Jinja's, loop controls and generation.
func tags() (*exec.ControlStructureSet, error) {
	set := exec.NewControlStructureSet(map[string]parser.ControlStructureParser{}).Update(builtins.ControlStructures)
	return set, set.Register("generation", parseGeneration)
}

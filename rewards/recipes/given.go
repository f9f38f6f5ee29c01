package recipes

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/rewards/ops/vectors"
)

// Given is what stands under a name of a recipe: what a request sets a param to, what it says of an item, or what a
// reading gave of the item. It is a number, unless one of the others is there.
type Given struct {
	Number float64
	Word   string
	Blank  bool               // it is the empty word
	Vector []float64          // numbers in an order; of a reading of steps: each step's
	Words  []string           // texts in an order
	Labels map[string]float64 // of a reading of labels or candidates: at least those that the recipe names
	Tokens vectors.Tokens     // of a reading of tokens
}

// form is what a param or a field of an item is.
type form string

// The forms.
const (
	aNumberForm form = "number"
	aWordForm   form = "word"
	aVectorForm form = "vector"
	aWordsForm  form = "words"
)

var forms = []form{aNumberForm, aWordForm, aVectorForm, aWordsForm}

// form tells which of its fields a Given has.
func (g *Given) form() form {
	switch {
	case g.Tokens.Rows != nil:
		return form(tokens) // which no param is
	case g.Vector != nil:
		return aVectorForm
	case g.Words != nil:
		return aWordsForm
	case g.Word != "" || g.Blank:
		return aWordForm
	}
	return aNumberForm
}

// tokens are what an expression sees of a text's tokens: vectors of finite numbers, all of one length.
func (g *Given) tokens() (any, error) {
	rows := g.Tokens.Rows
	if len(rows) == 0 {
		return nil, errors.New("there is no token")
	}
	for i, row := range rows {
		if len(row) == 0 || len(row) != len(rows[0]) {
			return nil, fmt.Errorf("the vectors of tokens 0 and %d have %d and %d numbers", i, len(rows[0]), len(row))
		}
		if _, err := finiteVector(fmt.Sprintf("token %d", i), row); err != nil {
			return nil, err
		}
	}
	return tokenVectors{g.Tokens}, nil
}

// Param is what a request may set, once (params) or for each item (given).
type Param struct {
	Name    string
	About   string
	Form    form
	Default *Given   // nil: every request must set it, since nothing is right for all
	Min     float64  // of numbers: at least; −Inf: any
	Max     float64  // of numbers: at most; +Inf: any
	OneOf   []string // of a word: those that there are; nil: any
}

// param checks one param of the file; the error begins with what follows the field's name.
func (s *paramSpec) param(name string) (*Param, error) {
	p := &Param{Name: name, About: s.About, Form: s.Gives, OneOf: s.OneOf, Min: orElse(s.Min, math.Inf(-1)), Max: orElse(s.Max, math.Inf(1))}
	if p.Form == "" {
		p.Form = aNumberForm
		if s.OneOf != nil {
			p.Form = aWordForm
		}
	}
	switch {
	case !slices.Contains(forms, p.Form):
		return nil, fmt.Errorf(".gives: %q is none of %s", fault.Short(string(p.Form)), list(forms))
	case s.OneOf != nil && (p.Form != aWordForm || len(s.OneOf) == 0 || len(s.OneOf) > maxWords || slices.Contains(s.OneOf, "")):
		return nil, fmt.Errorf(".one_of: lists 1 to %d words, none of them empty, and goes with gives: word", maxWords)
	case (s.Min != nil || s.Max != nil) && p.Form != aNumberForm && p.Form != aVectorForm:
		return nil, errors.New(": min and max are of numbers")
	case !(p.Min <= p.Max):
		return nil, fmt.Errorf(": min %g is above max %g", p.Min, p.Max)
	}
	if s.Default == nil {
		return p, nil
	}
	p.Default = &s.Default.Given
	if err := p.within(p.Default); err != nil {
		return nil, fmt.Errorf(": the default %w", err)
	}
	return p, nil
}

// within tells what is wrong with a value of the param.
func (p *Param) within(of *Given) error {
	if got := of.form(); got != p.Form {
		return fmt.Errorf("is a %s, and must be a %s", got, p.Form)
	}
	switch p.Form {
	case aNumberForm:
		if x := of.Number; !ops.Finite(x) || x < p.Min || x > p.Max {
			return fmt.Errorf("is %g, and must be from %g to %g", x, p.Min, p.Max)
		}
	case aWordForm:
		if p.OneOf != nil && !slices.Contains(p.OneOf, of.Word) {
			return fmt.Errorf("is %q, and must be one of %s", fault.Short(of.Word), strings.Join(p.OneOf, ", "))
		}
	case aVectorForm:
		for i, x := range of.Vector {
			if !ops.Finite(x) || x < p.Min || x > p.Max {
				return fmt.Errorf("has %g at place %d, and its numbers must be from %g to %g", x, i, p.Min, p.Max)
			}
		}
	case aWordsForm:
	}
	return nil
}

// Set gives every param its value: what a request sets, or the default. The error names the param.
func (r *Recipe) Set(asked map[string]Given) (map[string]Given, error) {
	return set(r, r.Params, asked, "params.", "param")
}

// Of gives every field of an item that the recipe names its value. The error names the field.
func (r *Recipe) Of(item map[string]Given) (map[string]Given, error) {
	return set(r, r.Given, item, "given.", "field")
}

func set(r *Recipe, params []Param, asked map[string]Given, where, noun string) (map[string]Given, error) {
	all := make(map[string]Given, len(params))
	for i := range params {
		p := &params[i]
		of, there := asked[p.Name]
		switch {
		case there:
			if err := p.within(&of); err != nil {
				return nil, fmt.Errorf("%s%s: %w", where, p.Name, err)
			}
		case p.Default == nil:
			return nil, fmt.Errorf("%s%s: is missing, and recipe %q has no default for it", where, p.Name, r.Name)
		default:
			of = *p.Default
		}
		all[p.Name] = of
	}
	for name := range asked {
		if _, known := all[name]; !known {
			return nil, fmt.Errorf("%s%s: recipe %q has no such %s", where, fault.Short(name), r.Name, noun)
		}
	}
	return all, nil
}

// value is what an expression sees of it, which must be in the form.
func (g *Given) value(form form) (any, error) {
	switch form {
	case aWordForm:
		return g.Word, nil
	case aWordsForm:
		return wordList(g.Words), nil
	case aVectorForm:
		if len(g.Vector) == 0 {
			return nil, errors.New("there is no number")
		}
		return finiteVector("the numbers", g.Vector)
	case aNumberForm:
	}
	return finite("the number")(g.Number, nil)
}

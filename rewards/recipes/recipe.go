// Package recipes reads the recipes of rewards: which readings of which models a reward is made of, and how, in a few
// lines of YAML.
//
//	recipe: 1
//	name: process-advantage
//	paper: "Rewarding Progress: Scaling Automated Process Verifiers for LLM Reasoning"
//	params:
//	  alpha: {default: 0.5, min: 0, max: 10}
//	readings:
//	  q: {gives: steps}
//	values:
//	  progress: sum(progress(q, first(q)))
//	score: last(q) + alpha * progress
//	steps: progress(q, first(q))
//
// [Parse] proves all that can be known before a model is there: every name, every type, every range; a recipe that it
// gives ends, since the language has no loop. What an expression may hold is language.go's table of functions.
// docs/RECIPES.md has the language by example.
package recipes

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"regexp"
	"slices"

	"github.com/expr-lang/expr/vm"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/strictyaml"
	"github.com/assay-rm/assay/rewards/ops"
)

// What a recipe may be made of.
const (
	MaxBytes      = 64 << 10 // of the file
	maxParams     = 32
	maxReadings   = 16
	maxValues     = 64
	maxLabels     = 256
	maxExpression = 4096 // bytes of one expression
	maxNodes      = 1000 // parts of one expression
)

// version is the one version of the language.
const version = 1

// Kind is what a reading gives of an item.
type Kind string

// The kinds.
const (
	Score  Kind = "score"  // the score of a reward model, after its own transforms: a number
	Raw    Kind = "raw"    // the same before them: a number
	Labels Kind = "labels" // the scores of the labels that the recipe names: numbers by name
	Steps  Kind = "steps"  // the scores of the steps of a process model, in their order: a vector
)

var kinds = []Kind{Score, Raw, Labels, Steps}

// Recipe is a recipe, checked and compiled. It is safe for concurrent use.
type Recipe struct {
	Name     string
	Paper    string // its title; empty: of no paper
	About    string
	Digest   string // sha256 of the file
	Params   []Param
	Readings []Reading
	Values   []Value // named numbers and vectors on the way to the score, in the order in which they are computed
	Score    string  // the expression of the reward
	Steps    string  // the expression of each step's own reward, a vector; empty: there is none
	Example  *Example

	score *vm.Program
	steps *vm.Program
}

// Served is a recipe with the name of the model of each of its readings.
type Served struct {
	*Recipe

	Models []string
}

// Param is a number that a request may set.
type Param struct {
	Name    string
	About   string
	Default ops.Maybe // missing: every request must set it, since no number is right for all
	Min     float64   // at least; −Inf: any
	Max     float64   // at most; +Inf: any
}

// Reading is what is read of one model.
type Reading struct {
	Name   string
	Gives  Kind
	Model  string   // its name; empty: whoever serves the recipe says which, or there is only one that gives this
	Labels []string // of Labels: those that the recipe uses
}

// Value is a named expression.
type Value struct {
	Name       string
	Expression string

	program *vm.Program
}

// Example is given readings with the score that somebody else computed.
type Example struct {
	Params map[string]float64
	Given  map[string]Given
	Values map[string]float64 // of those of the recipe's values that are numbers
	Score  float64
	Steps  []float64
	Source string // who computed it: a script, or a paper's table
}

var naming = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

var fileNaming = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)

// Parse reads a recipe. Its error names the line, and what mends it.
func Parse(data []byte) (*Recipe, error) {
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("the file has %d bytes, and a recipe may have %d", len(data), MaxBytes)
	}
	var s spec
	if err := strictyaml.Decode(data, &s); err != nil {
		return nil, err
	}
	r := &Recipe{
		Name: s.Name, Paper: s.Paper, About: s.About, Score: s.Score, Steps: s.Steps, Example: s.Example.example(),
	}
	digest := sha256.Sum256(data)
	r.Digest = "sha256:" + hex.EncodeToString(digest[:])
	where := locator{data}
	switch {
	case s.Recipe != version:
		return nil, where.wrong("recipe", "recipe: is %d, and this server knows version %d of the language", s.Recipe, version)
	case !fileNaming.MatchString(s.Name):
		return nil, where.wrong("name", "name: %q must be small letters, digits and hyphens, 64 at most", fault.Short(s.Name))
	case s.Score == "":
		return nil, where.wrong("score", "score: is missing: the expression that gives the reward")
	case len(s.Readings) == 0:
		return nil, where.wrong("readings", "readings: there is none, and a reward is made of at least one")
	}
	for field, over := range map[string]struct{ is, may int }{
		"params": {len(s.Params), maxParams}, "readings": {len(s.Readings), maxReadings}, "values": {len(s.Values), maxValues},
	} {
		if over.is > over.may {
			return nil, where.wrong(field, "%s: there are %d, and a recipe may have %d", field, over.is, over.may)
		}
	}
	if err := r.parts(&s, where); err != nil {
		return nil, err
	}
	if err := r.compile(where); err != nil {
		return nil, err
	}
	return r, r.proveExample(where)
}

// parts takes the params and the readings over. Every name is used once.
func (r *Recipe) parts(s *spec, where locator) error {
	taken := map[string]string{}
	named := func(field, name string) error {
		switch other, known := taken[name]; {
		case !naming.MatchString(name):
			return where.wrong(field+"."+name, "%s.%s: a name is small letters, digits and underscores, 64 at most", field, fault.Short(name))
		case known:
			return where.wrong(field+"."+name, "%s.%s: the name stands under %s too", field, name, other)
		case reserved(name):
			return where.wrong(field+"."+name, "%s.%s: the name is one of the language's own", field, name)
		}
		taken[name] = field
		return nil
	}
	for _, item := range s.Params {
		p := Param{Name: item.Key, About: item.Value.About, Min: math.Inf(-1), Max: math.Inf(1)}
		p.Min, p.Max = orElse(item.Value.Min, p.Min), orElse(item.Value.Max, p.Max)
		if err := named("params", p.Name); err != nil {
			return err
		}
		if item.Value.Default != nil {
			p.Default = ops.Some(*item.Value.Default)
		}
		at := "params." + p.Name
		if !(p.Min <= p.Max) {
			return where.wrong(at, "%s: min %g is above max %g", at, p.Min, p.Max)
		}
		if err := p.within(p.Default.Value); p.Default.Known && err != nil {
			return where.wrong(at, "%s: the default %w", at, err)
		}
		r.Params = append(r.Params, p)
	}
	for _, item := range s.Readings {
		one := Reading{Name: item.Key, Gives: item.Value.Gives, Model: item.Value.Model, Labels: item.Value.Labels}
		if err := named("readings", one.Name); err != nil {
			return err
		}
		at := "readings." + one.Name
		switch {
		case !slices.Contains(kinds, one.Gives):
			return where.wrong(at, "%s.gives: %q is none of %s", at, fault.Short(string(one.Gives)), list(kinds))
		case (one.Gives == Labels) != (len(one.Labels) > 0):
			return where.wrong(at, "%s.labels: goes with gives: labels, and names the labels that are used", at)
		case len(one.Labels) > maxLabels:
			return where.wrong(at, "%s.labels: there are %d, and may be %d", at, len(one.Labels), maxLabels)
		}
		r.Readings = append(r.Readings, one)
	}
	for _, item := range s.Values {
		if err := named("values", item.Key); err != nil {
			return err
		}
		r.Values = append(r.Values, Value{Name: item.Key, Expression: item.Value})
	}
	return nil
}

// Answers names the questions that the recipe answers.
func (r *Recipe) Answers() string {
	if r.steps != nil {
		return "score, rank, compare and steps"
	}
	return "score, rank and compare"
}

// within tells what is wrong with a value of the param.
func (p *Param) within(x float64) error {
	if !ops.Finite(x) || x < p.Min || x > p.Max {
		return fmt.Errorf("is %g, and must be from %g to %g", x, p.Min, p.Max)
	}
	return nil
}

// Set gives every param its value: what a request sets, or the default. The error names the param.
func (r *Recipe) Set(asked map[string]float64) (map[string]float64, error) {
	all := make(map[string]float64, len(r.Params))
	for i := range r.Params {
		p := &r.Params[i]
		x, set := asked[p.Name]
		switch {
		case set:
			if err := p.within(x); err != nil {
				return nil, fmt.Errorf("params.%s: %w", p.Name, err)
			}
		case !p.Default.Known:
			return nil, fmt.Errorf("params.%s: is missing, and recipe %q has no default for it", p.Name, r.Name)
		default:
			x = p.Default.Value
		}
		all[p.Name] = x
	}
	for name := range asked {
		if _, known := all[name]; !known {
			return nil, fmt.Errorf("params.%s: recipe %q has no such param", fault.Short(name), r.Name)
		}
	}
	return all, nil
}

func orElse(x *float64, otherwise float64) float64 { return *cmp.Or(x, &otherwise) }

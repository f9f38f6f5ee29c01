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
	"regexp"
	"slices"

	"github.com/expr-lang/expr/vm"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/strictyaml"
)

// What a recipe may be made of.
const (
	MaxBytes      = 64 << 10 // of the file
	maxParams     = 32
	maxReadings   = 16
	maxStates     = 8
	maxValues     = 64
	maxLabels     = 256
	maxTurns      = 16   // of a reading's input
	maxTexts      = 256  // of a reading's input
	maxWords      = 64   // that a param may be one of
	maxExpression = 4096 // bytes of one expression
	maxNodes      = 1000 // parts of one expression
)

// version is the one version of the language.
const version = 1

// Recipe is a recipe, checked and compiled. It is safe for concurrent use.
type Recipe struct {
	Name     string
	Paper    string // its title; empty: of no paper
	About    string
	Digest   string  // sha256 of the file
	Params   []Param // that a request sets
	Given    []Param // that a request says of each item
	Readings []Reading
	Values   []Value  // named numbers and vectors on the way to the score, in the order in which they are computed
	Score    string   // the expression of the reward of an item; empty: only a group has rewards
	Steps    string   // the expression of each step's own reward, a vector; empty: there is none
	States   []memory // what is remembered between requests
	Group    *Group   // how the responses to one prompt get rewards by one another; nil: each has its own
	Example  *Example

	score *vm.Program
	steps *vm.Program
	texts []string // of an item, that expressions read
	size  int      // parts of all expressions
	calls int      // of bert_score
}

// Work is about how many steps an evaluation takes over so many numbers: each part of an expression passes over them.
func (r *Recipe) Work(numbers int) int { return r.size * max(1, numbers) }

// Matching is how many products of two numbers the matching of tokens takes at most, of an item whose readings gave
// that.
func (r *Recipe) Matching(given map[string]Given) int {
	longest, size := 0, 0
	for i := range r.Readings {
		if of := given[r.Readings[i].Name].Tokens.Rows; len(of) > 0 {
			longest, size = max(longest, len(of)), max(size, len(of[0]))
		}
	}
	return r.calls * longest * longest * size
}

// NamesReference tells whether an expression, or what a reading's model reads, is made of the item's reference.
func (r *Recipe) NamesReference() bool {
	return slices.Contains(r.texts, Reference) || slices.ContainsFunc(r.Readings, func(one Reading) bool { return one.Input.names(Reference) })
}

// ReadsTexts tells whether an expression reads the texts of an item.
func (r *Recipe) ReadsTexts() bool { return r.texts != nil }

// Served is a recipe with the name of the model of each of its readings.
type Served struct {
	*Recipe

	Models []string
}

// Value is a named expression.
type Value struct {
	Name       string
	Expression string

	program *vm.Program
}

// Example is given readings with the rewards that somebody else computed, of one item or of a group.
type Example struct {
	Params  map[string]Given
	Given   map[string]Given       // of one item
	Group   []map[string]Given     // of each response of a group
	Between map[string][][]float64 // of a reading of preferences: how surely each response is preferred to each other one
	Values  map[string]float64     // of those of the recipe's values, or of the group's, that are numbers
	Score   float64                // of one item
	Scores  []float64              // of each response of a group
	Steps   []float64
	Source  string // who computed it: a script, or a paper's table
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
	case s.Score == "" && s.Group == nil:
		return nil, where.wrong("score", "score: is missing: the expression that gives the reward")
	case s.Group != nil && s.Group.Score == "":
		return nil, where.wrong("group", "group.score: is missing: the expression that gives each response its reward")
	case s.Group != nil && s.Steps != "":
		return nil, where.wrong("steps", "steps: are of one item, and this recipe rewards the responses of a group")
	case len(s.Readings) == 0 && len(s.Given) == 0:
		return nil, where.wrong("readings", "readings: there is none, and none is given: a reward is made of something")
	}
	for field, over := range map[string]struct{ is, may int }{
		"params": {len(s.Params), maxParams}, "given": {len(s.Given), maxParams}, "readings": {len(s.Readings), maxReadings},
		"values": {len(s.Values), maxValues}, "state": {len(s.State), maxStates},
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
	var err error
	if r.Params, err = paramsOf("params", s.Params, where, named); err != nil {
		return err
	}
	if r.Given, err = paramsOf("given", s.Given, where, named); err != nil {
		return err
	}
	for _, item := range s.Readings {
		if err := named("readings", item.Key); err != nil {
			return err
		}
		one, err := item.Value.reading(item.Key, r.Given)
		switch at := "readings." + item.Key; {
		case err != nil:
			return where.wrong(at, "%s%w", at, err)
		case one.Gives == Preferences && s.Group == nil:
			return where.wrong(at, "%s.gives: preferences are between the responses of a group, and this recipe has no group", at)
		}
		r.Readings = append(r.Readings, one)
	}
	if err := r.states(s, where, named); err != nil {
		return err
	}
	if r.Values, err = valuesOf("values", s.Values, named); err != nil || s.Group == nil {
		return err
	}
	r.Group = &Group{Score: s.Group.Score}
	if r.Group.Values, err = valuesOf("group.values", s.Group.Values, named); err != nil {
		return err
	}
	if len(r.Group.Values) > maxValues {
		return where.wrong("group", "group.values: there are %d, and a recipe may have %d", len(r.Group.Values), maxValues)
	}
	return nil
}

// paramsOf takes over params, or fields of items.
func paramsOf(field string, specs inOrder[paramSpec], where locator, named func(field, name string) error) ([]Param, error) {
	all := make([]Param, 0, len(specs))
	for _, item := range specs {
		if err := named(field, item.Key); err != nil {
			return nil, err
		}
		p, err := item.Value.param(item.Key)
		if err != nil {
			return nil, where.wrong(field+"."+item.Key, "%s.%s%w", field, item.Key, err)
		}
		all = append(all, *p)
	}
	return all, nil
}

// valuesOf takes over named expressions.
func valuesOf(field string, specs inOrder[string], named func(field, name string) error) ([]Value, error) {
	all := make([]Value, 0, len(specs))
	for _, item := range specs {
		if err := named(field, item.Key); err != nil {
			return nil, err
		}
		all = append(all, Value{Name: item.Key, Expression: item.Value})
	}
	return all, nil
}

// Answers names the questions that the recipe answers.
func (r *Recipe) Answers() string {
	switch {
	case r.Group != nil:
		return "rank and compare"
	case r.steps != nil:
		return "score, rank, compare and steps"
	}
	return "score, rank and compare"
}

func orElse(x *float64, otherwise float64) float64 { return *cmp.Or(x, &otherwise) }

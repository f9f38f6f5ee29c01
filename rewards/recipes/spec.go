package recipes

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"
)

// spec is the file. Maps keep their order, since values are computed in it.
type spec struct {
	Recipe   int                  `yaml:"recipe"`
	Name     string               `yaml:"name"`
	Paper    string               `yaml:"paper"`
	About    string               `yaml:"about"`
	Params   inOrder[paramSpec]   `yaml:"params"`
	Given    inOrder[paramSpec]   `yaml:"given"`
	Readings inOrder[readingSpec] `yaml:"readings"`
	Values   inOrder[string]      `yaml:"values"`
	Score    string               `yaml:"score"`
	Steps    string               `yaml:"steps"`
	Group    *groupSpec           `yaml:"group"`
	State    inOrder[stateSpec]   `yaml:"state"`
	Example  *exampleSpec         `yaml:"example"`
}

type groupSpec struct {
	Values inOrder[string] `yaml:"values"`
	Score  string          `yaml:"score"`
}

type paramSpec struct {
	Gives   form       `yaml:"gives"`
	Default *givenSpec `yaml:"default"`
	Min     *float64   `yaml:"min"`
	Max     *float64   `yaml:"max"`
	OneOf   []string   `yaml:"one_of"`
	About   string     `yaml:"about"`
}

type exampleSpec struct {
	Params  map[string]givenSpec   `yaml:"params"`
	Given   map[string]givenSpec   `yaml:"given"`
	Group   []map[string]givenSpec `yaml:"group"`
	Between map[string][][]float64 `yaml:"between"`
	Values  map[string]float64     `yaml:"values"`
	Score   float64                `yaml:"score"`
	Scores  []float64              `yaml:"scores"`
	Steps   []float64              `yaml:"steps"`
	Source  string                 `yaml:"source"`
}

// givenSpec is a number, a word, a list of either, a list of the vectors of tokens, or numbers by label.
type givenSpec struct{ Given }

func (g *givenSpec) UnmarshalYAML(data []byte) error {
	var number float64
	if yaml.Unmarshal(data, &number) == nil {
		g.Number = number
		return nil
	}
	if yaml.Unmarshal(data, &g.Vector) == nil {
		return nil
	}
	g.Vector = nil
	if yaml.Unmarshal(data, &g.Words) == nil {
		return nil
	}
	g.Words = nil
	if yaml.Unmarshal(data, &g.Tokens.Rows) == nil {
		return nil
	}
	g.Tokens.Rows = nil
	if yaml.Unmarshal(data, &g.Labels) == nil {
		return nil
	}
	g.Labels = nil
	return yaml.Unmarshal(data, &g.Word)
}

func (s *exampleSpec) example() *Example {
	if s == nil {
		return nil
	}
	e := &Example{
		Params: named(s.Params), Given: named(s.Given), Between: s.Between, Values: s.Values, Score: s.Score, Scores: s.Scores, Steps: s.Steps,
		Source: s.Source,
	}
	for _, member := range s.Group {
		e.Group = append(e.Group, named(member))
	}
	return e
}

func named(of map[string]givenSpec) map[string]Given {
	out := make(map[string]Given, len(of))
	for name, one := range of {
		out[name] = one.Given
	}
	return out
}

// inOrder is a map in the order of the file.
type inOrder[T any] []entry[T]

type entry[T any] struct {
	Key   string
	Value T
}

func (o *inOrder[T]) UnmarshalYAML(data []byte) error {
	var of map[string]T
	if err := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict()).Decode(&of); err != nil {
		return err
	}
	var order yaml.MapSlice
	if err := yaml.Unmarshal(data, &order); err != nil {
		return err
	}
	for _, item := range order {
		key := fmt.Sprint(item.Key)
		*o = append(*o, entry[T]{key, of[key]})
	}
	return nil
}

// locator finds the line of a field.
type locator struct{ data []byte }

// wrong is an error that leads with the field's line, as far as the field is there.
func (l locator) wrong(field, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	if line := l.line(field); line > 0 {
		return fmt.Errorf("line %d: %w", line, err)
	}
	return err
}

// line is the line at which a field's value begins; 0 where there is none.
func (l locator) line(field string) int {
	path, err := yaml.PathString("$." + field)
	if err != nil {
		return 0
	}
	file, err := parser.ParseBytes(l.data, 0)
	if err != nil {
		return 0
	}
	node, err := path.FilterFile(file)
	if err != nil || node == nil {
		return 0
	}
	return node.GetToken().Position.Line
}

// list is names for a sentence.
func list[T ~string](names []T) string {
	words := make([]string, len(names))
	for i, name := range names {
		words[i] = string(name)
	}
	return strings.Join(words, ", ")
}

// updateSpec is one expression, under the empty name, or expressions by name.
type updateSpec map[string]string

func (u *updateSpec) UnmarshalYAML(data []byte) error {
	var by map[string]string
	if yaml.Unmarshal(data, &by) == nil {
		*u = by
		return nil
	}
	var one string
	if err := yaml.Unmarshal(data, &one); err != nil {
		return err
	}
	*u = updateSpec{"": one}
	return nil
}

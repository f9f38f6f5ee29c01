package recipes

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/expr-lang/expr/types"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/ops"
)

// Kind is what a reading gives of an item.
type Kind string

// The kinds.
const (
	Score       Kind = "score"       // the score of a reward model, after its own transforms: a number
	Raw         Kind = "raw"         // the same before them: a number; of a likelihood model the log-likelihood or log-ratio
	Labels      Kind = "labels"      // the scores of the labels that the recipe names: numbers by name
	Steps       Kind = "steps"       // the scores of the steps of a process model, in their order: a vector
	Candidates  Kind = "candidates"  // the probabilities of the candidates that the recipe names, among them: numbers by name
	Embedding   Kind = "embedding"   // the vector of one text
	Preferences Kind = "preferences" // how surely each response of a group is preferred to each other one: a matrix

	// logprobs are the log-probabilities of the tokens of the response, of a model with a reference their differences
	// to it: a vector. Who reads asks for [Reading.Tokenwise].
	logprobs Kind = "logprobs"

	// tokens are the vectors of the tokens of one text. Who reads asks for [Reading.EachToken].
	tokens Kind = "tokens"
)

var kinds = []Kind{Score, Raw, Labels, Steps, logprobs, Candidates, Embedding, tokens, Preferences}

// Reading is what is read of one model.
type Reading struct {
	Name   string
	Gives  Kind
	Model  string   // its name; empty: whoever serves the recipe says which, or there is only one that gives this
	Labels []string // of Labels and Candidates: those that the recipe uses
	Input  *input   // what the model reads; nil: the item as it is
}

// Tokenwise tells a reading of log-probabilities, one for each token of the response.
func (r *Reading) Tokenwise() bool { return r.Gives == logprobs }

// EachToken tells a reading of vectors, one for each token of a text.
func (r *Reading) EachToken() bool { return r.Gives == tokens }

// Many tells a reading of several inputs, which gives a vector.
func (r *Reading) Many() bool {
	return r.Input != nil && (r.Input.Masks != "" || r.Input.Response != nil && r.Input.Response.many)
}

type readingSpec struct {
	Gives    Kind         `yaml:"gives"`
	Model    string       `yaml:"model"`
	Labels   []string     `yaml:"labels"`
	Reads    string       `yaml:"reads"`
	Turns    []turnSpec   `yaml:"turns"`
	Response *passageSpec `yaml:"response"`
	Masks    string       `yaml:"masks"`
	Mask     string       `yaml:"mask"`
}

// reading checks one reading of the file.
func (s *readingSpec) reading(name string, given []Param) (Reading, error) {
	one := Reading{Name: name, Gives: s.Gives, Model: s.Model, Labels: s.Labels}
	named := one.Gives == Labels || one.Gives == Candidates
	switch {
	case !slices.Contains(kinds, one.Gives):
		return one, fmt.Errorf(".gives: %q is none of %s", fault.Short(string(one.Gives)), list(kinds))
	case named != (len(one.Labels) > 0):
		return one, errors.New(".labels: goes with gives: labels or candidates, and names those that are used")
	case len(one.Labels) > maxLabels:
		return one, fmt.Errorf(".labels: there are %d, and may be %d", len(one.Labels), maxLabels)
	}
	if (one.Gives == Embedding || one.Gives == tokens) && s.Reads == "" {
		return one, fmt.Errorf(".reads: is missing, and an embedding is of one text, as tokens are: %s", strings.Join(texts, ", "))
	}
	if s.Reads == "" && s.Turns == nil && s.Response == nil && s.Masks == "" && s.Mask == "" {
		return one, nil
	}
	in, err := s.input(given)
	if err != nil {
		return one, err
	}
	one.Input = in
	switch {
	case one.Many() && one.Gives != Score && one.Gives != Raw:
		return one, fmt.Errorf(".gives: %s is of one input, and this reading makes several: only score and raw give a number of each", one.Gives)
	case one.Gives == Preferences:
		return one, errors.New(".gives: preferences are of the responses as they are")
	}
	return one, nil
}

// shape is the type of what a reading gives of an item.
func (r *Reading) shape() types.Type {
	switch r.Gives {
	case Steps, Embedding, logprobs:
		return aVector
	case tokens:
		return aTokens
	case Labels, Candidates:
		of := types.Map{}
		for _, label := range r.Labels {
			of[label] = aNumber
		}
		return of
	case Score, Raw, Preferences:
	}
	if r.Many() {
		return aVector
	}
	return aNumber
}

// value is what an expression sees of a reading.
func (r *Reading) value(given Given) (any, error) {
	switch r.Gives {
	case Steps:
		if len(given.Vector) == 0 {
			return nil, errors.New("there is no step")
		}
		return finiteVector("the steps", given.Vector)
	case Embedding:
		if len(given.Vector) == 0 {
			return nil, errors.New("there is no vector")
		}
		return finiteVector("the vector", given.Vector)
	case logprobs:
		return finiteVector("the log-probabilities", given.Vector)
	case tokens:
		return given.tokens()
	case Labels, Candidates:
		of := make(map[string]any, len(r.Labels))
		for _, label := range r.Labels {
			x, known := given.Labels[label]
			if !known || !ops.Finite(x) {
				return nil, fmt.Errorf("label %q is %g", label, x)
			}
			of[label] = x
		}
		return of, nil
	case Score, Raw, Preferences:
	}
	if r.Many() {
		return finiteVector("the readings", given.Vector)
	}
	return finite("the reading")(given.Number, nil)
}

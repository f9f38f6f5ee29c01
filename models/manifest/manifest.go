// Package manifest reads assay.yaml, which says everything about a model that a caller could get wrong, and checks it
// on its own.
//
// [Parse] gives the compiled form: every label that the file names is an index into graph.labels, every default is
// filled in.
package manifest

import (
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/strictyaml"
)

// File is the manifest's name in a bundle.
const File = "assay.yaml"

// Manifest is assay.yaml, checked and compiled. docs/BUNDLE.md describes the fields of the file.
type Manifest struct {
	Name        string
	Kind        Kind
	Description string
	Licence     string
	Source      source
	Graph       Graph
	Tokenizer   tokenizer
	Template    template
	Pooling     string // the rule by which the position to read is found
	Read        read   // what the rule needs beside the ids
	Prompt      prompt // a second position, read as a row before the other
	Head        Head   // of a reward model
	Steps       Steps  // of a process model
	Likelihood  *Likelihood
	Pair        *Pair
	Preference  *Preference
	Embedding   embedding    // of an embedding model
	Calibration *calibration // nil: preferences are as the model was trained
	Limits      limits
	Golden      golden
	Drift       *drift
}

// source names the checkpoint that the bundle was made from.
type source struct {
	Checkpoint string   `yaml:"checkpoint"`
	Class      string   `yaml:"class"`
	Family     string   `yaml:"family,omitempty"` // of assay-export's families
	Digest     string   `yaml:"digest,omitempty"`
	Licences   []string `yaml:"licences,omitempty"` // files beside the manifest
	Checked    *bool    `yaml:"checked,omitempty"`  // false: exported with --no-check; nil: the manifest does not say
	Rendered   *bool    `yaml:"rendered,omitempty"` // false: exported where no assay was at hand to render by; nil: the manifest does not say
	Harmless   []string `yaml:"harmless,omitempty"` // keys of config.json that change no score, as the exporter's user said
}

// limits bound what is accepted.
type limits struct {
	MaxTokens int `yaml:"max_tokens"` // of a model that reads features their number
}

// golden names the golden pairs and the tolerance that they are held to.
type golden struct {
	File      string  `yaml:"file,omitempty"`
	Tolerance float64 `yaml:"tolerance,omitempty"`
}

// drift is what lower precision was seen to change, measured by the exporter against the float32 graph.
type drift struct {
	Items int     `yaml:"items" json:"items" doc:"Items scored with both graphs"`
	Max   float64 `yaml:"max" json:"max" doc:"Largest difference of a score"`
	Mean  float64 `yaml:"mean" json:"mean" doc:"Mean difference of a score"`
	Pairs int     `yaml:"pairs" json:"pairs" doc:"Pairs of items"`
	Order float64 `yaml:"order" json:"order" doc:"Share of the pairs that keep their order"`
}

// calibration is what `assay eval --fit-temperature` found: preferences have the probability sigmoid(log-odds /
// temperature). The rest is its proof, on the half of the pairs that it was not fitted to.
type calibration struct {
	Temperature float64 `yaml:"temperature"`
	Pairs       int     `yaml:"pairs,omitempty"` // fitted to half of them
	Seed        uint64  `yaml:"seed,omitempty"`  // of the halves
	Data        string  `yaml:"data,omitempty"`  // digest of the pairs' file
	LogLoss     *change `yaml:"log_loss,omitempty"`
	ECE         *change `yaml:"ece,omitempty"`
}

// change is a number before and after, and the interval of what it fell by.
type change struct {
	Before float64    `yaml:"before"`
	After  float64    `yaml:"after"`
	Gain   [2]float64 `yaml:"gain"`
}

// Temperature is what the log-odds of preferences are divided by; 1 where the model gives them as it was trained.
func (m *Manifest) Temperature() float64 {
	if m.Calibration == nil {
		return 1
	}
	return m.Calibration.Temperature
}

// Parse reads a manifest strictly, checks it on its own and compiles it; every bad field is named in the one error,
// which is a *fault.Error.
func Parse(data []byte) (Manifest, error) {
	var s spec
	if err := strictyaml.Decode(data, &s); err != nil {
		return Manifest{}, fault.New(fault.CodeBundle, File).Because(err)
	}
	s.setDefaults()
	if err := s.check(); err != nil {
		return Manifest{}, err
	}
	return s.compile(), nil
}

// ReadsFeatures tells whether items are named numbers instead of tokens.
func (m *Manifest) ReadsFeatures() bool { return m.Graph.ReadsFeatures() }

// ReadsNext tells whether a row is of the token that follows the position read: its log-probability, or its logit.
func (m *Manifest) ReadsNext() bool { return m.Likelihood != nil || m.Kind == KindChoice }

// PoolsFirst tells whether a text is read at its first token, as BERT's [CLS].
func (m *Manifest) PoolsFirst() bool { return m.Pooling == poolFirst }

// PoolsInGraph tells whether the graph gives one row for each sequence, and not one for each token.
func (m *Manifest) PoolsInGraph() bool { return m.Pooling == poolInGraph }

// Asked is the question that the model answers: its kind, but that a reward model of features answers no question about
// responses.
func (m *Manifest) Asked() Kind {
	if m.Kind == KindReward && m.ReadsFeatures() {
		return KindFeatures
	}
	return m.Kind
}

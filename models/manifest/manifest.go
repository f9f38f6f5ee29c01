// Package manifest reads assay.yaml, which says everything about a model that a caller could get wrong, and checks it on its own.
package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/assay-rm/assay/models/fault"
)

// File is the manifest's name in a bundle.
const File = "assay.yaml"

// MaxTokens is the greatest limits.max_tokens accepted.
const MaxTokens = 1 << 20

// Manifest says everything about a model that a caller could get wrong. docs/BUNDLE.md describes each field.
type Manifest struct {
	Version     int             `yaml:"version"`
	Name        string          `yaml:"name"`
	Kind        Kind            `yaml:"kind"`
	Description string          `yaml:"description,omitempty"`
	Licence     string          `yaml:"licence"`
	Source      SourceSpec      `yaml:"source"`
	Graph       GraphSpec       `yaml:"graph"`
	Tokenizer   TokenSpec       `yaml:"tokenizer,omitempty"`
	Template    TemplateSpec    `yaml:"template,omitempty"`
	Pooling     string          `yaml:"pooling,omitempty"`
	Read        ReadSpec        `yaml:"read,omitempty"`
	Head        HeadSpec        `yaml:"head,omitempty"`
	Steps       StepSpec        `yaml:"steps,omitempty"`
	Likelihood  *LikelihoodSpec `yaml:"likelihood,omitempty"`
	Pair        *PairSpec       `yaml:"pair,omitempty"`
	Preference  *PreferenceSpec `yaml:"preference,omitempty"`
	Limits      LimitSpec       `yaml:"limits,omitempty"`
	Golden      GoldenSpec      `yaml:"golden,omitempty"`
	Drift       *DriftSpec      `yaml:"drift,omitempty"`
}

// SourceSpec names the checkpoint that the bundle was made from.
type SourceSpec struct {
	Checkpoint string `yaml:"checkpoint"`
	Class      string `yaml:"class"`
	Family     string `yaml:"family,omitempty"` // of assay-export's families
	Digest     string `yaml:"digest,omitempty"`
}

// GraphSpec describes the ONNX graph.
type GraphSpec struct {
	File      string   `yaml:"file"`
	Layout    string   `yaml:"layout"`
	Precision string   `yaml:"precision"`
	Output    string   `yaml:"output"`
	Labels    []string `yaml:"labels"`
	VocabSize int64    `yaml:"vocab_size,omitempty"`
	Layers    int      `yaml:"layers,omitempty"`
	KVHeads   int64    `yaml:"kv_heads,omitempty"`
	HeadDim   int64    `yaml:"head_dim,omitempty"`

	Input    string         `yaml:"input,omitempty"`    // features: name of the graph's one input
	Features []string       `yaml:"features,omitempty"` // features: what its columns are
	Head     *HeadGraphSpec `yaml:"head,omitempty"`     // packed and padded: a second graph, which makes readings of the first one's rows
}

// TokenSpec describes the tokenizer and the policy on its ids.
type TokenSpec struct {
	File      string `yaml:"file"`
	BOS       string `yaml:"bos"`
	BOSID     *int64 `yaml:"bos_id,omitempty"`
	End       string `yaml:"end,omitempty"`
	EndID     *int64 `yaml:"end_id,omitempty"`
	PadID     *int64 `yaml:"pad_id,omitempty"`
	TypeAfter *int64 `yaml:"type_after,omitempty"` // token_type_ids are 1 behind the first of this id
}

// TemplateSpec says how a conversation becomes text or segments of text; without File and Segments there is no way.
type TemplateSpec struct {
	File      string            `yaml:"file,omitempty"`
	Variables map[string]string `yaml:"variables,omitempty"`
	Segments  []SegmentSpec     `yaml:"segments,omitempty"`
}

// SegmentSpec is one token, or a part of the item that is tokenized on its own.
type SegmentSpec struct {
	Token     string `yaml:"token,omitempty"`
	Text      string `yaml:"text,omitempty"` // SegmentPrompt, …
	MaxTokens int    `yaml:"max_tokens,omitempty"`
}

// ReadSpec completes the pooling rule, and asks for a second place.
type ReadSpec struct {
	Offset int         `yaml:"offset,omitempty"` // from_end: ids before the last
	Token  string      `yaml:"token,omitempty"`  // at_token of a reward model
	Prompt *PromptSpec `yaml:"prompt,omitempty"` // the second place, read as a row before the other
}

// PromptSpec finds the end of the prompt, in one of two ways.
type PromptSpec struct {
	Pattern  []int64 `yaml:"pattern,omitempty"`  // the start of its last occurrence
	Rendered bool    `yaml:"rendered,omitempty"` // the last id of the conversation without the response
}

// HeadSpec says how a reward model's row becomes its score.
type HeadSpec struct {
	Activation string             `yaml:"activation,omitempty"`
	Label      string             `yaml:"label,omitempty"`
	Weights    map[string]float64 `yaml:"weights,omitempty"`
	Gates      *GateSpec          `yaml:"gates,omitempty"`
	Mean       float64            `yaml:"mean,omitempty"`
	Std        *float64           `yaml:"std,omitempty"`
}

// GateSpec names the labels of Σ gates of the prompt's row · values of the other row, one gate per value.
type GateSpec struct {
	Values []string `yaml:"values"`
	Gates  []string `yaml:"gates"`
}

// StepSpec describes the steps of a process model.
type StepSpec struct {
	Separator  string `yaml:"separator,omitempty"`
	Join       string `yaml:"join,omitempty"`
	Tokenize   string `yaml:"tokenize,omitempty"`
	Turns      bool   `yaml:"turns,omitempty"`
	Offset     int    `yaml:"offset,omitempty"`
	Skip       int    `yaml:"skip,omitempty"`
	Label      Labels `yaml:"label,omitempty"`
	Activation string `yaml:"activation,omitempty"`
	Accumulate *bool  `yaml:"accumulate,omitempty"` // likelihood; nil is true
}

// Labels is one label or several; YAML gives one as plain text.
type Labels []string

// UnmarshalYAML reads text or a list.
func (l *Labels) UnmarshalYAML(unmarshal func(any) error) error {
	var one string
	if unmarshal(&one) == nil {
		*l = Labels{one}
		return nil
	}
	return unmarshal((*[]string)(l))
}

// LikelihoodSpec says how log-probabilities of a response become a value.
type LikelihoodSpec struct {
	Beta float64 `yaml:"beta"`
	Norm string  `yaml:"norm"`
}

// PairSpec says how the row of two responses becomes a preference.
type PairSpec struct {
	Label      string `yaml:"label"`
	Activation string `yaml:"activation"`
	Orders     string `yaml:"orders"`
}

// PreferenceSpec names the labels of a response's embedding and of the prompt's scales.
type PreferenceSpec struct {
	Embedding   []string `yaml:"embedding"`
	Scale       []string `yaml:"scale,omitempty"`
	Normalize   bool     `yaml:"normalize,omitempty"`
	Temperature float64  `yaml:"temperature"`
}

// DriftSpec is what lower precision was seen to change, measured by the exporter against the float32 graph.
type DriftSpec struct {
	Items int     `yaml:"items" json:"items" doc:"Items scored with both graphs"`
	Max   float64 `yaml:"max" json:"max" doc:"Largest difference of a score"`
	Mean  float64 `yaml:"mean" json:"mean" doc:"Mean difference of a score"`
	Pairs int     `yaml:"pairs" json:"pairs" doc:"Pairs of items"`
	Order float64 `yaml:"order" json:"order" doc:"Share of the pairs that keep their order"`
}

// LimitSpec bounds what is accepted.
type LimitSpec struct {
	MaxTokens int `yaml:"max_tokens"`
}

// GoldenSpec names the golden pairs and the tolerance that they are held to.
type GoldenSpec struct {
	File      string  `yaml:"file,omitempty"`
	Tolerance float64 `yaml:"tolerance,omitempty"`
}

// Words of the manifest.
const (
	LayoutPacked   = "packed"
	LayoutPadded   = "padded"
	LayoutFeatures = "features" // no tokens: named numbers

	BOSNone = "none"
	BOSOne  = "one"
	BOSTwo  = "two"

	EndKeep    = "keep"
	EndAppend  = "append"
	EndReplace = "replace"

	SegmentPrompt   = "prompt"
	SegmentResponse = "response"
	SegmentFirst    = "first"
	SegmentSecond   = "second"

	PoolLastAttended   = "last_attended"    // P1
	PoolLastNotPad     = "last_not_pad"     // P2
	PoolBeforeFirstPad = "before_first_pad" // P3
	PoolCountNotPad    = "count_not_pad"    // P4
	PoolFromEnd        = "from_end"         // P5
	PoolAtToken        = "at_token"         // P6
	PoolAtStep         = "at_step"          // P7
	PoolInGraph        = "in_graph"         // the graph pools

	TokenizeJoint    = "joint"
	TokenizeSeparate = "separate"
	TokenizePrefix   = "prefix"

	NormSum  = "sum"
	NormMean = "mean"

	OrdersProbability = "probability"
	OrdersLogit       = "logit"

	ActivationNone    = "none"
	ActivationSigmoid = "sigmoid"
	ActivationSoftmax = "softmax"
)

// Precisions of a graph's weights as stored.
var Precisions = []string{"float32", "float16", "bfloat16", "int8"}

var nameRule = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

// Parse reads a manifest strictly and checks it on its own; every bad field is named in the one error.
func Parse(data []byte) (Manifest, error) {
	var m Manifest
	if err := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict()).Decode(&m); err != nil {
		return Manifest{}, &fault.Error{Code: fault.CodeBundle, Detail: File, Err: errors.New(strings.TrimSpace(yaml.FormatError(err, false, true)))}
	}
	if m.Head.Std == nil {
		one := 1.0
		m.Head.Std = &one
	}
	if m.Golden.File != "" && m.Golden.Tolerance == 0 {
		m.Golden.Tolerance = 1e-4
	}
	if m.Kind == Process && m.Steps.Tokenize == "" {
		m.Steps.Tokenize = TokenizeJoint
	}
	var bad []string
	check := func(ok bool, format string, args ...any) {
		if !ok {
			bad = append(bad, fmt.Sprintf(format, args...))
		}
	}
	if m.ReadsFeatures() {
		m.checkFeatures(check)
	} else {
		if m.Tokenizer.End == "" {
			m.Tokenizer.End = EndKeep
		}
		m.checkText(check)
		m.checkPooling(check)
		m.checkHeadGraph(check)
	}
	m.checkCommon(check)
	m.checkGraph(check)
	m.checkKind(check)
	m.checkNumbers(check)
	m.checkDrift(check)
	if len(bad) > 0 {
		return Manifest{}, fault.New(fault.CodeBundle, "%s: %s", File, strings.Join(bad, "; "))
	}
	return m, nil
}

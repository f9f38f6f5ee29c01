package models

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// ManifestFile is the manifest's name in a bundle.
const ManifestFile = "assay.yaml"

// MaxTokensLimit is the greatest limits.max_tokens accepted.
const MaxTokensLimit = 1 << 20

// Manifest says everything about a model that a caller could get wrong. docs/BUNDLE.md describes each field.
type Manifest struct {
	Version     int          `yaml:"version"`
	Name        string       `yaml:"name"`
	Kind        Kind         `yaml:"kind"`
	Description string       `yaml:"description,omitempty"`
	Licence     string       `yaml:"licence"`
	Source      SourceSpec   `yaml:"source"`
	Graph       GraphSpec    `yaml:"graph"`
	Tokenizer   TokenSpec    `yaml:"tokenizer"`
	Template    TemplateSpec `yaml:"template,omitempty"`
	Pooling     string       `yaml:"pooling"`
	Head        HeadSpec     `yaml:"head,omitempty"`
	Steps       StepSpec     `yaml:"steps,omitempty"`
	Limits      LimitSpec    `yaml:"limits"`
	Golden      GoldenSpec   `yaml:"golden,omitempty"`
}

// SourceSpec names the checkpoint that the bundle was made from.
type SourceSpec struct {
	Checkpoint string `yaml:"checkpoint"`
	Class      string `yaml:"class"`
	Digest     string `yaml:"digest,omitempty"`
}

// GraphSpec describes the ONNX graph.
type GraphSpec struct {
	File      string   `yaml:"file"`
	Layout    string   `yaml:"layout"`
	Precision string   `yaml:"precision"`
	Output    string   `yaml:"output"`
	Labels    []string `yaml:"labels"`
	VocabSize int64    `yaml:"vocab_size"`
	Layers    int      `yaml:"layers,omitempty"`
	KVHeads   int64    `yaml:"kv_heads,omitempty"`
	HeadDim   int64    `yaml:"head_dim,omitempty"`
}

// TokenSpec describes the tokenizer and the policy on its ids.
type TokenSpec struct {
	File  string `yaml:"file"`
	BOS   string `yaml:"bos"`
	BOSID *int64 `yaml:"bos_id,omitempty"`
	PadID *int64 `yaml:"pad_id,omitempty"`
}

// TemplateSpec names the chat template and what it may name besides messages; an empty file means that there is none.
type TemplateSpec struct {
	File      string            `yaml:"file,omitempty"`
	Variables map[string]string `yaml:"variables,omitempty"`
}

// HeadSpec gives the normalisation of a reward: (raw - mean) / std.
type HeadSpec struct {
	Mean float64  `yaml:"mean,omitempty"`
	Std  *float64 `yaml:"std,omitempty"`
}

// StepSpec describes the steps of a process model.
type StepSpec struct {
	Separator  string `yaml:"separator,omitempty"`
	Label      string `yaml:"label,omitempty"`
	Activation string `yaml:"activation,omitempty"`
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
	LayoutPacked = "packed"
	LayoutPadded = "padded"

	BOSNone = "none"
	BOSOne  = "one"

	PoolLastAttended = "last_attended" // P1
	PoolInGraph      = "in_graph"      // the graph pools
	PoolAtToken      = "at_token"      // P6

	ActivationNone    = "none"
	ActivationSigmoid = "sigmoid"
	ActivationSoftmax = "softmax"
)

var nameRule = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

// ParseManifest reads a manifest strictly and checks it on its own; every bad field is named in the one error.
func ParseManifest(data []byte) (Manifest, error) {
	var m Manifest
	if err := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict()).Decode(&m); err != nil {
		return Manifest{}, &Error{Code: CodeBundle, Detail: ManifestFile, Err: errors.New(strings.TrimSpace(yaml.FormatError(err, false, true)))}
	}
	if m.Head.Std == nil {
		one := 1.0
		m.Head.Std = &one
	}
	if m.Golden.File != "" && m.Golden.Tolerance == 0 {
		m.Golden.Tolerance = 1e-4
	}
	var bad []string
	check := func(ok bool, format string, args ...any) {
		if !ok {
			bad = append(bad, fmt.Sprintf(format, args...))
		}
	}
	m.checkCommon(check)
	m.checkGraph(check)
	m.checkKind(check)
	if len(bad) > 0 {
		return Manifest{}, fail(CodeBundle, "%s: %s", ManifestFile, strings.Join(bad, "; "))
	}
	return m, nil
}

type checker func(ok bool, format string, args ...any)

func (m *Manifest) checkCommon(check checker) {
	check(m.Version == 1, "version is %d, and this server reads version 1", m.Version)
	check(nameRule.MatchString(m.Name), "name %q must match %s", m.Name, nameRule)
	check(m.Licence != "", "licence is missing")
	check(m.Source.Class != "", "source.class is missing")
	check(m.Limits.MaxTokens >= 1 && m.Limits.MaxTokens <= MaxTokensLimit,
		"limits.max_tokens is %d, and must be between 1 and %d", m.Limits.MaxTokens, MaxTokensLimit)
	for field, file := range map[string]string{"graph.file": m.Graph.File, "tokenizer.file": m.Tokenizer.File} {
		check(file != "", "%s is missing", field)
	}
	for field, file := range map[string]string{
		"graph.file": m.Graph.File, "tokenizer.file": m.Tokenizer.File, "template.file": m.Template.File, "golden.file": m.Golden.File,
	} {
		check(file == "" || inside(file), "%s %q leaves the bundle", field, file)
	}
	check(m.Tokenizer.BOS == BOSNone || m.Tokenizer.BOS == BOSOne, "tokenizer.bos is %q, and must be none or one", m.Tokenizer.BOS)
	check(m.Tokenizer.BOS != BOSOne || m.Tokenizer.BOSID != nil, "tokenizer.bos_id is missing, and bos: one needs it")
	for field, id := range map[string]*int64{"tokenizer.bos_id": m.Tokenizer.BOSID, "tokenizer.pad_id": m.Tokenizer.PadID} {
		check(id == nil || (*id >= 0 && *id < m.Graph.VocabSize), "%s is outside graph.vocab_size %d", field, m.Graph.VocabSize)
	}
	check(*m.Head.Std > 0, "head.std is %g, and must be positive", *m.Head.Std)
	check(m.Golden.Tolerance >= 0, "golden.tolerance is %g, and must not be negative", m.Golden.Tolerance)
}

func (m *Manifest) checkGraph(check checker) {
	g := m.Graph
	check(g.Layout == LayoutPacked || g.Layout == LayoutPadded, "graph.layout is %q, and must be packed or padded", g.Layout)
	check(g.Precision == "float32", "graph.precision is %q, and this server runs float32", g.Precision)
	check(g.Output != "", "graph.output is missing")
	check(len(g.Labels) > 0, "graph.labels is empty")
	for i, label := range g.Labels {
		check(label != "" && !slices.Contains(g.Labels[:i], label), "graph.labels[%d] is %q, and labels must be distinct and not empty", i, label)
	}
	check(g.VocabSize > 0, "graph.vocab_size is %d, and must be positive", g.VocabSize)
	switch g.Layout {
	case LayoutPacked:
		check(g.Layers > 0, "graph.layers is %d, and the packed layout needs it", g.Layers)
		check(g.KVHeads > 0, "graph.kv_heads is %d, and the packed layout needs it", g.KVHeads)
		check(g.HeadDim > 0, "graph.head_dim is %d, and the packed layout needs it", g.HeadDim)
	case LayoutPadded:
		check(m.Tokenizer.PadID != nil, "tokenizer.pad_id is missing, and the padded layout needs it")
	}
}

func (m *Manifest) checkKind(check checker) {
	switch m.Kind {
	case Reward:
		check(m.Pooling == PoolLastAttended || (m.Pooling == PoolInGraph && m.Graph.Layout == LayoutPadded),
			"pooling is %q, and a reward model needs last_attended, or in_graph when the layout is padded", m.Pooling)
		check(m.Steps == StepSpec{}, "steps is for process models")
	case Process:
		check(m.Pooling == PoolAtToken, "pooling is %q, and a process model needs at_token", m.Pooling)
		check(m.Steps.Separator != "", "steps.separator is missing, and a process model needs it")
		check(slices.Contains(m.Graph.Labels, m.Steps.Label), "steps.label %q is not among graph.labels %q", m.Steps.Label, m.Graph.Labels)
		check(slices.Contains([]string{ActivationNone, ActivationSigmoid, ActivationSoftmax}, m.Steps.Activation),
			"steps.activation is %q, and must be none, sigmoid or softmax", m.Steps.Activation)
		check(m.Steps.Activation != ActivationSoftmax || len(m.Graph.Labels) > 1, "steps.activation softmax needs two labels or more")
	default:
		check(false, "kind is %q, and must be reward or process", m.Kind)
	}
}

// inside tells whether a relative name stays in the directory that it is relative to.
func inside(name string) bool {
	return !path.IsAbs(name) && !strings.Contains(name, `\`) && path.Clean(name) == name && name != ".." && !strings.HasPrefix(name, "../")
}

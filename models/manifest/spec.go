package manifest

// spec is assay.yaml as it is written: labels by name, and what may be left out. docs/BUNDLE.md describes each field.
type spec struct {
	Version     int             `yaml:"version"`
	Name        string          `yaml:"name"`
	Kind        Kind            `yaml:"kind"`
	Description string          `yaml:"description,omitempty"`
	Licence     string          `yaml:"licence"`
	Source      source          `yaml:"source"`
	Graph       Graph           `yaml:"graph"`
	Tokenizer   tokenizer       `yaml:"tokenizer,omitempty"`
	Template    template        `yaml:"template,omitempty"`
	Pooling     string          `yaml:"pooling,omitempty"`
	Read        readSpec        `yaml:"read,omitempty"`
	Head        headSpec        `yaml:"head,omitempty"`
	Steps       stepSpec        `yaml:"steps,omitempty"`
	Likelihood  *Likelihood     `yaml:"likelihood,omitempty"`
	Pair        *pairSpec       `yaml:"pair,omitempty"`
	Preference  *preferenceSpec `yaml:"preference,omitempty"`
	Embedding   *embedding      `yaml:"embedding,omitempty"`
	Calibration *calibration    `yaml:"calibration,omitempty"`
	Limits      limits          `yaml:"limits,omitempty"`
	Golden      golden          `yaml:"golden,omitempty"`
	Drift       *drift          `yaml:"drift,omitempty"`
}

// readSpec completes the pooling rule, and asks for a second place.
type readSpec struct {
	Offset int         `yaml:"offset,omitempty"` // from_end: ids before the last
	Token  string      `yaml:"token,omitempty"`  // at_token of a reward model
	Prompt *promptSpec `yaml:"prompt,omitempty"` // the second place, read as a row before the other
}

// promptSpec finds the end of the prompt, in one of two ways.
type promptSpec struct {
	Pattern  []int64 `yaml:"pattern,omitempty"`
	Rendered bool    `yaml:"rendered,omitempty"`
}

// headSpec says how a reward model's row becomes its score.
type headSpec struct {
	Activation string             `yaml:"activation,omitempty"`
	Label      string             `yaml:"label,omitempty"`
	Weights    map[string]float64 `yaml:"weights,omitempty"`
	Gates      *gateSpec          `yaml:"gates,omitempty"`
	Mean       float64            `yaml:"mean,omitempty"`
	Std        *float64           `yaml:"std,omitempty"`
	Final      string             `yaml:"final,omitempty"`
}

// gateSpec names the labels of Σ gates of the prompt's row · values of the other row, one gate per value.
type gateSpec struct {
	Values []string `yaml:"values"`
	Gates  []string `yaml:"gates"`
}

// stepSpec describes the steps of a process model.
type stepSpec struct {
	Separator  string     `yaml:"separator,omitempty"`
	Join       string     `yaml:"join,omitempty"`
	Tokenize   string     `yaml:"tokenize,omitempty"`
	Turns      bool       `yaml:"turns,omitempty"`
	Offset     int        `yaml:"offset,omitempty"`
	Skip       int        `yaml:"skip,omitempty"`
	Label      textOrList `yaml:"label,omitempty"`
	Activation string     `yaml:"activation,omitempty"`
	Accumulate *bool      `yaml:"accumulate,omitempty"` // of a likelihood
}

// textOrList is one label or several; YAML gives one as plain text.
type textOrList []string

// UnmarshalYAML reads text or a list.
func (l *textOrList) UnmarshalYAML(unmarshal func(any) error) error {
	var one string
	if unmarshal(&one) == nil {
		*l = textOrList{one}
		return nil
	}
	return unmarshal((*[]string)(l))
}

// pairSpec says how the row of two responses becomes a preference.
type pairSpec struct {
	Label      string `yaml:"label"`
	Activation string `yaml:"activation"`
	Orders     string `yaml:"orders"`
}

// preferenceSpec names the labels of a response's embedding and of the prompt's scales.
type preferenceSpec struct {
	Embedding   []string `yaml:"embedding"`
	Scale       []string `yaml:"scale,omitempty"`
	Normalize   bool     `yaml:"normalize,omitempty"`
	Temperature float64  `yaml:"temperature"`
}

// Words of the manifest. Those of the pooling rules are in pooling.go.
const (
	layoutPacked   = "packed"
	layoutPadded   = "padded"
	layoutFeatures = "features" // no tokens: named numbers

	attentionCausal        = "causal"
	attentionBidirectional = "bidirectional"

	bosNone = "none"
	bosOne  = "one"
	bosTwo  = "two"

	endKeep    = "keep"
	endAppend  = "append"
	endReplace = "replace"

	segmentPrompt   = "prompt"
	segmentResponse = "response"
	segmentFirst    = "first"
	segmentSecond   = "second"

	tokenizeJoint    = "joint"
	tokenizeSeparate = "separate"
	tokenizePrefix   = "prefix"

	normSum  = "sum"
	normMean = "mean"

	ordersProbability = "probability"
	ordersLogit       = "logit"

	activationNone    = "none"
	activationSigmoid = "sigmoid"
	activationSoftmax = "softmax"
)

// setDefaults fills in what may be left out and does not depend on other fields.
func (s *spec) setDefaults() {
	if g := &s.Graph; g.File == "" && len(g.Stages) > 0 {
		g.File = g.Stages[0].File
	}
	if s.Head.Std == nil {
		s.Head.Std = new(1.0)
	}
	if s.Golden.File != "" && s.Golden.Tolerance == 0 {
		s.Golden.Tolerance = leastTolerance
		if d := s.Graph.Drift; d != nil {
			s.Golden.Tolerance = d.Tolerance()
		}
	}
	if s.Kind == KindProcess && s.Steps.Tokenize == "" {
		s.Steps.Tokenize = tokenizeJoint
	}
	if !s.Graph.ReadsFeatures() && s.Tokenizer.End == "" {
		s.Tokenizer.End = endKeep
	}
}

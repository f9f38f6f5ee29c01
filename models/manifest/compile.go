package manifest

import "slices"

// Head says how a reward model's rows become its score.
type Head struct {
	Activation string    // none, sigmoid or softmax, of a row
	Label      int       // the label that is the score; -1 where weights, gates or a likelihood make it
	Named      bool      // the file names the label; else it is the first
	Weights    []float64 // by label: the score is their sum over the labels; nil: it is not
	Gates      []Gate    // the score is their sum; nil: it is not
	Mean, Std  float64   // the score is normalized by these; 0 and 1 leave it alone
	Final      string    // none or sigmoid, of what is then
}

// ReadsOneLabel tells whether the score is made of one label's output alone.
func (h *Head) ReadsOneLabel() bool { return h.Label >= 0 && h.Activation != activationSoftmax }

// Gate is one summand of a gated head: a label of the prompt's row weighs a label of the response's.
type Gate struct {
	Value int // label of the response's row
	Gate  int // label of the prompt's row
}

// Steps describes the steps of a process model.
type Steps struct {
	Separator  string
	Join       string // between a separator and the next step
	Tokenize   string // joint, separate or prefix
	Turns      bool   // each step is a user's turn, and the separator the assistant's
	Offset     int    // ids between the last of a step and the one that is read
	Skip       int    // steps at the beginning that have no score
	Right      []int  // the labels whose activations are added
	Activation string // none, sigmoid or softmax, of a row
	Accumulate bool   // of a likelihood: a step's value is of the response up to its end, not of the step alone
}

// Joint tells whether the steps are tokenized as one text, in which the separator's token shows where they end.
func (s *Steps) Joint() bool { return s.Tokenize == tokenizeJoint }

// Separate tells whether each step is tokenized on its own.
func (s *Steps) Separate() bool { return s.Tokenize == tokenizeSeparate }

// Likelihood says how log-probabilities of a response become a value.
type Likelihood struct {
	Beta float64 `yaml:"beta"`
	Norm string  `yaml:"norm"` // sum or mean
}

// Mean tells whether the value is of the mean over the tokens, and not of their sum.
func (l *Likelihood) Mean() bool { return l.Norm == normMean }

// Sums tells whether there is a likelihood, and its value is of the sum.
func (l *Likelihood) Sums() bool { return l != nil && !l.Mean() }

// Pair says how the rows of both orders of two responses become a preference.
type Pair struct {
	Label      int    // that the first is better
	Activation string // sigmoid or softmax
	Orders     string // probability or logit: what of the two orders is averaged
}

// Logits tells whether the two orders' logits are averaged, and not their probabilities.
func (p *Pair) Logits() bool { return p.Orders == ordersLogit }

// Preference says how two embeddings become a preference.
type Preference struct {
	Embedding   []int // labels of the response's row
	Scale       []int // labels of the prompt's row, half as many; nil: none
	Normalize   bool  // embeddings are brought to unit length
	Temperature float64
}

// compile makes indices of the labels' names, all of which check has found among graph.labels.
func (s *spec) compile() Manifest {
	m := Manifest{
		Name: s.Name, Kind: s.Kind, Description: s.Description, Licence: s.Licence, Source: s.Source, Graph: s.Graph,
		Tokenizer: s.Tokenizer, Template: s.Template, Pooling: s.Pooling, Read: read{s.Read.Offset, s.Read.Token},
		Likelihood: s.Likelihood, Calibration: s.Calibration, Limits: s.Limits, Golden: s.Golden, Drift: s.Drift,
	}
	if m.ReadsFeatures() {
		m.Limits.MaxTokens = len(m.Graph.Features)
	}
	if p := s.Read.Prompt; p != nil {
		m.Prompt = prompt{p.Pattern, p.Rendered}
	}
	switch s.Kind {
	case KindReward, KindFeatures:
		m.Head = s.compileHead()
	case KindProcess:
		m.Steps = s.compileSteps()
	case KindPair:
		m.Pair = &Pair{Label: s.label(s.Pair.Label), Activation: s.Pair.Activation, Orders: s.Pair.Orders}
	case KindPreference:
		p := s.Preference
		m.Preference = &Preference{s.labels(p.Embedding), s.labels(p.Scale), p.Normalize, p.Temperature}
	case KindEmbedding:
		m.Embedding, m.Graph.Labels = *s.Embedding, numbered(s.Embedding.Size)
	case KindChoice: // whose labels check has found to be the two that there are
	}
	return m
}

func (s *spec) compileHead() Head {
	h := Head{Activation: s.Head.Activation, Named: s.Head.Label != "", Mean: s.Head.Mean, Std: *s.Head.Std, Final: s.Head.Final}
	if h.Activation == "" {
		h.Activation = activationNone
	}
	if h.Final == "" {
		h.Final = activationNone
	}
	if h.Named {
		h.Label = s.label(s.Head.Label)
	}
	if s.Head.Weights != nil {
		h.Weights = make([]float64, len(s.Graph.Labels))
		for i, label := range s.Graph.Labels {
			h.Weights[i] = s.Head.Weights[label]
		}
	}
	if gates := s.Head.Gates; gates != nil {
		for i, value := range gates.Values {
			h.Gates = append(h.Gates, Gate{Value: s.label(value), Gate: s.label(gates.Gates[i])})
		}
	}
	if h.Weights != nil || h.Gates != nil || s.Likelihood != nil {
		h.Label = -1
	}
	return h
}

func (s *spec) compileSteps() Steps {
	of := s.Steps
	return Steps{
		Separator:  of.Separator,
		Join:       of.Join,
		Tokenize:   of.Tokenize,
		Turns:      of.Turns,
		Offset:     of.Offset,
		Skip:       of.Skip,
		Right:      s.labels(of.Label),
		Activation: of.Activation,
		Accumulate: of.Accumulate == nil || *of.Accumulate,
	}
}

func (s *spec) label(name string) int { return slices.Index(s.Graph.Labels, name) }

func (s *spec) labels(names []string) []int {
	var indices []int
	for _, name := range names {
		indices = append(indices, s.label(name))
	}
	return indices
}

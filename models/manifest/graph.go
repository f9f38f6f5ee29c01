package manifest

// Graph describes the ONNX graph that reads ids, or features.
type Graph struct {
	File      string   `yaml:"file"`                // or that of the first of the stages
	Stages    []stage  `yaml:"stages,omitempty"`    // graphs with some of the layers each, in order, instead of File; nil: there is one graph
	Layout    string   `yaml:"layout"`              // packed, padded or features: docs/BUNDLE.md has their inputs and outputs
	Attention string   `yaml:"attention,omitempty"` // of the layout packed: causal, the default, or bidirectional
	Precision string   `yaml:"precision"`
	Compute   string   `yaml:"compute,omitempty"` // the type that it multiplies in: float32, float16 or bfloat16; empty: float32, in a graph of the older form
	Output    string   `yaml:"output"`
	Labels    []string `yaml:"labels"`
	VocabSize int64    `yaml:"vocab_size,omitempty"`
	Layers    int      `yaml:"layers,omitempty"`
	Heads     int64    `yaml:"heads,omitempty"` // of queries, each of which has scores of its own; 0: as many as KVHeads
	KVHeads   int64    `yaml:"kv_heads,omitempty"`
	HeadDim   int64    `yaml:"head_dim,omitempty"`

	Operators string `yaml:"operators,omitempty"` // of a graph with compute: assay, where its layers are operators of that domain; empty: they are stock ones

	Drift *graphDrift `yaml:"drift,omitempty"` // of a graph that computes in 16 bits, or has narrower weights

	Input    string     `yaml:"input,omitempty"`    // of the layout features: name of the graph's one input
	Features []string   `yaml:"features,omitempty"` // of the layout features: what its columns are
	Head     *HeadGraph `yaml:"head,omitempty"`     // a graph that makes readings of this one's rows; nil: there is none
}

// HeadGraph describes a head that is a graph of its own: it turns the rows that leave the first graph into readings.
type HeadGraph struct {
	File   string `yaml:"file"`
	Width  int    `yaml:"width"`          // of a row: the last dimension of graph.output
	Input  string `yaml:"input"`          // name of its input of rows, [rows, width]
	Output string `yaml:"output"`         // name of its output, [rows, labels]
	User   string `yaml:"user,omitempty"` // name of its input of a user's vector, [rows, D] or [D]; empty: it has none
}

// Packed tells whether the graph takes tokens and tiles, without padding.
func (g *Graph) Packed() bool { return g.Layout == layoutPacked }

// Bidirectional tells whether each token of a packed graph sees its whole sequence, and not only what stands before it.
func (g *Graph) Bidirectional() bool { return g.Attention == attentionBidirectional }

// Padded tells whether the graph takes rows of ids, padded to one length.
func (g *Graph) Padded() bool { return g.Layout == layoutPadded }

// ReadsFeatures tells whether items are named numbers instead of tokens.
func (g *Graph) ReadsFeatures() bool { return g.Layout == layoutFeatures }

// Columns is the length of the rows that leave the graph: its labels, or what the head graph takes.
func (g *Graph) Columns() int {
	if g.Head != nil {
		return g.Head.Width
	}
	return len(g.Labels)
}

// HeadFile is the name of the head's file; empty: the graph has its head.
func (g *Graph) HeadFile() string {
	if g.Head == nil {
		return ""
	}
	return g.Head.File
}

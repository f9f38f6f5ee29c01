// Package heads runs small graphs on gorgonia: heads that are graphs of their own, and models that read features.
package heads

import (
	"context"
	"math"
	"slices"

	"github.com/assay-rm/assay/kernels/graphs"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

// Head is a head that is a graph of its own: it turns rows that leave the first graph into readings. A row's reading
// has the same bits alone and in any batch. A Head is safe for concurrent use.
type Head struct {
	graph  *graphs.Graph
	spec   *manifest.HeadGraph
	labels int
	user   int  // numbers of a user's vector; 0: the head takes none
	shared bool // its input of a user's vector is [D], one for all rows of a run, and not [rows, D]
}

// Load loads a head from the content of its file, and checks its inputs and output against the manifest. Its errors are
// *fault.Error.
func Load(m *manifest.Manifest, data []byte) (*Head, error) {
	spec := m.Graph.Head
	graph, err := graphs.Load(data)
	if err != nil {
		return nil, fault.New(fault.CodeBundle, "graph.head.file %s", spec.File).Because(err)
	}
	h := &Head{graph: graph, spec: spec, labels: len(m.Graph.Labels)}
	rows := false
	for _, input := range graph.Inputs() {
		switch input.Name {
		case spec.Input:
			rows = true
			if !slices.Equal(input.Dims, []int{-1, spec.Width}) {
				return nil, fault.New(fault.CodeBundle, "graph.head.width is %d, and the head's input is %s",
					spec.Width, input)
			}
		case spec.User:
			dims := input.Dims
			if h.shared = !input.Rows(); !h.shared {
				dims = dims[1:]
			}
			if len(dims) != 1 {
				return nil, fault.New(fault.CodeBundle,
					"graph.head.user: the head's input is %s, and a vector, or one for each row, is wanted", input)
			}
			h.user = dims[0]
		default:
			return nil, fault.New(fault.CodeBundle,
				"graph.head.input: the head asks for input %q, which the manifest does not name", input.Name)
		}
	}
	switch {
	case !rows:
		return nil, fault.New(fault.CodeBundle, "graph.head.input: the head has no input %q", spec.Input)
	case spec.User != "" && h.user == 0:
		return nil, fault.New(fault.CodeBundle, "graph.head.user: the head has no input %q", spec.User)
	}
	return h, givesLabels(graph, "graph.head.output", spec.Output, h.labels)
}

// User is how many numbers of a user the head takes; 0: none.
func (h *Head) User() int { return h.user }

// givesLabels checks that a graph's output has one number for each label. field is the one that names the output.
func givesLabels(graph *graphs.Graph, field, name string, labels int) error {
	outputs := graph.Outputs()
	at := slices.IndexFunc(outputs, func(v graphs.Value) bool { return v.Name == name })
	if at < 0 {
		return fault.New(fault.CodeBundle, "%s: the graph has no output %q", field, name)
	}
	dims := outputs[at].Dims
	if !slices.Equal(dims, []int{-1, labels}) && (labels > 1 || !slices.Equal(dims, []int{-1})) {
		return fault.New(fault.CodeBundle, "%s: the graph's output is %s, and %d labels need [-1 %d]", field,
			outputs[at], labels, labels)
	}
	return nil
}

// headRows is the most rows of one run, which bounds what is copied for it.
const headRows = 512

// Readings turns rows, (rows, width), all finite, into readings, (rows, labels). users has the vector of each row's
// user; a head that takes none does not look at it. Readings ends early with the context's error.
func (h *Head) Readings(ctx context.Context, rows, users [][]float32) ([][]float32, error) {
	out := make([]float32, 0, len(rows)*h.labels)
	for from := 0; from < len(rows); {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n := min(len(rows)-from, headRows)
		inputs := map[string]graphs.Tensor{}
		if h.user > 0 {
			if h.shared {
				n = samePrefix(users[from : from+n])
				inputs[h.spec.User] = graphs.Tensor{Dims: []int{h.user}, Data: users[from]}
			} else {
				inputs[h.spec.User] = table(users[from:from+n], h.user)
			}
		}
		inputs[h.spec.Input] = table(rows[from:from+n], h.spec.Width)
		outputs, err := h.graph.Run(inputs)
		if err != nil {
			return nil, err
		}
		out = append(out, outputs[h.spec.Output].Data...)
		from += n
	}
	return slices.Collect(slices.Chunk(out, h.labels)), nil
}

// samePrefix is how many vectors, from the first on, have the first one's bits. Bits count, and not values: 0 and -0
// are equal, and a head may tell them apart.
func samePrefix(users [][]float32) int {
	same := func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }
	n := 1
	for n < len(users) && slices.EqualFunc(users[n], users[0], same) {
		n++
	}
	return n
}

// table copies rows into one tensor, (rows, width).
func table(rows [][]float32, width int) graphs.Tensor {
	data := make([]float32, 0, len(rows)*width)
	for _, row := range rows {
		data = append(data, row...)
	}
	return graphs.Tensor{Dims: []int{len(rows), width}, Data: data}
}

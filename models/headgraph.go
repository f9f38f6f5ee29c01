package models

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/assay-rm/assay/kernels/graphs"
)

// headGraph is a head that is a graph of its own: it turns rows that leave the first graph into readings, on gorgonia. Readings of a row
// have the same bits alone and in any batch. It is safe for concurrent use.
type headGraph struct {
	graph  *graphs.Graph
	spec   *HeadGraphSpec
	labels int
	user   int  // numbers of a user's vector; 0: the head takes none
	shared bool // the vector is one for all rows of a run: its input is [D], not [rows, D]
}

// newHeadGraph loads the head and holds its inputs and output to the manifest.
func newHeadGraph(manifest *Manifest, data []byte) (*headGraph, error) {
	spec := manifest.Graph.Head
	graph, err := graphs.Load(data)
	if err != nil {
		return nil, &Error{Code: CodeBundle, Detail: "graph.head.file " + spec.File, Err: err}
	}
	h := &headGraph{graph: graph, spec: spec, labels: len(manifest.Graph.Labels)}
	rows := false
	for _, input := range graph.Inputs() {
		switch input.Name {
		case spec.Input:
			rows = true
			if !slices.Equal(input.Dims, []int{-1, spec.Width}) {
				return nil, fail(CodeBundle, "graph.head.width is %d, and the head's input is %s", spec.Width, input)
			}
		case spec.User:
			dims := input.Dims
			if h.shared = !input.Rows(); !h.shared {
				dims = dims[1:]
			}
			if len(dims) != 1 {
				return nil, fail(CodeBundle, "graph.head.user: the head's input is %s, and a vector, or one for each row, is wanted", input)
			}
			h.user = dims[0]
		default:
			return nil, fail(CodeBundle, "graph.head.input: the head asks for input %q, which the manifest does not name", input.Name)
		}
	}
	switch {
	case !rows:
		return nil, fail(CodeBundle, "graph.head.input: the head has no input %q", spec.Input)
	case spec.User != "" && h.user == 0:
		return nil, fail(CodeBundle, "graph.head.user: the head has no input %q", spec.User)
	}
	return h, givesLabels(graph, "graph.head.output", spec.Output, h.labels)
}

// givesLabels holds a graph's output to the labels.
func givesLabels(graph *graphs.Graph, field, name string, labels int) error {
	outputs := graph.Outputs()
	at := slices.IndexFunc(outputs, func(v graphs.Value) bool { return v.Name == name })
	if at < 0 {
		return fail(CodeBundle, "%s: the graph has no output %q", field, name)
	}
	dims := outputs[at].Dims
	if !slices.Equal(dims, []int{-1, labels}) && (labels > 1 || !slices.Equal(dims, []int{-1})) {
		return fail(CodeBundle, "%s: the graph's output is %s, and %d labels need [-1 %d]", field, outputs[at], labels, labels)
	}
	return nil
}

// headRows bounds the rows of one run, and so what is copied for it.
const headRows = 512

// readings turns rows (rows, width), all finite, into readings (rows, labels). users has the vector of each row's user, or is nil for a
// head that takes none. It ends early with ctx's error.
func (h *headGraph) readings(ctx context.Context, rows, users [][]float32) ([][]float32, error) {
	out := make([]float32, 0, len(rows)*h.labels)
	for from := 0; from < len(rows); {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n := min(len(rows)-from, headRows)
		inputs := map[string]graphs.Tensor{}
		if h.user > 0 {
			if h.shared {
				n = stretch(users[from : from+n])
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
	return rowsOf(out, h.labels), nil
}

// stretch is how many of the first vectors have the same bits; 0 and -0 are equal, and a head may tell them apart.
func stretch(users [][]float32) int {
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

// applyHead turns the rows of the readings that have no error into the head's, unless it has read them on the graph's device. A row that is
// not finite fails its item alone.
func (m *Model) applyHead(ctx context.Context, items []Encoded, readings []Reading) {
	if m.head == nil || len(m.session.heads) > 0 {
		return
	}
	var rows, users [][]float32
	for i := range readings {
		if readings[i].Err == nil {
			readings[i].Err = m.finiteRows(readings[i].Rows)
		}
		if readings[i].Err != nil {
			readings[i].Rows = nil
			continue
		}
		for _, row := range readings[i].Rows {
			rows, users = append(rows, row), append(users, items[i].User)
		}
	}
	if len(rows) == 0 {
		return
	}
	read, err := m.head.readings(ctx, rows, users)
	if err != nil && ctx.Err() == nil {
		err = &Error{Code: CodeRun, Detail: fmt.Sprintf("the head of model %q failed", m.info.Manifest.Name), Err: err}
	}
	for i := range readings {
		switch n := len(readings[i].Rows); {
		case readings[i].Err != nil:
		case err != nil:
			readings[i].Rows, readings[i].Err = nil, err
		default:
			readings[i].Rows, read = read[:n:n], read[n:]
		}
	}
}

// finiteRows refuses rows for the head with NaN or infinity.
func (m *Model) finiteRows(rows [][]float32) error {
	for i, row := range rows {
		for j, value := range row {
			if math.IsNaN(float64(value)) || math.IsInf(float64(value), 0) {
				return fail(CodeNotFinite, "model %q gave %v for number %d of row %d, which its head would read", m.info.Manifest.Name, value, j, i)
			}
		}
	}
	return nil
}

// userOf is the item's user vector, which a model must have whose head takes one, and no other may have.
func (e *encoder) userOf(item Item) ([]float32, error) {
	name := e.manifest.Name
	switch {
	case e.user == 0 && item.User != nil:
		return nil, fail(CodeItem, "user is for models whose head takes a user's vector, and the head of model %q takes none", name)
	case len(item.User) != e.user:
		return nil, fail(CodeItem, "user has %d numbers, and the head of model %q needs %d", len(item.User), name, e.user)
	}
	vector := make([]float32, 0, e.user)
	for i, x := range item.User {
		narrow, err := narrowed(x)
		if err != nil {
			return nil, fail(CodeItem, "user[%d] is %g, %v", i, x, err)
		}
		vector = append(vector, narrow)
	}
	if e.user == 0 {
		return nil, nil
	}
	return vector, nil
}

var errNarrow = errors.New("and must be a number that float32 holds")

// narrowed is x as float32, unless it is or becomes infinite or NaN.
func narrowed(x float64) (float32, error) {
	if narrow := float32(x); !math.IsNaN(x) && !math.IsInf(float64(narrow), 0) {
		return narrow, nil
	}
	return 0, errNarrow
}

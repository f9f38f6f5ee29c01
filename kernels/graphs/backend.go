package graphs

import (
	"errors"
	"fmt"
	"slices"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/onnx"
)

// ErrClosed is the answer of a graph that has been closed.
var ErrClosed = errors.New("head graph is closed")

// keeper is a backend that can keep tensors where its kernels read them, as a device's does.
type keeper interface {
	Upload(t kernels.Tensor) (kernels.Tensor, error)
	Free(t kernels.Tensor) error
}

// LoadOn is Load for a graph whose linear heads run on a backend: one fused op each for one linear layer of constant
// weights, or two with identity, ReLU, tanh, exact GELU or SiLU between them, with a sigmoid or a softmax over the
// labels behind it, however a torch exporter writes them. What no kernel covers runs on the host in the same graph, and
// so do Gradient and FitLatent. A nil backend is Load.
//
// Weights are uploaded once if the backend has Upload(Tensor) (Tensor, error) and Free(Tensor) error; Close frees them.
// The graph is safe for concurrent use if the backend is.
func LoadOn(data []byte, backend kernels.Backend) (*Graph, error) {
	g, err := onHost(data)
	if err == nil && backend != nil {
		g.backend = backend
		if wrong := g.fuse(); wrong != nil {
			err = fmt.Errorf("head graph: %w", errors.Join(wrong, g.Close()))
		}
	}
	if err != nil {
		return nil, onnx.Brief(err)
	}
	return g, nil
}

// fuse finds the fusions, gives the backend their weights, and makes the graph with them once.
func (g *Graph) fuse() error {
	b, err := g.build(proved[0], g.outputNames(), "", false)
	if err != nil {
		return err
	}
	m := newMatcher(g, b)
	g.fusions, g.hostOps, g.reader = m.all(), m.onHost(), m.hostReaders(g.inputs)
	if err := g.upload(); err != nil {
		return err
	}
	p, err := g.forward(key{rows: 1})
	if err != nil {
		return err
	}
	g.programs.give(p)
	return nil
}

// upload puts the weights where the backend's kernels read them; those that several heads share once.
func (g *Graph) upload() error {
	keep, ok := g.backend.(keeper)
	if !ok {
		return nil
	}
	type matrix struct {
		first      *float32
		rows, cols int
	}
	there := map[matrix]kernels.Tensor{}
	for _, f := range g.fusions {
		for i := range f.head.Layers {
			layer := &f.head.Layers[i]
			for _, t := range []*kernels.Tensor{&layer.Weight, &layer.Bias} {
				if t.Rows == 0 {
					continue
				}
				at := matrix{&t.Float32s[0], t.Rows, t.Cols}
				if _, known := there[at]; !known {
					kept, err := keep.Upload(*t)
					if err != nil {
						return fmt.Errorf("%v: upload the weights: %w", f, err)
					}
					there[at], g.kept = kept, append(g.kept, kept)
				}
				*t = there[at]
			}
		}
	}
	return nil
}

// Close waits for the runs and frees the weights that the backend keeps; it comes before the backend's own. Run answers
// ErrClosed afterwards. A graph without a backend holds nothing that needs it.
func (g *Graph) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	var errs []error
	for _, t := range g.kept {
		errs = append(errs, g.backend.(keeper).Free(t))
	}
	g.kept = nil
	return errors.Join(errs...)
}

// Placement says, for logs, which of the file's nodes run where: the fused ops, each with its nodes' operators, and the
// nodes that the host runs beside them. Of a graph without a backend it says nothing.
func (g *Graph) Placement() (fused, host []string) {
	for _, f := range g.fusions {
		fused = append(fused, f.String())
	}
	return fused, slices.Clone(g.hostOps)
}

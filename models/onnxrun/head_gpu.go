//go:build gpu

package onnxrun

import (
	"errors"
	"fmt"
	"slices"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/device"
	"github.com/assay-rm/assay/kernels/graphs"
	"github.com/assay-rm/assay/models/manifest"
)

// gpuHead is a head on the GPU that its rows lie on: only readings cross the bus.
type gpuHead struct {
	gpu    *gpu
	graph  *graphs.Graph
	spec   *manifest.HeadGraph
	labels int
	room   *device.Room
	matrix kernels.Tensor // of the rows of the forward that runs, (positions, width)
}

// newHead loads a head whose linear layers alone read its rows.
func (g *gpu) newHead(m *manifest.Manifest, data []byte) (placedHead, error) {
	spec := m.Graph.Head
	if spec.User != "" {
		return nil, nil //nolint:nilnil // a plan does not know its users
	}
	graph, err := graphs.LoadOn(data, g.device)
	if err != nil {
		return nil, err
	}
	if graph.ReadsStates(spec.Input) != nil {
		return nil, graph.Close()
	}
	return &gpuHead{
		gpu:    g,
		graph:  graph,
		spec:   spec,
		labels: len(m.Graph.Labels),
		room:   g.device.OpenRoom(spec.Width),
	}, nil
}

func (h *gpuHead) rows(shape ort.Shape) (ort.Value, error) {
	var err error
	if h.matrix, err = h.room.Fit(int(shape.FlattenedSize()) / h.spec.Width); err != nil {
		return nil, fmt.Errorf("rows for the head on %v: %w", h.gpu.memory, err)
	}
	return h.gpu.runtime.Float32s(h.gpu.memory, h.matrix.Address, shape...)
}

func (h *gpuHead) readings(read []int64) ([][]float32, error) {
	states := map[string]graphs.States{h.spec.Input: {Matrix: h.matrix, Rows: read}}
	outputs, err := h.graph.RunStates(nil, states)
	if err != nil {
		return nil, fmt.Errorf("graph.head.file %s on %v: %w", h.spec.File, h.gpu.memory, err)
	}
	return slices.Collect(slices.Chunk(outputs[h.spec.Output].Data, h.labels)), nil
}

func (h *gpuHead) close() error { return errors.Join(h.graph.Close(), h.room.Close()) }

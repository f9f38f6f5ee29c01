package models

import (
	"context"
	"math"
	"slices"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
)

// forward runs sequences in one plan on the first device, past any queue, and gives the readings of each, (sequences,
// positions, labels).
func (m *Model) forward(ctx context.Context, options batching.Options,
	sequences []batching.Sequence,
) ([][][]float32, error) {
	return m.run(ctx, options, sequences, func(*batching.Plan) {})
}

// run is forward with a plan that change has changed, which says for example on what device it runs.
func (m *Model) run(ctx context.Context, options batching.Options, sequences []batching.Sequence,
	change func(*batching.Plan),
) ([][][]float32, error) {
	plan, places, err := batching.MakePlan(sequences, options)
	if err != nil {
		return nil, fault.New(fault.CodeBundle, "probe: %v", err)
	}
	change(plan)
	rows, err := m.runner.Run(ctx, plan)
	if err != nil {
		return nil, fault.New(fault.CodeBundle, "graph.file %s: a probe of %d sequences does not run: %v",
			m.info.Manifest.Graph.File, len(sequences), err)
	}
	apart := make([][][]float32, len(sequences))
	for i, sequence := range sequences {
		apart[i] = rows[places[i] : places[i]+len(sequence.Positions)]
	}
	return m.headedAll(ctx, apart, sequences)
}

// headed is headedAll of one probe.
func (m *Model) headed(ctx context.Context, rows [][]float32, probe batching.Sequence) ([][]float32, error) {
	all, err := m.headedAll(ctx, [][][]float32{rows}, []batching.Sequence{probe})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// headedAll gives the readings that the head makes of the probes' rows. Where the graph has its head, rows are
// readings.
func (m *Model) headedAll(ctx context.Context, rows [][][]float32, probes []batching.Sequence) ([][][]float32, error) {
	items, readings := make([]encode.Encoded, len(probes)), make([]Reading, len(probes))
	for i, probe := range probes {
		items[i].User, readings[i].Rows = m.probeUser(probe.IDs), rows[i]
	}
	m.applyHead(ctx, items, readings)
	out := make([][][]float32, len(probes))
	for i := range readings {
		if err := readings[i].Err; err != nil {
			return nil, fault.New(fault.CodeBundle, "graph.head.file %s: a probe of %d tokens: %v",
				m.info.Manifest.Graph.HeadFile(), len(probes[i].IDs), err)
		}
		out[i] = readings[i].Rows
	}
	return out, nil
}

// sameBits tells whether two readings are the same to the last bit.
func sameBits(a, b [][]float32) bool {
	return slices.EqualFunc(a, b, func(x, y []float32) bool {
		return slices.EqualFunc(x, y, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
	})
}

// distance is the largest difference between two readings, relative where a number is above 1. A number and a NaN are
// infinitely far apart.
func distance(a, b [][]float32) float64 {
	worst := 0.0
	for i := range a {
		for j := range a[i] {
			x, y := float64(a[i][j]), float64(b[i][j])
			if x == y {
				continue
			}
			apart := math.Abs(x-y) / max(1, math.Abs(y))
			if math.IsNaN(apart) {
				apart = math.Inf(1)
			}
			worst = max(worst, apart)
		}
	}
	return worst
}

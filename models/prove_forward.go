package models

import (
	"context"
	"runtime"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

// probeTolerance is how far the score of a padded graph may move with what stands beside it in a batch, relative to the
// score where that is above 1: such graphs may be made elsewhere. The score of a packed graph must not move at all.
const probeTolerance = 1e-5

// gpuTolerance is how far a score may move on a GPU, whose libraries add up in another order for another shape. It is
// an estimate for products of float32; docs/GPU.md says what was measured.
const gpuTolerance = 1e-3

// fusedTolerance is how far a score of a graph with an attention operator may move on processors, where that operator
// may order a sum by the sizes of its forward. Seen was no difference, in float32 and in float16, with heads of 128 and
// up to 1,340 tokens; see docs/BUNDLE.md.
const fusedTolerance = 1e-5

// otherTolerance is how far a score may move on processors that are not amd64's, where ONNX Runtime multiplies few rows
// by other kernels than many, which add up in another order. Seen on arm64, under qemu, was 3e-8.
const otherTolerance = 1e-5

// proveForward runs probe sequences alone, together, in reverse and beside longer ones. A probe must read the same
// every time, within the tolerance.
func (m *Model) proveForward(ctx context.Context, options batching.Options) error {
	probes := m.probes()
	alone, err := m.readAlone(ctx, options, probes)
	if err != nil {
		return err
	}
	for i, probe := range probes {
		if err := m.finite(alone[i]); err != nil {
			return fault.New(fault.CodeBundle, "graph.file %s: a probe of %d %s: %v", m.info.Manifest.Graph.File,
				len(probe.IDs), m.unit(), err)
		}
	}
	worst, equal := 0.0, true
	orders := map[string][]int{}
	for i := range probes {
		orders["in a batch"] = append(orders["in a batch"], i)
		orders["in the reverse batch"] = append([]int{i}, orders["in the reverse batch"]...)
	}
	orders["beside a longer one"] = []int{0, len(probes) - 1}
	if options.Lanes > 1 {
		orders["on one thread"] = orders["in a batch"]
	}
	for how, order := range orders {
		batch := make([]batching.Sequence, len(order))
		for i, probe := range order {
			batch[i] = probes[probe]
		}
		rows, err := m.run(ctx, options, batch, func(plan *batching.Plan) { plan.Narrow = how == "on one thread" })
		if err != nil {
			return err
		}
		for i, probe := range order {
			moved := distance(rows[i], alone[probe])
			worst, equal = max(worst, moved), equal && sameBits(rows[i], alone[probe])
			if moved > m.tolerance() {
				field := "pooling " + m.info.Manifest.Pooling
				if m.features != nil {
					field = "graph.file " + m.info.Manifest.Graph.File
				}
				return fault.New(fault.CodeBundle, "%s: the output of a probe of %d %s is %v alone and %v %s%s",
					field, len(probes[probe].IDs), m.unit(), alone[probe], rows[i], how, m.whyMoved())
			}
		}
	}
	if err := m.proveCausal(ctx, options, probes, alone); err != nil {
		return err
	}
	if err := m.proveDevices(ctx, options, probes, alone); err != nil {
		return err
	}
	if err := m.proveInFlight(ctx, options, probes, alone); err != nil {
		return err
	}
	m.report("forward", "alone = batched = reordered = padded, largest difference %g, bit-equal: %s", worst, yes(equal))
	return m.proveCache(ctx, options, probes, alone)
}

// whyMoved says what makes most such graphs: those of decoders find the end of an item themselves.
func (m *Model) whyMoved() string {
	if !m.info.Manifest.PoolsInGraph() {
		return ""
	}
	return "; a graph that was exported for padding on the left, or with another pad id, reads padding here"
}

// readAlone reads each probe in a forward of its own, and gives its readings, (probes, positions, labels).
func (m *Model) readAlone(ctx context.Context, options batching.Options,
	probes []batching.Sequence,
) ([][][]float32, error) {
	alone := make([][][]float32, len(probes))
	for i, probe := range probes {
		rows, err := m.forward(ctx, options, []batching.Sequence{probe})
		if err != nil {
			return nil, err
		}
		alone[i] = rows[0]
	}
	return alone, nil
}

// tolerance is how far the same sequence may read otherwise in another forward. Where a graph computes in 16 bits or
// integers, a sum in another order may be rounded otherwise there, and then be as far off as rounding was seen to bring
// it. Where weights have four bits, one row is added up in another order than several.
func (m *Model) tolerance() float64 {
	g := &m.info.Manifest.Graph
	tolerance := 0.0
	switch {
	case m.info.Device.OnGPU():
		tolerance = gpuTolerance
	case g.Padded():
		tolerance = probeTolerance
	case g.Fused():
		tolerance = fusedTolerance
	}
	if runtime.GOARCH != "amd64" {
		tolerance = max(tolerance, otherTolerance)
	}
	if g.Drift != nil {
		tolerance = max(tolerance, g.Drift.Moved())
	}
	return tolerance
}

// yes says so, or no.
func yes(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

// proveCausal cuts the last step off a process model's item: the step before it must read as it did.
func (m *Model) proveCausal(ctx context.Context, options batching.Options, probes []batching.Sequence,
	alone [][][]float32,
) error {
	if m.info.Manifest.Kind != manifest.KindProcess {
		return nil
	}
	last := len(probes) - 1
	whole := probes[last]
	end := whole.Positions[0] + 1
	if m.info.Manifest.ReadsNext() {
		end++ // a likelihood's row is of the id that follows, which must be there
	}
	cut := batching.Sequence{IDs: whole.IDs[:end], Positions: whole.Positions[:1]}
	rows, err := m.forward(ctx, options, []batching.Sequence{cut})
	if err != nil {
		return err
	}
	if moved := distance(rows[0], alone[last][:1]); moved > m.tolerance() {
		return fault.New(fault.CodeBundle,
			"pooling %s: a later step changes an earlier one's output by %g, so the graph is not causal",
			m.info.Manifest.Pooling, moved)
	}
	m.report("causal", "a later step leaves earlier outputs as they are")
	return nil
}

// proveDevices runs the probes on every further device: they must read what they read on the first.
func (m *Model) proveDevices(ctx context.Context, options batching.Options, probes []batching.Sequence,
	alone [][][]float32,
) error {
	copies := m.info.Device.Copies()
	for device := 1; device < options.Devices; device++ {
		rows, err := m.run(ctx, options, probes, func(plan *batching.Plan) { plan.Device = device })
		if err != nil {
			return err
		}
		for i, probe := range probes {
			if moved := distance(rows[i], alone[i]); moved > m.tolerance() {
				return fault.New(fault.CodeDevice, "GPU %s gives %v for a probe of %d tokens, and GPU %s %v",
					copies[device], rows[i], len(probe.IDs), copies[0], alone[i])
			}
		}
	}
	return nil
}

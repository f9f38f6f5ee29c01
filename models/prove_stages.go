package models

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/kernels/onnx"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/onnxrun"
)

// maxHidden is how many numbers of a token may go from one stage to the next in one tensor.
const maxHidden = 1 << 16

// handed are the outputs of a stage that the stage behind it takes in: [T, hidden] of a type that is added up in.
func (m *Model) handed(stage int, before stageFile) (values []onnx.Value, err error) {
	g := &m.info.Manifest.Graph
	for _, name := range onnxrun.Handed(stage) {
		at := slices.IndexFunc(before.Outputs, func(v onnx.Value) bool { return v.Name == name })
		if at < 0 {
			return nil, fault.New(fault.CodeBundle, "graph.stages[%d]: the graph %s has no output %q", stage, before.name, name)
		}
		value := before.Outputs[at]
		if fits := value.Kind == onnx.Float32 || value.Kind == onnxrun.KeyKind(g); !fits || len(value.Dims) != 2 || value.Dims[1] < 1 || value.Dims[1] > maxHidden {
			return nil, fault.New(fault.CodeBundle, "graph.stages[%d]: the output of %s is %s, and must be float or %s, of tokens with 1 to %d numbers", stage,
				before.name, value, onnxrun.KeyKind(g), maxHidden)
		}
		values = append(values, value)
	}
	if values[0].Dims[1] != values[1].Dims[1] {
		return nil, fault.New(fault.CodeBundle, "graph.stages[%d]: the outputs of %s are %s and %s, and must have as many numbers a token", stage, before.name,
			values[0], values[1])
	}
	return values, nil
}

// proveInFlight runs the probes in as many forwards at once as the stages of a device may have in flight, in each in
// another order, so that no two have the same numbers in the same places: they must read what they read alone.
func (m *Model) proveInFlight(ctx context.Context, options batching.Options, probes []batching.Sequence, alone [][][]float32) error {
	if options.Stages < 2 {
		return nil
	}
	for device := range max(1, options.Devices) {
		errs := make([]error, options.Stages)
		var group sync.WaitGroup
		for forward := range errs {
			turned := slices.Concat(probes[forward%len(probes):], probes[:forward%len(probes)])
			want := slices.Concat(alone[forward%len(probes):], alone[:forward%len(probes)])
			group.Go(func() {
				rows, err := m.run(ctx, options, turned, func(plan *batching.Plan) { plan.Device = device })
				for i := range rows {
					if moved := distance(rows[i], want[i]); moved > m.tolerance() {
						err = fault.New(fault.CodeDevice, "copy %d on device %s gives %v for a probe of %d tokens with %d forwards in flight, and %v alone",
							device, m.info.Device, rows[i], len(turned[i].IDs), options.Stages, want[i])
					}
				}
				errs[forward] = err
			})
		}
		group.Wait()
		if err := errors.Join(errs...); err != nil {
			return err
		}
	}
	m.report("in flight", "%d forwards at once read what one alone does", options.Stages)
	return nil
}

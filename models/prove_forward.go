package models

import (
	"context"
	"math"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

// probeTolerance is how far a padded graph that was made elsewhere may move a score with its batch mates, relative to
// the score where it is above 1. Packed graphs must not move it at all.
const probeTolerance = 1e-5

// gpuTolerance is how far a score may move on a GPU, whose libraries choose another order of sums for another shape. It
// is an estimate for float32 products: no GPU was at hand.
const gpuTolerance = 1e-3

// proveForward runs probe sequences alone, together, in reverse and beside longer ones, and holds each to itself.
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
	worst := 0.0
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
			worst = max(worst, moved)
			if moved > m.tolerance() {
				field := "pooling " + m.info.Manifest.Pooling
				if m.features != nil {
					field = "graph.file " + m.info.Manifest.Graph.File
				}
				return fault.New(fault.CodeBundle, "%s: the output of a probe of %d %s is %v alone and %v %s",
					field, len(probes[probe].IDs), m.unit(), alone[probe], rows[i], how)
			}
		}
	}
	if err := m.proveCausal(ctx, options, probes, alone); err != nil {
		return err
	}
	if err := m.proveDevices(ctx, options, probes, alone); err != nil {
		return err
	}
	m.passed("forward", "alone = batched = reordered = padded, largest difference %g", worst)
	return m.proveCache(ctx, options, probes, alone)
}

// readAlone reads each probe in a forward of its own.
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

// proveCache asks for every probe again and again, behind what is cached of it, and holds the answers to those of the
// probe alone.
func (m *Model) proveCache(ctx context.Context, options batching.Options, probes []batching.Sequence,
	alone [][][]float32,
) error {
	if options.CacheBlocks == 0 {
		return nil
	}
	options.MaxDelay = 0
	b := batching.New(m.runner, options)
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	defer func() {
		b.Close()
		<-done //nolint:errcheck // nil, or ctx's, which the caller sees
	}()
	cached := 0
	for range 3 { // computed, computed and kept, taken from the cache
		for i, probe := range probes {
			results, err := b.Submit(ctx, Caller{}, []batching.Sequence{probe})
			if err != nil {
				return err
			}
			result := results[0]
			if result.Err != nil {
				return fault.New(fault.CodeBundle, "graph.file %s: a probe of %d tokens behind %d cached ones: %v",
					m.info.Manifest.Graph.File, len(probe.IDs), result.Cached, result.Err)
			}
			rows, err := m.headed(ctx, result.Values, probe)
			if err != nil {
				return err
			}
			if moved := distance(rows, alone[i]); moved > m.tolerance() {
				return fault.New(fault.CodeBundle,
					"graph.layout packed: the output of a probe of %d tokens is %v, and %v behind %d cached ones",
					len(probe.IDs), alone[i], rows, result.Cached)
			}
			cached += result.Cached
		}
	}
	if cached == 0 {
		return fault.New(fault.CodeBundle,
			"graph.layout packed: nothing was taken from the key-value cache of %d blocks, which is too small for a probe",
			options.CacheBlocks)
	}
	m.passed("cache", "cached = computed, within %g", m.tolerance())
	return nil
}

func (m *Model) tolerance() float64 {
	switch {
	case m.info.Device.OnGPU():
		return gpuTolerance
	case !m.info.Manifest.Graph.Padded():
		return 0
	}
	return probeTolerance
}

// proveCausal holds a process model's earlier step to what it is without the later one.
func (m *Model) proveCausal(ctx context.Context, options batching.Options, probes []batching.Sequence,
	alone [][][]float32,
) error {
	if m.info.Manifest.Kind != manifest.KindProcess {
		return nil
	}
	last := len(probes) - 1
	whole := probes[last]
	end := whole.Positions[0] + 1
	if m.info.Manifest.Likelihood != nil {
		end++ // its row is of the id that follows
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
	m.passed("causal", "a later step leaves earlier outputs as they are")
	return nil
}

// proveDevices holds every further device to the first.
func (m *Model) proveDevices(ctx context.Context, options batching.Options, probes []batching.Sequence,
	alone [][][]float32,
) error {
	for device := 1; device < options.Devices; device++ {
		rows, err := m.run(ctx, options, probes, func(plan *batching.Plan) { plan.Device = device })
		if err != nil {
			return err
		}
		for i, probe := range probes {
			if moved := distance(rows[i], alone[i]); moved > m.tolerance() {
				return fault.New(fault.CodeDevice, "GPU %d gives %v for a probe of %d tokens, and GPU %d %v",
					m.info.Device.GPUs[device], rows[i], len(probe.IDs), m.info.Device.GPUs[0], alone[i])
			}
		}
	}
	return nil
}

// forward runs sequences in one plan on the first device, beside no queue, and gives each one's rows.
func (m *Model) forward(ctx context.Context, options batching.Options,
	sequences []batching.Sequence,
) ([][][]float32, error) {
	return m.run(ctx, options, sequences, func(*batching.Plan) {})
}

// run is forward, where place says.
func (m *Model) run(ctx context.Context, options batching.Options, sequences []batching.Sequence,
	place func(*batching.Plan),
) ([][][]float32, error) {
	plan, places, err := batching.MakePlan(sequences, options)
	if err != nil {
		return nil, fault.New(fault.CodeBundle, "probe: %v", err)
	}
	place(plan)
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

// headed gives the readings of a probe's rows.
func (m *Model) headed(ctx context.Context, rows [][]float32, probe batching.Sequence) ([][]float32, error) {
	all, err := m.headedAll(ctx, [][][]float32{rows}, []batching.Sequence{probe})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// headedAll gives the readings of probes' rows, which the head reads together.
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

// distance is the largest difference of two outputs, relative where they are above 1; differing NaNs are infinitely
// far.
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

package heads

import (
	"context"
	"math/rand/v2"
	"runtime"
	"slices"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/kernels/graphs"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

// FeatureModel runs the graph of a model that reads features, on gorgonia. It is a [batching.Runner]: a sequence is one
// item's numbers as package encode gives them, and its one row is read at the last.
type FeatureModel struct {
	graph         *graphs.Graph
	spec          *manifest.Graph
	labels        int
	gradientSlots chan struct{} // holds one for each gradient that is being computed
	noGradient    error         // why readings have no gradient; nil: they have one
}

var _ batching.Runner = (*FeatureModel)(nil)

// LoadFeatures loads a graph from the content of its file, checks its input and output against the manifest, and tries
// a gradient. Later no more gradients are computed at once than Go may use processors. Its errors are *fault.Error.
func LoadFeatures(spec *manifest.Graph, data []byte) (*FeatureModel, error) {
	graph, err := graphs.Load(data)
	if err != nil {
		return nil, fault.New(fault.CodeBundle, "graph.file %s", spec.File).Because(err)
	}
	f := &FeatureModel{
		graph:         graph,
		spec:          spec,
		labels:        len(spec.Labels),
		gradientSlots: make(chan struct{}, runtime.GOMAXPROCS(0)),
	}
	inputs := graph.Inputs()
	if len(inputs) != 1 || inputs[0].Name != spec.Input {
		return nil, fault.New(fault.CodeBundle, "graph.input: the graph's inputs are %v, and it must have %q alone",
			inputs, spec.Input)
	}
	if !slices.Equal(inputs[0].Dims, []int{-1, len(spec.Features)}) {
		return nil, fault.New(fault.CodeBundle, "graph.features has %d names, and the graph's input is %s",
			len(spec.Features), inputs[0])
	}
	if err := givesLabels(graph, "graph.output", spec.Output, f.labels); err != nil {
		return nil, err
	}
	_, f.noGradient = f.gradient([]encode.Encoded{{IDs: ProbeFeatures(len(spec.Features), 1)}}, 0)
	return f, nil
}

// Run gives the readings of a padded plan's rows, (len(plan.Read), labels).
func (f *FeatureModel) Run(_ context.Context, plan *batching.Plan) ([][]float32, error) {
	rows := make([][]float32, plan.Rows)
	for i := range rows {
		rows[i] = numbersOf(plan.IDs[i*plan.Length : i*plan.Length+len(f.spec.Features)])
	}
	outputs, err := f.graph.Run(map[string]graphs.Tensor{f.spec.Input: table(rows, len(f.spec.Features))})
	if err != nil {
		return nil, err
	}
	readings := slices.Collect(slices.Chunk(outputs[f.spec.Output].Data, f.labels))
	read := make([][]float32, len(plan.Read))
	for i, at := range plan.Read {
		read[i] = readings[int(at)/plan.Length]
	}
	return read, nil
}

// NoGradient tells why readings have no gradient; nil: they have one.
func (f *FeatureModel) NoGradient() error { return f.noGradient }

// Slopes is the derivative of a label by every feature of every item, (items, features). It waits for its turn, and
// ends early with the context's error.
func (f *FeatureModel) Slopes(ctx context.Context, items []encode.Encoded, label int) ([][]float32, error) {
	out := make([][]float32, 0, len(items))
	for chunk := range slices.Chunk(items, headRows) {
		slopes, err := f.inTurn(ctx, chunk, label)
		if err != nil {
			return nil, err
		}
		out = append(out, slopes...)
	}
	return out, nil
}

// inTurn is gradient, once there is a slot for it.
func (f *FeatureModel) inTurn(ctx context.Context, items []encode.Encoded, label int) ([][]float32, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case f.gradientSlots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-f.gradientSlots }()
	return f.gradient(items, label)
}

// gradient is Slopes of at most headRows items. An item's row has the same bits alone and beside others.
func (f *FeatureModel) gradient(items []encode.Encoded, label int) ([][]float32, error) {
	rows := make([][]float32, len(items))
	for i := range items {
		rows[i] = numbersOf(items[i].IDs)
	}
	width := len(f.spec.Features)
	slopes, err := f.graph.Gradient(map[string]graphs.Tensor{f.spec.Input: table(rows, width)}, f.spec.Output, label,
		f.spec.Input)
	if err != nil {
		return nil, err
	}
	return slices.Collect(slices.Chunk(slopes.Data, width)), nil
}

// numbersOf are the numbers that ids stand for.
func numbersOf(ids []int64) []float32 {
	numbers := make([]float32, len(ids))
	for i, id := range ids {
		numbers[i] = encode.FeatureOf(id)
	}
	return numbers
}

// ProbeFeatures makes n random numbers above 0 and below 1, as ids. The same arguments give the same ids.
func ProbeFeatures(n int, seed uint64) []int64 {
	random := rand.New(rand.NewPCG(seed, uint64(n)))
	ids := make([]int64, n)
	for i := range ids {
		ids[i] = encode.FeatureID(float32(1+random.IntN(1<<10-1)) / (1 << 10))
	}
	return ids
}

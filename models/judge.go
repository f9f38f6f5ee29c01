package models

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/kernels/graphs"
)

// judge runs the graph of a model that reads features, on gorgonia. It is a [batching.Runner]: a sequence is one item's numbers as
// [encodeFeatures] gives them, and its one row is read at the last.
type judge struct {
	graph  *graphs.Graph
	spec   *GraphSpec
	labels int
	work   chan struct{} // has one for each gradient at work
	flat   error         // why readings have no gradient; nil: they have one
}

var _ batching.Runner = (*judge)(nil)

// newJudge loads the graph, holds its input and output to the manifest, and tries a gradient. As many gradients are at work at once as
// there are processors.
func newJudge(spec *GraphSpec, data []byte) (*judge, error) {
	graph, err := graphs.Load(data)
	if err != nil {
		return nil, &Error{Code: CodeBundle, Detail: "graph.file " + spec.File, Err: err}
	}
	j := &judge{graph: graph, spec: spec, labels: len(spec.Labels), work: make(chan struct{}, runtime.GOMAXPROCS(0))}
	inputs := graph.Inputs()
	if len(inputs) != 1 || inputs[0].Name != spec.Input {
		return nil, fail(CodeBundle, "graph.input: the graph's inputs are %v, and it must have %q alone", inputs, spec.Input)
	}
	if !slices.Equal(inputs[0].Dims, []int{-1, len(spec.Features)}) {
		return nil, fail(CodeBundle, "graph.features has %d names, and the graph's input is %s", len(spec.Features), inputs[0])
	}
	if err := givesLabels(graph, "graph.output", spec.Output, j.labels); err != nil {
		return nil, err
	}
	_, j.flat = j.gradient([]Encoded{{IDs: probeFeatures(len(spec.Features), 1)}}, 0)
	return j, nil
}

// Run gives the readings of a padded plan's rows, (len(plan.Read), labels).
func (j *judge) Run(_ context.Context, plan *batching.Plan) ([][]float32, error) {
	rows := make([][]float32, plan.Rows)
	for i := range rows {
		rows[i] = numbersOf(plan.IDs[i*plan.Length : i*plan.Length+len(j.spec.Features)])
	}
	outputs, err := j.graph.Run(map[string]graphs.Tensor{j.spec.Input: table(rows, len(j.spec.Features))})
	if err != nil {
		return nil, err
	}
	readings := rowsOf(outputs[j.spec.Output].Data, j.labels)
	read := make([][]float32, len(plan.Read))
	for i, at := range plan.Read {
		read[i] = readings[int(at)/plan.Length]
	}
	return read, nil
}

// slopes says how a label moves with each feature of each item, (items, features). It waits for its turn, and ends early with ctx's error.
func (j *judge) slopes(ctx context.Context, items []Encoded, label int) ([][]float32, error) {
	out := make([][]float32, 0, len(items))
	for chunk := range slices.Chunk(items, headRows) {
		slopes, err := j.inTurn(ctx, chunk, label)
		if err != nil {
			return nil, err
		}
		out = append(out, slopes...)
	}
	return out, nil
}

// inTurn is gradient, when fewer are at work than there are processors.
func (j *judge) inTurn(ctx context.Context, items []Encoded, label int) ([][]float32, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case j.work <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-j.work }()
	return j.gradient(items, label)
}

// gradient is slopes of items that are not too many. A row has the same bits alone and beside others.
func (j *judge) gradient(items []Encoded, label int) ([][]float32, error) {
	rows := make([][]float32, len(items))
	for i := range items {
		rows[i] = numbersOf(items[i].IDs)
	}
	width := len(j.spec.Features)
	slopes, err := j.graph.Gradient(map[string]graphs.Tensor{j.spec.Input: table(rows, width)}, j.spec.Output, label, j.spec.Input)
	if err != nil {
		return nil, err
	}
	return rowsOf(slopes.Data, width), nil
}

// numbersOf are the numbers that ids stand for.
func numbersOf(ids []int64) []float32 {
	numbers := make([]float32, len(ids))
	for i, id := range ids {
		numbers[i] = featureOf(id)
	}
	return numbers
}

// Slopes says how a label moves with each feature of each item, (items, features), in the manifest's order. What is not finite is returned as
// it is. Its errors are *Error, of a model without features or without gradients, or ctx's, which is asked every 512 items.
func (m *Model) Slopes(ctx context.Context, items []Encoded, label int) ([][]float32, error) {
	manifest := &m.info.Manifest
	if m.judge == nil {
		return nil, fail(CodeKind, "model %q reads tokens, and gradients are by features", manifest.Name)
	}
	if m.judge.flat != nil {
		return nil, &Error{Code: CodeKind, Detail: fmt.Sprintf("model %q has no gradient", manifest.Name), Err: m.judge.flat}
	}
	slopes, err := m.judge.slopes(ctx, items, label)
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return nil, err
	case err != nil:
		return nil, &Error{Code: CodeRun, Detail: fmt.Sprintf("the gradient of model %q failed", manifest.Name), Err: err}
	}
	return slopes, nil
}

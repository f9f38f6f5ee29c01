package models

import (
	"context"
	"reflect"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

// takeover is what a model that takes another's place has in common with it. What is the same in both is not read,
// measured or proved a second time, so that new weights of a served model are there about as soon as they are read:
//
//	shape   graphs of the same sizes, run in the same way    how many tokens a forward has, how many lanes there are
//	graph   the same files but for weights and golden pairs  also the tokenizer, the template, and what was proved
//
// Weights can only be told from their graph where they are external data.
type takeover struct {
	model        *Model // nil: nothing is taken over
	shape, graph bool
}

// takeOver compares a model whose files are read with the one beside which it is loaded.
func (m *Model) takeOver(old *Model) takeover {
	graph, was := m.info.Manifest.Graph, old.info.Manifest.Graph
	graph.Drift, was.Drift = nil, nil // measured, and so of the weights
	same := takeover{model: old}
	same.shape = reflect.DeepEqual(graph, was) && m.info.Manifest.Limits == old.info.Manifest.Limits &&
		reflect.DeepEqual(m.info.Device, old.info.Device) && m.info.Threads == old.info.Threads &&
		m.limits.weights == old.limits.weights && old.measured.Budget.Tokens > 0
	same.graph = same.shape && m.fixed != [len(m.fixed)]byte{} && m.fixed == old.fixed &&
		reflect.DeepEqual(m.withoutWeights(), old.withoutWeights())
	return same
}

// proveWeights reads a short item by new weights of a graph that was proved with others: that a score is the same alone
// and in any batch does not depend on weights, and whether these are the right ones the golden pairs tell.
func (m *Model) proveWeights(ctx context.Context, options batching.Options) error {
	rows, err := m.readAlone(ctx, options, m.probes()[:1])
	if err != nil {
		return err
	}
	if err := m.finite(rows[0]); err != nil {
		return fault.New(fault.CodeBundle, "graph.file %s: a probe with the new weights: %v", m.info.Manifest.Graph.File, err)
	}
	m.report("weights", "the graph is that of revision %d, which was proved, and reads a short item", m.from.model.info.Revision)
	return nil
}

// withoutWeights is the manifest without what it says of the weights and where they came from.
func (m *Model) withoutWeights() manifest.Manifest {
	of := m.info.Manifest
	of.Description, of.Licence = "", ""
	of.Source, of.Golden = manifest.Manifest{}.Source, manifest.Manifest{}.Golden
	of.Drift, of.Graph.Drift = nil, nil
	return of
}

// text is the manifest as the encoder keeps it: a copy, since an encoder may outlive the model that it was made for.
func (m *Model) text() *manifest.Manifest {
	of := m.info.Manifest
	return &of
}

package native

import (
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/server/wire"
)

// ModelInfo is what GET /v1/models says of a model.
func ModelInfo(info *rewards.ModelInfo) wire.ModelInfo {
	m := &info.Manifest
	labels := m.Graph.Labels
	if m.Embedding.Size > 0 {
		labels = []string{} // its numbers have no names
	}
	return wire.ModelInfo{
		Name: m.Name, Kind: string(m.Kind), Family: m.Source.Family, Answers: info.Answers, Description: m.Description, Licence: m.Licence,
		Checkpoint: m.Source.Checkpoint, Digest: info.Digest, Revision: info.Revision, Labels: labels, Dimensions: m.Embedding.Size, Features: m.Graph.Features, User: info.User,
		Transforms: info.Transforms, Layout: m.Graph.Layout, Precision: m.Graph.Precision, Compute: computeSpec(&info.Manifest), Drift: (*wire.DriftSpec)(m.Drift),
		Pooling: m.Pooling, BOS: m.Tokenizer.BOS, End: m.Tokenizer.End, Template: m.Template.File != "" || m.Template.Segments != nil || m.Embedding.Size > 0,
		Fields: m.Template.Fields, Dated: info.Dated, Separator: m.Steps.Separator, MaxTokens: m.Limits.MaxTokens, VocabSize: m.Graph.VocabSize, BatchTokens: info.Batching.Tokens,
		CacheBytes: info.Cache, Lanes: info.Lanes, Provider: info.Provider, Kernels: info.Kernels, Threads: info.Threads, Budget: wire.Budget(info.Budget),
	}
}

// computeSpec is what a graph with an attention operator computes in; nil of another.
func computeSpec(m *manifest.Manifest) *wire.ComputeSpec {
	g := &m.Graph
	if !g.Fused() {
		return nil
	}
	spec := &wire.ComputeSpec{Type: g.Compute, Tolerance: m.Golden.Tolerance}
	if d := g.Drift; d != nil {
		spec.Score, spec.Order, spec.Items = &d.Score, &d.Order, d.Items
	}
	return spec
}

package models

import (
	"math/rand/v2"
	"slices"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/models/heads"
	"github.com/assay-rm/assay/models/manifest"
)

// Lengths of probes, in tokens.
const (
	shortProbe = 7
	longProbe  = 130
)

// probes are the sequences that a graph is proved with: of several lengths, two with a common prefix, one with pad ids
// inside, the longest last. Of a model that reads features they are a hundred items.
func (m *Model) probes() []batching.Sequence {
	spec := &m.info.Manifest
	var probes []batching.Sequence
	if m.features != nil {
		for seed := range uint64(100) { // one run of the graph takes fewer
			ids := heads.ProbeFeatures(len(spec.Graph.Features), seed)
			probes = append(probes, batching.Sequence{IDs: ids, Positions: []int{len(ids) - 1}})
		}
		return probes
	}
	add := func(ids []int64) {
		ids = ids[:min(len(ids), spec.Limits.MaxTokens)]
		last := m.lastRead(len(ids))
		read := []int{last}
		if (spec.Kind == manifest.KindProcess || spec.Prompt.Read() || spec.ReadsNext()) && len(ids) > 3 {
			read = []int{len(ids) / 2, last}
		}
		probes = append(probes, batching.Sequence{IDs: ids, Positions: read})
	}
	ids := func(n int, seed uint64) []int64 { return probeIDs(spec.Graph.VocabSize, n, seed) }
	add(ids(2, 3))
	if !spec.ReadsNext() {
		add(ids(1, 3))
	}
	add(ids(shortProbe, 4))
	shared := ids(40, 5)
	add(append(slices.Clone(shared), ids(9, 6)...))
	add(append(slices.Clone(shared), ids(30, 7)...))
	padded := ids(33, 8)
	if pad := spec.Tokenizer.PadID; pad != nil {
		padded[10], padded[11] = *pad, *pad
	}
	add(padded)
	add(ids(longProbe, 9))
	return probes
}

// unit is what the length of an item is counted in.
func (m *Model) unit() string {
	if m.features != nil {
		return "features"
	}
	return "tokens"
}

// probeItem makes n random ids of the vocabulary, or as many features as the model reads. The same arguments give the
// same ids.
func (m *Model) probeItem(n int, seed uint64) []int64 {
	if m.features != nil {
		return heads.ProbeFeatures(len(m.info.Manifest.Graph.Features), seed)
	}
	return probeIDs(m.info.Manifest.Graph.VocabSize, n, seed)
}

// probeUser makes a random user's vector of numbers between -1 and 1; nil for a model that takes none. Items with the
// same first id get the same vector, so that some probes share a user.
func (m *Model) probeUser(ids []int64) []float32 {
	if m.info.User == 0 {
		return nil
	}
	random := rand.New(rand.NewPCG(uint64(ids[0]), uint64(m.info.User)))
	vector := make([]float32, m.info.User)
	for i := range vector {
		vector[i] = 2*random.Float32() - 1
	}
	return vector
}

// probeIDs makes n random ids of the vocabulary. The same arguments give the same ids.
func probeIDs(vocabulary int64, n int, seed uint64) []int64 {
	random := rand.New(rand.NewPCG(seed, uint64(n)))
	ids := make([]int64, n)
	for i := range ids {
		ids[i] = random.Int64N(vocabulary)
	}
	return ids
}

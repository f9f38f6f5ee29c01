package models

import (
	"context"
	"errors"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/heads"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/models/onnxrun"
)

// load proves the manifest, and then measures what runs fastest. When it is abandoned, something still runs that must
// not be freed.
func (m *Model) load(ctx context.Context, b *bundle, options Options) (abandoned bool, err error) {
	var batch batching.Options
	abandoned, err = guarded(ctx, m.limits.memory, m.limits.proof, func(ctx context.Context) (err error) {
		batch, err = m.prove(ctx, b, options)
		return err
	})
	if err != nil {
		return abandoned, err
	}
	return guarded(ctx, m.limits.memory, 0, func(ctx context.Context) error { return m.measure(ctx, batch, options) })
}

// prove loads the graphs and proves the manifest, in an order in which each step can rely on the one before. It gives
// the options of the batcher.
func (m *Model) prove(ctx context.Context, b *bundle, options Options) (batch batching.Options, err error) {
	m.report("files", "%s", b.digest)
	loadGraphs := m.loadSession
	if m.info.Manifest.ReadsFeatures() {
		loadGraphs = m.loadFeatures
	}
	if err := loadGraphs(ctx, b); err != nil {
		return batch, err
	}
	batch = m.batching(options)
	if m.session != nil {
		m.session.Bound(m.limits.forward)
		blocks, err := m.session.Reserve(options.Cache, batch.Room)
		if err != nil {
			return batch, err
		}
		batch.CacheBlocks = blocks
		m.info.Block = m.session.BlockBytes()
		m.info.Cache = int64(batch.CacheBlocks) * int64(max(1, batch.Devices)) * m.info.Block
	}
	if m.from.graph {
		return batch, m.proveWeights(ctx, batch)
	}
	if err := m.proveForward(ctx, batch); err != nil {
		return batch, err
	}
	return batch, m.proveLength(ctx, batch)
}

// measure finds what runs fastest, unless the options say, and makes the batcher.
func (m *Model) measure(ctx context.Context, batch batching.Options, options Options) error {
	switch {
	case options.Tokens > 0:
		batch.Budget.Tokens = options.Tokens
		batch.Lanes = 1 // not measured
	case m.from.shape:
		batch = batch.AsMeasured(&m.from.model.measured)
	default:
		found, err := batching.Measure(ctx, m.runner, batch)
		if err != nil {
			return fault.New(fault.CodeBundle, "warm-up").Because(err)
		}
		batch = found
	}
	if batch.Lanes < 2 && m.session != nil {
		m.session.FreeOneThread()
	}
	m.info.Lanes = max(1, batch.Lanes)
	m.info.Batching = batch.Budget
	m.measured = batch
	m.batcher = batching.New(m.runner, batch)
	if m.session != nil && options.Longest > 0 {
		m.session.Bound(options.Longest)
	}
	return nil
}

// loadSession loads a model that reads tokens: tokenizer, template, graph and, where it is a graph of its own, head.
func (m *Model) loadSession(ctx context.Context, b *bundle) error {
	spec := &m.info.Manifest
	if err := m.proveSignature(b.stages); err != nil {
		return err
	}
	var err error
	if spec.Graph.Head != nil {
		if m.head, err = heads.Load(spec, b.head); err != nil {
			return err
		}
		m.info.User = m.head.User()
	}
	if m.from.graph && m.info.User == m.from.model.info.User {
		m.encoder = m.from.model.encoder
	} else if m.encoder, err = encode.New(m.text(), b.tokenizer, b.template, m.info.User); err != nil { //nolint:contextcheck // the guard ends what does not end
		return err
	}
	m.info.Dated = m.encoder.Dated()
	m.reportEncoder()
	if m.session, err = onnxrun.Open(ctx, b.graphFile(), m.info.Threads, m.info.Device); err != nil {
		if code := new(fault.Error); errors.As(err, &code) {
			return err
		}
		return fault.New(fault.CodeBundle, "graph.file %s: ONNX Runtime refuses it", spec.Graph.File).Because(err)
	}
	m.runner = m.session
	m.info.Kernels, m.info.Slow = m.session.Products(), m.session.Slow()
	if m.head != nil {
		where := "the processors"
		if m.session.PlacesHead() {
			where = m.info.Device.String()
		}
		inputs := 1
		if spec.Graph.Head.User != "" {
			inputs = 2
		}
		m.report("head", "%d inputs, output %s with %d labels, on %s", inputs, spec.Graph.Head.Output,
			len(spec.Graph.Labels), where)
	}
	return nil
}

// loadFeatures loads a model that reads features.
func (m *Model) loadFeatures(_ context.Context, b *bundle) (err error) {
	g := &m.info.Manifest.Graph
	if m.features, err = heads.LoadFeatures(g, b.head); err != nil {
		return err
	}
	if m.encoder, err = encode.New(m.text(), nil, "", 0); err != nil { //nolint:contextcheck // nothing is encoded
		return err
	}
	m.runner = m.features
	m.report("signature", "%d features, output %s with %d labels", len(g.Features), g.Output, len(g.Labels))
	return nil
}

// gpuWarmTokens is the largest forward that is measured on a GPU. Its throughput still grows at sizes where that of the
// processors falls.
const gpuWarmTokens = 1 << 15

// gpuMultiple is what the tokens and the readings of a graph with an attention operator are a multiple of on a GPU.
const gpuMultiple = 64

// pooledTokens is the largest forward that is measured of a graph whose keys and values lie in pools.
const pooledTokens = 1 << 14

// assayArea is the attention area of a forward of a graph of domain assay on a GPU. Our attention keeps no scores and
// copies no keys there, so that a tile takes its lists of places alone: a sixteenth of its area at most, of 8 bytes
// each, 128 MiB. Sequences that share nothing are cut by their tokens long before.
const assayArea = 1 << 28

// What scores, keys and values may take in one forward on processors: twice the weights, within these bounds, or a
// sixteenth of the weights where that is more. A long sequence that leads a forward may take more. A softmax has its
// scores twice for a while, so a small model's forward grows the process by about double its bytes.
const (
	leastAttention = 64 << 20
	mostAttention  = 128 << 20
	floatBytes     = 4
)

func attentionBytes(weights int64) int64 {
	return max(min(max(2*weights, leastAttention), mostAttention), weights/16)
}

// batching are the batcher's options for this model, as far as they are known before anything is measured.
func (m *Model) batching(options Options) batching.Options {
	spec := &m.info.Manifest
	batch := batching.Options{
		MaxItems: options.MaxItems, MaxTokens: options.MaxTokens, MaxDelay: options.MaxDelay,
		WarmIDs: m.probeItem(64, 1), WarmLength: spec.Limits.MaxTokens,
		Targets:       spec.ReadsNext() && spec.Graph.Packed(),
		Bidirectional: spec.Graph.Bidirectional(),
		InPlace:       spec.Graph.Pooled(),
		Padded:        !spec.Graph.Packed(), // items of features are as long as one another, so nothing is padded
		Heads:         int(max(spec.Graph.Heads, spec.Graph.KVHeads)),
	}
	if spec.Graph.Padded() {
		batch.PadID = *spec.Tokenizer.PadID
	}
	if m.session == nil {
		return batch
	}
	if m.info.Device.OnGPU() {
		batch.Devices, batch.Stages, batch.WarmTokens = len(m.info.Device.Copies()), m.info.Device.Stages, gpuWarmTokens
		if spec.Graph.Assay() {
			batch.Budget.Area = assayArea
		}
		if spec.Graph.Pooled() {
			batch.WarmTokens = pooledTokens
		}
	} else if g := &spec.Graph; g.Packed() {
		batch.Fetched, batch.Budget.Area = areaOf(g, attentionBytes(m.limits.weights))
	}
	if spec.Graph.Pooled() {
		batch.Room = pooledRoom(spec.Limits.MaxTokens)
	}
	if g := &spec.Graph; g.Fused() {
		batch.Rounding = roundingOn(m.info.Device)
	}
	if m.session.HasOneThread() {
		batch.Lanes = m.info.Threads
	}
	return batch
}

// pooledRoom is how many tokens of a forward pools have room for beside those that are cached, where the longest item
// has so many: that item filled up as roundingOn says, and what is measured. No forward is larger, whatever was asked
// for.
func pooledRoom(longest int) int {
	return (max(pooledTokens, longest) + gpuMultiple - 1) / gpuMultiple * gpuMultiple
}

// roundingOn is what sizes a plan of a graph with an attention operator is filled up to on a device. The fused kernels
// of a GPU take keys by fours, and its libraries are asked for products of few sizes alone: the fewer there are, the
// fewer ways they have to add a row up. On processors only the keys are, so that what is proved there is what a GPU
// runs.
func roundingOn(device onnxrun.Device) batching.Rounding {
	rounding := batching.Rounding{Keys: 4}
	if device.OnGPU() {
		rounding.Tokens, rounding.Least, rounding.Reads = gpuMultiple, 256, gpuMultiple
	}
	return rounding
}

// areaOf is how a forward's attention is kept within so many bytes. A query place has a score of each key place in
// every head of queries, and a key place has a key and a value in every head of keys, which is as much as the scores of
// `fetched` query places. So area · heads · 4 bytes is what the scores, keys and values of all tiles take.
func areaOf(g *manifest.Graph, bytes int64) (fetched, area int) {
	heads := max(g.Heads, g.KVHeads)
	return int(max(1, 2*g.HeadDim*g.KVHeads/heads)), int(bytes / (floatBytes * heads))
}

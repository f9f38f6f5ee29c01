package models

import (
	"context"
	"errors"
	"fmt"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/models/tokenizer"
)

// load proves the manifest in the order in which each part needs the one before.
func (m *Model) load(ctx context.Context, b *bundle, options Options) error {
	m.passed("files", "%s", b.digest)
	loadGraphs := m.loadSession
	if m.info.Manifest.ReadsFeatures() {
		loadGraphs = m.loadJudge
	}
	if err := loadGraphs(b); err != nil {
		return err
	}
	batch := m.batching(options)
	if m.session != nil {
		blocks, err := m.session.reserve(options.Cache)
		if err != nil {
			return err
		}
		batch.CacheBlocks = blocks
		m.info.Block = int64(m.session.blockFloats() * floatBytes)
		m.info.Cache = int64(batch.CacheBlocks) * int64(max(1, batch.Devices)) * m.info.Block
	}
	if err := m.proveForward(ctx, batch); err != nil {
		return err
	}
	if options.Tokens > 0 {
		batch.Budget.Tokens, batch.Lanes = options.Tokens, 1 // not measured
	} else {
		var err error
		if batch, err = batching.Measure(ctx, m.runner, batch); err != nil {
			return &Error{Code: CodeBundle, Detail: "warm-up", Err: err}
		}
	}
	if batch.Lanes < 2 && m.session != nil {
		m.session.freeNarrow()
	}
	m.info.Lanes = max(1, batch.Lanes)
	m.info.Batching = batch.Budget
	if m.info.MaxItems = options.MaxItems; m.info.MaxItems <= 0 {
		m.info.MaxItems = DefaultMaxItems
	}
	m.batcher = batching.New(m.runner, batch)
	return nil
}

// loadSession loads a model that reads tokens: tokenizer, template, graph and, where it is a graph of its own, head.
func (m *Model) loadSession(b *bundle) error {
	manifest := &m.info.Manifest
	if err := m.proveSignature(b.graph); err != nil {
		return err
	}
	m.encoder = encoder{manifest: manifest, separator: -1, mark: -1}
	var err error
	if manifest.Graph.Head != nil {
		if m.head, err = newHeadGraph(manifest, b.head); err != nil {
			return err
		}
		m.encoder.user, m.info.User = m.head.user, m.head.user
	}
	if m.encoder.tokens, err = tokenizer.New(b.tokenizer); err != nil {
		return &Error{Code: CodeBundle, Detail: "tokenizer.file " + manifest.Tokenizer.File, Err: err}
	}
	if manifest.Template.File != "" {
		if m.encoder.template, err = newTemplate(b.template, manifest.Template.Variables); err != nil {
			return fail(CodeBundle, "template.file %s: %v", manifest.Template.File, innermost(err))
		}
	}
	if err := m.proveTokens(); err != nil {
		return err
	}
	if m.session, err = newSession(b, m.info.Threads, m.info.Device); err != nil {
		if code := new(Error); errors.As(err, &code) {
			return err
		}
		return &Error{Code: CodeBundle, Detail: fmt.Sprintf("graph.file %s: ONNX Runtime refuses it", manifest.Graph.File), Err: err}
	}
	m.runner = m.session
	if m.head != nil {
		where := "the processors"
		if len(m.session.heads) > 0 {
			where = m.info.Device.String()
		}
		m.passed("head", "%d inputs, output %s with %d labels, on %s", len(m.head.graph.Inputs()), m.head.spec.Output, m.head.labels, where)
	}
	return nil
}

// loadJudge loads a model that reads features.
func (m *Model) loadJudge(b *bundle) (err error) {
	g := &m.info.Manifest.Graph
	if m.judge, err = newJudge(g, b.head); err != nil {
		return err
	}
	m.runner = m.judge
	m.passed("signature", "%d features, output %s with %d labels", len(g.Features), g.Output, len(g.Labels))
	return nil
}

// gpuWarmTokens is the largest forward that is measured on a GPU, whose throughput still grows where the processors' falls.
const gpuWarmTokens = 1 << 15

func (m *Model) batching(options Options) batching.Options {
	manifest := &m.info.Manifest
	batch := batching.Options{
		MaxItems: options.MaxItems, MaxTokens: options.MaxTokens, MaxDelay: options.MaxDelay,
		WarmIDs: m.probeItem(64, 1), WarmLength: manifest.Limits.MaxTokens,
		Targets: manifest.Likelihood != nil && manifest.Graph.Layout == LayoutPacked,
	}
	switch manifest.Graph.Layout {
	case LayoutPadded:
		batch.Padded, batch.PadID = true, *manifest.Tokenizer.PadID
	case LayoutFeatures: // every item is as long as the others, so nothing is padded
		batch.Padded = true
	}
	if m.session == nil {
		return batch
	}
	if m.info.Device.OnGPU() {
		batch.Devices, batch.WarmTokens = len(m.info.Device.GPUs), gpuWarmTokens
	}
	if m.session.narrow != nil {
		batch.Lanes = m.info.Threads
	}
	return batch
}

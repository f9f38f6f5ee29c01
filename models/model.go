// Package models turns a bundle, a checkpoint directory with a manifest, into a function from items to readings.
//
// [Open] reads the bundle, loads the graph on ONNX Runtime and proves the manifest against it. [Model.Encode] renders the
// chat template, tokenizes and marks the positions to read; [Model.Read] sends the ids through the model's batcher and
// gives the head's raw outputs. What a raw output means as a reward is not decided here.
package models

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"time"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/models/tokenizer"
)

// Reading is the outcome of one [Encoded]: the head's raw outputs or an error, never both.
type Reading struct {
	Rows   [][]float32   // (1, labels) of a reward model, (steps, labels) of a process model; all finite
	Err    error         // why there are none: *Error, or a context's error
	Shared int           // leading tokens computed once together with others of the run
	Cached int           // leading tokens taken from the cache
	Queue  time.Duration // waiting for a run
	Run    time.Duration // of the forward
}

// Info is what a model says of itself.
type Info struct {
	Manifest Manifest
	Digest   string          // sha256 over the bundle's files
	Provider string          // the execution provider in use: CPU or CUDA
	Device   Device          // where forwards run
	Threads  int             // of one forward
	Lanes    int             // forwards side by side, on one thread each, when much waits; 1: always one, on all threads
	Batching batching.Budget // measured at load
	Cache    int64           // bytes of keys and values that may be cached; 0: none, or none can be
	Block    int64           // bytes of a block of these
	MaxItems int             // sequences that may wait, and so of one request at most
}

// Options says how a bundle is run. The zero value works.
type Options struct {
	Runtime   string                            // path of ONNX Runtime; empty: search, see [FindRuntime]
	Device    Device                            // where forwards run
	Threads   int                               // of one forward; 0: one per processor
	Tokens    int                               // budget of one forward; 0: measured at load
	MaxItems  int                               // waiting items; 0: the batcher's default
	MaxTokens int                               // waiting tokens; 0: the batcher's default
	MaxDelay  time.Duration                     // see batching.Options
	Cache     int64                             // bytes of the key-value cache; 0: none
	Observe   func(Manifest, batching.RunStats) // told of each run, when set
}

// Model is a loaded bundle whose manifest was proved against its graph.
type Model struct {
	info    Info
	encoder encoder
	session *session
	batcher *batching.Batcher
	proof   []Check
	golden  []byte
}

// Open loads a bundle and proves it. The model answers once [Model.Run] runs. Its errors are *Error.
func Open(ctx context.Context, source Source, options Options) (*Model, error) {
	b, err := readBundle(source)
	if err != nil {
		return nil, inBundle(source, err)
	}
	library, err := FindRuntime(options.Runtime)
	if err != nil {
		return nil, err
	}
	if err := StartRuntime(library); err != nil {
		return nil, err
	}
	threads := options.Threads
	if threads <= 0 {
		threads = runtime.NumCPU()
	}
	provider := "CPU"
	if options.Device.OnGPU() {
		provider = "CUDA"
	}
	m := &Model{
		info:   Info{Manifest: b.manifest, Digest: b.digest, Provider: provider, Device: options.Device, Threads: threads},
		golden: b.golden,
	}
	if err := m.load(ctx, b, options); err != nil {
		m.freeSession()
		return nil, inBundle(source, err)
	}
	return m, nil
}

// inBundle names the bundle in an error about it.
func inBundle(source Source, err error) error {
	var known *Error
	if !errors.As(err, &known) {
		return &Error{Code: CodeBundle, Detail: "bundle " + source.String(), Err: err}
	}
	return &Error{Code: known.Code, Detail: fmt.Sprintf("bundle %s: %s", source, known.Detail), Err: known.Err}
}

// load proves the manifest in the order in which each part needs the one before.
func (m *Model) load(ctx context.Context, b *bundle, options Options) error {
	manifest := &m.info.Manifest
	m.passed("files", "%s", b.digest)
	if err := m.proveSignature(b.graph); err != nil {
		return err
	}
	tokens, err := tokenizer.New(b.tokenizer)
	if err != nil {
		return &Error{Code: CodeBundle, Detail: "tokenizer.file " + manifest.Tokenizer.File, Err: err}
	}
	m.encoder = encoder{manifest: manifest, tokens: tokens, separator: -1, mark: -1}
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
	batch := m.batching(options)
	if batch.CacheBlocks, err = m.session.reserve(options.Cache); err != nil {
		return err
	}
	m.info.Block = int64(m.session.blockFloats() * floatBytes)
	m.info.Cache = int64(batch.CacheBlocks) * int64(max(1, batch.Devices)) * m.info.Block
	if err := m.proveForward(ctx, batch); err != nil {
		return err
	}
	if options.Tokens > 0 {
		batch.Budget = batching.Budget{Tokens: options.Tokens, Area: batching.DefaultArea}
		batch.Lanes = 1 // not measured
	} else {
		found, err := batching.Measure(ctx, m.session, batch)
		if err != nil {
			return &Error{Code: CodeBundle, Detail: "warm-up", Err: err}
		}
		batch.Budget, batch.Cost, batch.Lanes, batch.LaneTokens = found.Budget, found.Cost, found.Lanes, found.LaneTokens
	}
	if batch.Lanes < 2 {
		m.session.freeNarrow()
	}
	m.info.Lanes = max(1, batch.Lanes)
	m.info.Batching = batch.Budget
	if m.info.MaxItems = options.MaxItems; m.info.MaxItems <= 0 {
		m.info.MaxItems = DefaultMaxItems
	}
	m.batcher = batching.New(m.session, batch)
	return nil
}

// gpuWarmTokens is the largest forward that is measured on a GPU, whose throughput still grows where the processors' falls.
const gpuWarmTokens = 1 << 15

func (m *Model) batching(options Options) batching.Options {
	manifest := &m.info.Manifest
	batch := batching.Options{
		MaxItems: options.MaxItems, MaxTokens: options.MaxTokens, MaxDelay: options.MaxDelay,
		WarmIDs: probeIDs(manifest.Graph.VocabSize, 64, 1), WarmLength: manifest.Limits.MaxTokens,
		Targets: manifest.Likelihood != nil && manifest.Graph.Layout == LayoutPacked,
	}
	if m.info.Device.OnGPU() {
		batch.Devices, batch.WarmTokens = len(m.info.Device.GPUs), gpuWarmTokens
	}
	if m.session.narrow != nil {
		batch.Lanes = m.info.Threads
	}
	if options.Observe != nil {
		batch.Observe = func(stats batching.RunStats) { options.Observe(*manifest, stats) }
	}
	if manifest.Graph.Layout == LayoutPadded {
		batch.Layout, batch.PadID = batching.Padded, *manifest.Tokenizer.PadID
	}
	return batch
}

// Info says what is loaded.
func (m *Model) Info() Info { return m.info }

// Proof lists what was checked when the bundle was loaded.
func (m *Model) Proof() []Check { return m.proof }

// Encode renders, tokenizes and marks the positions to read. Its errors are *Error. It is safe for concurrent use.
func (m *Model) Encode(item Item, truncate Truncation) (Encoded, error) {
	return m.encoder.encode(item, truncate)
}

// Admits tells whether items have a chance of being admitted now, before they are encoded: nil, or the *batching.QueueFullError or
// batching.ErrClosed that [Model.Read] would return. It keeps no place for them.
func (m *Model) Admits(ctx context.Context, items []Item) error {
	tokens := 0
	for i := range items {
		tokens += items[i].leastTokens()
	}
	return m.batcher.Admits(ctx, len(items), tokens)
}

// Read computes the readings of items, in order, whatever runs beside them. The error is of the whole submission:
// *batching.QueueFullError or batching.ErrClosed. It returns when ctx ends.
func (m *Model) Read(ctx context.Context, items []Encoded) ([]Reading, error) {
	sequences := make([]batching.Sequence, len(items))
	for i, item := range items {
		sequences[i] = batching.Sequence{IDs: item.IDs, Read: item.Read}
	}
	results, err := m.batcher.Submit(ctx, sequences)
	if err != nil {
		return nil, err
	}
	readings := make([]Reading, len(results))
	for i, result := range results {
		readings[i] = m.reading(result)
	}
	return readings, nil
}

func (m *Model) reading(result batching.Result) Reading {
	reading := Reading{Rows: result.Values, Err: result.Err, Shared: result.Shared, Cached: result.Cached, Queue: result.Queue, Run: result.Run}
	switch {
	case reading.Err == nil:
		if reading.Err = m.finite(reading.Rows); reading.Err != nil {
			reading.Rows = nil
		}
	case errors.Is(reading.Err, context.Canceled), errors.Is(reading.Err, context.DeadlineExceeded), errors.Is(reading.Err, batching.ErrClosed):
	default:
		reading.Err = &Error{Code: CodeRun, Detail: fmt.Sprintf("the forward of model %q failed", m.info.Manifest.Name), Err: reading.Err}
	}
	return reading
}

// finite refuses NaN and infinity, which no reward can be.
func (m *Model) finite(rows [][]float32) error {
	for i, row := range rows {
		for j, value := range row {
			if math.IsNaN(float64(value)) || math.IsInf(float64(value), 0) {
				return fail(CodeNotFinite, "model %q gave %v for label %q of row %d", m.info.Manifest.Name, value, m.info.Manifest.Graph.Labels[j], i)
			}
		}
	}
	return nil
}

// Probe runs one short item through the queue and the graph and checks its value: readiness.
func (m *Model) Probe(ctx context.Context) error {
	ids := probeIDs(m.info.Manifest.Graph.VocabSize, min(8, m.info.Manifest.Limits.MaxTokens), 2)
	readings, err := m.Read(ctx, []Encoded{{IDs: ids, Read: []int{m.lastRead(len(ids))}}})
	if err != nil {
		return err
	}
	return readings[0].Err
}

// lastRead is the last of n tokens that can be read: a likelihood graph reads what the next token is.
func (m *Model) lastRead(n int) int {
	if m.info.Manifest.Likelihood != nil {
		return max(0, n-2)
	}
	return n - 1
}

// Stats counts what the model's batcher did.
func (m *Model) Stats() batching.Stats { return m.batcher.Stats() }

// Run answers what is submitted. It blocks until [Model.Close] has drained the queue, or ctx ends, and then frees the graph.
func (m *Model) Run(ctx context.Context) error {
	defer m.freeSession()
	return m.batcher.Run(ctx)
}

// Close stops admission; what was accepted is still answered, and then Run returns.
func (m *Model) Close() { m.batcher.Close() }

func (m *Model) freeSession() {
	if m.session != nil {
		m.session.close()
	}
}

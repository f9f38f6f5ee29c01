// Package models turns a bundle, a checkpoint directory with a manifest, into a function from items to readings.
//
// [Open] reads the bundle, loads the graph on ONNX Runtime and proves the manifest against it. [Model.Encode] renders
// the chat template, tokenizes and marks the positions to read; [Model.Read] sends the ids through the model's batcher
// and gives the head's raw outputs. What a raw output means as a reward is not decided here.
package models

import (
	"context"
	"crypto/sha256"
	"errors"
	"math"
	"runtime"
	"time"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/heads"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/models/onnxrun"
)

// Info is what a model says of itself.
type Info struct {
	Manifest manifest.Manifest
	Digest   string          // sha256 over the bundle's files
	Revision int             // 1 for the first model of its name that a registry served, 2 for the second; 0: none served it
	Provider string          // what runs the graph: ONNX Runtime's CPU or CUDA provider, or gorgonia
	Kernels  string          // the instructions by which processors multiply in a graph of domain assay; empty: it is none
	Slow     string          // what the graph costs on processors that have no instructions for its precision; empty: they have
	Device   onnxrun.Device  // where forwards run
	Threads  int             // of one forward
	Lanes    int             // forwards that run side by side, on one thread each, when much waits; 1: none do
	Batching batching.Budget // measured at load
	Cache    int64           // bytes of keys and values that may be cached; 0: none, or none can be
	Block    int64           // bytes of one block of these
	User     int             // numbers of the user's vector that every item must have; 0: none may have one
	Budget   Budget          // of one request
	Dated    bool            // its template writes today's date, so that scores follow the day
}

// Options says how a bundle is run. The zero value works.
type Options struct {
	Runtime   string         // path of ONNX Runtime; empty: search, see [FindRuntime]
	Device    onnxrun.Device // where forwards run
	Threads   int            // of one forward; 0: one per processor that Go may use
	Tokens    int            // budget of one forward; 0: measured at load
	MaxItems  int            // waiting items; 0: the batcher's default
	MaxTokens int            // waiting tokens; 0: the batcher's default
	MaxDelay  time.Duration  // see batching.Options
	Longest   time.Duration  // that a forward may take before it is ended; 0: as long as one may at load
	Cache     int64          // bytes of the key-value cache; 0: none
	Gate      *encode.Gate   // of the process, for all its models; nil: one of the model's own
	Budget    Budget         // of one request; zero: the default

	// Beside is told what the bundle is when its files are read, and gives the model of its name that is served
	// meanwhile, from which is taken over what is the same in both; nil where there is none. Its error ends the load,
	// and is Open's. Nil: the bundle is loaded beside nothing.
	Beside func(name, digest string) (*Model, error)
}

// Model is a loaded bundle whose manifest was proved against its graph.
type Model struct {
	info     Info
	encoder  *encode.Encoder
	runner   batching.Runner     // the session or the feature model
	session  *onnxrun.Session    // of a model that reads tokens
	head     *heads.Head         // behind the session; nil: its graph has the head
	features *heads.FeatureModel // of a model that reads features
	batcher  *batching.Batcher
	gate     *encode.Gate
	budget   Budget
	proof    []Check
	limits   loadLimits
	golden   []byte

	fixed    [sha256.Size]byte // of its files but weights, see bundle
	measured batching.Options  // what runs its forwards fastest
	from     takeover
}

// Open loads a bundle and proves it. The model answers once [Model.Run] runs. Its errors are *fault.Error, but for
// those of [Options.Beside].
func Open(ctx context.Context, source Source, options Options) (*Model, error) {
	if err := options.Device.Check(); err != nil {
		return nil, err
	}
	b, err := readBundle(source)
	if err != nil {
		return nil, inBundle(source, err)
	}
	var served *Model
	if options.Beside != nil {
		if served, err = options.Beside(b.manifest.Name, b.digest); err != nil {
			return nil, err
		}
	}
	if !b.manifest.ReadsFeatures() {
		library, err := onnxrun.FindRuntime(options.Runtime)
		if err != nil {
			return nil, err
		}
		if err := onnxrun.StartRuntime(library); err != nil {
			return nil, err
		}
	}
	threads := options.Threads
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0) // which knows the quota of a container
	}
	m := &Model{
		info:   Info{Manifest: b.manifest, Digest: b.digest, Provider: "CPU", Device: options.Device, Threads: threads},
		golden: b.golden, gate: options.Gate, budget: options.Budget, fixed: b.fixed,
	}
	if m.gate == nil {
		m.gate = encode.NewGate()
	}
	if m.budget == (Budget{}) {
		m.budget = DefaultBudget()
	}
	m.info.Budget = m.budget
	switch {
	case b.manifest.ReadsFeatures():
		m.info.Provider, m.info.Device, m.info.Threads = "gorgonia", onnxrun.Device{}, 1
	case options.Device.OnGPU():
		m.info.Provider = "CUDA"
	}
	m.limits = limitsOf(b.weights(), m.info.Device)
	if options.Beside != nil {
		m.limits.besideOthers()
	}
	if served != nil {
		m.from = m.takeOver(served)
	}
	abandoned, err := m.load(ctx, b, options)
	if err == nil {
		err = b.unchanged(source)
	}
	if err != nil {
		if !abandoned {
			m.freeSession()
		}
		return nil, inBundle(source, err)
	}
	m.from = takeover{} // or each revision would keep the one before it
	return m, nil
}

// inBundle names the bundle in an error about it.
func inBundle(source Source, err error) error {
	var known *fault.Error
	if !errors.As(err, &known) {
		return fault.New(fault.CodeBundle, "bundle %s", source.String()).Because(err)
	}
	return fault.New(known.Code, "bundle %s: %s", source, known.Detail).Because(known.Err)
}

// Info says what is loaded. It is the model's own and must not be changed.
func (m *Model) Info() *Info { return &m.info }

// Proof lists what was checked when the bundle was loaded.
func (m *Model) Proof() []Check { return m.proof }

// Encode is one item's way to ids, without the gate: for who encodes in turn. Its errors are *fault.Error. It is safe
// for concurrent use.
func (m *Model) Encode(ctx context.Context, item encode.Item, truncate encode.Truncation) (encode.Encoded, error) {
	return m.encoder.Encode(ctx, item, encode.Options{Truncate: truncate})
}

// rows sends sequences through the batcher and gives what leaves the graph: readings, or rows for the head.
func (m *Model) rows(ctx context.Context, caller Caller, sequences []batching.Sequence) ([]Reading, error) {
	results, err := m.batcher.Submit(ctx, caller, sequences)
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
	reading := Reading{
		Rows:   result.Values,
		Err:    result.Err,
		Shared: result.Shared,
		Cached: result.Cached,
		Queue:  result.Queue,
		Run:    result.Run,
	}
	switch {
	case reading.Err == nil:
	case errors.Is(reading.Err, context.Canceled),
		errors.Is(reading.Err, context.DeadlineExceeded),
		errors.Is(reading.Err, batching.ErrClosed):
	default:
		err := fault.New(fault.CodeRun, "the forward of model %q failed", m.info.Manifest.Name)
		if late := new(onnxrun.LateError); errors.As(reading.Err, late) {
			err = fault.New(fault.CodeRun, "the forward of model %q took longer than %s and was ended",
				m.info.Manifest.Name, late.Longest)
		}
		reading.Err = err.Because(reading.Err)
	}
	return reading
}

// finite refuses NaN and infinity, which no reward can be.
func (m *Model) finite(rows [][]float32) error {
	for i, row := range rows {
		for j, value := range row {
			if math.IsNaN(float64(value)) || math.IsInf(float64(value), 0) {
				return fault.New(fault.CodeNotFinite, "model %q gave %v for label %q of row %d", m.info.Manifest.Name,
					value, m.info.Manifest.Graph.Labels[j], i)
			}
		}
	}
	return nil
}

// Probe runs one short item through the queue and the graph, and returns nil when its reading is finite. Readiness asks
// it.
func (m *Model) Probe(ctx context.Context) error {
	ids := m.probeItem(min(8, m.info.Manifest.Limits.MaxTokens), 2)
	readings, err := m.ReadEncoded(ctx, Caller{}, []encode.Encoded{{IDs: ids, Positions: []int{m.lastRead(len(ids))}, User: m.probeUser(ids)}})
	if err != nil {
		return err
	}
	return readings[0].Err
}

// lastRead is the last of n positions that can be read. Some graphs read what they give the token that follows, so the
// very last position has none.
func (m *Model) lastRead(n int) int {
	if m.info.Manifest.ReadsNext() {
		return max(0, n-2)
	}
	return n - 1
}

// Guarded does work over the model that the bundle's content decides, such as scoring its golden pairs, within the
// limits of its load. Work that does not end with its context is abandoned.
func (m *Model) Guarded(ctx context.Context, work func(context.Context) error) error {
	_, err := guarded(ctx, m.limits.memory, m.limits.proof, work)
	return err
}

// Stats counts what the model's batcher did.
func (m *Model) Stats() batching.Stats { return m.batcher.Stats() }

// Run answers what is submitted. It returns when [Model.Close] has been called and the queue is drained, or when ctx
// ends, and then frees the graph. A model runs once.
func (m *Model) Run(ctx context.Context) error {
	defer m.freeSession()
	return m.batcher.Run(ctx)
}

// Close stops admission. What was accepted is still answered, and then Run returns.
func (m *Model) Close() { m.batcher.Close() }

func (m *Model) freeSession() {
	if m.session != nil {
		m.session.Close()
	}
}

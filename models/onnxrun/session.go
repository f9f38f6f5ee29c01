// Package onnxrun runs the plans of one graph on ONNX Runtime, on the processors or on GPUs, and holds their keys and values.
package onnxrun

import (
	"context"
	"time"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/kernels/onnx"
	"github.com/assay-rm/assay/models/inplace"
	"github.com/assay-rm/assay/models/manifest"
)

// Session runs the plans of one graph on ONNX Runtime. It is a [batching.Runner].
type Session struct {
	graph   *manifest.Graph
	device  Device
	runtime *inplace.Runtime
	threads *inplace.Threads
	types   *int64 // token types are 1 behind the first of this id; nil: all 0
	inputs  []string
	wide    []*ort.DynamicAdvancedSession // of each device: a forward has all threads
	narrow  *ort.DynamicAdvancedSession   // a forward has one thread; nil: there is none
	pooled  bool                          // padded: the graph pools, output [B, columns]
	longest time.Duration                 // that a forward may take; 0: for ever

	// Of each device, where forwards run on GPUs and the build has our kernels; else none.
	gpus  []accelerator
	heads []placedHead // of a graph whose head is another, if it can be there

	// Packed.
	pasts    []string // inputs, keys and values of each layer
	presents []string // outputs, beside pasts; nil: the graph gives none, and nothing can be cached
	noPast   *ort.Tensor[float32]
	stores   []store // of each device's key-value cache; none: nothing is cached
}

var _ batching.Runner = (*Session)(nil)

// Graph is a graph that a session can be made of.
type Graph struct {
	Manifest *manifest.Manifest
	Inputs   []onnx.Value // without those that are weights
	Outputs  []onnx.Value
	Path     string // on disk; empty: Content has it
	Content  []byte
	Bytes    int64  // of the file, external data left out
	External int64  // bytes of external data; 0: it has none
	Head     []byte // the file of the head that is a graph of its own
}

// laneBytes is the largest graph that is loaded a second time for narrow forwards. A larger one keeps all threads busy by itself, and
// its second copy would be dear.
const laneBytes = 512 << 20

// Open loads a graph from its file or, without one, from its content: once for each GPU; or else once for forwards on
// all threads and, where there are several and the graph is small, once for forwards on one. It gives up when ctx ends.
func Open(ctx context.Context, file *Graph, threads int, device Device) (*Session, error) {
	m := file.Manifest
	s := &Session{graph: &m.Graph, device: device, types: m.Tokenizer.TypeAfter, pooled: m.PoolsInGraph()}
	var err error
	if s.runtime, err = inplace.Attach(loadedRuntime()); err != nil {
		return nil, err
	}
	s.threads = s.runtime.NewThreads()
	for _, input := range file.Inputs {
		s.inputs = append(s.inputs, input.Name)
	}
	if err := s.findPast(file.Outputs); err != nil {
		return nil, err
	}
	load := func(threads int, cuda map[string]string) (*ort.DynamicAdvancedSession, error) {
		return s.load(ctx, file, threads, cuda)
	}
	for place, number := range device.GPUs {
		if err := s.openGPU(number); err != nil {
			return s, err
		}
		inner, err := load(threads, device.cudaOptions(number, s.stream(place)))
		if err != nil {
			return s, err
		}
		s.wide = append(s.wide, inner)
	}
	if device.OnGPU() {
		return s, s.placeHeads(m, file.Head)
	}
	inner, err := load(threads, nil)
	if err != nil {
		return s, err
	}
	s.wide = append(s.wide, inner)
	if threads > 1 && file.External == 0 && file.Bytes <= laneBytes {
		s.narrow, err = load(1, nil)
	}
	return s, err
}

// HasNarrow tells whether forwards can run on one thread each.
func (s *Session) HasNarrow() bool { return s.narrow != nil }

// PlacesHead tells whether the head reads rows on the graph's device, so that readings leave the session.
func (s *Session) PlacesHead() bool { return len(s.heads) > 0 }

// FreeNarrow lets go of the second copy, for a model whose forwards are better off with all threads.
func (s *Session) FreeNarrow() {
	if s.narrow != nil {
		s.narrow.Destroy() //nolint:errcheck // freeing cannot fail
		s.narrow = nil
	}
}

// Bound says how long a forward may take from now on; 0 is for ever. No forward may run.
func (s *Session) Bound(longest time.Duration) { s.longest = longest }

// Close frees the sessions and what is cached. No forward may run.
func (s *Session) Close() {
	if s.noPast != nil {
		s.noPast.Destroy() //nolint:errcheck // freeing cannot fail
	}
	s.threads.Close()
	s.FreeNarrow()
	for _, inner := range s.wide {
		inner.Destroy() //nolint:errcheck // freeing cannot fail
	}
	for _, store := range s.stores {
		store.free()
	}
	for _, head := range s.heads {
		head.close() //nolint:errcheck // what fails here has failed a forward before
	}
	for _, gpu := range s.gpus {
		gpu.close() //nolint:errcheck // likewise
	}
}

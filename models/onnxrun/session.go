// Package onnxrun runs the plans of one graph on ONNX Runtime, on the processors or on GPUs, and holds their keys and
// values.
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

// Session runs the plans of one graph on ONNX Runtime. It is a [batching.Runner], which says who may call it at once.
type Session struct {
	graph      *manifest.Graph
	device     Device
	runtime    *inplace.Runtime
	threads    *inplace.Threads
	types      *int64 // token types are 1 behind the first of this id; nil: all 0
	inputs     []string
	allThreads []*ort.DynamicAdvancedSession // of each device: a forward has all threads
	oneThread  *ort.DynamicAdvancedSession   // a forward has one thread; nil: there is none
	longest    time.Duration                 // that a forward may take; 0: for ever
	pooled     bool                          // of a padded graph: it gives one row a sequence, [B, columns]

	// One of each GPU, in a build that has our kernels; else there are none.
	gpus    []accelerator
	kernels []func()     // each lets go of the kernels of a session's operators of domain assay
	heads   []placedHead // where the head is a graph of its own that can be on the GPU

	// Of a packed graph.
	pasts    []string // the inputs that take cached keys and values: of layer 0 keys, values, of layer 1 keys, …
	presents []string // the outputs that give them, in the same order; nil: it gives none, and nothing can be cached
	noPast   *ort.CustomDataTensor
	pools    []*pools // keys and values of each device, where the graph has them in pools; none: it has not
	stores   []store  // the key-value cache of each device; none: nothing is cached
}

var _ batching.Runner = (*Session)(nil)

// Graph is what a session is made of: a graph, where it is, and what was read of it.
type Graph struct {
	Manifest *manifest.Manifest
	Inputs   []onnx.Value // without those that are weights
	Outputs  []onnx.Value
	Path     string // on disk; empty: Content has it
	Content  []byte
	Bytes    int64  // of the file, external data left out
	External int64  // size of its external data; 0: it has none
	Head     []byte // the file of a head that is a graph of its own; nil: there is none
}

// oneThreadBytes is the size of the largest graph that is loaded a second time, for forwards on one thread. A larger
// graph keeps all threads busy by itself, and a second copy of it would take much memory.
const oneThreadBytes = 512 << 20

// Open loads a graph from its path or, without one, from its content:
//
//	on GPUs                               once for each
//	on processors                         once, for forwards on all threads
//	and where there are several threads   a second time, for forwards on one thread beside others,
//	and the graph is small                see oneThreadBytes
//	                                      unless it has keys and values in pools, which one forward at a time writes
//
// It gives up when ctx ends. A session that is returned with an error must be closed, too. Errors of a device are
// *fault.Error.
func Open(ctx context.Context, file *Graph, threads int, device Device) (*Session, error) {
	m := file.Manifest
	if err := device.checkCompute(&m.Graph); err != nil {
		return nil, err
	}
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
		s.allThreads = append(s.allThreads, inner)
	}
	if device.OnGPU() {
		return s, s.placeHeads(m, file.Head)
	}
	inner, err := load(threads, nil)
	if err != nil {
		return s, err
	}
	s.allThreads = append(s.allThreads, inner)
	if threads > 1 && file.External == 0 && file.Bytes <= oneThreadBytes && !s.graph.Pooled() {
		s.oneThread, err = load(1, nil)
	}
	return s, err
}

// HasOneThread tells whether forwards can run on one thread each.
func (s *Session) HasOneThread() bool { return s.oneThread != nil }

// PlacesHead tells whether the head reads its rows on the graph's device. What leaves the session are readings then.
func (s *Session) PlacesHead() bool { return len(s.heads) > 0 }

// FreeOneThread frees the second copy, of a model whose forwards run faster one by one, on all threads.
func (s *Session) FreeOneThread() {
	if s.oneThread != nil {
		s.oneThread.Destroy() //nolint:errcheck // freeing cannot fail
		s.oneThread = nil
	}
}

// Bound says how long a forward may take from now on; 0 is for ever. No forward may run.
func (s *Session) Bound(longest time.Duration) { s.longest = longest }

// Close frees the sessions and what is cached. No forward may be running, nor run later.
func (s *Session) Close() {
	if s.noPast != nil {
		s.noPast.Destroy() //nolint:errcheck // freeing cannot fail
	}
	s.threads.Close()
	s.FreeOneThread()
	for _, inner := range s.allThreads {
		inner.Destroy() //nolint:errcheck // freeing cannot fail
	}
	for _, release := range s.kernels {
		release()
	}
	for _, store := range s.stores {
		store.free()
	}
	for _, pools := range s.pools {
		pools.free()
	}
	for _, head := range s.heads {
		head.close() //nolint:errcheck // what fails here has failed a forward before
	}
	for _, gpu := range s.gpus {
		gpu.close() //nolint:errcheck // what fails here has failed a forward before
	}
}

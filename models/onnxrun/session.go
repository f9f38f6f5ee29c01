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
	graph   *manifest.Graph
	device  Device
	runtime *inplace.Runtime
	threads *inplace.Threads
	types   *int64        // token types are 1 behind the first of this id; nil: all 0
	inputs  []string      // of all stages
	longest time.Duration // that a forward may take; 0: for ever
	pooled  bool          // of a padded graph: it gives one row a sequence, [B, columns]
	side    int           // how many forwards on processors may run side by side at most

	places [][]*stage    // of each of the batcher's devices, the stages that its forwards pass through
	gpus   []accelerator // that are open, in a build that has our kernels; else there are none
}

var _ batching.Runner = (*Session)(nil)

// Graph is what a session is made of: a graph, where it is, and what was read of it.
type Graph struct {
	Manifest *manifest.Manifest
	Stages   []Stage // at least one
	Head     []byte  // the file of a head that is a graph of its own; nil: there is none
}

// Stage is a graph with some of the layers, or with all of them where there is one.
type Stage struct {
	Inputs   []onnx.Value // without those that are weights
	Outputs  []onnx.Value
	Path     string // on disk; empty: Content has it
	Content  []byte
	Bytes    int64          // of the file, external data left out
	External int64          // size of its external data; 0: it has none
	Outside  []onnx.Outside // what is known of the weights in it
}

// oneThreadBytes is the size of the largest graph, external data counted, that is loaded a second time, for forwards on
// one thread. A larger graph keeps all threads busy by itself.
const oneThreadBytes = 512 << 20

// Open loads a graph from its path or, without one, from its content:
//
//	on GPUs                               once for each, or a stage on each that shares a copy
//	on processors                         once, for forwards on all threads
//	and where there are several threads   a second time, for forwards on one thread beside others,
//	and the graph is small                see oneThreadBytes
//
// It gives up when ctx ends. A session that is returned with an error must be closed, too. Errors of a device are
// *fault.Error.
func Open(ctx context.Context, file *Graph, threads int, device Device) (*Session, error) {
	m := file.Manifest
	if err := device.checkCompute(&m.Graph); err != nil {
		return nil, err
	}
	if err := device.checkStages(file); err != nil {
		return nil, err
	}
	s := &Session{graph: &m.Graph, device: device, types: m.Tokenizer.TypeAfter, pooled: m.PoolsInGraph()}
	var err error
	if s.runtime, err = inplace.Attach(loadedRuntime()); err != nil {
		return nil, err
	}
	s.threads = s.runtime.NewThreads()
	for _, given := range file.Stages {
		for _, input := range given.Inputs {
			s.inputs = append(s.inputs, input.Name)
		}
	}
	for _, gpus := range device.copies() {
		if err := s.openOnGPUs(ctx, file, threads, gpus); err != nil {
			return s, err
		}
	}
	if device.OnGPU() {
		return s, s.placeHeads(m, file.Head)
	}
	place, err := s.newPlace(file)
	if err != nil {
		return s, err
	}
	bytes := int64(0)
	for _, given := range file.Stages {
		bytes += given.Bytes + given.External
	}
	twice := threads > 1 && bytes <= oneThreadBytes
	if s.side = 1; twice {
		s.side = threads + 1 // with a wide forward
	}
	for i := range file.Stages {
		if err := s.openOnProcessors(ctx, place[i], &file.Stages[i], threads, twice); err != nil {
			return s, err
		}
	}
	inplace.GiveBack() // what parsing the graphs took
	return s, nil
}

// openOnProcessors makes the session of a stage, or the two that share its weights.
func (s *Session) openOnProcessors(ctx context.Context, st *stage, file *Stage, threads int, twice bool) (err error) {
	if twice || s.graph.Assay() { // whose linear layers have packed them, so that their pages can be given back
		if st.weights, err = s.shareWeights(file); err != nil {
			return err
		}
	}
	st.allThreads, err = s.load(ctx, st, file, threads, nil)
	if err != nil && st.weights != nil && ctx.Err() == nil {
		st.releaseKernels()
		st.weights.close() // a kernel may have copies that cannot be shared, with which ONNX Runtime refuses a graph
		st.weights = nil
		st.allThreads, err = s.load(ctx, st, file, threads, nil)
	}
	if twice && err == nil {
		st.oneThread, err = s.load(ctx, st, file, 1, nil)
	}
	if st.weights != nil {
		st.weights.rest()
	}
	return err
}

// openOnGPUs makes a place of these GPUs, of which each has a stage, or one has all.
func (s *Session) openOnGPUs(ctx context.Context, file *Graph, threads int, gpus []int) error {
	place, err := s.newPlace(file)
	if err != nil {
		return err
	}
	device := s.device
	device.Memory = device.Memory * int64(len(gpus)) / int64(len(place)) // its bound is of all stages on a GPU
	for i, given := range file.Stages {
		st, number := place[i], gpus[min(i, len(gpus)-1)]
		st.number = number
		if i < len(gpus) {
			if err := s.openGPU(number); err != nil {
				return err
			}
		}
		if len(s.gpus) > 0 {
			st.gpu = s.gpus[len(s.gpus)-1]
		}
		if st.allThreads, err = s.load(ctx, st, &given, threads, device.cudaOptions(number, st.stream())); err != nil {
			return err
		}
	}
	return nil
}

// HasOneThread tells whether forwards can run on one thread each.
func (s *Session) HasOneThread() bool { return s.places[0][0].oneThread != nil }

// PlacesHead tells whether the head reads its rows on the graph's device. What leaves the session are readings then.
func (s *Session) PlacesHead() bool {
	place := s.places[0]
	return place[len(place)-1].head != nil
}

// each calls a function for every stage of every place.
func (s *Session) each(do func(st *stage)) {
	for _, place := range s.places {
		for _, st := range place {
			do(st)
		}
	}
}

// FreeOneThread frees the second copy, of a model whose forwards run faster one by one, on all threads.
func (s *Session) FreeOneThread() {
	s.each(func(st *stage) { destroy(&st.oneThread) })
}

// Bound says how long a forward may take in a stage from now on; 0 is for ever. No forward may run.
func (s *Session) Bound(longest time.Duration) { s.longest = longest }

// Close frees the sessions and what is cached. No forward may be running, nor run later.
func (s *Session) Close() {
	s.threads.Close()
	s.each((*stage).close)
	for _, gpu := range s.gpus {
		gpu.close() //nolint:errcheck // what fails here has failed a forward before
	}
	inplace.GiveBack()
}

// destroy frees a session of ONNX Runtime, if there is one.
func destroy(session **ort.DynamicAdvancedSession) {
	if *session != nil {
		(*session).Destroy() //nolint:errcheck // freeing cannot fail
		*session = nil
	}
}

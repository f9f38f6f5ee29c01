package onnxrun

import (
	"fmt"
	"slices"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/kernels/onnx"
	"github.com/assay-rm/assay/models/inplace"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/models/nodes"
)

// stage runs a graph in one place: that of a model, or one with some of its layers, which takes in what the stage
// before leaves.
type stage struct {
	inputs  []string
	numbers numbers // of keys and values
	of      *manifest.Graph

	allThreads *ort.DynamicAdvancedSession // a forward has all threads
	oneThread  *ort.DynamicAdvancedSession // a forward has one thread; nil: there is none
	weights    *weights                    // that both share; nil: there are none
	number     int                         // of the GPU; 0 on processors, too
	gpu        accelerator                 // in a build that has our kernels; nil: there is none
	kernels    []func()                    // each lets go of a session's kernels of operators of domain assay
	packed     *nodes.Weights              // of the linear layers of these, in the order of the processors' kernels; nil: there are none
	head       placedHead                  // of the last stage, where the head is a graph of its own that can be on the GPU
	handed     []handed                    // what it leaves to the next; nil: it is the last
	spare      sync.Pool                   // of *[][]byte, memory for what is handed on
	turn       sync.Mutex                  // of the forward on all threads that is in it

	// Of a packed graph.
	pasts    []string // the inputs that take cached keys and values: of its first layer keys, values, of the next keys, …
	presents []string // the outputs that give them, in the same order; nil: it gives none, and nothing can be cached
	noPast   *ort.CustomDataTensor
	pools    *pools // keys and values, where the graph has them in pools; nil: it has not
	store    store  // the key-value cache; nil: nothing is cached
}

// handed is a tensor that one stage leaves and the next takes in, (tokens, width). It goes through the host's memory.
type handed struct {
	name  string
	typed ort.TensorElementDataType
	size  int // bytes of a number
	width int64
}

// Handed are the names of what a stage takes in from the one before it.
func Handed(stage int) []string {
	return []string{fmt.Sprintf("residual.%d", stage), fmt.Sprintf("summand.%d", stage)}
}

// newPlace makes the stages of a further place, without their sessions.
func (s *Session) newPlace(file *Graph) (place []*stage, err error) {
	for i, given := range file.Stages {
		st := &stage{of: s.graph, numbers: numbersOf(s.graph)}
		for _, input := range given.Inputs {
			st.inputs = append(st.inputs, input.Name)
		}
		for _, output := range given.Outputs {
			if i < len(file.Stages)-1 && slices.Contains(Handed(i+1), output.Name) {
				st.handed = append(st.handed, handedOf(output, st.numbers))
			}
		}
		if err := st.findPast(i, given.Outputs); err != nil {
			return nil, err
		}
		place = append(place, st)
	}
	if slices.ContainsFunc(place, func(st *stage) bool { return st.presents == nil }) {
		for _, st := range place {
			st.presents = nil // what one stage does not give, none can be given again
		}
	}
	s.places = append(s.places, place)
	return place, nil
}

// handedOf is an output of a stage whose numbers are float32, or of the type of keys and values.
func handedOf(output onnx.Value, keys numbers) handed {
	h := handed{output.Name, ort.TensorElementDataTypeFloat, floatBytes, int64(output.Dims[1])}
	if output.Kind != onnx.Float32 {
		h.typed, h.size = keys.tensor, keys.device.Size()
	}
	return h
}

const floatBytes = 4

// leave makes room for what a stage leaves of so many tokens, by name. It is the next stage's input, and then goes back
// to spare; free does that.
func (st *stage) leave(tokens int) (left tensors, free func(), err error) {
	if st.handed == nil {
		return nil, func() {}, nil
	}
	buffers, ok := st.spare.Get().(*[][]byte)
	if !ok {
		made := make([][]byte, len(st.handed))
		buffers = &made
	}
	left = tensors{}
	free = func() {
		left.free()
		st.spare.Put(buffers)
	}
	for i, h := range st.handed {
		bytes := tokens * int(h.width) * h.size
		(*buffers)[i] = slices.Grow((*buffers)[i][:0], bytes)[:bytes]
		tensor, err := ort.NewCustomDataTensor(ort.NewShape(int64(tokens), h.width), (*buffers)[i], h.typed)
		if err != nil {
			return left, free, fmt.Errorf("output %s: %w", h.name, err)
		}
		left[h.name] = tensor
	}
	return left, free, nil
}

// outputs are the names of what a forward gives, keys and values left out.
func (st *stage) outputs() (names []string) {
	for _, h := range st.handed {
		names = append(names, h.name)
	}
	if st.handed == nil {
		names = append(names, st.of.Output)
	}
	return names
}

// memory names where its keys and values are.
func (st *stage) memory() string {
	if st.gpu != nil {
		return st.gpu.name()
	}
	return inplace.Host.String()
}

// stream is the stream of our kernels; 0: there are none.
func (st *stage) stream() uintptr {
	if st.gpu == nil {
		return 0
	}
	return st.gpu.stream()
}

// wait returns when all that was put on the stream is done: the forward, and the copies behind it. ONNX Runtime's
// provider waits for its own stream, but this one is ours.
func (st *stage) wait() error {
	if st.gpu == nil {
		return nil
	}
	return st.gpu.wait()
}

// releaseKernels lets go of the kernels of sessions that are no more, and of the weights that they had packed.
func (st *stage) releaseKernels() {
	for _, release := range st.kernels {
		release()
	}
	if st.packed != nil {
		st.packed.Close()
	}
	st.kernels, st.packed = nil, nil
}

// close frees all but the GPU.
func (st *stage) close() {
	if st.noPast != nil {
		st.noPast.Destroy() //nolint:errcheck // freeing cannot fail
	}
	destroy(&st.oneThread)
	destroy(&st.allThreads)
	st.releaseKernels()
	if st.weights != nil {
		st.weights.close()
	}
	if st.store != nil {
		st.store.free()
	}
	if st.pools != nil {
		st.pools.free()
	}
	if st.head != nil {
		st.head.close() //nolint:errcheck // what fails here has failed a forward before
	}
}

package onnxrun

import (
	"strconv"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

// accelerator is a GPU with our kernels, which run on one stream with the graph. There is none where forwards run on
// the processors, nor in a build without the tag gpu.
type accelerator interface {
	newStore(blocks int, shape blockShape) (store, error)
	// newPools and register are for graphs of domain assay: their keys and values, and the kernels of their operators.
	newPools(blocks, spare int, shape blockShape) (*pools, error)
	register(options *ort.SessionOptions, provider string, of numbers) (release func(), err error)
	// newHead puts a head on the GPU. It gives neither a head nor an error when the head must stay on the host: it
	// reads more than its rows, or no kernel reads them.
	newHead(m *manifest.Manifest, data []byte) (placedHead, error)
	name() string
	stream() uintptr // the kernels' stream, for ONNX Runtime's user_compute_stream
	wait() error     // until all that was put on the stream is done; the error may be that of a kernel
	close() error
}

// placedHead is a head that reads a forward's rows on the device, where the graph has written them. One forward has it
// at a time.
type placedHead interface {
	rows(shape ort.Shape) (ort.Value, error)    // room for (…, width), which the caller destroys
	readings(read []int64) ([][]float32, error) // (len(read), labels) of these rows, once the graph has run
	close() error
}

// openGPU opens a GPU for our kernels, in a build that has them.
func (s *Session) openGPU(number int) error {
	gpu, err := openGPU(number, s.runtime)
	if err != nil {
		return unusable(strconv.Itoa(number), err.Error())
	}
	if gpu != nil {
		s.gpus = append(s.gpus, gpu)
	}
	return nil
}

// placeHeads puts a head that is a graph of its own beside every last stage that is on a GPU, if it can be there.
func (s *Session) placeHeads(m *manifest.Manifest, data []byte) error {
	if m.Graph.Head == nil {
		return nil
	}
	for _, place := range s.places {
		last := place[len(place)-1]
		if last.gpu == nil {
			continue
		}
		head, err := last.gpu.newHead(m, data)
		if err != nil {
			return fault.New(fault.CodeDevice, "graph.head.file %s cannot be on GPU %d: %v", m.Graph.HeadFile(), last.number, err)
		}
		last.head = head
	}
	return nil
}

package onnxrun

import (
	"strconv"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

// accelerator is a GPU for our kernels, which run on one stream with the graph. There is none where forwards run on the processors, and in
// a build without the tag gpu.
type accelerator interface {
	newStore(blocks int, shape blockShape) (store, error)
	// newHead puts a head there; without an error it gives none when the head reads more than its rows, or reads them on the host.
	newHead(m *manifest.Manifest, data []byte) (placedHead, error)
	stream() uintptr // that of the kernels, for ONNX Runtime's user_compute_stream
	wait() error     // until all that was put on the stream is done; its error may be a kernel's
	close() error
}

// placedHead is a head that reads a forward's rows where the graph has written them. One forward at a time has it.
type placedHead interface {
	rows(shape ort.Shape) (ort.Value, error)    // room for (…, width), which the caller destroys
	readings(read []int64) ([][]float32, error) // (len(read), labels), of these rows; it waits for the graph
	close() error
}

// openGPU opens a GPU for our kernels, in a build that has some.
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

// stream is that of our kernels on a device; 0: there are none.
func (s *Session) stream(place int) uintptr {
	if len(s.gpus) == 0 {
		return 0
	}
	return s.gpus[place].stream()
}

// wait returns when all that was put on a device's stream is done: what a forward writes, and the copies behind it. The provider waits
// for what it writes, too; of a stream that is not its own we make sure.
func (s *Session) wait(place int) error {
	if len(s.gpus) == 0 {
		return nil
	}
	return s.gpus[place].wait()
}

// placeHeads puts a head that is a graph of its own beside the graph, on each GPU, if it can be there.
func (s *Session) placeHeads(m *manifest.Manifest, data []byte) error {
	if m.Graph.Head == nil {
		return nil
	}
	for place, gpu := range s.gpus {
		head, err := gpu.newHead(m, data)
		if err != nil {
			return fault.New(fault.CodeDevice, "graph.head.file %s cannot be on GPU %d: %v", m.Graph.HeadFile(), s.device.GPUs[place], err)
		}
		if head != nil {
			s.heads = append(s.heads, head)
		}
	}
	return nil
}

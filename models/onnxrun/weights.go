package onnxrun

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"syscall"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/kernels/onnx"
	"github.com/assay-rm/assay/models/inplace"
)

// weights are those that the two sessions of a stage share: its external data, mapped once, and the copies that ONNX
// Runtime makes of matrices. The pages of what it has copied are given back, and the system has them from the file
// again should they be read. Each session keeps weights that lie in model.onnx itself for its own, since they begin
// there at any byte, and kernels read numbers from where numbers may lie.
type weights struct {
	shared *inplace.Weights
	files  map[string][]byte // mapped, by location
}

// leastShared is the size of the smallest tensor that is shared, in bytes.
const leastShared = 4 << 10

// shareWeights maps what a stage's sessions can share. It gives nil where there is nothing.
func (s *Session) shareWeights(file *Stage) (*weights, error) {
	if file.Path == "" || len(file.Outside) == 0 {
		return nil, nil
	}
	w := &weights{files: map[string][]byte{}}
	var err error
	if w.shared, err = s.runtime.NewWeights(); err != nil {
		return nil, err
	}
	for i := range file.Outside {
		if err := w.add(filepath.Dir(file.Path), &file.Outside[i]); err != nil {
			w.close()
			return nil, err
		}
	}
	if w.shared.Len() == 0 {
		w.close()
		return nil, nil
	}
	return w, nil
}

// add shares a matrix or a table, unless it is small or its numbers do not lie where numbers of its type may. Of
// vectors, such as a norm's, some kernels make copies that cannot be shared, with which ONNX Runtime refuses a graph.
func (w *weights) add(folder string, tensor *onnx.Outside) error {
	width := tensor.Length
	for _, dim := range tensor.Dims {
		width /= dim
	}
	if len(tensor.Dims) < 2 || tensor.Length < leastShared || tensor.Offset%width != 0 {
		return nil
	}
	data, mapped := w.files[tensor.Location]
	if !mapped {
		var err error
		if data, err = mapFile(filepath.Join(folder, filepath.FromSlash(tensor.Location))); err != nil {
			return err
		}
		w.files[tensor.Location] = data
	}
	if tensor.Offset > int64(len(data))-tensor.Length {
		return nil // ONNX Runtime says what is wrong
	}
	return w.shared.Add(tensor.Name, ort.TensorElementDataType(tensor.Kind), data[tensor.Offset:][:tensor.Length], tensor.Dims)
}

// mapFile maps a regular file to be read.
func mapFile(name string) ([]byte, error) {
	file, err := os.OpenFile(filepath.Clean(name), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // a mapping outlives it
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() || info.Size() > math.MaxInt:
		return nil, &fs.PathError{Op: "map", Path: name, Err: errors.New("it is not a regular file")}
	case info.Size() == 0:
		return nil, nil
	}
	return syscall.Mmap(int(file.Fd()), 0, int(info.Size()), syscall.PROT_READ, syscall.MAP_SHARED)
}

// rest gives the pages of the mapped files back.
func (w *weights) rest() {
	for _, data := range w.files {
		if len(data) > 0 {
			syscall.Madvise(data, syscall.MADV_DONTNEED) //nolint:errcheck // they are the file's
		}
	}
}

// close frees them, behind the sessions that have them.
func (w *weights) close() {
	w.shared.Close()
	for _, data := range w.files {
		if len(data) > 0 {
			syscall.Munmap(data) //nolint:errcheck // it was mapped
		}
	}
}

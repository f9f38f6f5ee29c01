//go:build gpu

// Package device runs the kernels on a CUDA device. It needs the driver: without libcuda.so.1 the process does not
// start, and without a device gorgonia.org/cu ends it when it is loaded. Hence the build tag.
package device

import (
	"errors"
	"sync"

	"github.com/assay-rm/assay/kernels"
)

// ErrClosed is the answer of a device that has been closed.
var ErrClosed = errors.New("device is closed")

// Device is the kernels' backend on one CUDA device. Its methods are safe for use by several goroutines; calls run one
// after another, on a goroutine of the device's own that holds its primary context, the one that ONNX Runtime uses.
// Tensors may lie on the device.
type Device struct {
	machine *machine
	kernels kernels.Backend
	work    chan func()
	done    chan error   // closed after the worker's last error
	mu      sync.RWMutex // read-locked during a call; guards closed
	closed  bool
}

var _ kernels.Backend = (*Device)(nil)

// Open takes a device by its ordinal and loads the kernels. Close gives it back.
func Open(ordinal int) (*Device, error) {
	d := &Device{machine: newMachine(ordinal), work: make(chan func()), done: make(chan error, 1)}
	d.kernels = kernels.On(d.machine)
	opened := make(chan error)
	go d.serve(opened)
	if err := <-opened; err != nil {
		return nil, err
	}
	return d, nil
}

// serve is the worker: it opens the machine, runs the calls and closes it, all on one operating system thread.
func (d *Device) serve(opened chan<- error) {
	err := d.machine.open()
	if err != nil {
		opened <- errors.Join(err, d.machine.close())
		return
	}
	opened <- nil
	for call := range d.work {
		call()
	}
	d.done <- d.machine.close()
	close(d.done)
}

// on runs a call on the device's goroutine.
func on[T any](d *Device, call func() (T, error)) (T, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var out T
	if d.closed {
		return out, ErrClosed
	}
	answered := make(chan error)
	d.work <- func() {
		var err error
		out, err = call()
		answered <- err
	}
	return out, <-answered
}

// Close waits for the calls that run, frees the device's memory, tensors that were uploaded included, and gives its
// context back.
func (d *Device) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed {
		d.closed = true
		close(d.work)
	}
	return <-d.done
}

// Name is the device's name, as its driver says it.
func (d *Device) Name() string { return d.machine.name }

// Stream is the handle of the stream on which the kernels run, for ONNX Runtime's user_compute_stream. It is valid
// until Close.
func (d *Device) Stream() uintptr { return d.machine.streamHandle() }

// Wait returns when all that was put on the stream is done, by us or by a graph that has it. Its error may be a
// kernel's.
func (d *Device) Wait() error {
	_, err := on(d, func() (struct{}, error) { return struct{}{}, d.machine.wait() })
	return err
}

// Upload copies a tensor from the host to the device, where it stays until Free or Close: the weights of a head, for
// one.
func (d *Device) Upload(t kernels.Tensor) (kernels.Tensor, error) {
	return on(d, func() (kernels.Tensor, error) {
		if err := t.Check("upload"); err != nil {
			return kernels.Tensor{}, err
		}
		if t.Address != 0 || t.Rows*t.Cols == 0 {
			return t, errors.New("upload: the tensor is on a device already, or empty")
		}
		address, err := d.machine.Alloc(len(t.Bytes()))
		if err != nil {
			return kernels.Tensor{}, err
		}
		return kernels.OnDevice(t.Type, t.Rows, t.Cols, address), d.machine.Write(address, t.Bytes())
	})
}

// Free gives back the memory of an uploaded tensor.
func (d *Device) Free(t kernels.Tensor) error {
	_, err := on(d, func() (struct{}, error) { return struct{}{}, d.machine.Free(t.Address) })
	return err
}

// PooledHead is [kernels.PooledHead] on the device.
func (d *Device) PooledHead(hidden kernels.Tensor, rows []int64, head kernels.Head) ([]float32, error) {
	return on(d, func() ([]float32, error) { return d.kernels.PooledHead(hidden, rows, head) })
}

// GatherBlocks is [kernels.Host.GatherBlocks] on the device.
func (d *Device) GatherBlocks(pool kernels.Tensor, parts int, slots []int64, past kernels.Tensor) error {
	_, err := on(d, func() (struct{}, error) { return struct{}{}, d.kernels.GatherBlocks(pool, parts, slots, past) })
	return err
}

// KeepBlocks is [kernels.Host.KeepBlocks] on the device.
func (d *Device) KeepBlocks(pool kernels.Tensor, parts int, present kernels.Tensor, tokens, slots []int64) error {
	_, err := on(d, func() (struct{}, error) { return struct{}{}, d.kernels.KeepBlocks(pool, parts, present, tokens, slots) })
	return err
}

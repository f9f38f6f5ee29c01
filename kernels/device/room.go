//go:build gpu

package device

import (
	"fmt"
	"math"

	"github.com/assay-rm/assay/kernels"
)

// room is memory that grows and is used again; bytes is its size.
type room struct {
	address uintptr
	bytes   int
}

// fit gives a tensor of a type in the room, which grows to it by a quarter at least, so that it seldom grows. What it
// held is lost then.
func (r *room) fit(m *machine, typed kernels.Type, rows, cols int) (kernels.Tensor, error) {
	if rows < 1 || rows > math.MaxInt/8/cols {
		return kernels.Tensor{}, fmt.Errorf("%d rows of %d numbers are none, or too many", rows, cols)
	}
	if bytes := typed.Size() * rows * cols; bytes > r.bytes {
		bytes = max(bytes, r.bytes+r.bytes/4)
		if err := r.free(m); err != nil {
			return kernels.Tensor{}, err
		}
		address, err := m.Alloc(bytes)
		if err != nil {
			return kernels.Tensor{}, err
		}
		*r = room{address, bytes}
	}
	return kernels.OnDevice(typed, rows, cols, r.address), nil
}

func (r *room) free(m *machine) error {
	address := r.address
	*r = room{}
	if address == 0 {
		return nil
	}
	return m.Free(address)
}

// Room is memory of a device for one matrix after another: what a graph writes for a head on the same device.
type Room struct {
	device *Device
	width  int
	room   room
}

// OpenRoom takes no memory yet. The matrices have that many columns.
func (d *Device) OpenRoom(width int) *Room { return &Room{device: d, width: width} }

// Fit gives room for so many rows, at least 1: (rows, width) float32. It holds anything, and is valid until the next
// Fit or Close.
func (r *Room) Fit(rows int) (kernels.Tensor, error) {
	return on(r.device, func() (kernels.Tensor, error) {
		fitted, err := r.room.fit(r.device.machine, kernels.Float32, rows, r.width)
		if err != nil {
			return fitted, fmt.Errorf("room of %d rows: %w", rows, err)
		}
		return fitted, nil
	})
}

// Close gives the memory back. A second Close does nothing.
func (r *Room) Close() error {
	_, err := on(r.device, func() (struct{}, error) { return struct{}{}, r.room.free(r.device.machine) })
	return err
}

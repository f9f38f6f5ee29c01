//go:build gpu

package device

import (
	"errors"
	"fmt"
	"math"

	"github.com/assay-rm/assay/kernels"
)

// ErrPoolClosed is the answer of a pool that has been closed.
var ErrPoolClosed = errors.New("pool is closed")

// Pool is the memory of a key-value cache on a device, (slots, parts, BlockTokens · width) float32, with the past and the present of one
// forward at a time, which lie there too. A part is one layer's keys, or its values.
//
// Every method returns when its work on the device is done. So what a forward that starts afterwards reads is there, on whichever
// stream it runs; a forward must have finished before the next call of a method. Calls of several goroutines run one after another.
type Pool struct {
	device       *Device
	parts, width int
	blocks       kernels.Tensor // (slots · parts, BlockTokens · width); its address is 0 once the pool is closed
	past         room
	present      room
}

// room is memory that grows and is used again; bytes is its size.
type room struct {
	address uintptr
	bytes   int
}

// OpenPool takes memory for so many slots. They hold anything until they are filled.
func (d *Device) OpenPool(slots, parts, width int) (*Pool, error) {
	if slots < 1 || parts < 1 || width < 1 || slots > math.MaxInt/4/kernels.BlockTokens/parts/width {
		return nil, fmt.Errorf("pool: %d slots of %d parts, %d tokens and %d numbers; each must be positive, and their bytes an int",
			slots, parts, kernels.BlockTokens, width)
	}
	return on(d, func() (*Pool, error) {
		rows, cols := slots*parts, kernels.BlockTokens*width
		address, err := d.machine.Alloc(4 * rows * cols)
		if err != nil {
			return nil, fmt.Errorf("pool: %w", err)
		}
		return &Pool{device: d, parts: parts, width: width, blocks: kernels.OnDevice(kernels.Float32, rows, cols, address)}, nil
	})
}

// Gather gives the past that the slots hold, as [kernels.GatherBlocks] does: (parts · len(slots), BlockTokens · width). It is valid
// until the next Gather or Close.
func (p *Pool) Gather(slots []int64) (kernels.Tensor, error) {
	return p.call(func() (kernels.Tensor, error) {
		past, err := p.fit(&p.past, p.parts*len(slots), p.blocks.Cols)
		if err != nil {
			return past, fmt.Errorf("past of %d blocks: %w", len(slots), err)
		}
		if err := p.device.kernels.GatherBlocks(p.blocks, p.parts, slots, past); err != nil {
			return kernels.Tensor{}, err
		}
		return past, p.device.machine.wait()
	})
}

// Present gives room for the present of a forward of so many tokens, at least 1: (parts · tokens, width). It holds anything, and is valid
// until the next Present or Close.
func (p *Pool) Present(tokens int) (kernels.Tensor, error) {
	return p.call(func() (kernels.Tensor, error) {
		present, err := p.fit(&p.present, p.parts*tokens, p.width)
		if err != nil {
			return present, fmt.Errorf("present of %d tokens: %w", tokens, err)
		}
		return present, nil
	})
}

// Keep copies tokens of a present into slots, as [kernels.KeepBlocks] does. The forward that wrote it has finished.
func (p *Pool) Keep(present kernels.Tensor, tokens, slots []int64) error {
	_, err := p.call(func() (kernels.Tensor, error) {
		if err := p.device.kernels.KeepBlocks(p.blocks, p.parts, present, tokens, slots); err != nil {
			return present, err
		}
		return present, p.device.machine.wait()
	})
	return err
}

// Close gives the memory back. A second Close does nothing.
func (p *Pool) Close() error {
	_, err := on(p.device, func() (struct{}, error) {
		var errs []error
		for _, address := range []uintptr{p.blocks.Address, p.past.address, p.present.address} {
			if address != 0 {
				errs = append(errs, p.device.machine.Free(address))
			}
		}
		p.blocks.Address, p.past, p.present = 0, room{}, room{}
		return struct{}{}, errors.Join(errs...)
	})
	return err
}

// call runs a call on the device's goroutine while the pool is open.
func (p *Pool) call(run func() (kernels.Tensor, error)) (kernels.Tensor, error) {
	return on(p.device, func() (kernels.Tensor, error) {
		if p.blocks.Address == 0 {
			return kernels.Tensor{}, ErrPoolClosed
		}
		return run()
	})
}

// fit gives a tensor in the room, which grows to it by a quarter at least, so that it seldom grows. What it held is lost then.
func (p *Pool) fit(s *room, rows, cols int) (kernels.Tensor, error) {
	if rows < 1 || rows > math.MaxInt/8/cols {
		return kernels.Tensor{}, fmt.Errorf("%d rows of %d numbers are none, or too many", rows, cols)
	}
	if bytes := 4 * rows * cols; bytes > s.bytes {
		if s.address != 0 {
			if err := p.device.machine.Free(s.address); err != nil {
				return kernels.Tensor{}, err
			}
		}
		bytes = max(bytes, s.bytes+s.bytes/4)
		*s = room{}
		address, err := p.device.machine.Alloc(bytes)
		if err != nil {
			return kernels.Tensor{}, err
		}
		*s = room{address, bytes}
	}
	return kernels.OnDevice(kernels.Float32, rows, cols, s.address), nil
}

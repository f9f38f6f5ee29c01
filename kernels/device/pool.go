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

// wordBytes is the size of the words that the copies of a pool move.
const wordBytes = 4

// Pool is the memory of a key-value cache on a device, (slots, parts, BlockTokens · width) numbers of one type, with
// the past and the present of one forward at a time, which lie there too. A part is one layer's keys, or its values.
//
// Its copies are put on the device's stream, and a method does not wait for them. So a forward on the same stream finds
// its past, and what is kept of its present is what it wrote; one on another stream may not. A copy's error is that of
// a later call, or of [Device.Wait]. Calls of several goroutines run one after another.
type Pool struct {
	device       *Device
	parts, width int
	blocks       kernels.Tensor // of the pool's type, (slots · parts, BlockTokens · width); its address is 0 once the pool is closed
	past         room
	present      room
}

// OpenPool takes memory for so many slots of numbers of a type. They hold anything until they are filled. A token's
// numbers must be a whole number of words of 4 bytes.
func (d *Device) OpenPool(typed kernels.Type, slots, parts, width int) (*Pool, error) {
	if slots < 1 || parts < 1 || width < 1 || slots > math.MaxInt/4/kernels.BlockTokens/parts/width {
		return nil, fmt.Errorf("pool: %d slots of %d parts, %d tokens and %d numbers; each must be positive, and their bytes an int",
			slots, parts, kernels.BlockTokens, width)
	}
	if width*typed.Size()%wordBytes != 0 {
		return nil, fmt.Errorf("pool: a token of %d numbers of %v is no whole number of words of %d bytes", width, typed, wordBytes)
	}
	return on(d, func() (*Pool, error) {
		rows, cols := slots*parts, kernels.BlockTokens*width
		address, err := d.machine.Alloc(typed.Size() * rows * cols)
		if err != nil {
			return nil, fmt.Errorf("pool: %w", err)
		}
		return &Pool{device: d, parts: parts, width: width, blocks: kernels.OnDevice(typed, rows, cols, address)}, nil
	})
}

// Gather gives the past that the slots hold, as [kernels.Host.GatherBlocks] does: (parts · len(slots), BlockTokens ·
// width). It is valid until the next Gather or Close.
func (p *Pool) Gather(slots []int64) (kernels.Tensor, error) {
	return p.call(func() (kernels.Tensor, error) {
		past, err := p.past.fit(p.device.machine, p.blocks.Type, p.parts*len(slots), p.blocks.Cols)
		if err != nil {
			return past, fmt.Errorf("past of %d blocks: %w", len(slots), err)
		}
		return past, p.device.kernels.GatherBlocks(p.blocks, p.parts, slots, past)
	})
}

// Present gives room for the present of a forward of so many tokens, at least 1: (parts · tokens, width). It holds
// anything, and is valid until the next Present or Close.
func (p *Pool) Present(tokens int) (kernels.Tensor, error) {
	return p.call(func() (kernels.Tensor, error) {
		present, err := p.present.fit(p.device.machine, p.blocks.Type, p.parts*tokens, p.width)
		if err != nil {
			return present, fmt.Errorf("present of %d tokens: %w", tokens, err)
		}
		return present, nil
	})
}

// Keep copies tokens of a present into slots, as [kernels.Host.KeepBlocks] does.
func (p *Pool) Keep(present kernels.Tensor, tokens, slots []int64) error {
	_, err := p.call(func() (kernels.Tensor, error) {
		return present, p.device.kernels.KeepBlocks(p.blocks, p.parts, present, tokens, slots)
	})
	return err
}

// Close gives the memory back. A second Close does nothing.
func (p *Pool) Close() error {
	_, err := on(p.device, func() (struct{}, error) {
		var errs []error
		if p.blocks.Address != 0 {
			errs = append(errs, p.device.machine.Free(p.blocks.Address))
		}
		p.blocks.Address = 0
		errs = append(errs, p.past.free(p.device.machine), p.present.free(p.device.machine))
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

// Package operators says how the CUDA kernels of the operators of domain assay are started: which kernel, on which
// grid, with which arguments, and which sizes it covers. docs/GPU.md defines what they compute.
package operators

import (
	"fmt"
	"math"

	"github.com/assay-rm/assay/kernels"
)

// Launch is one start of a kernel: what a machine's Launch is given, or the driver's cuLaunchKernel. The grid's third
// size is 1, the block is one row of threads, and all shared memory is the kernel's own. Where the grid has no blocks
// there is nothing to compute, and the driver would refuse it.
type Launch struct {
	Kernel    string
	Grid      [2]int
	Block     int
	Arguments []uint64
}

// On starts the kernel on a machine.
func (l Launch) On(machine kernels.Machine) error {
	if l.Grid[0] == 0 || l.Grid[1] == 0 {
		return nil
	}
	return machine.Launch(l.Kernel, l.Grid, l.Block, l.Arguments...)
}

// The shapes of the blocks, as the kernels' files have them.
const (
	normThreads      = 256
	gateThreads      = 256
	rotateThreads    = 128
	quantizeThreads  = 256
	scaleThreads     = 256
	attentionThreads = 128
	attentionRows    = 64
	chunk            = 8 // numbers of 16 bits in a load of 16 bytes
)

// The limits of a grid on every device, and of the numbers that a kernel counts in 32 bits.
const (
	maxGridX = math.MaxInt32
	maxGridY = 65535
	maxCount = math.MaxInt32
)

// checks collects what is wrong with a call; the first is its error.
type checks struct {
	operator string
	err      error
}

func (c *checks) refuse(format string, arguments ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(c.operator+": "+format, arguments...)
	}
}

// half refuses a compute type that has no kernel, and gives the end of the kernels' names.
func (c *checks) half(t kernels.Type) string {
	switch t {
	case kernels.Float16:
		return "_f16"
	case kernels.BFloat16:
		return "_bf16"
	default:
		c.refuse("it computes in float16 or bfloat16, and not in %v", t)
		return ""
	}
}

// size refuses a size that is outside a range, or no multiple of a number.
func (c *checks) size(name string, value, least, most, multiple int) {
	switch {
	case value < least || value > most:
		c.refuse("%s is %d, and must be from %d to %d", name, value, least, most)
	case value%multiple != 0:
		c.refuse("%s is %d, and must be a multiple of %d, since a load takes %d bytes", name, value, multiple, 2*chunk)
	}
}

// address refuses memory from which 16 bytes cannot be loaded at once. Null is memory of no numbers, where it may be.
func (c *checks) address(name string, address uintptr, numbers int) uint64 {
	return c.aligned(name, address, numbers, 2*chunk)
}

// integers refuses memory from which no int64 can be loaded.
func (c *checks) integers(name string, address uintptr, numbers int) uint64 {
	return c.aligned(name, address, numbers, 8)
}

// floats refuses memory from which no float32 can be loaded.
func (c *checks) floats(name string, address uintptr, numbers int) uint64 {
	return c.aligned(name, address, numbers, 4)
}

func (c *checks) aligned(name string, address uintptr, numbers int, to uintptr) uint64 {
	switch {
	case address == 0 && numbers > 0:
		c.refuse("%s has no memory", name)
	case address%to != 0:
		c.refuse("%s lies at %#x, and must lie at a multiple of %d", name, address, to)
	}
	return uint64(address)
}

// launch is the launch, if nothing is wrong.
func (c *checks) launch(kernel string, gridX, gridY, block int, arguments ...uint64) (Launch, error) {
	if gridX > maxGridX || gridY > maxGridY {
		c.refuse("%d by %d blocks are over the limit of %d by %d; send fewer tokens in one forward", gridX, gridY, maxGridX, maxGridY)
	}
	if c.err != nil {
		return Launch{}, c.err
	}
	return Launch{Kernel: kernel, Grid: [2]int{gridX, gridY}, Block: block, Arguments: arguments}, nil
}

// blocks is how many blocks of so many cover n.
func blocks(n, each int) int { return (n + each - 1) / each }

func bits(x float32) uint64 { return uint64(math.Float32bits(x)) }

func flag(is bool) uint64 {
	if is {
		return 1
	}
	return 0
}

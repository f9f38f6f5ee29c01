//go:build gpu

package device

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"unsafe"

	"gorgonia.org/cu"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/ptx"
)

const (
	smallest = 8  // buffers are of 2^8 bytes, 2^9, …
	kept     = 26 // up to 2^26; larger ones go back to the driver at once
)

// machine is a device's context, memory and kernels. Only the device's goroutine uses it.
type machine struct {
	ordinal   int
	device    cu.Device
	name      string
	retained  bool
	context   cu.CUContext
	stream    cu.Stream
	modules   []cu.Module
	operators []string               // PTX of the operators' modules that are not loaded: each is when a kernel of it is asked for
	functions map[string]cu.Function // by name, once used
	used      map[uintptr]int        // address to the power of two that its buffer has
	free      [kept + 1][]uintptr    // by power of two
}

var _ kernels.Machine = (*machine)(nil)

func newMachine(ordinal int) *machine {
	return &machine{ordinal: ordinal, functions: map[string]cu.Function{}, used: map[uintptr]int{}}
}

// open makes the device's primary context current on this goroutine's thread, and loads the kernels. After an error,
// close must follow.
func (m *machine) open() error {
	fail := func(what string, err error) error { return fmt.Errorf("device %d: %s: %w", m.ordinal, what, err) }
	var err error
	if m.device, err = cu.GetDevice(m.ordinal); err != nil {
		return fail("find", err)
	}
	if m.name, err = m.device.Name(); err != nil {
		return fail("name", err)
	}
	major, err := m.device.Attribute(cu.ComputeCapabilityMajor)
	if err != nil {
		return fail("compute capability", err)
	}
	modules, err := ptx.Modules(major)
	if err == nil {
		m.operators, err = ptx.Operators(major)
	}
	if err != nil {
		return fail(m.name, err)
	}
	if m.context, err = m.device.RetainPrimaryCtx(); err != nil {
		return fail("retain the primary context", err)
	}
	m.retained = true
	if err := m.context.Lock(); err != nil {
		return fail("make the primary context current", err)
	}
	if m.stream, err = cu.MakeStream(cu.DefaultStream); err != nil {
		return fail("make a stream", err)
	}
	for _, text := range modules {
		if err := m.load(text); err != nil {
			return err
		}
	}
	return nil
}

// unsupportedPTX is CUDA_ERROR_UNSUPPORTED_PTX_VERSION, as package cu says it.
const unsupportedPTX = "UnknownErrorCode:222"

// load has the driver compile a module.
func (m *machine) load(text string) error {
	module, err := cu.LoadData(text)
	if err != nil && err.Error() == unsupportedPTX {
		version := cu.Version()
		return fmt.Errorf("device %d: the driver, of CUDA %d.%d, is too old for the kernels' PTX: install one of CUDA 12.4 or later",
			m.ordinal, version/1000, version%1000/10)
	}
	if err != nil {
		return fmt.Errorf("device %d: load the kernels: %w", m.ordinal, err)
	}
	m.modules = append(m.modules, module)
	return nil
}

// close frees everything that open and Alloc took, and joins what goes wrong.
func (m *machine) close() error {
	if !m.retained {
		return nil
	}
	var errs []error
	for address := range m.used {
		errs = append(errs, cu.MemFree(cu.DevicePtr(address)))
	}
	for _, addresses := range m.free {
		for _, address := range addresses {
			errs = append(errs, cu.MemFree(cu.DevicePtr(address)))
		}
	}
	for _, module := range m.modules {
		errs = append(errs, module.Unload())
	}
	if m.stream != cu.NoStream {
		errs = append(errs, m.stream.Destroy())
	}
	errs = append(errs, m.context.Unlock(), m.device.ReleasePrimaryCtx())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("device %d: close: %w", m.ordinal, err)
	}
	return nil
}

func (m *machine) streamHandle() uintptr { return uintptr(unsafe.Pointer(m.stream.C())) }

// Alloc implements [kernels.Machine]. Buffers are kept for reuse, since the driver's own allocation waits for the
// device.
func (m *machine) Alloc(bytes int) (uintptr, error) {
	power := max(bits.Len(uint(bytes-1)), smallest)
	if power <= kept {
		if free := m.free[power]; len(free) > 0 {
			address := free[len(free)-1]
			m.free[power] = free[:len(free)-1]
			m.used[address] = power
			return address, nil
		}
		bytes = 1 << power
	}
	memory, err := cu.MemAlloc(int64(bytes))
	if err != nil {
		return 0, fmt.Errorf("device %d: allocate %d bytes: %w", m.ordinal, bytes, err)
	}
	m.used[memory.Uintptr()] = power
	return memory.Uintptr(), nil
}

// Free implements [kernels.Machine].
func (m *machine) Free(address uintptr) error {
	power, used := m.used[address]
	if !used {
		return fmt.Errorf("device %d: free: %#x is no buffer", m.ordinal, address)
	}
	delete(m.used, address)
	if power <= kept {
		m.free[power] = append(m.free[power], address)
		return nil
	}
	if err := cu.MemFree(cu.DevicePtr(address)); err != nil {
		return fmt.Errorf("device %d: free: %w", m.ordinal, err)
	}
	return nil
}

// Write implements [kernels.Machine]. The stream is one that waits for this copy, and for which this copy waits.
func (m *machine) Write(address uintptr, from []byte) error {
	if err := cu.MemcpyHtoD(cu.DevicePtr(address), unsafe.Pointer(unsafe.SliceData(from)), int64(len(from))); err != nil {
		return fmt.Errorf("device %d: copy %d bytes to the device: %w", m.ordinal, len(from), err)
	}
	return nil
}

// Read implements [kernels.Machine]. It waits for the kernels before it, and its error may be theirs.
func (m *machine) Read(into []byte, address uintptr) error {
	if err := cu.MemcpyDtoH(unsafe.Pointer(unsafe.SliceData(into)), cu.DevicePtr(address), int64(len(into))); err != nil {
		return fmt.Errorf("device %d: run the kernels and copy %d bytes back: %w", m.ordinal, len(into), err)
	}
	return nil
}

// Launch implements [kernels.Machine].
func (m *machine) Launch(kernel string, grid [2]int, block int, arguments ...uint64) error {
	function, err := m.function(kernel)
	if err != nil {
		return err
	}
	parameters := make([]unsafe.Pointer, len(arguments))
	for i := range arguments {
		parameters[i] = unsafe.Pointer(&arguments[i])
	}
	if err := function.Launch(grid[0], grid[1], 1, block, 1, 1, 0, m.stream, parameters); err != nil {
		return fmt.Errorf("device %d: launch %s on %d by %d blocks of %d: %w", m.ordinal, kernel, grid[0], grid[1], block, err)
	}
	return nil
}

// wait returns when all that was put on the stream is done. Its error may be a kernel's.
func (m *machine) wait() error {
	if err := m.stream.Synchronize(); err != nil {
		return fmt.Errorf("device %d: run the kernels: %w", m.ordinal, err)
	}
	return nil
}

func (m *machine) function(kernel string) (cu.Function, error) {
	if function, ok := m.functions[kernel]; ok {
		return function, nil
	}
	for i, text := range m.operators {
		if strings.Contains(text, ".entry "+kernel+"(") {
			if err := m.load(text); err != nil {
				return cu.Function{}, err
			}
			m.operators = slices.Delete(m.operators, i, i+1)
			break
		}
	}
	for _, module := range m.modules {
		if function, err := module.Function(kernel); err == nil {
			m.functions[kernel] = function
			return function, nil
		}
	}
	return cu.Function{}, fmt.Errorf("device %d: there is no kernel %s", m.ordinal, kernel)
}

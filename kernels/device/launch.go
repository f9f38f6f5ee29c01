//go:build gpu

package device

// Launch puts a kernel on the device's stream, behind what is there; its error may be that of an earlier one. Numbers
// are passed by their bits, and memory by its address.
func (d *Device) Launch(kernel string, grid [2]int, block int, arguments ...uint64) error {
	_, err := on(d, func() (struct{}, error) { return struct{}{}, d.machine.Launch(kernel, grid, block, arguments...) })
	return err
}

// Alloc takes memory of the device, which holds anything, until Release or Close.
func (d *Device) Alloc(bytes int) (uintptr, error) {
	return on(d, func() (uintptr, error) { return d.machine.Alloc(bytes) })
}

// Release gives memory back that Alloc took.
func (d *Device) Release(address uintptr) error {
	_, err := on(d, func() (struct{}, error) { return struct{}{}, d.machine.Free(address) })
	return err
}

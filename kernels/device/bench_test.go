//go:build gpu

package device

import (
	"encoding/binary"
	"errors"
	"fmt"
	"testing"

	"gorgonia.org/cu"

	"github.com/assay-rm/assay/kernels"
)

// BenchmarkKernels times launches by the device's own events and gives the rate at which each kernel reads what it
// must, and its share of the device's peak. A fake device gets small shapes, and its numbers say nothing.
func BenchmarkKernels(b *testing.B) {
	d := open(b)
	rows, width := 8192, 4096
	if d.Name() == fake {
		rows, width = 4, 64
	}
	b.Run(fmt.Sprintf("linear/float32/%dx%d", rows, width), func(b *testing.B) {
		hidden, weight, out := scratch(b, d, 4*rows*width), scratch(b, d, 4*width), scratch(b, d, 4*rows)
		measure(b, d, 4*rows*width, "linear_f32", [2]int{(rows + 3) / 4, 1}, 128, hidden, 0, weight, 0, out,
			uint64(rows), uint64(rows), uint64(width), 1, 0)
	})
	slots, parts, kvWidth, blocks := 1024, 56, 512, 512 // of a model of 7 billion parameters; the past of 8,192 tokens
	if d.Name() == fake {
		slots, parts, kvWidth, blocks = 8, 4, 16, 4
	}
	size := 4 * kernels.BlockTokens * kvWidth
	name := fmt.Sprintf("/%dx%dx%d", blocks, parts, kvWidth)
	b.Run("gather_blocks"+name, func(b *testing.B) { // bytes read and written
		pool, named, past := scratch(b, d, slots*parts*size), indices(b, d, blocks, slots), scratch(b, d, parts*blocks*size)
		measure(b, d, 2*parts*blocks*size, "gather_blocks", [2]int{parts * blocks, 1}, 256, pool, named, past, uint64(parts), uint64(blocks), uint64(size/4))
	})
	b.Run("keep_blocks"+name, func(b *testing.B) { // bytes read and written
		rows := blocks * kernels.BlockTokens
		pool, named, tokens := scratch(b, d, slots*parts*size), indices(b, d, blocks, slots), indices(b, d, rows, rows)
		present := scratch(b, d, parts*rows*4*kvWidth)
		measure(b, d, 2*parts*blocks*size, "keep_blocks", [2]int{parts * blocks, 1}, 256, present, tokens, named, pool, uint64(parts), uint64(rows), uint64(kvWidth))
	})
	benchmarkOperators(b, d)
	benchmarkEncoders(b, d)
	benchmarkProducts(b, d)
	benchmarkIntegers(b, d)
}

// scratch is device memory of zeros for one test or benchmark.
func scratch(tb testing.TB, d *Device, bytes int) uint64 {
	tb.Helper()
	address := memory(tb, d, bytes)
	const piece = 1 << 26
	zeros := make([]byte, min(bytes, piece))
	for at := 0; at < bytes; at += piece {
		writeAt(tb, d, address+uint64(at), zeros[:min(piece, bytes-at)])
	}
	return address
}

// put is device memory that holds bytes.
func put(tb testing.TB, d *Device, bytes []byte) uint64 {
	tb.Helper()
	address := memory(tb, d, len(bytes))
	writeAt(tb, d, address, bytes)
	return address
}

// memory is device memory that holds anything until the test ends.
func memory(tb testing.TB, d *Device, bytes int) uint64 {
	tb.Helper()
	address, err := on(d, func() (uintptr, error) { return d.machine.Alloc(bytes) })
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := d.Free(kernels.Tensor{Address: address}); err != nil {
			tb.Error(err)
		}
	})
	return uint64(address)
}

func writeAt(tb testing.TB, d *Device, address uint64, bytes []byte) {
	tb.Helper()
	if _, err := on(d, func() (struct{}, error) { return struct{}{}, d.machine.Write(uintptr(address), bytes) }); err != nil {
		tb.Fatal(err)
	}
}

// indices are n different numbers below a power of two, not in order, in device memory.
func indices(b *testing.B, d *Device, n, limit int) uint64 {
	b.Helper()
	numbers := make([]int64, n)
	for i := range numbers {
		numbers[i] = int64(i * 5 % limit)
	}
	return written(b, d, numbers)
}

// written are numbers in device memory.
func written(b *testing.B, d *Device, of []int64) uint64 {
	b.Helper()
	numbers := make([]byte, 0, 8*len(of))
	for _, number := range of {
		numbers = binary.LittleEndian.AppendUint64(numbers, uint64(number))
	}
	return put(b, d, numbers)
}

// measure times a kernel that reads and writes so many bytes, as measureRuns does.
func measure(b *testing.B, d *Device, bytes int, kernel string, grid [2]int, block int, arguments ...uint64) float64 {
	b.Helper()
	return measureRuns(b, d, bytes, func() error { return d.machine.Launch(kernel, grid, block, arguments...) })
}

// measureRuns runs once to warm up and then b.N times between two events, on the device's goroutine, and gives the
// seconds of one run.
func measureRuns(b *testing.B, d *Device, bytes int, run func() error) float64 {
	b.Helper()
	seconds, err := on(d, func() (float64, error) {
		if err := run(); err != nil {
			return 0, err
		}
		return timed(d.machine.stream, func() error {
			for range b.N {
				if err := run(); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err != nil {
		b.Fatal(err)
	}
	rate := float64(bytes) * float64(b.N) / seconds
	b.ReportMetric(seconds/float64(b.N)*1e6, "device-us/op")
	b.ReportMetric(rate/1e9, "GB/s")
	if peak := peak(b, d); peak > 0 {
		b.ReportMetric(100*rate/peak, "%peak")
	}
	return seconds / float64(b.N)
}

// timed gives the seconds that pass on a stream while it does what run puts there.
func timed(stream cu.Stream, run func() error) (seconds float64, err error) {
	var events [2]cu.Event
	for i := range events {
		if events[i], err = cu.MakeEvent(cu.DefaultEvent); err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, cu.DestroyEvent(&events[i])) }()
	}
	if err := errors.Join(events[0].Record(stream), run(), events[1].Record(stream), events[1].Synchronize()); err != nil {
		return 0, err
	}
	milliseconds, err := events[0].Elapsed(events[1])
	return milliseconds / 1e3, err
}

// peak is the device's memory bandwidth in bytes a second, of its clock and bus: two transfers a tick. 0: it does not
// say.
func peak(b *testing.B, d *Device) float64 {
	b.Helper()
	clock, err := d.machine.device.Attribute(cu.MemoryClockRate) // kHz
	if err != nil {
		b.Fatal(err)
	}
	width, err := d.machine.device.Attribute(cu.GlobalMemoryBusWidth) // bits
	if err != nil {
		b.Fatal(err)
	}
	return 2 * float64(clock) * 1e3 * float64(width) / 8
}

//go:build gpu

package device

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gorgonia.org/cu"

	"github.com/assay-rm/assay/kernels"
)

// write and read reach memory of the device, as a forward does.
func write(t *testing.T, d *Device, to kernels.Tensor, from []byte) {
	t.Helper()
	if _, err := on(d, func() (struct{}, error) { return struct{}{}, d.machine.Write(to.Address, from) }); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, d *Device, from kernels.Tensor) []byte {
	t.Helper()
	into := make([]byte, from.Rows*from.Cols*from.Type.Size())
	if _, err := on(d, func() (struct{}, error) { return struct{}{}, d.machine.Read(into, from.Address) }); err != nil {
		t.Fatal(err)
	}
	return into
}

// zeros is a tensor of zeros on the host.
func zeros(typed kernels.Type, rows, cols int) kernels.Tensor {
	if typed == kernels.Float32 {
		return kernels.Matrix(rows, cols, make([]float32, rows*cols))
	}
	return kernels.Tensor{Type: typed, Rows: rows, Cols: cols, Halves: make([]uint16, rows*cols)}
}

func openPool(t *testing.T, d *Device, typed kernels.Type, slots, parts, width int) *Pool {
	t.Helper()
	pool, err := d.OpenPool(typed, slots, parts, width)
	if err != nil {
		t.Fatal(err)
	}
	return pool
}

func bitsOf(numbers []float32) []uint32 {
	bits := make([]uint32, len(numbers))
	for i, number := range numbers {
		bits[i] = math.Float32bits(number)
	}
	return bits
}

// freeBytes is the free memory of the device.
func freeBytes(t *testing.T, d *Device) int64 {
	t.Helper()
	bytes, err := on(d, func() (int64, error) { bytes, _, err := cu.MemInfo(); return bytes, err })
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

// forwards takes a pool through so many forwards of random sizes beside a pool on the host: both must give the same
// past, to the last bit.
func forwards(t *testing.T, d *Device, pool *Pool, host kernels.Tensor, r *rand.Rand, count int) {
	t.Helper()
	typed, parts, width := pool.blocks.Type, pool.parts, pool.width
	slots := host.Rows / parts
	for range count {
		tokens := kernels.BlockTokens + r.IntN(100)
		written := zeros(typed, parts*tokens, width)
		for i := range written.Bytes() {
			written.Bytes()[i] = byte(r.Uint32())
		}
		present, err := pool.Present(tokens)
		if err != nil {
			t.Fatal(err)
		}
		write(t, d, present, written.Bytes())
		var into, kept []int64
		for _, slot := range r.Perm(slots)[:r.IntN(slots+1)] {
			into = append(into, int64(slot))
			for range kernels.BlockTokens {
				kept = append(kept, r.Int64N(int64(tokens)))
			}
		}
		if err := errors.Join(pool.Keep(present, kept, into), kernels.Host{}.KeepBlocks(host, parts, written, kept, into)); err != nil {
			t.Fatal(err)
		}
		from := make([]int64, 1+r.IntN(2*slots))
		for i := range from {
			from[i] = r.Int64N(int64(slots))
		}
		past, err := pool.Gather(from)
		if err != nil {
			t.Fatal(err)
		}
		want := zeros(typed, parts*len(from), host.Cols)
		if err := (kernels.Host{}).GatherBlocks(host, parts, from, want); err != nil {
			t.Fatal(err)
		}
		if got := read(t, d, past); !bytes.Equal(got, want.Bytes()) {
			t.Fatalf("slots %d of a pool of %v, %d parts of width %d are not what was kept there", from, typed, parts, width)
		}
	}
}

// A pool on the device holds what one on the host does, forward after forward, and takes no memory once its buffers
// have grown.
func TestPool(t *testing.T) {
	d := open(t)
	for _, of := range []struct {
		typed kernels.Type
		width int
	}{{kernels.Float32, 1}, {kernels.Float32, 5}, {kernels.Float32, 64}, {kernels.Float16, 64}, {kernels.BFloat16, 10}} {
		const slots, parts = 9, 6
		typed, width := of.typed, of.width
		r := rand.New(rand.NewPCG(uint64(width), uint64(typed)))
		pool := openPool(t, d, typed, slots, parts, width)
		host := zeros(typed, slots*parts, kernels.BlockTokens*width)
		largest, err1 := pool.Present(kernels.BlockTokens + 100)
		_, err2 := pool.Gather(make([]int64, 2*slots))
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		for n := range slots + 1 { // indices lie in buffers of 2^8 bytes, 2^9, …
			if err := pool.Keep(largest, make([]int64, n*kernels.BlockTokens), []int64{0, 1, 2, 3, 4, 5, 6, 7, 8}[:n]); err != nil {
				t.Fatal(err)
			}
		}
		write(t, d, pool.blocks, host.Bytes())
		past, present, free := pool.past, pool.present, freeBytes(t, d)
		forwards(t, d, pool, host, r, 20)
		if pool.past != past || pool.present != present || d.Name() == fake && freeBytes(t, d) != free {
			t.Errorf("%v, width %d: forwards that fit took other memory, %d bytes more", typed, width, free-freeBytes(t, d))
		}
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A pool's buffers grow to what is asked, and by a quarter at least.
func TestPoolGrows(t *testing.T) {
	d := open(t)
	for _, typed := range []kernels.Type{kernels.Float32, kernels.BFloat16} {
		grows(t, d, openPool(t, d, typed, 4, 2, 8), typed.Size())
	}
}

// grows tries a pool of 2 parts of width 8 whose numbers have so many bytes.
func grows(t *testing.T, d *Device, pool *Pool, size int) {
	t.Helper()
	for _, step := range []struct{ tokens, numbers int }{{100, 1600}, {10, 1600}, {101, 2000}, {125, 2000}, {1000, 16000}} {
		present, err := pool.Present(step.tokens)
		if err != nil {
			t.Fatal(err)
		}
		if pool.present.bytes != size*step.numbers || present.Rows != 2*step.tokens || present.Cols != 8 || present.Address%256 != 0 && d.Name() != fake {
			t.Errorf("a present of %d tokens is %+v in %d bytes, want %d", step.tokens, present, pool.present.bytes, size*step.numbers)
		}
		write(t, d, present, make([]byte, 2*step.tokens*8*size)) // all of it is there
	}
	if err := pool.Close(); err != nil {
		t.Error(err)
	}
}

// What cannot be is refused in a sentence, and changes nothing.
func TestPoolRefuses(t *testing.T) {
	d := open(t)
	refused := func(what string, err error, want string) {
		t.Helper()
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", what, err, want)
		}
	}
	for _, shape := range [][3]int{{0, 1, 1}, {1, 0, 1}, {1, 1, 0}, {-1, 1, 1}, {1 << 40, 1 << 10, 1 << 10}} {
		_, err := d.OpenPool(kernels.Float32, shape[0], shape[1], shape[2])
		refused("a shape", err, "pool: ")
	}
	_, err := d.OpenPool(kernels.Float32, 1<<30, 56, 512)
	refused("a pool of 1.9 PB", err, "pool: device 0: allocate 1970324836974592 bytes: ")
	_, err = d.OpenPool(kernels.Float16, 3, 2, 5)
	refused("half a word", err, "pool: a token of 5 numbers of float16 is no whole number of words of 4 bytes")
	_, err = d.OpenPool(kernels.Float16, 1<<30, 56, 512)
	refused("half as large a pool", err, "pool: device 0: allocate 985162418487296 bytes: ")
	pool := openPool(t, d, kernels.Float32, 3, 2, 4)
	write(t, d, pool.blocks, make([]byte, 4*3*2*16*4))
	_, err = pool.Gather([]int64{0, 3})
	refused("a slot", err, "slots: number 1 is 3, and there are 3 slots")
	_, err = pool.Gather(nil)
	refused("no slots", err, "past of 0 blocks: 0 rows of 64 numbers are none, or too many")
	_, err = pool.Present(0)
	refused("no tokens", err, "present of 0 tokens: 0 rows of 4 numbers are none, or too many")
	_, err = pool.Present(math.MaxInt / 64)
	refused("too many tokens", err, "present of 144115188075855871 tokens: ")
	present, err := pool.Present(20)
	if err != nil {
		t.Fatal(err)
	}
	tokens := make([]int64, 16)
	tokens[5] = 20
	refused("a token", pool.Keep(present, tokens, []int64{0}), "tokens: number 5 is 20, and there are 20 tokens")
	refused("a slot", pool.Keep(present, make([]int64, 16), []int64{-1}), "slots: number 0 is -1, and there are 3 slots")
	if got := read(t, d, pool.blocks); !bytes.Equal(got, make([]byte, len(got))) {
		t.Error("a refused call has changed the pool")
	}
	if err := pool.Close(); err != nil {
		t.Error(err)
	}
}

// Close gives all memory back, once; then the pool answers so, and a device's Close answers before it.
func TestPoolClose(t *testing.T) {
	keeper := open(t)
	before := freeBytes(t, keeper)
	d, err := Open(0)
	if err != nil {
		t.Fatal(err)
	}
	pool, other := openPool(t, d, kernels.Float32, 300, 4, 1024), openPool(t, d, kernels.Float32, 3, 4, 16) // 78,643,200 bytes: freed at once
	taken := freeBytes(t, keeper)
	if _, err := pool.Gather([]int64{0}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(pool.Close(), pool.Close()); err != nil {
		t.Error(err)
	}
	if now := freeBytes(t, keeper); d.Name() == fake && now-taken < 78e6 {
		t.Errorf("Close gave %d bytes back", now-taken)
	}
	if _, err := pool.Gather([]int64{0}); !errors.Is(err, ErrPoolClosed) {
		t.Errorf("Gather after Close: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if _, err := other.Present(1); !errors.Is(err, ErrClosed) {
		t.Errorf("Present after the device's Close: %v", err)
	}
	if after := freeBytes(t, keeper); keeper.Name() == fake && after != before {
		t.Errorf("%d bytes were not freed", before-after)
	}
}

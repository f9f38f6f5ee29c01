//go:build gpu

package device

import (
	"errors"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"gorgonia.org/cu"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/kerneltest"
)

// fake is the name of the fake driver's device.
const fake = "cpu fibers"

// open takes device 0 until the test ends. With ASSAY_REQUIRE_GPU=1 the fake one is a failure.
func open(tb testing.TB) *Device {
	tb.Helper()
	d, err := Open(0)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := d.Close(); err != nil {
			tb.Error(err)
		}
	})
	tb.Logf("device: %s", d.Name())
	if d.Name() == fake && os.Getenv("ASSAY_REQUIRE_GPU") == "1" {
		tb.Fatal("ASSAY_REQUIRE_GPU=1, and the device is the fake one")
	}
	return d
}

// The kernels hold to their definitions. The seed of the fake driver's threads is that of the numbers too.
func TestKernels(t *testing.T) {
	seed, _ := strconv.ParseUint(os.Getenv("FAKECUDA_SEED"), 10, 64)
	kerneltest.Run(t, open(t), seed, kerneltest.Checks())
}

// So do the kernels of the operators.
func TestKernelsOfOperators(t *testing.T) {
	seed, _ := strconv.ParseUint(os.Getenv("FAKECUDA_SEED"), 10, 64)
	d := open(t)
	for _, check := range kerneltest.OperatorChecks() {
		t.Run(check.Kernel+"/"+check.Name, func(t *testing.T) {
			worst, err := on(d, func() (kerneltest.Worst, error) { return check.Run(d.machine, seed) })
			t.Logf("%s, seed %d: worst error %.2g, %.0f %% of the limit", t.Name(), seed, worst.Error, 100*worst.Share)
			if err != nil {
				t.Errorf("seed %d: %v", seed, err)
			}
		})
	}
}

// What lies on the device gives the same bits as what is copied there for a call.
func TestDeviceTensors(t *testing.T) {
	d := open(t)
	numbers := make([]float32, 6*40)
	for i := range numbers {
		numbers[i] = float32(math.Sin(float64(i)))
	}
	upload := func(tensor kernels.Tensor) kernels.Tensor {
		t.Helper()
		there, err := d.Upload(tensor)
		if err != nil {
			t.Fatal(err)
		}
		return there
	}
	host, weight := kernels.Matrix(6, 40, numbers), kernels.Matrix(2, 40, numbers[:80])
	there := upload(host)
	head := kernels.Head{Layers: []kernels.Layer{{Weight: weight, Bias: kernels.Matrix(1, 2, numbers[:2])}}, Output: kernels.Softmax}
	onDevice := head
	onDevice.Layers = []kernels.Layer{{Weight: upload(weight), Bias: upload(head.Layers[0].Bias)}}
	pooled := func(hidden kernels.Tensor, head kernels.Head) []uint32 {
		t.Helper()
		labels, err := d.PooledHead(hidden, []int64{5, 0, 6, -1}, head)
		if err != nil {
			t.Fatal(err)
		}
		return bitsOf(labels)
	}
	if want, got := pooled(host, head), pooled(there, onDevice); !slices.Equal(want, got) {
		t.Errorf("tensors on the device give\n%v, and on the host\n%v", got, want)
	}
	if err := d.Free(there); err != nil {
		t.Error(err)
	}
	if err := d.Free(there); err == nil || !strings.Contains(err.Error(), "is no buffer") {
		t.Errorf("freed twice: %v", err)
	}
	if _, err := d.Upload(onDevice.Layers[0].Weight); err == nil {
		t.Error("a tensor on the device was uploaded")
	}
	if _, err := d.Upload(kernels.Matrix(2, 2, numbers)); err == nil || !strings.HasPrefix(err.Error(), "upload: (2, 2) float32 has 240 numbers") {
		t.Errorf("a tensor that is not as it says: %v", err)
	}
}

// logistic is the head sigmoid(x), of rows of one number.
var logistic = kernels.Head{Layers: []kernels.Layer{{Weight: kernels.Matrix(1, 1, []float32{1})}}, Output: kernels.Sigmoid}

// Goroutines share a device, and each gets its own answer.
func TestConcurrentCalls(t *testing.T) {
	d := open(t)
	var callers sync.WaitGroup
	for caller := range 8 {
		callers.Go(func() {
			for range 5 {
				got, err := d.PooledHead(kernels.Matrix(1, 1, []float32{float32(caller)}), []int64{0}, logistic)
				want := 1 / (1 + math.Exp(-float64(caller)))
				if err != nil || math.Abs(float64(got[0])-want) > 1e-6 {
					t.Errorf("caller %d: got %v, %v, want %g", caller, got, err, want)
				}
			}
		})
	}
	callers.Wait()
}

// Close frees all memory, also of tensors that were uploaded and of buffers that are kept, and ends the calls that come
// after it.
func TestClose(t *testing.T) {
	keeper := open(t) // holds the primary context, so that the free memory can be asked for
	free := func() int64 {
		bytes, err := on(keeper, func() (int64, error) { bytes, _, err := cu.MemInfo(); return bytes, err })
		if err != nil {
			t.Fatal(err)
		}
		return bytes
	}
	before := free()
	d, err := Open(0)
	if err != nil {
		t.Fatal(err)
	}
	if d.Stream() == 0 || d.Stream() == keeper.Stream() {
		t.Errorf("the stream is %#x", d.Stream())
	}
	weight, err := d.Upload(kernels.Matrix(1, 1<<20, make([]float32, 1<<20)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.PooledHead(weight, []int64{0}, kernels.Head{Layers: []kernels.Layer{{Weight: weight}}}); err != nil {
		t.Fatal(err)
	}
	if d.Name() == fake && before-free() < 1<<22 {
		t.Errorf("%d bytes are taken, and the tensor alone has %d", before-free(), 1<<22)
	}
	if err := errors.Join(d.Close(), d.Close()); err != nil {
		t.Error(err)
	}
	if after := free(); d.Name() == fake && after != before { // a GPU may be shared
		t.Errorf("%d bytes were not freed", before-after)
	}
	if _, err := d.PooledHead(kernels.Matrix(1, 1, []float32{1}), []int64{0}, logistic); !errors.Is(err, ErrClosed) {
		t.Errorf("a call after Close: %v", err)
	}
	if err := d.Free(weight); !errors.Is(err, ErrClosed) {
		t.Errorf("Free after Close: %v", err)
	}
}

// The driver's refusals are errors that say what was asked of it.
func TestErrors(t *testing.T) {
	if _, err := Open(99); err == nil || !strings.HasPrefix(err.Error(), "device 99: find: ") {
		t.Errorf("a device that there is not: %v", err)
	}
	d := open(t)
	launch := func(kernel string, block int) string {
		_, err := on(d, func() (struct{}, error) { return struct{}{}, d.machine.Launch(kernel, [2]int{1, 1}, block, 0, 0, 0) })
		if err == nil {
			return ""
		}
		return err.Error()
	}
	if got := launch("no_kernel", 32); got != "device 0: there is no kernel no_kernel" {
		t.Errorf("an unknown kernel: %q", got)
	}
	if got := launch("softmax_rows", 256); !strings.HasPrefix(got, "device 0: launch softmax_rows on 1 by 1 blocks of 256: ") {
		t.Errorf("more threads than the kernel was built for: %q", got)
	}
	if got := launch("softmax_rows", 128); got != "" { // no rows
		t.Error(got)
	}
	half := kernels.Tensor{Type: kernels.Float16, Rows: 1, Cols: 1, Halves: make([]uint16, 1)}
	if _, err := d.PooledHead(half, []int64{0}, logistic); err == nil || err.Error() != "device 0: there is no kernel linear_f16" {
		t.Errorf("hidden states of 16 bits, for which there is no PTX: %v", err)
	}
	_, err := on(d, func() (uintptr, error) { return d.machine.Alloc(1 << 50) })
	if err == nil || !strings.HasPrefix(err.Error(), "device 0: allocate 1125899906842624 bytes: ") {
		t.Errorf("a petabyte: %v", err)
	}
}

// A device of compute capability 8 takes the kernels too, and an older one is refused.
func TestComputeCapability(t *testing.T) {
	if open(t).Name() != fake {
		t.Skip("only the fake driver's device can be another")
	}
	t.Setenv("FAKECUDA_MAJOR", "8")
	d, err := Open(0)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := d.PooledHead(kernels.Matrix(1, 1, []float32{0}), []int64{0}, logistic); err != nil || got[0] != 0.5 {
		t.Errorf("on compute capability 8: %v, %v", got, err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	t.Setenv("FAKECUDA_MAJOR", "7")
	if _, err := Open(0); err == nil || err.Error() != "device 0: cpu fibers: compute capability 7.x is below 8.0, the lowest that there are kernels for" {
		t.Errorf("on compute capability 7: %v", err)
	}
}

// A driver that is older than the PTX is named, with what mends it.
func TestOldDriver(t *testing.T) {
	if open(t).Name() != fake {
		t.Skip("only the fake driver can be another")
	}
	t.Setenv("FAKECUDA_VERSION", "12020")
	want := "device 0: the driver, of CUDA 12.2, is too old for the kernels' PTX: install one of CUDA 12.4 or later"
	if _, err := Open(0); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// Two devices of one process have memory and a stream each: what one is given lies there and nowhere else.
func TestTwoDevices(t *testing.T) {
	if open(t).Name() != fake {
		t.Skip("there may be one GPU")
	}
	t.Setenv("FAKECUDA_DEVICES", "2")
	one := open(t)
	two, err := Open(1)
	if err != nil {
		t.Fatal(err)
	}
	defer two.Close() //nolint:errcheck // the test is over
	if one.Stream() == two.Stream() {
		t.Error("both have one stream")
	}
	weight := kernels.Matrix(1, 1, []float32{3})
	there, err := two.Upload(weight)
	if err != nil {
		t.Fatal(err)
	}
	head := kernels.Head{Layers: []kernels.Layer{{Weight: there}}}
	if got, err := two.PooledHead(kernels.Matrix(1, 1, []float32{2}), []int64{0}, head); err != nil || got[0] != 6 {
		t.Errorf("where the weight lies: %v, %v", got, err)
	}
	if _, err := on(one, func() (struct{}, error) { return struct{}{}, one.machine.Write(there.Address, weight.Bytes()) }); err == nil {
		t.Error("the first device writes into the memory of the second")
	}
}

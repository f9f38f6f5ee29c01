package processor_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"
	"unsafe"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/processor"
	"github.com/assay-rm/assay/kernels/processor/processortest"
)

var productsFile = flag.String("products", "", "write what BenchmarkProducts measured to this JSON `FILE`, which bench/run.sh -products shows")

type point struct {
	Rows    int     `json:"rows"`
	Inner   int     `json:"inner"`
	Columns int     `json:"columns"`
	GFlops  float64 `json:"gflops"`
}

type series struct {
	Name   string  `json:"name"`
	Bytes  int     `json:"bytes"`
	Points []point `json:"points"`
}

// BenchmarkProducts measures the best tier's products by kind and size, on all processors: the fastest of some runs.
//
//	go test -run '^$' -bench Products -benchtime 1x ./kernels/processor -products FILE
func BenchmarkProducts(b *testing.B) {
	machines := processortest.Machines()
	m := machines[len(machines)-1]
	var all []series
	for kind, typed := range []kernels.Type{kernels.Float32, kernels.Float16, kernels.BFloat16, kernels.BFloat16} {
		bytes := typed.Size()
		if processor.Kind(kind) == processor.Int8 {
			bytes = 1
		}
		of := series{Name: fmt.Sprintf("Assay %s", processor.Kind(kind)), Bytes: bytes}
		for _, size := range [][2]int{{384, 1536}, {1024, 3072}, {4096, 4096}} {
			for _, rows := range []int{1, 16, 64, 256, 1024} {
				of.Points = append(of.Points, point{rows, size[0], size[1], measure(b, m, typed, bytes, rows, size[0], size[1])})
			}
		}
		most := slices.MaxFunc(of.Points, func(a, b point) int { return int(a.GFlops - b.GFlops) })
		b.ReportMetric(most.GFlops, fmt.Sprintf("GF/s-%s", processor.Kind(kind)))
		all = append(all, of)
	}
	if *productsFile != "" {
		text, err := json.Marshal(all)
		if err == nil {
			err = os.WriteFile(*productsFile, text, 0o600)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// measure gives the rate of one product, whose numbers are zeros.
func measure(b *testing.B, m *processortest.Machine, typed kernels.Type, bytes, rows, inner, columns int) float64 {
	b.Helper()
	m.Threads, m.Share = runtime.GOMAXPROCS(0), 8
	var taken []uintptr
	take := func(bytes int) uintptr {
		address, err := m.Alloc(bytes)
		if err != nil {
			b.Fatal(err)
		}
		clear(unsafe.Slice(*(**byte)(unsafe.Pointer(&address)), bytes))
		taken = append(taken, address)
		return address
	}
	product := processortest.Linear{
		Type: typed, Rows: rows, Inputs: inner, Outputs: columns, X: take(rows * inner * bytes), Weight: take(inner * columns * bytes),
		Bias: take(4 * columns), Y: take(4 * rows * columns),
	}
	if bytes == 1 {
		product.RowScale, product.Scale = take(4*rows), take(4*columns)
	}
	run, free := m.Prepare(product)
	least := time.Hour
	for range 7 {
		start := time.Now()
		run()
		least = min(least, time.Since(start))
	}
	free()
	for _, address := range taken {
		m.Free(address) //nolint:errcheck // it is live
	}
	return 2 * float64(rows) * float64(inner) * float64(columns) / least.Seconds() / 1e9
}

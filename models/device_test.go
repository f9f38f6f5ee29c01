package models

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/onnxrun"
)

// TestADeviceThatIsMissingEndsTheStart: with the CPU's ONNX Runtime nothing is loaded for a GPU, and nothing on the
// processors instead.
func TestADeviceThatIsMissingEndsTheStart(t *testing.T) {
	m, err := Open(t.Context(), Dir("testdata/bundles/qwen3-reward-packed"),
		Options{Tokens: 512, Device: onnxrun.Device{GPUs: []int{0}}})
	var known *fault.Error
	if m != nil || !errors.As(err, &known) || known.Code != fault.CodeDevice {
		t.Fatalf("%v, %v", m, err)
	}
	want := "device cuda:0 cannot be used: this ONNX Runtime has no CUDA provider; make runtime-cuda installs one that has"
	if !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}

// TestAFeatureModelSaysWhereItRuns: gorgonia runs it on the processors, also beside models on a GPU.
func TestAFeatureModelSaysWhereItRuns(t *testing.T) {
	m, err := Open(t.Context(), Dir("testdata/heads/judge"),
		Options{Tokens: 512, Device: onnxrun.Device{GPUs: []int{0}}})
	if err != nil {
		t.Fatal(err)
	}
	defer m.freeSession()
	if info := m.Info(); info.Provider != "gorgonia" || info.Device.OnGPU() {
		t.Errorf("provider %s, device %s", info.Provider, info.Device)
	}
}

// devices are runners that each stand for one device.
type devices []batching.Runner

func (d devices) Run(ctx context.Context, plan *batching.Plan) ([][]float32, error) {
	own := *plan
	own.Device = 0
	return d[plan.Device].Run(ctx, &own)
}

// TestEveryDeviceReadsWhatTheFirstReads: a second copy of the graph passes the proof, and one that reads otherwise is
// refused by number.
func TestEveryDeviceReadsWhatTheFirstReads(t *testing.T) {
	m := fixture(t, "qwen3-reward-packed")
	read, err := readBundle(Dir("testdata/bundles/qwen3-reward-packed"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := onnxrun.Open(t.Context(), read.graphFile(), 1, onnxrun.Device{})
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	m.runner = devices{m.session, second}
	m.info.Device.GPUs = []int{4, 5}
	options, probes := m.batching(Options{}), m.probes()
	alone, err := m.readAlone(t.Context(), options, probes)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.proveDevices(t.Context(), options, probes, alone); err != nil {
		t.Fatal(err)
	}
	alone[2][0][0]++
	var known *fault.Error
	err = m.proveDevices(t.Context(), options, probes, alone)
	if !errors.As(err, &known) || known.Code != fault.CodeDevice || !strings.Contains(err.Error(), "GPU 5 gives") {
		t.Errorf("a second device that reads otherwise: %v", err)
	}
}

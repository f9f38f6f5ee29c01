package models

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
)

// opened is a model that runs until the test ends.
func opened(t *testing.T, dir string, options Options) *Model {
	t.Helper()
	options.Cache = 64 << 20
	m, err := Open(t.Context(), Dir(dir), options)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- m.Run(context.WithoutCancel(t.Context())) }()
	t.Cleanup(func() {
		m.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return m
}

// beside is an option to load a bundle beside that model.
func beside(m *Model) func(string, string) (*Model, error) {
	return func(string, string) (*Model, error) { return m, nil }
}

// scaled multiplies every weight that lies in the bundle's external data.
func (d damaged) scaled(factor float32) {
	data := []byte(d.read("model.onnx_data"))
	for at := 0; at+4 <= len(data); at += 4 {
		value := math.Float32frombits(binary.LittleEndian.Uint32(data[at:]))
		binary.LittleEndian.PutUint32(data[at:], math.Float32bits(factor*value))
	}
	d.write("model.onnx_data", string(data))
}

// TestNewWeightsOfAServedModel: of a model with other weights alone everything else is taken over, and its readings
// have the bits that it has when it is loaded by itself. Of one with another graph of the same sizes what was measured
// is, and of another model nothing is.
func TestNewWeightsOfAServedModel(t *testing.T) {
	external := copyBundle(t, "qwen3-reward-packed-external")
	served := opened(t, external.dir, Options{})
	weights := copyBundle(t, "qwen3-reward-packed-external")
	weights.scaled(1.25)
	weights.edit("assay.yaml", "source: {checkpoint: tiny-qwen3-reward", "source: {checkpoint: another")
	fast, slow := opened(t, weights.dir, Options{Beside: beside(served)}), opened(t, weights.dir, Options{})
	names := func(m *Model) (names []string) {
		for _, check := range m.Proof() {
			names = append(names, check.Name)
		}
		return names
	}
	if !slices.Contains(names(fast), "weights") || slices.Contains(names(fast), "forward") || fast.encoder != served.encoder {
		t.Errorf("new weights beside the old ones: %v", names(fast))
	}
	if fast.from.model != nil {
		t.Error("the model keeps the one that it was loaded beside")
	}
	if fast.info.Batching != served.info.Batching || fast.info.Lanes != served.info.Lanes {
		t.Errorf("measured anew: %+v, and %+v", fast.info.Batching, served.info.Batching)
	}
	texts := []string{"12 + 30 = 42", "a", strings.Repeat("the quick brown fox ", 20)}
	for _, text := range texts {
		rows := func(m *Model) []float32 {
			readings, _, err := m.Read(t.Context(), Ask{Items: []encode.Item{{Text: &text}}})
			if err != nil || readings[0].Err != nil {
				t.Fatal(err, readings)
			}
			return readings[0].Rows[0]
		}
		if !slices.Equal(rows(fast), rows(slow)) || slices.Equal(rows(fast), rows(served)) {
			t.Errorf("%.20q: %v beside the old ones, %v alone, and %v before", text, rows(fast), rows(slow), rows(served))
		}
	}

	template := copyBundle(t, "qwen3-reward-packed-external")
	template.write("chat_template.jinja", template.read("chat_template.jinja")+" ")
	if m := opened(t, template.dir, Options{Beside: beside(served)}); m.encoder == served.encoder || !slices.Contains(names(m), "forward") {
		t.Errorf("another template: %v", names(m))
	}
	other := opened(t, copyBundle(t, "llama-reward-packed").dir, Options{Tokens: 512, Beside: beside(served)})
	if !slices.Contains(names(other), "forward") || other.encoder == served.encoder {
		t.Errorf("another model: %v", names(other))
	}
}

// TestABundleThatChangesWhileItIsLoaded: no digest names files that were not read.
func TestABundleThatChangesWhileItIsLoaded(t *testing.T) {
	d := copyBundle(t, "qwen3-reward-packed-external")
	hashed := func(string, string) (*Model, error) { // the files are hashed, and the graph is not read yet
		d.scaled(1.25)
		return nil, nil //nolint:nilnil // it is loaded beside nothing
	}
	_, err := Open(t.Context(), Dir(d.dir), Options{Tokens: 512, Beside: hashed})
	var known *fault.Error
	if !errors.As(err, &known) || known.Code != fault.CodeBundle || !strings.Contains(err.Error(), "model.onnx_data changed while the bundle was loaded") {
		t.Errorf("%v", err)
	}
	refused := errors.New("not now")
	if _, err := Open(t.Context(), Dir(d.dir), Options{Beside: func(string, string) (*Model, error) { return nil, refused }}); !errors.Is(err, refused) {
		t.Errorf("%v", err)
	}
	if err := os.RemoveAll(d.dir); err != nil {
		t.Error(err)
	}
}

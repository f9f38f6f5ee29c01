//go:build provider

package models

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	ort "github.com/yalue/onnxruntime_go"
)

// halfLayer is a forward of the decoder layer that testdata/provider/make.py made: in a type, with so many keys a tile.
type halfLayer struct {
	compute  string
	keys     int64
	launches int // of kernels, besides the products
}

// halfLayers are those of the golden file. float16 has a residual in float32, and each of its two norms two kernels
// more, which widen and add. The last has a number of keys that the fused kernel does not take.
var halfLayers = []halfLayer{{"float16", 48, 22}, {"bfloat16", 48, 18}, {"float16", 50, 24}}

func (h halfLayer) String() string { return fmt.Sprintf("layer-%s with %d keys", h.compute, h.keys) }

// Sizes of the layer, as in make.py, and of its forward: 3 tiles of 16 tokens, behind 16 cached ones.
const (
	layerHidden, layerDim                 = 64, 64
	layerTiles, layerQueries, layerCached = 3, 16, 16
	layerTokens                           = layerTiles * layerQueries
)

// onDevice runs the layer once. All its inputs are zeros, since nothing is computed.
func (h halfLayer) onDevice(t *testing.T) *record {
	t.Helper()
	half, stream := ort.TensorElementDataType(ort.TensorElementDataTypeFloat16), ort.TensorElementDataType(ort.TensorElementDataTypeFloat)
	if h.compute == "bfloat16" {
		half, stream = ort.TensorElementDataTypeBFloat16, ort.TensorElementDataTypeBFloat16
	}
	return watch(t, func() error { return h.run(half, stream) })
}

func (h halfLayer) run(half, stream ort.TensorElementDataType) (failed error) {
	const whole, truth = ort.TensorElementDataTypeInt64, ort.TensorElementDataTypeBool
	fed := []named{
		{"x", half, ort.Shape{layerTokens, layerHidden}},
		{"residual", stream, ort.Shape{layerTokens, layerHidden}},
		{"position_ids", whole, ort.Shape{layerTokens}},
		{"past_key", half, ort.Shape{layerCached, 1, layerDim}},
		{"past_value", half, ort.Shape{layerCached, 1, layerDim}},
		{"query_index", whole, ort.Shape{layerTiles, layerQueries}},
		{"key_index", whole, ort.Shape{layerTiles, h.keys}},
		{"see", truth, ort.Shape{layerTiles, 1, layerQueries, h.keys}},
		{"scatter_index", whole, ort.Shape{layerTokens}},
	}
	given := []named{
		{"y", half, ort.Shape{layerTokens, layerHidden}},
		{"stream_out", stream, ort.Shape{layerTokens, layerHidden}},
		{"present_key", half, ort.Shape{layerTokens, 1, layerDim}},
		{"present_value", half, ort.Shape{layerTokens, 1, layerDim}},
	}
	session, err := layerSession(filepath.Join("testdata", "provider", "layer-"+h.compute+".onnx"), names(fed), names(given))
	if err != nil {
		return err
	}
	defer func() { failed = errors.Join(failed, session.Destroy()) }()
	binding, err := session.CreateIoBinding()
	if err != nil {
		return err
	}
	defer func() { failed = errors.Join(failed, binding.Destroy()) }()
	var values []ort.Value
	defer func() {
		for _, value := range values {
			failed = errors.Join(failed, value.Destroy())
		}
	}()
	bind := func(one named, to func(string, ort.Value) error) {
		value, made := one.zeros()
		if made == nil {
			values, made = append(values, value), to(one.name, value)
		}
		err = errors.Join(err, made)
	}
	for _, input := range fed {
		bind(input, binding.BindInput)
	}
	for _, output := range given {
		bind(output, binding.BindOutput)
	}
	if err != nil {
		return err
	}
	return session.RunWithBinding(binding)
}

// named is an input or output of the layer.
type named struct {
	name  string
	kind  ort.TensorElementDataType
	shape ort.Shape
}

func names(all []named) []string {
	var names []string
	for _, one := range all {
		names = append(names, one.name)
	}
	return names
}

// zeros are a value for it on the host.
func (n named) zeros() (ort.Value, error) {
	bytes := int64(2)
	switch n.kind {
	case ort.TensorElementDataTypeInt64:
		bytes = 8
	case ort.TensorElementDataTypeFloat:
		bytes = 4
	case ort.TensorElementDataTypeBool:
		bytes = 1
	}
	return ort.NewCustomDataTensor(n.shape, make([]byte, n.shape.FlattenedSize()*bytes), n.kind)
}

// layerSession opens a graph on the device, whose norms are to add up in float32.
func layerSession(path string, inputs, outputs []string) (session *ort.DynamicAdvancedSession, failed error) {
	options, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	defer func() { failed = errors.Join(failed, options.Destroy()) }()
	cuda, err := ort.NewCUDAProviderOptions()
	if err != nil {
		return nil, err
	}
	defer func() { failed = errors.Join(failed, cuda.Destroy()) }()
	err = errors.Join(
		cuda.Update(map[string]string{"device_id": "0", "use_tf32": "0", "enable_skip_layer_norm_strict_mode": "1"}),
		options.AppendExecutionProviderCUDA(cuda),
		options.SetMemPattern(false),
	)
	if err != nil {
		return nil, err
	}
	return ort.NewDynamicAdvancedSession(path, inputs, outputs, options)
}

// TestHalfLayerOnTheProvider: a decoder layer of stock operators in half precision is what it is planned to be. With a
// number of keys that is no multiple of 4 it is not, which the test must see.
func TestHalfLayerOnTheProvider(t *testing.T) {
	for _, layer := range halfLayers {
		t.Run(layer.String(), func(t *testing.T) {
			r := layer.onDevice(t)
			products := 4
			var wrong []string
			if layer.keys%4 != 0 {
				products, wrong = 6, []string{"attention is unfused"}
			}
			if diff := cmp.Diff(wrong, r.fused(layer.compute, "memory-efficient")); diff != "" {
				t.Errorf("what is wrong with it (-want +provider):\n%s", diff)
			}
			if got, want := tally(r.products()), fmt.Sprintf("%d %s summed in float32 (exact)", products, layer.compute); got != want {
				t.Errorf("products: %s, want %s", got, want)
			}
			if launches := len(r.kinds("launch")); launches != layer.launches {
				t.Errorf("%d launches, want %d", launches, layer.launches)
			}
		})
	}
}

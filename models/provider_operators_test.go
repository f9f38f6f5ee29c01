//go:build provider

package models

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/kernels/onnx"
	"github.com/assay-rm/assay/models/inplace"
	"github.com/assay-rm/assay/models/nodes"
	"github.com/assay-rm/assay/models/onnxrun"
)

// told computes nothing: each operator makes its outputs and is told in the trace, among what the provider asks for.
func told(trace string) map[string]nodes.Compute {
	of := func(name string, shapes func(c *nodes.Call) [][]int64) nodes.Compute {
		return func(c *nodes.Call) error {
			file, err := os.OpenFile(trace, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o644)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(file, "ours\t%s\n", name)
			for i, shape := range shapes(c) {
				_, failed := c.Output(i, shape...)
				err = errors.Join(err, failed)
			}
			return errors.Join(err, file.Close())
		}
	}
	halved := func(c *nodes.Call) [][]int64 { return [][]int64{{c.Inputs[0].Shape[0], c.Inputs[0].Shape[1] / 2}} }
	return map[string]nodes.Compute{
		"AddRmsNorm":   of("AddRmsNorm", func(c *nodes.Call) [][]int64 { return [][]int64{c.Inputs[1].Shape, c.Inputs[1].Shape} }),
		"AddLayerNorm": of("AddLayerNorm", func(c *nodes.Call) [][]int64 { return [][]int64{c.Inputs[1].Shape, c.Inputs[1].Shape} }),
		"Linear":       of("Linear", func(c *nodes.Call) [][]int64 { return [][]int64{{c.Inputs[0].Shape[0], c.Inputs[1].Shape[0]}} }),
		"Linear8":      of("Linear8", func(c *nodes.Call) [][]int64 { return [][]int64{{c.Inputs[0].Shape[0], c.Inputs[2].Shape[0]}} }),
		"QuantizeRows": of("QuantizeRows", func(c *nodes.Call) [][]int64 { return [][]int64{c.Inputs[0].Shape, c.Inputs[0].Shape[:1]} }),
		"Rotate": of("Rotate", func(c *nodes.Call) [][]int64 {
			pool := c.Inputs[7].Shape
			return [][]int64{{c.Inputs[1].Shape[0], c.List("heads")[0] * pool[2]}, pool, pool}
		}),
		"RotateQkv": of("RotateQkv", func(c *nodes.Call) [][]int64 {
			tokens, heads, size := c.Inputs[1].Shape[0], c.List("heads"), c.List("turned")[0]+c.List("turned")[1]
			return [][]int64{{tokens, heads[0] * size}, {tokens, heads[1], size}, {tokens, heads[2], size}}
		}),
		"TileAttention": of("TileAttention", func(c *nodes.Call) [][]int64 { return [][]int64{c.Inputs[0].Shape} }),
		"SwiGLU":        of("SwiGLU", halved),
		"GeGLU":         of("GeGLU", halved),
		"Gelu":          of("Gelu", func(c *nodes.Call) [][]int64 { return [][]int64{c.Inputs[0].Shape} }),
	}
}

// runTold opens a stage of the graph of a bundle of domain assay on the device with operators that tell, and runs a
// sequence of 20 tokens in one tile.
func runTold(t *testing.T, name string, typed ort.TensorElementDataType, stage int) (*record, *bundle) {
	t.Helper()
	b, err := readBundle(Dir(filepath.Join("testdata", "fused", name)))
	if err != nil {
		t.Fatal(err)
	}
	return watch(t, func() error {
		runtime, err := inplace.Attach(filepath.Join(filepath.Dir(os.Getenv("ASSAY_PROVIDER")), onnxrun.RuntimeFile))
		if err != nil {
			return err
		}
		options, err := ort.NewSessionOptions()
		if err != nil {
			return err
		}
		defer options.Destroy() //nolint:errcheck // freeing cannot fail
		cuda, err := ort.NewCUDAProviderOptions()
		if err != nil {
			return err
		}
		defer cuda.Destroy() //nolint:errcheck // freeing cannot fail
		if err := options.AppendExecutionProviderCUDA(cuda); err != nil {
			return err
		}
		set, err := nodes.Register(runtime.API(), options, typed, "CUDAExecutionProvider", told(os.Getenv("FAKECUDA_TRACE")))
		if err != nil {
			return err
		}
		defer set.Close()
		return runOnce(b, stage, options)
	}), b
}

// runOnce runs a stage with pools on one sequence. Its session is gone afterwards.
func runOnce(b *bundle, stage int, options *ort.SessionOptions) error {
	const tokens, slots = 20, 64
	g, count := &b.manifest.Graph, make([]int64, tokens)
	for i := range count {
		count[i] = int64(i)
	}
	given := map[string]struct {
		numbers []int64
		shape   ort.Shape
	}{
		"input_ids": {count, ort.NewShape(tokens)}, "position_ids": {count, ort.NewShape(tokens)}, "slots": {count, ort.NewShape(tokens)},
		"query_index": {count, ort.NewShape(1, tokens)}, "key_slots": {count, ort.NewShape(1, tokens)}, "key_index": {count, ort.NewShape(1, tokens)},
		"token_type_ids": {make([]int64, tokens), ort.NewShape(tokens)}, "key_len": {[]int64{tokens}, ort.NewShape(1)},
		"scatter_index": {count, ort.NewShape(tokens)}, "read_index": {count[tokens-1:], ort.NewShape(1)},
	}
	var names []string
	var values []ort.Value
	var failed error
	for _, input := range b.stages[stage].Inputs {
		var value ort.Value
		var err error
		if of, is := given[input.Name]; is {
			value, err = ort.NewTensor(of.shape, of.numbers)
		} else if input.Kind == onnx.Float32 { // the residual
			value, err = ort.NewTensor(ort.NewShape(tokens, int64(input.Dims[1])), make([]float32, tokens*input.Dims[1]))
		} else if len(input.Dims) == 2 { // the last summand
			value, err = ort.NewCustomDataTensor(ort.NewShape(tokens, int64(input.Dims[1])), make([]byte, 2*tokens*input.Dims[1]), ort.TensorElementDataTypeFloat16)
		} else {
			shape := ort.NewShape(slots, g.KVHeads, g.HeadDim)
			value, err = ort.NewCustomDataTensor(shape, make([]byte, 2*shape.FlattenedSize()), ort.TensorElementDataTypeFloat16)
		}
		names, values, failed = append(names, input.Name), append(values, value), errors.Join(failed, err)
	}
	if failed != nil {
		return failed
	}
	session, err := ort.NewDynamicAdvancedSession(b.stages[stage].path, names, []string{b.stages[stage].Outputs[0].Name}, options)
	if err != nil {
		return err
	}
	output := []ort.Value{nil}
	err = session.Run(values, output)
	for _, value := range append(values, output...) {
		if value != nil {
			value.Destroy() //nolint:errcheck // freeing cannot fail
		}
	}
	return errors.Join(err, session.Destroy())
}

// TestOperatorsOnTheProvider: a graph of domain assay lies on the device whole, a layer is nine nodes of ours, or
// thirteen where its linear layers round what they are given, and between them the provider starts no kernel and no
// product of its own, but for the rows that are read behind the last attention.
func TestOperatorsOnTheProvider(t *testing.T) {
	decoder := func(linear ...string) []string {
		return slices.Concat([]string{"AddRmsNorm"}, linear, []string{"Rotate", "TileAttention"}, linear, []string{"AddRmsNorm"}, linear, []string{"SwiGLU"}, linear)
	}
	// What finds the rows that are read, an encoder's in their sequences, and takes them from the residual and from what
	// attention gives.
	read := []string{"_GatherKernel", "_Clip", "_CumSumKernel", "_BinaryElementWiseSimple"}
	for name, layer := range map[string][]string{
		"qwen3-assay-float16": decoder("Linear"), "qwen3-assay-float16-int8": decoder("QuantizeRows", "Linear8"),
		"bert-assay-float16": {"Linear", "RotateQkv", "TileAttention", "Linear", "AddLayerNorm", "Linear", "Gelu", "Linear", "AddLayerNorm"},
	} {
		t.Run(name, func(t *testing.T) {
			r, b := runTold(t, name, ort.TensorElementDataTypeFloat16, 0)
			if off := r.elsewhere(); len(off) > 0 || r.memcpy > 0 {
				t.Errorf("off the device: %s; %d copying nodes", tally(off), r.memcpy)
			}
			if _, within, _ := r.copies("to host"); within > 0 {
				t.Errorf("%d copies to the host while it computes", within)
			}
			ours, others := layers(r, len(layer))
			if want := slices.Repeat(layer, b.manifest.Graph.Layers); !slices.Equal(ours, want) {
				t.Errorf("operators %v, want %v", ours, want)
			}
			for i, kernels := range others {
				if i == len(others)-1 {
					kernels = slices.DeleteFunc(kernels, func(kernel string) bool { return slices.Contains(read, kernel) })
				}
				if len(kernels) > 0 {
					t.Errorf("layer %d: the provider starts %s", i, tally(kernels))
				}
			}
		})
	}
}

// layers gives our operators in the order in which they ran, and what the provider did within each layer of so many.
func layers(r *record, each int) (ours []string, others [][]string) {
	for _, fields := range r.asked {
		switch fields[0] {
		case "ours":
			if len(ours)%each == 0 {
				others = append(others, nil)
			}
			ours = append(ours, fields[1])
		case "launch", "product":
			if len(ours)%each != 0 {
				others[len(others)-1] = append(others[len(others)-1], kernelName(fields[1]))
			}
		}
	}
	return ours, others
}

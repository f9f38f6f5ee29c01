package inplace_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/models/inplace"
)

// Of the bundle qwen3-reward-packed.
const (
	graph    = "../testdata/bundles/qwen3-reward-packed/model.onnx"
	parts    = 2 * 2 // keys and values of two layers
	heads    = 2
	headDim  = 16
	width    = heads * headDim
	allIDs   = 48 // tokens of the sequence
	pastIDs  = 32 // of which these are cached in the second forward
	cachedIn = pastIDs / kernels.BlockTokens
)

func pastName(part int) string {
	return []string{"past_key.0", "past_value.0", "past_key.1", "past_value.1"}[part]
}
func presentName(part int) string { return strings.Replace(pastName(part), "past", "present", 1) }

func open(t *testing.T) *ort.DynamicAdvancedSession {
	t.Helper()
	infos, _, err := ort.GetInputOutputInfo(graph)
	if err != nil {
		t.Fatal(err)
	}
	var inputs []string
	for _, info := range infos {
		inputs = append(inputs, info.Name)
	}
	session, err := ort.NewDynamicAdvancedSession(graph, inputs, []string{"readings"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Destroy() }) //nolint:errcheck // freeing cannot fail
	return session
}

// arrays are a forward's inputs beside its past: tokens [first, allIDs) of the sequence behind the first ones, all in
// one tile.
func arrays(first int) map[string][]int64 {
	count := func(from, to int) []int64 {
		numbers := []int64{}
		for i := from; i < to; i++ {
			numbers = append(numbers, int64(i))
		}
		return numbers
	}
	ids := count(first, allIDs)
	for i := range ids {
		ids[i] = (ids[i]*37 + 11) % 400
	}
	tokens := allIDs - first
	return map[string][]int64{
		"input_ids": ids, "position_ids": count(first, allIDs), "past_position_ids": count(0, first), "query_index": count(0, tokens),
		"key_index": count(0, allIDs), "key_len": {allIDs}, "scatter_index": count(0, tokens), "read_index": {0, int64(tokens) - 1},
	}
}

func shapeOf(name string, numbers []int64) []int64 {
	if name == "query_index" || name == "key_index" {
		return []int64{1, int64(len(numbers))}
	}
	return []int64{int64(len(numbers))}
}

// maker makes the values of a forward: int64 inputs, and float32 inputs and outputs.
type maker struct {
	int64s   func(numbers, shape []int64) (ort.Value, error)
	float32s func(numbers []float32, shape []int64) (ort.Value, error)
}

// goMaker makes onnxruntime_go's own, of Go's memory.
func goMaker() maker {
	return maker{
		func(numbers, shape []int64) (ort.Value, error) {
			return ort.NewTensor(ort.NewShape(shape...), numbers)
		},
		func(numbers []float32, shape []int64) (ort.Value, error) {
			return ort.NewTensor(ort.NewShape(shape...), numbers)
		},
	}
}

// ownMaker makes ours, of numbers outside Go's heap.
func ownMaker(runtime *inplace.Runtime, memory inplace.Memory) maker {
	return maker{
		func(numbers, shape []int64) (ort.Value, error) {
			return runtime.Int64s(memory, addressOf(numbers), shape...)
		},
		func(numbers []float32, shape []int64) (ort.Value, error) {
			return runtime.Float32s(memory, addressOf(numbers), shape...)
		},
	}
}

// ownArrays are arrays outside Go's heap.
func ownArrays(t *testing.T, first int) map[string][]int64 {
	t.Helper()
	inputs := arrays(first)
	for name, numbers := range inputs {
		inputs[name] = own[int64](t, len(numbers))
		copy(inputs[name], numbers)
	}
	return inputs
}

// bound is a binding with all that it holds.
type bound struct {
	*ort.IoBinding
	values []ort.Value
}

// bind binds a forward. past and present are (parts, tokens, width); readings has 2 numbers.
func bind(session *ort.DynamicAdvancedSession, with maker, inputs map[string][]int64, past, present, readings []float32) (b bound, err error) {
	if b.IoBinding, err = session.CreateIoBinding(); err != nil {
		return b, err
	}
	var failed error
	add := func(bind func(string, ort.Value) error, name string, value ort.Value, err error) {
		if err == nil {
			b.values = append(b.values, value)
			err = bind(name, value)
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", name, err))
		}
	}
	for name, numbers := range inputs {
		value, err := with.int64s(numbers, shapeOf(name, numbers))
		add(b.BindInput, name, value, err)
	}
	first, tokens := len(inputs["past_position_ids"]), len(inputs["input_ids"])
	for part := range parts {
		value, err := with.float32s(past[part*first*width:][:first*width], []int64{int64(first), heads, headDim})
		add(b.BindInput, pastName(part), value, err)
		value, err = with.float32s(present[part*tokens*width:][:tokens*width], []int64{int64(tokens), heads, headDim})
		add(b.BindOutput, presentName(part), value, err)
	}
	value, err := with.float32s(readings, []int64{2, 1})
	add(b.BindOutput, "readings", value, err)
	return b, failed
}

func (b bound) free() error {
	failed := b.Destroy()
	for _, value := range b.values {
		failed = errors.Join(failed, value.Destroy())
	}
	return failed
}

func run(t *testing.T, session *ort.DynamicAdvancedSession, with maker, inputs map[string][]int64, past, present, readings []float32) {
	t.Helper()
	b, err := bind(session, with, inputs, past, present, readings)
	if err == nil {
		err = session.RunWithBinding(b.IoBinding)
	}
	if err := errors.Join(err, b.free()); err != nil {
		t.Fatal(err)
	}
}

func same(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if !slices.EqualFunc(got, want, func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }) {
		t.Errorf("%s: in place %g, and by way of Go's memory %g", what, got[:2], want[:2])
	}
}

// A graph run in place, its keys and values kept in blocks and gathered from them, gives the bits that it gives by way
// of Go's memory.
func TestGraphInPlace(t *testing.T) {
	session, ours := open(t), ownMaker(attach(t), inplace.Host)
	const behind = allIDs - pastIDs
	want, wantPresent := make([]float32, 2), make([]float32, parts*allIDs*width)
	run(t, session, goMaker(), arrays(0), nil, wantPresent, want)
	got, present := own[float32](t, 2), own[float32](t, parts*allIDs*width)
	run(t, session, ours, ownArrays(t, 0), nil, present, got)
	same(t, "readings", got, want)
	same(t, "present", present, wantPresent)
	if want[0] == want[1] || want[0] == 0 {
		t.Fatalf("the readings are %g, which shows nothing", want)
	}

	// The first tokens go to slots of a pool and come back as the past of the rest.
	pool := kernels.Matrix(5*parts, kernels.BlockTokens*width, own[float32](t, 5*parts*kernels.BlockTokens*width))
	past := kernels.Matrix(parts*cachedIn, pool.Cols, own[float32](t, parts*pastIDs*width))
	slots := []int64{3, 1}
	if err := errors.Join(
		kernels.Host{}.KeepBlocks(pool, parts, kernels.Matrix(parts*allIDs, width, present), arrays(0)["key_index"][:pastIDs], slots),
		kernels.Host{}.GatherBlocks(pool, parts, slots, past),
	); err != nil {
		t.Fatal(err)
	}
	var wantPast []float32
	for part := range parts {
		wantPast = append(wantPast, wantPresent[part*allIDs*width:][:pastIDs*width]...)
	}
	wantRest, wantRestPresent := make([]float32, 2), make([]float32, parts*behind*width)
	run(t, session, goMaker(), arrays(pastIDs), wantPast, wantRestPresent, wantRest)
	rest, restPresent := own[float32](t, 2), own[float32](t, parts*behind*width)
	run(t, session, ours, ownArrays(t, pastIDs), past.Float32s, restPresent, rest)
	same(t, "readings behind a past", rest, wantRest)
	same(t, "present behind a past", restPresent, wantRestPresent)
	same(t, "last reading with a past and without", rest[1:], want[1:])
}

// A session on the processors refuses a GPU's memory, where it is bound or where it is run, and goes on.
func TestGPUMemoryRefused(t *testing.T) {
	session, runtime := open(t), attach(t)
	host, gpu := ownMaker(runtime, inplace.Host), ownMaker(runtime, 0)
	inputs, present, readings := ownArrays(t, 0), own[float32](t, parts*allIDs*width), own[float32](t, 2)
	refused := func(what string, with maker) {
		t.Helper()
		b, err := bind(session, with, inputs, nil, present, readings)
		if err == nil {
			err = session.RunWithBinding(b.IoBinding)
		}
		if err == nil || !strings.Contains(err.Error(), "data transfer") {
			t.Errorf("%s: %v", what, err)
		}
		if err := b.free(); err != nil {
			t.Error(err)
		}
	}
	refused("inputs", maker{gpu.int64s, host.float32s})
	refused("outputs", maker{host.int64s, gpu.float32s})
	run(t, session, host, inputs, nil, present, readings)
}

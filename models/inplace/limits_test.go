package inplace_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	ort "github.com/yalue/onnxruntime_go"
	"google.golang.org/protobuf/encoding/protowire"
)

// message is a field of an ONNX file that holds others, or text.
func message(field protowire.Number, parts ...[]byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, field, protowire.BytesType), slices.Concat(parts...))
}

func named(field protowire.Number, text string) []byte { return message(field, []byte(text)) }

func number(field protowire.Number, value uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, field, protowire.VarintType), value)
}

// node is a node of a graph with one output.
func node(operator, output string, inputs []string, attributes ...[]byte) []byte {
	var parts [][]byte
	for _, input := range inputs {
		parts = append(parts, named(1, input))
	}
	return message(1, append(append(parts, named(2, output), named(4, operator)), attributes...)...)
}

// value is an input (field 11) or an output (12) with these dimensions; an unnamed size is 0.
func value(field protowire.Number, name string, kind uint64, dims ...uint64) []byte {
	var shape [][]byte
	for _, dim := range dims {
		shape = append(shape, message(1, number(1, dim)))
	}
	return message(field, named(1, name), message(2, message(1, number(1, kind), message(2, shape...))))
}

// repeating is a graph that gives [numbers] ones, added up, after so many [rounds] of a loop.
func repeating() []byte {
	const float, integer, boolean = 1, 7, 9
	body := message(6, named(2, "body"),
		value(11, "round", integer), value(11, "go", boolean), value(11, "before", float),
		node("Identity", "more", []string{"go"}), node("Identity", "after", []string{"before"}),
		value(12, "more", boolean), value(12, "after", float))
	graph := message(7, named(2, "g"),
		value(11, "rounds", integer, 1), value(11, "numbers", integer, 1), value(12, "sum", float, 1),
		message(5, number(2, boolean), message(9, []byte{1}), named(8, "yes")),
		message(5, number(2, float), message(9, []byte{0, 0, 0x80, 0x3f}), named(8, "one")),
		node("Loop", "looped", []string{"rounds", "yes", "one"}, message(5, named(1, "body"), body, number(20, 5))),
		node("Expand", "many", []string{"looped", "numbers"}),
		node("ReduceSum", "sum", []string{"many"}, message(5, named(1, "keepdims"), number(3, 1), number(20, 2))))
	return slices.Concat(number(1, 8), graph, message(8, number(2, 18)))
}

func openRepeating(t *testing.T, options *ort.SessionOptions) *ort.DynamicAdvancedSession {
	t.Helper()
	session, err := ort.NewDynamicAdvancedSessionWithONNXData(repeating(), []string{"rounds", "numbers"}, []string{"sum"}, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Destroy() }) //nolint:errcheck // freeing cannot fail
	return session
}

// repeat runs the graph and gives the sum.
func repeat(ctx context.Context, t *testing.T, run func(context.Context, *ort.IoBinding) error, session *ort.DynamicAdvancedSession, rounds, numbers int64) (float32, error) {
	t.Helper()
	binding, err := session.CreateIoBinding()
	if err != nil {
		t.Fatal(err)
	}
	defer binding.Destroy() //nolint:errcheck // freeing cannot fail
	for name, number := range map[string]int64{"rounds": rounds, "numbers": numbers} {
		input, err := ort.NewTensor(ort.NewShape(1), []int64{number})
		if err != nil {
			t.Fatal(err)
		}
		defer input.Destroy() //nolint:errcheck // freeing cannot fail
		if err := binding.BindInput(name, input); err != nil {
			t.Fatal(err)
		}
	}
	sum := []float32{0}
	output, err := ort.NewTensor(ort.NewShape(1), sum)
	if err != nil {
		t.Fatal(err)
	}
	defer output.Destroy() //nolint:errcheck // freeing cannot fail
	if err := binding.BindOutput("sum", output); err != nil {
		t.Fatal(err)
	}
	err = run(ctx, binding)
	return sum[0], err
}

// A run that would go on for ever ends with its context, by its cause; the thread and the session run again as if
// nothing had been.
func TestARunEndsWithItsContext(t *testing.T) {
	session, threads := openRepeating(t, nil), attach(t).NewThreads()
	defer threads.Close()
	on := func(ctx context.Context, binding *ort.IoBinding) error { return threads.Run(ctx, session, binding) }
	why := errors.New("it has run for too long")
	late, cancel := context.WithTimeoutCause(t.Context(), 10*time.Millisecond, why)
	defer cancel()
	over, end := context.WithCancelCause(t.Context())
	end(why)
	for _, ctx := range []context.Context{late, over} {
		if _, err := repeat(ctx, t, on, session, 1<<62, 1); !errors.Is(err, why) {
			t.Errorf("a run without end: %v, want %v", err, why)
		}
		if sum, err := repeat(t.Context(), t, on, session, 3, 5); sum != 5 || err != nil {
			t.Errorf("the run behind it gives %g, %v, and must give 5", sum, err)
		}
	}
	if n := forwardThreads(t); n != 1 {
		t.Errorf("%d threads, and one run at a time needs 1", n)
	}
}

// A session takes as much memory as it may and no more; what asks for more fails, and the next run does not. Sessions
// made behind it are not bounded by it.
func TestASessionTakesBoundedMemory(t *testing.T) {
	runtime := attach(t)
	options, err := ort.NewSessionOptions()
	if err == nil {
		err = options.AddSessionConfigEntry("session.use_env_allocators", "1")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer options.Destroy() //nolint:errcheck // freeing cannot fail
	var bounded *ort.DynamicAdvancedSession
	if err := runtime.Within(64<<20, func() error { bounded = openRepeating(t, options); return nil }); err != nil {
		t.Fatal(err)
	}
	free := openRepeating(t, nil)
	threads := runtime.NewThreads()
	defer threads.Close()
	on := func(session *ort.DynamicAdvancedSession) func(context.Context, *ort.IoBinding) error {
		return func(ctx context.Context, binding *ort.IoBinding) error { return threads.Run(ctx, session, binding) }
	}
	const few, many = 1 << 20, 1 << 25 // 4 and 128 MiB
	for range 2 {
		if sum, err := repeat(t.Context(), t, on(bounded), bounded, 0, few); sum != few || err != nil {
			t.Errorf("4 MiB of 64: %g, %v", sum, err)
		}
		if _, err := repeat(t.Context(), t, on(bounded), bounded, 0, many); err == nil || !strings.Contains(err.Error(), "Available memory of") {
			t.Errorf("128 MiB of 64: %v", err)
		}
		if sum, err := repeat(t.Context(), t, on(free), free, 0, many); sum != many || err != nil {
			t.Errorf("128 MiB without a bound: %g, %v", sum, err)
		}
	}
}

// Making a session ends with its context.
func TestMakingASessionEndsWithItsContext(t *testing.T) {
	runtime := attach(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		ctx  context.Context //nolint:containedctx // what the case is about
		ends bool
	}{{t.Context(), false}, {ctx, true}} {
		options, err := ort.NewSessionOptions()
		if err != nil {
			t.Fatal(err)
		}
		done := runtime.Until(c.ctx, options)
		session, err := ort.NewDynamicAdvancedSessionWithONNXData(repeating(), []string{"rounds", "numbers"}, []string{"sum"}, options)
		done()
		if c.ends != (err != nil) {
			t.Errorf("ended %v: %v", c.ends, err)
		}
		if err == nil {
			session.Destroy() //nolint:errcheck // freeing cannot fail
		}
		options.Destroy() //nolint:errcheck // freeing cannot fail
	}
}

package batching

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// TestASubmissionIsTracedWithinBounds: each forward of a traced submission has a span, up to a number, and what shares
// it links to it; what is not traced has none.
func TestASubmissionIsTracedWithinBounds(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	b := start(t, fake{}, Options{Budget: Budget{Tokens: 1}})
	ctx, parent := provider.Tracer("test").Start(t.Context(), "request")
	sequences := make([]Sequence, mostForwards+10) // one a forward
	for i := range sequences {
		sequences[i] = seq(int64(i))
	}
	if o := <-submit(ctx, b, sequences...); o.err != nil {
		t.Fatal(o.err)
	}
	if o := <-submit(t.Context(), b, seq(1000)); o.err != nil {
		t.Fatal(o.err)
	}
	parent.End()
	count := map[string]int{}
	for _, span := range spans.GetSpans() {
		count[span.Name]++
		if span.Name != "request" && span.Parent.SpanID() != parent.SpanContext().SpanID() {
			t.Errorf("%s is not the submission's", span.Name)
		}
	}
	if count["forward"] != mostForwards || count["queue"] != mostForwards || len(count) != 3 {
		t.Errorf("spans %v, want %d forwards", count, mostForwards)
	}
}

// TestWhoJoinsAForwardIsTracedFromThen: a submission that joins a forward on its way did not wait, and its forward
// began when it came.
func TestWhoJoinsAForwardIsTracedFromThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spans := tracetest.NewInMemoryExporter()
		provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
		b := start(t, slow(time.Second, nil), Options{})
		first := submit(t.Context(), b, seq(1))
		time.Sleep(300 * time.Millisecond)
		ctx, _ := provider.Tracer("test").Start(t.Context(), "request")
		second := submit(ctx, b, seq(1))
		<-first
		<-second
		took := map[string]time.Duration{}
		for _, span := range spans.GetSpans() {
			took[span.Name] = span.EndTime.Sub(span.StartTime)
		}
		if len(took) != 2 || took["queue"] != 0 || took["forward"] != 700*time.Millisecond {
			t.Errorf("the spans took %v", took)
		}
	})
}

// TestLinksAreBounded: a forward links to others that it computed, never to itself, and to no more than a number.
func TestLinksAreBounded(t *testing.T) {
	provider := sdktrace.NewTracerProvider()
	var calls []*call
	for range mostLinks + 5 {
		ctx, _ := provider.Tracer("test").Start(t.Context(), "request")
		calls = append(calls, newCall(ctx, Caller{}, []Sequence{seq(1)}, false))
	}
	for _, own := range calls {
		links := linksOf(calls, own)
		if len(links) != mostLinks {
			t.Fatalf("%d links, want %d", len(links), mostLinks)
		}
		for _, link := range links {
			if link.SpanContext.Equal(own.tracing.span.SpanContext()) {
				t.Fatal("a forward links to itself")
			}
		}
	}
}

// TestNoTraceCostsNothing: what is not traced allocates nothing for it.
func TestNoTraceCostsNothing(t *testing.T) {
	c := newCall(context.Background(), Caller{}, []Sequence{seq(1)}, false)
	items := []*item{&c.items[0]}
	if got := testing.AllocsPerRun(100, func() {
		if tracingOf(c) != nil || traced(items) != nil {
			t.Fatal("it is traced")
		}
	}); got != 0 {
		t.Errorf("%g allocations", got)
	}
}

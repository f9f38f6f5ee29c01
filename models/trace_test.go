package models

import (
	"context"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// TestAnAskIsTracedOnlyWithItsRequest: an ask has a span below its request's, and encoding one below that; where the
// request has none, neither is made, and nothing is allocated.
func TestAnAskIsTracedOnlyWithItsRequest(t *testing.T) {
	m := &Model{}
	ask := func(ctx context.Context) {
		ctx, span := m.traced(ctx, 1)
		encoded(ctx, span, time.Unix(1, 0), time.Second)
		span.End()
	}
	if got := testing.AllocsPerRun(100, func() { ask(context.Background()) }); got != 0 {
		t.Errorf("%g allocations without a trace", got)
	}
	spans := tracetest.NewInMemoryExporter()
	ctx, request := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans)).Tracer("test").Start(t.Context(), "request")
	ask(ctx)
	got := spans.GetSpans()
	if len(got) != 2 || got[0].Name != "encode" || got[1].Name != "read" ||
		got[0].Parent.SpanID() != got[1].SpanContext.SpanID() || got[1].Parent.SpanID() != request.SpanContext().SpanID() ||
		got[0].EndTime.Sub(got[0].StartTime) != time.Second {
		t.Errorf("spans %+v", got)
	}
}

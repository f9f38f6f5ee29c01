package batching

import (
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

const (
	mostForwards = 64 // of one submission that its trace tells, the first
	mostLinks    = 16 // of a forward's span, to others that it computed something for
)

// tracing is the recording span of a submission. Nil: it is not traced.
type tracing struct {
	span trace.Span

	// Guarded by the batcher's mutex.
	left   int  // forwards that the trace may still tell of
	listed bool // by [traced]
}

// tracingOf looks for a recording span once a submission, so that what is not traced costs nothing later.
func tracingOf(c *call) *tracing {
	if span := trace.SpanFromContext(c.ctx); span.IsRecording() {
		return &tracing{span: span, left: mostForwards}
	}
	return nil
}

// traced lists the submissions that are traced and have something among the items, each once. The batcher's mutex is
// held.
func traced(items []*item) (calls []*call) {
	for _, it := range items {
		for _, w := range it.waiters {
			if t := w.call.tracing; t != nil && t.left > 0 && !t.listed {
				t.left--
				t.listed = true
				calls = append(calls, w.call)
			}
		}
	}
	for _, c := range calls {
		c.tracing.listed = false
	}
	return calls
}

// tell gives each submission a span of its wait and one of a forward, which links to the spans of the others. Of one
// that joined the forward on its way, both begin when it came.
func (t *tally) tell(calls []*call, start time.Time, err error) {
	end := start.Add(t.run)
	for _, c := range calls {
		tracer := c.tracing.span.TracerProvider().Tracer("github.com/assay-rm/assay/batching")
		from := start
		if c.admitted.After(from) {
			from = c.admitted
		}
		_, queue := tracer.Start(c.ctx, "queue", trace.WithTimestamp(c.admitted))
		queue.End(trace.WithTimestamp(from))
		_, forward := tracer.Start(c.ctx, "forward", trace.WithTimestamp(from), trace.WithLinks(linksOf(calls, c)...), trace.WithAttributes(
			attribute.Int("assay.batch.items", t.items), attribute.Int("assay.batch.asked_tokens", t.asked),
			attribute.Int("assay.batch.computed_tokens", t.computed), attribute.Int("assay.batch.padding_tokens", t.padding),
			attribute.Int("assay.batch.shared_tokens", t.shared), attribute.Int("assay.batch.cached_tokens", t.cached),
		))
		if err != nil {
			forward.SetStatus(codes.Error, err.Error())
		}
		forward.End(trace.WithTimestamp(end))
	}
}

// linksOf leads to the other submissions of a forward.
func linksOf(calls []*call, own *call) (links []trace.Link) {
	for _, c := range calls {
		if c != own && len(links) < mostLinks {
			links = append(links, trace.Link{SpanContext: c.tracing.span.SpanContext()})
		}
	}
	return links
}

package models

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

const tracerName = "github.com/assay-rm/assay/models"

// traced begins the span of what one ask takes of the model, where its request is traced; else the span does nothing,
// and costs nothing.
func (m *Model) traced(ctx context.Context, items int) (context.Context, trace.Span) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, noSpan
	}
	return parent.TracerProvider().Tracer(tracerName).Start(ctx, "read", trace.WithAttributes(
		attribute.String("assay.model", m.info.Manifest.Name), attribute.String("assay.digest", m.info.Digest), attribute.Int("assay.items", items)))
}

// noSpan records nothing.
var noSpan = trace.SpanFromContext(context.Background())

// encoded tells of the way from text to ids.
func encoded(ctx context.Context, span trace.Span, begin time.Time, took time.Duration) {
	if span.IsRecording() {
		_, encode := span.TracerProvider().Tracer(tracerName).Start(ctx, "encode", trace.WithTimestamp(begin))
		encode.End(trace.WithTimestamp(begin.Add(took)))
	}
}

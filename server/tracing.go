package server

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/assay-rm/assay/models/fault"
)

const tracerName = "github.com/assay-rm/assay/server"

// traced begins the span of a request by POST, where requests are traced; probes and scrapes are none. It goes on with
// the trace of the client's traceparent (W3C Trace Context), and where there is none begins one.
func (s *Server) traced(r *http.Request) *http.Request {
	if s.options.Traces == nil || r.Method != http.MethodPost {
		return r
	}
	ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	ctx, _ = s.options.Traces.Tracer(tracerName).Start(ctx, "request", trace.WithSpanKind(trace.SpanKindServer))
	return r.WithContext(ctx)
}

// endTrace ends the span of a request, with the id that its log lines and its answer have.
func endTrace(x *exchange, r *http.Request, route string, status int) {
	span := trace.SpanFromContext(r.Context())
	if !span.IsRecording() {
		return
	}
	method := fault.Short(r.Method)
	span.SetName(method + " " + route)
	span.SetAttributes(attribute.String("http.request.method", method), attribute.String("http.route", route),
		attribute.Int("http.response.status_code", status), attribute.String("assay.request_id", x.id))
	if x.caller.name != "" {
		span.SetAttributes(attribute.String("assay.caller", x.caller.name))
	}
	if status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, http.StatusText(status))
	}
	span.End()
}

// stage tells the trace of a request, if it has one, of a part of it that has just ended.
func stage(ctx context.Context, name string, begin time.Time) {
	if parent := trace.SpanFromContext(ctx); parent.IsRecording() {
		_, span := parent.TracerProvider().Tracer(tracerName).Start(ctx, name, trace.WithTimestamp(begin))
		span.End()
	}
}

// ids are what a log line says of the request of that id: the id, and its trace where it has one.
func ids(ctx context.Context, id string) []slog.Attr {
	line := []slog.Attr{slog.String("request", id)}
	if of := trace.SpanContextFromContext(ctx); of.HasTraceID() {
		line = append(line, slog.String("trace", of.TraceID().String()))
	}
	return line
}

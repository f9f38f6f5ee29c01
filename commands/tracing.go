package commands

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// flushTime is how long a stopped server tries to deliver its last spans.
const flushTime = 5 * time.Second

// startTraces sends traces to the collector that OpenTelemetry's own variables name, and heeds the others too:
// OTEL_TRACES_SAMPLER, OTEL_SERVICE_NAME and so on. Where they name none there are no traces: the provider is nil.
// flush must be called at the end.
func startTraces(ctx context.Context, log *slog.Logger) (traces trace.TracerProvider, flush func(), err error) {
	at := os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
	if at == "" {
		at = os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT")
	}
	if at == "" {
		return nil, func() {}, nil
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if given := os.Getenv(name); given != "" && given != "http/protobuf" {
			return nil, nil, usage("%s is %s, and traces are sent as http/protobuf", name, given)
		}
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, nil, usage("traces to %s (OTEL_EXPORTER_OTLP_ENDPOINT): %v", at, err)
	}
	of, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithHost(),
		resource.WithAttributes(attribute.String("service.name", "assay"), attribute.String("service.version", version())), resource.WithFromEnv())
	if err != nil {
		return nil, nil, errors.Join(err, exporter.Shutdown(ctx))
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.WarnContext(ctx, "traces", "error", err) }))
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(of))
	log.InfoContext(ctx, "tracing", "collector", at)
	return provider, func() {
		timed, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
		defer cancel()
		if err := provider.Shutdown(timed); err != nil {
			log.WarnContext(ctx, "the last traces were not delivered", "error", err)
		}
	}, nil
}

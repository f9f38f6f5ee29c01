package commands

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collect is a collector of OpenTelemetry that keeps the spans that it gets.
func collect(t *testing.T) (url string, spans func() []*otlp.Span) {
	t.Helper()
	var mu sync.Mutex
	var got []*otlp.Span
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var given collector.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(body, &given)
		}
		if err != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("%s: %v", r.URL.Path, err)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, of := range given.GetResourceSpans() {
			for _, scope := range of.GetScopeSpans() {
				got = append(got, scope.GetSpans()...)
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(server.Close)
	return server.URL, func() []*otlp.Span {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(got)
	}
}

const (
	traceID  = "0af7651916cd43dd8448eb211c8031%02d" // of request i
	callerID = "b7ad6b7169203331"                   // of the client's own span
)

// TestTracesLeadFromARequestToItsForward: a request goes on with its client's trace, and each part of it has a span
// there, down to the forward, which links to the other requests that it computed. The log's lines have the ids of both.
func TestTracesLeadFromARequestToItsForward(t *testing.T) {
	url, spans := collect(t)
	s := serveWith(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + url}, "--log-level", "debug", "--max-delay", "2s")
	bodies := []string{
		`{"model": "arith-rm", "items": [{"prompt": "12 + 30?", "response": "42"}]}`,
		`{"model": "arith-rm", "items": [{"prompt": "12 + 30?", "response": "41"}]}`,
		`{"model": "arith-rm", "items": [`, // is refused
	}
	var asking sync.WaitGroup
	for i, body := range bodies {
		asking.Go(func() {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/v1/score", strings.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("X-Request-Id", fmt.Sprintf("traced-%d", i))
			r.Header.Set("Traceparent", "00-"+fmt.Sprintf(traceID, i)+"-"+callerID+"-01")
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, answer.Body)
			_ = answer.Body.Close()
		})
	}
	asking.Wait()
	s.stop(t, syscall.SIGTERM) // what is not delivered yet is, at the end
	all := spans()
	var requests []*otlp.Span
	for i := range bodies {
		requests = append(requests, checkTrace(t, all, fmt.Sprintf(traceID, i), i == 2))
	}
	if t.Failed() {
		return
	}
	for i, other := range []int{1, 0} { // they waited for one another, and share a forward
		forward := named(all, fmt.Sprintf(traceID, i), "forward")
		read := named(all, fmt.Sprintf(traceID, other), "read")
		if len(forward.GetLinks()) != 1 || string(forward.GetLinks()[0].GetSpanId()) != string(read.GetSpanId()) {
			t.Errorf("the forward of request %d links to %v, want to the other request", i, forward.GetLinks())
		}
		if items := attributeOf(forward, "assay.batch.items"); items != "2" {
			t.Errorf("the forward had %s items", items)
		}
	}
	for i, request := range requests {
		checkLogged(t, s.stderr.String(), request, fmt.Sprintf("traced-%d", i))
	}
}

// checkTrace holds the spans of a request to their form, and returns the outermost.
func checkTrace(t *testing.T, spans []*otlp.Span, trace string, refused bool) *otlp.Span {
	t.Helper()
	parents := map[string]string{"request": callerID, "body": "request", "read": "request", "encode": "read", "queue": "read", "forward": "read", "write": "request"}
	if refused {
		parents = map[string]string{"request": callerID}
	}
	ids := map[string]*otlp.Span{}
	for _, span := range spans {
		if hex.EncodeToString(span.GetTraceId()) == trace {
			name := strings.TrimSuffix(strings.TrimPrefix(span.GetName(), "POST /v1/score"), " ")
			if name == "" {
				name = "request"
			}
			ids[name] = span
		}
	}
	if len(ids) != len(parents) {
		t.Fatalf("trace %s has the spans %v, want %v", trace, ids, parents)
	}
	for name, parent := range parents {
		span, of := ids[name], ids[parent]
		if of == nil {
			if hex.EncodeToString(span.GetParentSpanId()) != parent {
				t.Errorf("%s is below %x, want the client's span", name, span.GetParentSpanId())
			}
			continue
		}
		const clock = uint64(time.Millisecond) // that two readings of it may differ
		within := span.GetStartTimeUnixNano()+clock >= of.GetStartTimeUnixNano() && span.GetEndTimeUnixNano() <= of.GetEndTimeUnixNano()+clock
		if string(span.GetParentSpanId()) != string(of.GetSpanId()) || !within || span.GetEndTimeUnixNano() < span.GetStartTimeUnixNano() {
			t.Errorf("%s is not a part of %s: %v, %v", name, parent, span, of)
		}
	}
	return ids["request"]
}

// checkLogged: the request's line in the log has the trace of its span, and the span has the request's id.
func checkLogged(t *testing.T, log string, span *otlp.Span, id string) {
	t.Helper()
	if got := attributeOf(span, "assay.request_id"); got != id {
		t.Errorf("the span of %s is of request %q", id, got)
	}
	for line := range strings.Lines(log) {
		var said struct{ Msg, Request, Trace string }
		if err := json.Unmarshal([]byte(line), &said); err != nil {
			t.Error(err)
		}
		if said.Msg == "request" && said.Request == id {
			if said.Trace != hex.EncodeToString(span.GetTraceId()) {
				t.Errorf("the line of %s has the trace %q, want %x", id, said.Trace, span.GetTraceId())
			}
			return
		}
	}
	t.Errorf("the log has no line of request %s", id)
}

func named(spans []*otlp.Span, trace, name string) *otlp.Span {
	for _, span := range spans {
		if span.GetName() == name && hex.EncodeToString(span.GetTraceId()) == trace {
			return span
		}
	}
	return nil
}

// attributeOf is an attribute of a span, written out.
func attributeOf(span *otlp.Span, key string) string {
	for _, one := range span.GetAttributes() {
		if one.GetKey() == key {
			if text := one.GetValue().GetStringValue(); text != "" {
				return text
			}
			return strconv.FormatInt(one.GetValue().GetIntValue(), 10)
		}
	}
	return ""
}

// TestACollectorThatIsGoneHoldsUpNothing: a server whose traces nobody takes answers, and stops as it should.
func TestACollectorThatIsGoneHoldsUpNothing(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	s := serveWith(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + gone.URL})
	if status := get(t, s.url+"/readyz", ""); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	if answer, err := http.Post(s.url+"/v1/score", "application/json", strings.NewReader(`{"model": "arith-rm", "items": [{"text": "42"}]}`)); err != nil || answer.StatusCode != http.StatusOK { //nolint:noctx // the process ends with the test
		t.Errorf("%v: %v", answer, err)
	} else {
		_ = answer.Body.Close()
	}
	s.stop(t, syscall.SIGTERM)
	if !strings.Contains(s.stderr.String(), `"msg":"the last traces were not delivered"`) && !strings.Contains(s.stderr.String(), `"msg":"traces"`) {
		t.Errorf("the log does not say that traces were lost: %s", s.stderr.String())
	}
}

// TestTracesNeedAProtocolThatIsSpoken: a collector that wants gRPC is refused at the start, and not sent what it cannot
// read.
func TestTracesNeedAProtocolThatIsSpoken(t *testing.T) {
	cmd := assay(t, "serve", "--listen", "127.0.0.1:0")
	cmd.Env = append(cmd.Env, "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc")
	said, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(said), "OTEL_EXPORTER_OTLP_PROTOCOL is grpc, and traces are sent as http/protobuf") {
		t.Errorf("%v: %s", err, said)
	}
}

package server

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Types and flags of HTTP/2's frames (RFC 9113, section 6).
const (
	frameData, frameHeaders, frameReset, frameSettings, framePing, frameGoAway, frameWindow = 0, 1, 3, 4, 6, 7, 8

	endStream, endHeaders = 1, 4
)

const preface2 = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// frame is a frame on the wire.
func frame(kind, flags byte, stream uint32, payload string) string {
	head := binary.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind))
	return string(binary.BigEndian.AppendUint32(append(head, flags), stream)) + payload
}

// fields are headers in HPACK's plainest form: each a literal with a name of its own, outside of the table.
func fields(pairs ...string) string {
	var block strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		block.WriteByte(0)
		for _, text := range pairs[i : i+2] {
			block.WriteByte(byte(min(len(text), 127)))
			for rest := len(text) - 127; rest >= 0; rest >>= 7 { // seven bits a byte, the low ones first
				more := byte(0)
				if rest > 127 {
					more = 128
				}
				block.WriteByte(byte(rest&127) | more)
				if more == 0 {
					break
				}
			}
			block.WriteString(text)
		}
	}
	return block.String()
}

func request2(method, path string, more ...string) string {
	return fields(append([]string{":method", method, ":scheme", "http", ":authority", "x", ":path", path}, more...)...)
}

// stream2 is what came on a stream, and when it ended.
type stream2 struct {
	data  string
	reset bool          // it ended with RST_STREAM before its answer had
	ended time.Duration // zero: it has not
	over  bool
}

// conversation2 is an HTTP/2 connection, read to its end.
type conversation2 struct {
	streams map[uint32]*stream2
	ended   time.Duration
}

// listen2 reads frames until the server ends the connection, as listen does.
func listen2(t *testing.T, conn net.Conn) conversation2 {
	t.Helper()
	return listen2within(t, conn, patience)
}

func listen2within(t *testing.T, conn net.Conn, patience time.Duration) conversation2 {
	t.Helper()
	start := time.Now()
	got := conversation2{streams: map[uint32]*stream2{}}
	_ = conn.SetReadDeadline(start.Add(patience))
	head := make([]byte, 9)
	for {
		_, err := io.ReadFull(conn, head)
		payload := make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
		if err == nil {
			_, err = io.ReadFull(conn, payload)
		}
		if err != nil {
			got.ended = time.Since(start)
			if got.ended >= patience {
				t.Errorf("the connection is still open after %s", patience)
			}
			_ = conn.Close()
			return got
		}
		id := binary.BigEndian.Uint32(head[5:])
		if id == 0 {
			continue
		}
		s := got.streams[id]
		if s == nil {
			s = &stream2{}
			got.streams[id] = s
		}
		switch kind, flags := head[3], head[4]; {
		case s.over: // a reset may follow an answer
		case kind == frameReset:
			s.reset, s.over, s.ended = true, true, time.Since(start)
		case kind == frameData || kind == frameHeaders:
			if kind == frameData {
				s.data += string(payload)
			}
			if flags&endStream != 0 {
				s.over, s.ended = true, time.Since(start)
			}
		}
	}
}

// TestAStreamWhoseBodyNeverEnds: on HTTP/2 a refused body ends its stream and leaves the connection, and one that does
// not come ends its stream when its time is over. The connection ends when it has been idle.
func TestAStreamWhoseBodyNeverEnds(t *testing.T) {
	for _, test := range []struct {
		name, method, path string
		more               []string
		code               string // in the answer
	}{
		{"a question", "POST", "/v1/score", []string{"authorization", "Bearer s3cret", "content-type", "application/json"}, "body_timeout"},
		{"a question, with a length", "POST", "/v1/score", []string{"authorization", "Bearer s3cret", "content-type", "application/json", "content-length", "100"}, "body_timeout"},
		{"no token", "POST", "/v1/score", []string{"content-type", "application/json"}, "unauthorized"},
		{"another content type", "POST", "/v1/score", []string{"authorization", "Bearer s3cret"}, "unsupported_media_type"},
		{"an open route", "GET", "/healthz", nil, "alive"},
		{"a method that it does not have", "DELETE", "/v1/models", nil, "method_not_allowed"},
		{"a path that no route has", "POST", "/nowhere", nil, "not_found"},
		{"the whole server", "OPTIONS", "*", nil, "not_found"},
		{"a path that is not clean", "POST", "/v1/./score", nil, "not_found"},
		{"expect", "POST", "/v1/score", []string{"authorization", "Bearer s3cret", "content-type", "application/json", "expect", "100-continue"}, "body_timeout"},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, &fakeEngine{}, Options{Tokens: []Token{{Token: "s3cret"}}}, func(t *bubble) {
				conn := t.dial()
				say(conn, preface2+frame(frameSettings, 0, 0, "")+
					frame(frameHeaders, endHeaders, 1, request2(test.method, test.path, test.more...))+frame(frameData, 0, 1, `{"items"`))
				got := listen2(t.T, conn)
				answer, limit := got.streams[1], time.Duration(0)
				if test.code == "body_timeout" {
					limit = t.server.options.BodyTimeout
				}
				if answer == nil || answer.reset || answer.ended != limit || !strings.Contains(answer.data, test.code) {
					t.Fatalf("%+v, want %s after %s", answer, test.code, limit)
				}
				if limit += t.server.options.IdleTimeout + 2*time.Second; got.ended > limit {
					t.Errorf("the connection ended after %s, and %s is the limit", got.ended, limit)
				}
				if n := t.server.inFlight.Load(); n != 0 {
					t.Errorf("%d requests are in flight", n)
				}
			})
		})
	}
}

// TestAShutWindow: a client that grants no window gets no answer, and its stream ends when the time to take one is
// over. So do the streams that net/http answers by itself.
func TestAShutWindow(t *testing.T) {
	long := strings.Repeat("a", 8000)
	many := []string{}
	for i := range 9 {
		many = append(many, fmt.Sprintf("x-%d", i), long)
	}
	for name, headers := range map[string]string{
		"a page":                    request2("GET", "/openapi.json"),
		"a short answer":            request2("GET", "/healthz"),
		"a problem":                 request2("GET", "/nowhere"),
		"metrics":                   request2("GET", "/metrics"),
		"headers that are too long": request2("GET", "/healthz", many...),
		"a header that may not be":  request2("GET", "/healthz", "connection", "close"),
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, &fakeEngine{}, Options{}, func(t *bubble) {
				conn := t.dial()
				const initialWindow = "\x00\x04\x00\x00\x00\x00" // of 0 bytes
				var text strings.Builder
				text.WriteString(preface2 + frame(frameSettings, 0, 0, initialWindow))
				for first := true; first || len(headers) > 0; first = false {
					part := headers[:min(len(headers), 16000)]
					headers = headers[len(part):]
					kind, flags := byte(frameHeaders), byte(endStream)
					if !first {
						kind, flags = 9, 0 // CONTINUATION
					}
					if len(headers) == 0 {
						flags |= endHeaders
					}
					text.WriteString(frame(kind, flags, 1, part))
				}
				say(conn, text.String())
				got := listen2(t.T, conn)
				answer := got.streams[1]
				if answer == nil || !answer.reset || answer.ended > t.server.options.WriteTimeout {
					t.Fatalf("%+v, want a reset within %s", answer, t.server.options.WriteTimeout)
				}
				if limit := t.server.options.WriteTimeout + t.server.options.IdleTimeout + 2*time.Second; got.ended > limit {
					t.Errorf("the connection ended after %s, and %s is the limit", got.ended, limit)
				}
				if n := t.server.inFlight.Load(); n != 0 {
					t.Errorf("%d requests are in flight", n)
				}
			})
		})
	}
}

// TestAnHTTP2ConnectionWithoutRequests ends, whatever comes on it.
func TestAnHTTP2ConnectionWithoutRequests(t *testing.T) {
	started := preface2 + frame(frameSettings, 0, 0, "")
	for name, test := range map[string]struct {
		first, again string // again: every second
		limit        func(Options) time.Duration
	}{
		"half a preface":      {preface2[:10], "", func(o Options) time.Duration { return o.HeaderTimeout }},
		"no settings":         {preface2, "", func(o Options) time.Duration { return o.HeaderTimeout }},
		"nothing more":        {started, "", func(o Options) time.Duration { return o.IdleTimeout }},
		"pings":               {started, frame(framePing, 0, 0, "12345678"), func(o Options) time.Duration { return o.IdleTimeout }},
		"settings":            {started, frame(frameSettings, 0, 0, ""), func(o Options) time.Duration { return o.IdleTimeout }},
		"windows":             {started, frame(frameWindow, 0, 0, "\x00\x00\x00\x01"), func(o Options) time.Duration { return o.IdleTimeout }},
		"headers without end": {started + frame(frameHeaders, endStream, 1, request2("GET", "/healthz")), frame(9, 0, 1, fields("a", "b")), func(o Options) time.Duration { return o.IdleTimeout }},
		"half a frame":        {started + frame(frameHeaders, endStream, 1, request2("GET", "/healthz"))[:20], "", func(o Options) time.Duration { return o.IdleTimeout }},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, &fakeEngine{}, Options{}, func(t *bubble) {
				conn := t.dial()
				var talk sync.WaitGroup
				defer talk.Wait()
				talk.Go(func() {
					_, err := io.WriteString(conn, test.first)
					for err == nil && test.again != "" {
						time.Sleep(time.Second) // of the bubble's clock
						_, err = io.WriteString(conn, test.again)
					}
				})
				if got, limit := listen2(t.T, conn), test.limit(t.server.options)+2*time.Second; got.ended > limit {
					t.Errorf("it ended after %s, and %s is the limit", got.ended, limit)
				}
			})
		})
	}
}

// TestAnHTTP2ClientThatReadsNothing: its connection ends when the time to take an answer is over, however it fills it.
func TestAnHTTP2ClientThatReadsNothing(t *testing.T) {
	for name, text := range map[string]string{
		"requests": frame(frameHeaders, endHeaders|endStream, 1, request2("GET", "/openapi.json")) + frame(frameHeaders, endHeaders|endStream, 3, request2("GET", "/healthz")),
		"pings":    strings.Repeat(frame(framePing, 0, 0, "12345678"), 20_000),
		"settings": strings.Repeat(frame(frameSettings, 0, 0, ""), 20_000),
		"resets": func() string {
			var all strings.Builder
			for id := uint32(1); id < 20_000; id += 2 {
				all.WriteString(frame(frameHeaders, endHeaders, id, request2("POST", "/v1/score")) + frame(frameReset, 0, id, "\x00\x00\x00\x08"))
			}
			return all.String()
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, &fakeEngine{}, Options{}, func(t *bubble) {
				conn := t.dial()
				start := time.Now()
				_ = conn.SetWriteDeadline(start.Add(patience))
				_, _ = io.WriteString(conn, preface2+frame(frameSettings, 0, 0, "")+text)
				for t.server.inFlight.Load() > 0 {
					time.Sleep(time.Second) // of the bubble's clock
				}
				synctest.Wait()
				open := time.Now()
				for err := error(nil); err == nil && time.Since(open) < patience; { // until the server has closed it
					time.Sleep(time.Second)
					_, err = io.WriteString(conn, "x")
				}
				if took, limit := time.Since(start), t.server.options.WriteTimeout+2*time.Second; took > limit {
					t.Errorf("it ended after %s, and %s is the limit", took, limit)
				}
				_ = conn.Close()
			})
		})
	}
}

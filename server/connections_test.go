package server

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/assay-rm/assay/rewards"
)

// pipes is a listener whose connections are pipes. Nothing of it is outside of the process, so that a server on it can
// run in a bubble of virtual time, where an hour passes at once and every deadline is met to the millisecond. A pipe
// holds no bytes: who writes waits until the other end has read, as on a connection whose buffers are full.
type pipes struct {
	accepted chan net.Conn
	closed   chan struct{}
	close    sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.accepted:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.close.Do(func() { close(p.closed) })
	return nil
}

func (*pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// dial gives the client's end of a new connection.
func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.accepted <- server
	return client
}

// bubble is a test in virtual time, with a server in it.
type bubble struct {
	*testing.T
	server *Server
	pipes
}

// inBubble runs a test with a server in virtual time. When the test has returned and the server has drained, no
// goroutine may be left: the bubble waits for all of them, and fails when one can never end.
func inBubble(t *testing.T, engine Engine, options Options, test func(t *bubble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bubble{T: t, server: newServer(t, engine, options), pipes: pipes{accepted: make(chan net.Conn), closed: make(chan struct{})}}
		ctx, stop := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- b.server.Serve(ctx, &b.pipes) }()
		test(b)
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

// heard is what a client got until the server ended the connection, and when: of the first answer its first byte.
type heard struct {
	text     string
	answered time.Duration
	ended    time.Duration
}

// patience is how long a test's client waits for the end of a connection: longer than every limit of the server
// together.
const patience = time.Hour

// listen reads until the server ends the connection.
func listen(t *testing.T, conn net.Conn) heard {
	t.Helper()
	return listenWithin(t, conn, patience)
}

func listenWithin(t *testing.T, conn net.Conn, patience time.Duration) heard {
	t.Helper()
	start := time.Now()
	var got heard
	var text bytes.Buffer
	_ = conn.SetReadDeadline(start.Add(patience))
	for buffer := make([]byte, 4096); ; {
		n, err := conn.Read(buffer)
		if n > 0 && text.Len() == 0 {
			got.answered = time.Since(start)
		}
		text.Write(buffer[:n])
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the connection is still open after %s; it gave %q", patience, text.String())
		}
		if err != nil {
			got.text, got.ended = text.String(), time.Since(start)
			_ = conn.Close()
			return got
		}
	}
}

// say writes from a goroutine of its own, since the server need not read. What it cannot write is lost.
func say(conn net.Conn, text string) {
	go func() { _, _ = io.WriteString(conn, text) }()
}

// statuses gives the statuses of the answers in what was heard.
func statuses(t *testing.T, text string) []int {
	t.Helper()
	var all []int
	for reader := bufio.NewReader(strings.NewReader(text)); ; {
		if _, err := reader.Peek(1); err != nil {
			return all
		}
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Errorf("%v in %q", err, text)
			return all
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		all = append(all, response.StatusCode)
	}
}

// rude are requests on every kind of route: what they send before the framing of the body, and the status that they get
// without one more byte of it. A status of 408 comes when the body's time is over; every other comes at once.
var rude = []struct {
	name, head string
	status     int
}{
	{"a question", "POST /v1/score HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer s3cret\r\nContent-Type: application/json\r\n", 408},
	{"a foreign question", "POST /get_reward HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer s3cret\r\nContent-Type: application/json\r\n", 408},
	{"no token", "POST /v1/score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n", 401},
	{"another content type", "POST /v1/score HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer s3cret\r\nContent-Type: text/plain\r\n", 415},
	{"an open route", "GET /healthz HTTP/1.1\r\nHost: x\r\n", 200},
	{"an open page", "GET /openapi.json HTTP/1.1\r\nHost: x\r\n", 200},
	{"a closed route", "GET /metrics HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer s3cret\r\n", 200},
	{"a method that it does not have", "DELETE /v1/models HTTP/1.1\r\nHost: x\r\n", 405},
	{"a path that no route has", "POST /nowhere HTTP/1.1\r\nHost: x\r\n", 404},
	{"a tunnel", "CONNECT x:80 HTTP/1.1\r\nHost: x\r\n", 404},
	{"the whole server", "OPTIONS * HTTP/1.1\r\nHost: x\r\n", 404},
	{"an expectation that nobody knows", "POST /v1/score HTTP/1.1\r\nHost: x\r\nExpect: wonders\r\n", 417},
}

// framings are bodies of which the rest never comes.
var framings = []struct{ name, text string }{
	{"length", "Content-Length: 100\r\n\r\n{\"items\""},
	{"length, nothing", "Content-Length: 100\r\n\r\n"},
	{"length, much", "Content-Length: 30000000\r\n\r\n{\"items\""},
	{"chunked", "Transfer-Encoding: chunked\r\n\r\n64\r\n{\"items\""},
	{"chunked, nothing", "Transfer-Encoding: chunked\r\n\r\n"},
	{"expect", "Expect: 100-continue\r\nContent-Length: 100\r\n\r\n"},
	{"expect, chunked", "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"},
}

// TestABodyThatNeverEnds: whatever the route and the framing, the answer comes at once or when the body's time is over,
// and soon after it the connection ends, although the client neither sends the rest nor leaves.
func TestABodyThatNeverEnds(t *testing.T) {
	for i, request := range rude {
		for j, framing := range framings {
			bodyTime := []time.Duration{time.Minute, 2 * time.Second}[(i+j)%2] // longer than linger, or shorter
			if request.status == 417 && strings.HasPrefix(framing.name, "expect") {
				continue // it expects something already
			}
			t.Run(request.name+", "+framing.name, func(t *testing.T) {
				inBubble(t, &fakeEngine{}, Options{Tokens: []Token{{Token: "s3cret"}}, BodyTimeout: bodyTime}, func(t *bubble) {
					conn := t.dial()
					say(conn, request.head+framing.text)
					got := listen(t.T, conn)
					want, answered := []int{request.status}, time.Duration(0)
					if request.status == 408 {
						answered = t.server.options.BodyTimeout
						if strings.HasPrefix(framing.name, "expect") { // the server said 100 Continue at once
							want, answered = []int{100, 408}, 0
						}
					}
					if fmt.Sprint(statuses(t.T, got.text)) != fmt.Sprint(want) || got.answered != answered {
						t.Errorf("%v after %s, want %v after %s", statuses(t.T, got.text), got.answered, want, answered)
					}
					limit := min(linger, bodyTime) + time.Second // a refused body
					switch request.status {
					case 408:
						limit += t.server.options.BodyTimeout
					case 417: // net/http refuses it, without a handler
						limit = t.server.options.BodyTimeout
					}
					if got.ended > limit {
						t.Errorf("it ended after %s, and %s is the limit", got.ended, limit)
					}
					if n := t.server.inFlight.Load(); n != 0 {
						t.Errorf("%d requests are in flight", n)
					}
				})
			})
		}
	}
}

// TestAnswersThatAreNeverRead: a client that sends requests and reads nothing loses its connection when the time to
// take one answer is over, on every kind of route, and so does one whose request net/http refuses by itself.
func TestAnswersThatAreNeverRead(t *testing.T) {
	score := "POST /v1/score HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer s3cret\r\nContent-Type: application/json\r\nContent-Length: 24\r\n\r\n" + oneItem
	for name, request := range map[string]string{
		"a question":       score,
		"expect":           strings.Replace(score, "Host", "Expect: 100-continue\r\nHost", 1),
		"no token":         "GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n",
		"an open route":    "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
		"readiness":        "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n",
		"schemas":          "GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n",
		"a page":           "GET /docs HTTP/1.1\r\nHost: x\r\n\r\n",
		"problems":         "GET /docs/problems.json HTTP/1.1\r\nHost: x\r\n\r\n",
		"metrics":          "GET /metrics HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer s3cret\r\n\r\n",
		"head":             "HEAD /docs HTTP/1.1\r\nHost: x\r\n\r\n",
		"another method":   "DELETE /v1/models HTTP/1.1\r\nHost: x\r\n\r\n",
		"no route":         "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n",
		"no host":          "GET /healthz HTTP/1.1\r\n\r\n",
		"no HTTP":          "hello\r\n\r\n",
		"too many headers": "GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 2*maxHeaders) + "\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, &fakeEngine{}, Options{Tokens: []Token{{Token: "s3cret"}}}, func(t *bubble) {
				conn := t.dial()
				start := time.Now()
				_ = conn.SetWriteDeadline(start.Add(patience))
				// It returns when the server has closed the connection, since the server does not read on while it
				// writes.
				_, err := io.WriteString(conn, strings.Repeat(request, 3000))
				for err == nil {
					time.Sleep(time.Second) // of the bubble's clock
					_, err = io.WriteString(conn, "x")
				}
				if took, limit := time.Since(start), t.server.options.WriteTimeout+time.Second; took > limit {
					t.Errorf("it ended after %s (%v), and %s is the limit", took, err, limit)
				}
				synctest.Wait()
				if n := t.server.inFlight.Load(); n != 0 {
					t.Errorf("%d requests are in flight", n)
				}
				_ = conn.Close()
			})
		})
	}
}

// TestAnAnswerThatIsTakenSlowly is cut when its time is over, although the client never stops reading.
func TestAnAnswerThatIsTakenSlowly(t *testing.T) {
	for _, path := range []string{"/openapi.json", "/metrics", "/docs/docs.js"} {
		inBubble(t, &fakeEngine{}, Options{}, func(t *bubble) {
			conn := t.dial()
			start := time.Now()
			say(conn, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
			for one := make([]byte, 1); time.Since(start) < patience; time.Sleep(time.Second) {
				if _, err := conn.Read(one); err != nil {
					break
				}
			}
			if took, limit := time.Since(start), t.server.options.WriteTimeout+time.Second; took > limit {
				t.Errorf("%s held its connection for %s, and %s is the limit", path, took, limit)
			}
			_ = conn.Close()
		})
	}
}

// slowEngine answers after an hour, unless its context ends before.
func slowEngine() *fakeEngine {
	return &fakeEngine{score: func(ctx context.Context, request rewards.Request) (rewards.Answer, error) {
		select {
		case <-time.After(time.Hour):
			return fakeAnswer(fakeResults(len(request.Items))), nil
		case <-ctx.Done():
			return rewards.Answer{}, ctx.Err()
		}
	}}
}

// TestAnAnswerMayTakeAnHour: no deadline of the connection ends a request whose body is there, however it was framed;
// one that comes slowly has all of its time.
func TestAnAnswerMayTakeAnHour(t *testing.T) {
	const head = "POST /v1/score HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
	for name, pieces := range map[string][]string{
		"length":       {head + "Content-Length: 24\r\n\r\n" + oneItem},
		"slow length":  {head + "Content-Length: 24\r\n\r\n", oneItem[:9], oneItem[9:]},
		"chunked":      {head + "Transfer-Encoding: chunked\r\n\r\n18\r\n" + oneItem + "\r\n0\r\n\r\n"},
		"slow chunked": {head + "Transfer-Encoding: chunked\r\n\r\n18\r\n", oneItem + "\r\n", "0\r\n\r\n"},
		"expect":       {head + "Expect: 100-continue\r\nContent-Length: 24\r\n\r\n", oneItem},
		"http2": {
			preface2 + frame(frameSettings, 0, 0, "") + frame(frameHeaders, endHeaders, 1, request2("POST", "/v1/score", "content-type", "application/json")),
			frame(frameData, 0, 1, oneItem[:9]), frame(frameData, endStream, 1, oneItem[9:]),
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, slowEngine(), Options{}, func(t *bubble) {
				conn := t.dial()
				go func() {
					for _, piece := range pieces {
						_, _ = io.WriteString(conn, piece)
						time.Sleep(20 * time.Second) // of the bubble's clock; all in less than the body's time
					}
				}()
				if name == "http2" {
					got := listen2within(t.T, conn, 2*patience)
					if answer := got.streams[1]; answer == nil || answer.reset || !strings.Contains(answer.data, `"score":0.25`) || answer.ended < time.Hour {
						t.Errorf("%+v", answer)
					}
					return
				}
				got := listenWithin(t.T, conn, 2*patience)
				if !strings.Contains(got.text, `"score":0.25`) || got.ended < time.Hour {
					t.Errorf("%q after %s", got.text, got.ended)
				}
			})
		})
	}
}

// TestAClientThatLeavesEndsItsRequest, while it is computed and while its body comes.
func TestAClientThatLeavesEndsItsRequest(t *testing.T) {
	for _, text := range []string{
		"POST /v1/score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 24\r\n\r\n" + oneItem,
		"POST /v1/score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 24\r\n\r\n" + oneItem[:9],
		preface2 + frame(frameSettings, 0, 0, "") + frame(frameHeaders, endHeaders, 1, request2("POST", "/v1/score", "content-type", "application/json")) +
			frame(frameData, endStream, 1, oneItem),
	} {
		inBubble(t, slowEngine(), Options{}, func(t *bubble) {
			conn := t.dial()
			go func() { _, _ = io.Copy(io.Discard, conn) }()
			say(conn, text)
			synctest.Wait()
			if n := t.server.inFlight.Load(); n != 1 {
				t.Errorf("%d requests are in flight", n)
			}
			_ = conn.Close()
			synctest.Wait()
			if n := t.server.inFlight.Load(); n != 0 {
				t.Errorf("%d requests are in flight after the client left", n)
			}
		})
	}
}

// TestAConnectionWithoutARequest ends by itself, whether it says nothing, a part, or had a request before.
func TestAConnectionWithoutARequest(t *testing.T) {
	const request = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
	for name, test := range map[string]struct {
		first, again string // again: every second
		limit        func(Options) time.Duration
	}{
		"silent":                     {"", "", func(o Options) time.Duration { return o.HeaderTimeout }},
		"headers without end":        {"GET / HTTP/1.1\r\n", "a: b\r\n", func(o Options) time.Duration { return o.HeaderTimeout }},
		"idle":                       {request, "", func(o Options) time.Duration { return o.IdleTimeout }},
		"idle, and blank lines":      {strings.Replace(request, "GET", "POST", 1), "\r", func(o Options) time.Duration { return o.IdleTimeout + o.HeaderTimeout }},
		"then headers without end":   {request, "a", func(o Options) time.Duration { return o.IdleTimeout + o.HeaderTimeout }},
		"a body of many little ones": {strings.Replace(request, "\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n", 1), "1\r\na\r\n", func(Options) time.Duration { return linger + time.Second }},
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
				if got, limit := listen(t.T, conn), test.limit(t.server.options)+time.Second; got.ended > limit {
					t.Errorf("it ended after %s, and %s is the limit", got.ended, limit)
				}
			})
		})
	}
}

package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// tiny is a body that every route with a body understands enough to refuse or to answer.
const tiny = `{"items":[{"text":"1"}]}`

func gets(t target) bool  { return t.method == http.MethodGet }
func posts(t target) bool { return t.method == http.MethodPost }

// whole is a request that lacks nothing.
func (p *peer) whole() string {
	if gets(p.target) {
		return p.head()
	}
	return p.head(fmt.Sprintf("Content-Length: %d", len(tiny))) + tiny
}

// says gives an act that sends what is made for the peer, and no more.
func says(what func(p *peer) string) func(context.Context, *peer) {
	return func(_ context.Context, p *peer) { p.say(what(p)) }
}

// dribbles gives an act that sends a beginning and then the same bytes again and again, for at most n times.
func dribbles(pause time.Duration, n int, again string, beginning func(p *peer) string) func(context.Context, *peer) {
	return func(ctx context.Context, p *peer) {
		if p.say(beginning(p)) {
			every(ctx, pause, n, func(int) bool { return p.say(again) })
		}
	}
}

// pipelines gives an act that sends so many whole requests one behind the other.
func pipelines(n int) func(context.Context, *peer) {
	return func(_ context.Context, p *peer) {
		request := p.whole()
		for range n {
			if !p.say(request) {
				return
			}
		}
	}
}

const often = 20 * time.Millisecond

// slowHeaders are connections whose headers never end.
func slowHeaders() []rude {
	return []rude{
		{name: "opened, and silent", states: []state{inHeader}, act: func(context.Context, *peer) {}},
		{
			name: "opened, and silent, 50 times each", states: []state{inHeader}, count: 50,
			act: func(context.Context, *peer) {},
		},
		{
			name: "half a request line", states: []state{inHeader},
			act: says(func(*peer) string { return "GET /heal" }),
		},
		{
			name: "headers a byte at a time", states: []state{inHeader},
			act: dribbles(often, 3000, "a", func(p *peer) string {
				return strings.TrimSuffix(p.head(), "\r\n\r\n") + "\r\nX: a"
			}),
		},
		{
			name: "headers without end, at full speed", flood: true, states: []state{inHeader},
			act: dribbles(time.Microsecond, 1000, "X: "+strings.Repeat("a", 4*kib)+"\r\n", func(p *peer) string {
				return strings.TrimSuffix(p.head(), "\r\n")
			}),
		},
	}
}

// slowBodies are connections whose body never ends, or is no body.
func slowBodies() []rude {
	return []rude{
		{
			name: "Content-Length 100, 8 bytes sent", states: []state{inBody},
			act: says(func(p *peer) string { return p.head("Content-Length: 100") + `{"items"` }),
		},
		{
			name: "Content-Length 300000, 8 bytes sent", states: []state{inBody},
			act: says(func(p *peer) string { return p.head("Content-Length: 300000") + `{"items"` }),
		},
		{
			name: "Content-Length 100, wrong type, 8 bytes sent", states: []state{inBody},
			act: says(func(p *peer) string {
				return strings.Replace(p.head("Content-Length: 100"), "application/json", "text/plain", 1) + `{"items"`
			}),
		},
		{
			name: "a first chunk only", states: []state{inBody},
			act: says(func(p *peer) string { return p.head("Transfer-Encoding: chunked") + "8\r\n{\"items\"\r\n" }),
		},
		{
			name: "half a chunk", states: []state{inBody},
			act: says(func(p *peer) string { return p.head("Transfer-Encoding: chunked") + "80\r\n{\"items\"" }),
		},
		{
			name: "malformed chunks", states: []state{inBody}, want: []int{400},
			act: says(func(p *peer) string { return p.head("Transfer-Encoding: chunked") + "zz\r\n{}\r\n" }),
		},
		{
			name: "a chunk of 2^64 bytes", states: []state{inBody}, want: []int{400, 408, 413},
			act: says(func(p *peer) string {
				return p.head("Transfer-Encoding: chunked") + "FFFFFFFFFFFFFFFF\r\n{}"
			}),
		},
		{
			name: "a chunk's extension without end", flood: true, states: []state{inBody}, want: []int{400, 408},
			act: dribbles(time.Microsecond, 1000, strings.Repeat("a", 4*kib), func(p *peer) string {
				return p.head("Transfer-Encoding: chunked") + "8;"
			}),
		},
		{
			name: "trailers without end", flood: true, states: []state{inBody},
			act: dribbles(time.Microsecond, 1000, "X: "+strings.Repeat("a", 4*kib)+"\r\n", func(p *peer) string {
				return p.head("Transfer-Encoding: chunked") + fmt.Sprintf("%x\r\n%s\r\n0\r\n", len(tiny), tiny)
			}),
		},
		{
			name: "a body a byte at a time", states: []state{inBody},
			act: dribbles(often, 3000, " ", func(p *peer) string { return p.head("Content-Length: 4096") + `{` }),
		},
		{
			name: "chunks of a byte, slowly", states: []state{inBody},
			act: dribbles(often, 3000, "1\r\n \r\n",
				func(p *peer) string { return p.head("Transfer-Encoding: chunked") }),
		},
		{
			name: "Expect: 100-continue, and no body", states: []state{inBody}, where: posts,
			act: says(func(p *peer) string {
				return p.head("Content-Length: 100", "Expect: 100-continue")
			}),
		},
		{name: "half-closed inside its body", states: []state{inBody}, act: func(_ context.Context, p *peer) {
			if p.say(p.head("Content-Length: 100") + `{"items"`) {
				p.closeWrite()
			}
		}},
		{
			name: "a body that goes on behind its refusal", states: []state{inBody},
			act: dribbles(often, 3000, strings.Repeat(" ", 16*kib), func(p *peer) string {
				return p.head("Content-Length: 10737418240")
			}),
		},
		{
			name: "64 MiB behind a refusal, at full speed", flood: true, states: []state{inBody},
			act: dribbles(time.Microsecond, 64, strings.Repeat(" ", mib), func(p *peer) string {
				return p.head("Content-Length: 10737418240")
			}),
		},
	}
}

// slowAnswers are connections that take no answer, or ask for nothing more.
func slowAnswers() []rude {
	return []rude{
		{name: "idle behind an answer", states: []state{inIdle}, act: says((*peer).whole)},
		{name: "idle behind an answer, 50 times each", states: []state{inIdle}, count: 50, act: says((*peer).whole)},
		{name: "half-closed behind its request", states: []state{inIdle}, act: func(_ context.Context, p *peer) {
			if p.say(p.whole()) {
				p.closeWrite()
			}
		}},
		{
			name: "half a request behind an answer", states: []state{inHeader, inIdle},
			act: says(func(p *peer) string { return p.whole() + "GET /heal" }),
		},
		{name: "3000 requests, no answer read", states: []state{inWrite, inIdle}, deaf: true, act: pipelines(3000)},
		{
			name: "300 dear requests, no answer read", states: []state{inWrite, inIdle}, deaf: true,
			where: func(t target) bool { return t.scores && t.path == "/v1/score" }, act: func(_ context.Context,
				p *peer,
			) {
				body := string(many(`{"items":[`, `{"prompt":"1"}`, 4096, `]}`)())
				for range 300 {
					if !p.say(p.head(fmt.Sprintf("Content-Length: %d", len(body))) + body) {
						return
					}
				}
			},
		},
		{
			name: "3000 requests, answers read a byte at a time", states: []state{inWrite, inIdle}, deaf: true,
			act: func(ctx context.Context, p *peer) {
				done := make(chan struct{})
				go func() {
					defer close(done)
					pipelines(3000)(ctx, p)
				}()
				p.read(ctx, make([]byte, 1), often)
				<-done
			},
		},
		{name: "an upgrade to h2c, and silent", states: []state{inIdle}, act: says(func(p *peer) string {
			return strings.Replace(p.whole(), "Host: abuse\r\n",
				"Host: abuse\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n", 1)
		})},
	}
}

// closeWrite says that nothing more comes, and keeps listening.
func (p *peer) closeWrite() {
	if tcp, ok := p.Conn.(*net.TCPConn); ok {
		_ = tcp.CloseWrite() // the server may have closed first
	}
}

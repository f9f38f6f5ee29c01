package main

import (
	"bytes"
	"context"
	"strings"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// h2 is a connection that speaks HTTP/2 frame by frame.
type h2 struct {
	*peer
	frames *http2.Framer
	block  bytes.Buffer
	pack   *hpack.Encoder
	stream uint32
}

// speaks gives an act that begins with the preface and these settings, and goes on as is said.
func speaks(act func(ctx context.Context, c *h2), settings ...http2.Setting) func(context.Context, *peer) {
	return func(ctx context.Context, p *peer) {
		c := &h2{peer: p, frames: http2.NewFramer(p, nil)}
		c.pack = hpack.NewEncoder(&c.block)
		if p.say(http2.ClientPreface) && c.frames.WriteSettings(settings...) == nil {
			act(ctx, c)
		}
	}
}

// headers are the block of a request to the peer's target, with these fields beside the usual ones.
func (c *h2) headers(fields ...hpack.HeaderField) []byte {
	c.block.Reset()
	usual := []hpack.HeaderField{
		{Name: ":method", Value: c.target.method},
		{Name: ":scheme", Value: "http"},
		{Name: ":authority", Value: "abuse"},
		{Name: ":path", Value: c.target.path},
		{Name: "content-type", Value: "application/json"},
	}
	if c.target.token {
		usual = append(usual, hpack.HeaderField{Name: "authorization", Value: "Bearer " + c.token})
	}
	for _, field := range append(usual, fields...) {
		_ = c.pack.WriteField(field) // a buffer takes all
	}
	return c.block.Bytes()
}

// open begins a stream, and ends the request with it or leaves it open. It tells whether the connection still takes
// frames.
func (c *h2) open(end bool) bool {
	c.next()
	return c.frames.WriteHeaders(http2.HeadersFrameParam{
		StreamID: c.stream, BlockFragment: c.headers(),
		EndHeaders: true, EndStream: end,
	}) == nil
}

func (c *h2) next() { c.stream += 2 - (c.stream+1)%2 }

// opens gives an act that opens so many streams.
func opens(n int, end bool) func(context.Context, *h2) {
	return func(_ context.Context, c *h2) {
		for range n {
			if !c.open(end) {
				return
			}
		}
	}
}

// floods gives an act that sends a frame so many times, at full speed.
func floods(n int, frame func(c *h2, i int) error) func(context.Context, *h2) {
	return func(_ context.Context, c *h2) {
		for i := range n {
			if frame(c, i) != nil {
				return
			}
		}
	}
}

func window(bytes uint32) http2.Setting {
	return http2.Setting{ID: http2.SettingInitialWindowSize, Val: bytes}
}

// wide is a window as large as one can be.
const wide = 1<<31 - 1

// rudeFrames are HTTP/2 connections that open what they do not end, and send what costs them nothing.
func rudeFrames() []rude {
	half := func(name string, act func(context.Context, *peer)) rude {
		return rude{name: name, states: []state{inHeader}, where: gets, act: act}
	}
	return []rude{
		half("h2: half a preface", says(func(*peer) string { return "PRI * HTTP/2.0\r\n\r\nSM" })),
		half("h2: a preface without settings", says(func(*peer) string { return http2.ClientPreface })),
		{name: "h2: settings, and silent", states: []state{inIdle}, act: speaks(func(context.Context, *h2) {})},
		{
			name: "h2: half a frame", states: []state{inIdle},
			act: speaks(func(_ context.Context, c *h2) { c.say("\x00\x01\x00\x01\x05\x00\x00\x00\x01half") }),
		},
		{name: "h2: headers without their end", states: []state{inIdle}, act: speaks(func(_ context.Context, c *h2) {
			c.next()
			_ = c.frames.WriteHeaders(http2.HeadersFrameParam{StreamID: c.stream, BlockFragment: c.headers()})
		})},
		{
			name: "h2: headers without end", flood: true, states: []state{inIdle},
			act: speaks(func(_ context.Context, c *h2) {
				c.next()
				_ = c.frames.WriteHeaders(http2.HeadersFrameParam{StreamID: c.stream, BlockFragment: c.headers()})
				more := c.headers(hpack.HeaderField{Name: "x", Value: strings.Repeat("a", 15*kib)})
				for range 400 {
					if c.frames.WriteContinuation(c.stream, false, more) != nil {
						return
					}
				}
			}),
		},
		{name: "h2: headers that unpack to 64 MiB", states: []state{inIdle}, act: speaks(unpack)},
	}
}

// rudeStreams are HTTP/2 connections whose streams, bodies and answers do not end.
func rudeStreams() []rude {
	return []rude{
		{
			name: "h2: 500 streams, no body", states: []state{inBody, inIdle}, where: posts,
			act: speaks(opens(500, false)),
		},
		{
			name: "h2: bodies a byte at a time", states: []state{inBody, inIdle},
			act: speaks(func(ctx context.Context, c *h2) {
				opens(10, false)(ctx, c)
				every(ctx, often, 3000, func(int) bool {
					for stream := uint32(1); stream <= c.stream; stream += 2 {
						if c.frames.WriteData(stream, false, []byte(" ")) != nil {
							return false
						}
					}
					return true
				})
			}),
		},
		{
			name: "h2: 100,000 empty frames in a body", flood: true, states: []state{inBody, inIdle}, where: posts,
			act: speaks(func(ctx context.Context, c *h2) {
				c.open(false)
				floods(100_000, func(c *h2, _ int) error { return c.frames.WriteData(1, false, nil) })(ctx, c)
			}),
		},
		{
			name: "h2: a window that stays shut", states: []state{inWrite, inIdle},
			act: speaks(opens(100, true), window(0)),
		},
		{
			name: "h2: a window that stays shut, and pings", states: []state{inWrite, inIdle},
			act: speaks(func(ctx context.Context, c *h2) {
				opens(10, true)(ctx, c)
				every(ctx, often, 3000, func(int) bool { return c.frames.WritePing(false, [8]byte{}) == nil })
			}, window(0)),
		},
		{
			name: "h2: a window that opens a byte at a time", states: []state{inWrite, inIdle},
			act: speaks(func(ctx context.Context, c *h2) {
				opens(10, true)(ctx, c)
				every(ctx, often, 3000, func(int) bool {
					for stream := uint32(1); stream <= c.stream; stream += 2 {
						if c.frames.WriteWindowUpdate(stream, 1) != nil {
							return false
						}
					}
					return true
				})
			}, window(0)),
		},
		{
			name: "h2: 1000 requests, no answer read", states: []state{inWrite, inIdle}, deaf: true,
			act: speaks(func(ctx context.Context, c *h2) {
				_ = c.frames.WriteWindowUpdate(0, wide-1<<16)
				opens(1000, true)(ctx, c)
			}, window(wide)),
		},
	}
}

// rudeFloods are HTTP/2 connections with much of what costs a client next to nothing.
func rudeFloods() []rude {
	return []rude{
		{
			name: "h2: 5000 streams reset at once", flood: true, states: []state{inIdle},
			act: speaks(floods(5000, func(c *h2, _ int) error {
				c.open(false)
				return c.frames.WriteRSTStream(c.stream, http2.ErrCodeCancel)
			})),
		},
		{
			name: "h2: 200,000 pings, none read", flood: true, states: []state{inWrite, inIdle}, deaf: true,
			act: speaks(floods(200_000, func(c *h2, i int) error {
				return c.frames.WritePing(false, [8]byte{byte(i), byte(i >> 8)}) //nolint:gosec // any bytes will do
			})),
		},
		{
			name: "h2: 200,000 settings, none read", flood: true, states: []state{inWrite, inIdle}, deaf: true,
			act: speaks(floods(200_000, func(c *h2, _ int) error { return c.frames.WriteSettings() })),
		},
		{
			name: "h2: 200,000 window updates", flood: true, states: []state{inIdle},
			act: speaks(floods(200_000, func(c *h2, _ int) error { return c.frames.WriteWindowUpdate(0, 1) })),
		},
		{name: "h2: pings for ever", states: []state{inIdle}, act: speaks(func(ctx context.Context, c *h2) {
			every(ctx, often, 3000, func(int) bool { return c.frames.WritePing(false, [8]byte{}) == nil })
		})},
		{
			name: "h2: a body behind its refusal", states: []state{inBody, inIdle},
			act: speaks(func(ctx context.Context, c *h2) {
				c.open(false)
				every(ctx, often, 60, func(int) bool { return c.frames.WriteData(1, false, make([]byte, kib)) == nil })
			}),
		},
		{
			name: "h2: idle behind an answer, 50 times each", states: []state{inIdle}, count: 50,
			act: speaks(opens(1, true)),
		},
	}
}

// unpack puts a field of 4 KiB into the server's table and then names it 16,000 times with a byte each.
func unpack(_ context.Context, c *h2) {
	c.next()
	first := bytes.Clone(c.headers(hpack.HeaderField{Name: "x", Value: strings.Repeat("a", 3900)}))
	_ = c.frames.WriteHeaders(http2.HeadersFrameParam{StreamID: c.stream, BlockFragment: first})
	_ = c.frames.WriteContinuation(c.stream, true, bytes.Repeat([]byte{0x80 | 62}, 16_000))
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// target is a kind of route: what a request to it needs, and what becomes of it.
type target struct {
	method, path string
	token        bool // the request carries the token
	scores       bool // the request's body is read
}

// targets are one route of every kind: open, with the token, refused for want of it, and unknown.
var targets = []target{
	{http.MethodGet, "/healthz", false, false},
	{http.MethodGet, "/openapi.json", false, false},
	{http.MethodGet, "/metrics", true, false},
	{http.MethodPost, "/v1/score", true, true},
	{http.MethodPost, "/v1/score", false, false},
	{http.MethodPost, "/get_reward", true, true},
	{http.MethodPost, "/nowhere", true, false},
}

// String is how a target is named in a fault.
func (t target) String() string {
	if t.method == http.MethodPost && !t.token {
		return t.path + " without token"
	}
	return t.path
}

// state is something that a connection can be in for a documented time.
type state string

const (
	inHeader state = "header"
	inBody   state = "body"
	inWrite  state = "write"
	inIdle   state = "idle"
)

// rude is a way to misuse a connection. The server must end it when the states that it passes through have had their
// times.
type rude struct {
	name   string
	states []state
	act    func(ctx context.Context, p *peer) // sends, and returns when it is done or the server has cut it off
	deaf   bool                               // nothing is read unless act does
	flood  bool                               // act sends much: the times of the states begin when it has sent all
	want   []int                              // lawful statuses where the body is read; nil: any
	where  func(target) bool                  // the targets that it makes sense for; nil: all
	count  int                                // connections to each target; 0: one
}

// rudeConnections lists all of them.
func rudeConnections() []rude {
	return slices.Concat(slowHeaders(), slowBodies(), slowAnswers(), rudeFrames(), rudeStreams(), rudeFloods())
}

// route says in a row on how many connections it is done.
func (r rude) route() string {
	n := 0
	for _, t := range targets {
		if r.where == nil || r.where(t) {
			n++
		}
	}
	return fmt.Sprintf("%d connections", n*max(1, r.count))
}

// peer is the rude side of one connection.
type peer struct {
	net.Conn
	target    target
	token     string
	sent, got atomic.Int64
	spent     atomic.Int64 // nanoseconds until act had sent all; 0: it has not

	mu    sync.Mutex
	first []byte // guarded by mu: the beginning of what came
	over  bool   // guarded by mu: the server ended the connection, as seen from here
}

// Write counts what is sent.
func (p *peer) Write(b []byte) (int, error) {
	n, err := p.Conn.Write(b)
	p.sent.Add(int64(n))
	return n, err
}

// say sends text, and tells whether the connection still takes it.
func (p *peer) say(text string) bool {
	_, err := io.WriteString(p, text)
	return err == nil
}

// every calls do, at most n times, with a pause between, until it is false or ctx ends.
func every(ctx context.Context, pause time.Duration, n int, do func(i int) bool) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for i := range n {
		if !do(i) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// read takes what comes, so many bytes at a time, with a pause between, until the connection ends.
func (p *peer) read(ctx context.Context, buffer []byte, pause time.Duration) {
	for {
		n, err := p.Conn.Read(buffer)
		p.got.Add(int64(n))
		p.mu.Lock()
		if len(p.first) < kib {
			p.first = append(p.first, buffer[:n]...)
		}
		p.over = p.over || (err != nil && !errors.Is(err, net.ErrClosed))
		p.mu.Unlock()
		if err != nil {
			return
		}
		if pause > 0 {
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
		}
	}
}

// status is that of the last answer on the connection's beginning which is no interim one; 0: none came.
func (p *peer) status() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	rest := string(p.first)
	for {
		_, after, found := strings.Cut(rest, "HTTP/1.1 ")
		if !found || len(after) < 3 {
			return 0
		}
		var status int
		if _, err := fmt.Sscanf(after[:3], "%d", &status); err == nil && status >= 200 {
			return status
		}
		rest = after
	}
}

// head is a request to the peer's target up to its body, with these lines beside the usual ones.
func (p *peer) head(lines ...string) string {
	lines = append([]string{
		fmt.Sprintf("%s %s HTTP/1.1", p.target.method,
			p.target.path), "Host: abuse", "Content-Type: application/json",
	}, lines...)
	if p.target.token {
		lines = append(lines, "Authorization: Bearer "+p.token)
	}
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// dial opens a connection. A deaf one has a small buffer for what comes, so that the server's answers soon have no
// place to go.
func dial(ctx context.Context, address string, deaf bool) (net.Conn, error) {
	dialer := net.Dialer{}
	if deaf {
		dialer.Control = func(_, _ string, raw syscall.RawConn) error {
			return raw.Control(func(fd uintptr) {
				_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF,
					4*kib) //nolint:gosec // a descriptor is an int; without it the buffer is larger
			})
		}
	}
	return dialer.DialContext(ctx, "tcp", address)
}

// floodTime bounds how long an act may send.
const floodTime = 30 * time.Second

// sending is how long the slowest peer has sent or still sends, where that counts.
func (r rude) sending(peers []*peer, now time.Duration) time.Duration {
	longest := time.Duration(0)
	for _, p := range peers {
		if spent := time.Duration(p.spent.Load()); r.flood && spent == 0 {
			return min(now, floodTime)
		} else if r.flood {
			longest = max(longest, spent)
		}
	}
	return longest
}

// misuse opens the connections, misuses them and waits until the server holds none of them any more, for at most limit
// behind what a flood takes to be sent. What is broken names the targets whose connections it still held then.
func (r rude) misuse(ctx context.Context, address, token string, limit time.Duration) outcome {
	ctx, cancel := context.WithCancel(ctx)
	var peers []*peer
	var busy sync.WaitGroup
	begun := time.Now()
	var o outcome
	for _, target := range targets {
		if r.where != nil && !r.where(target) {
			continue
		}
		for range max(1, r.count) {
			conn, err := dial(ctx, address, r.deaf)
			if err != nil {
				o.broken = err.Error()
				break
			}
			p := &peer{Conn: conn, target: target, token: token}
			peers = append(peers, p)
			busy.Go(func() {
				r.act(ctx, p)
				p.spent.Store(int64(time.Since(begun)))
			})
			if !r.deaf {
				busy.Go(func() { p.read(ctx, make([]byte, 64*kib), 0) })
			}
		}
	}
	open := peers
	var err error
	for len(open) > 0 && time.Since(begun) < limit+r.sending(open, time.Since(begun)) && ctx.Err() == nil {
		time.Sleep(20 * time.Millisecond)
		if open, err = stillHeld(address, open); err != nil {
			o.broken = err.Error()
			break
		}
	}
	o.took = time.Since(begun) - r.sending(peers, 0)
	cancel()
	for _, p := range peers {
		p.Close() //nolint:errcheck,gosec // nothing is lost
	}
	busy.Wait()
	for _, p := range peers {
		o.sent += p.sent.Load()
		o.answer += p.got.Load()
		if p.target.scores {
			o.status = p.status()
		}
	}
	if len(open) > 0 && o.broken == "" {
		o.broken = fmt.Sprintf("%d connections still open after %s: %s", len(open), seconds(o.took), namesOf(open))
	}
	return o
}

// namesOf lists the targets of some peers, each once.
func namesOf(peers []*peer) string {
	var names []string
	for _, p := range peers {
		if name := p.target.String(); !strings.Contains(strings.Join(names, "\n"), name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

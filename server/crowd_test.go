package server

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// alive asks whether the server lives, and gives the status of the answer: 0 when the connection ends before it comes.
func alive(conn net.Conn) int {
	say(conn, healthz)
	_ = conn.SetReadDeadline(time.Now().Add(time.Second))
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	return response.StatusCode
}

const healthz = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"

// TestTheSilentMakeRoom: at the limit of connections, the one that has been without a request for longest is closed for
// a new one, however many are silent; those with a request open stay.
func TestTheSilentMakeRoom(t *testing.T) {
	inBubble(t, slowEngine(), Options{MaxConnections: 3}, func(t *bubble) {
		busy := t.dial()
		say(busy, "POST /v1/score HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 24\r\n\r\n"+oneItem)
		used := t.dial()
		if status := alive(used); status != 200 {
			t.Errorf("the first connection got %d", status)
		}
		silent := make([]net.Conn, 50)
		for i := range silent {
			silent[i] = t.dial()
			synctest.Wait()
		}
		if status := alive(used); status != 0 {
			t.Errorf("a connection that made room got %d", status)
		}
		if status := alive(silent[48]); status != 200 {
			t.Errorf("the last but one got %d", status)
		}
		for range 50 { // the one that was just used is not the next to go
			fresh := t.dial()
			if status := alive(fresh); status != 200 {
				t.Errorf("a new connection got %d among silent ones", status)
			}
			defer fresh.Close() //nolint:errcheck // a pipe
		}
		if got := listenWithin(t.T, busy, 2*patience); !strings.Contains(got.text, " 200 OK") {
			t.Errorf("the busy connection got %q", got.text)
		}
		for _, conn := range append(silent, used) {
			_ = conn.Close()
		}
		if n := t.server.inFlight.Load(); n != 0 {
			t.Errorf("%d requests are in flight", n)
		}
	})
}

// TestANewConnectionWaitsForTheBusy, and is taken up when one of them is done.
func TestANewConnectionWaitsForTheBusy(t *testing.T) {
	inBubble(t, slowEngine(), Options{MaxConnections: 2}, func(t *bubble) {
		start := time.Now()
		for range 2 {
			busy := t.dial()
			say(busy, "POST /v1/score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 24\r\n\r\n"+oneItem)
			go func() { _, _ = io.Copy(io.Discard, busy) }()
			defer busy.Close() //nolint:errcheck // a pipe
		}
		synctest.Wait()
		fresh := t.dial()
		say(fresh, strings.Replace(healthz, "\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1))
		got := listenWithin(t.T, fresh, 2*patience)
		if took := time.Since(start); !strings.Contains(got.text, " 200 OK") || took < time.Hour || took > time.Hour+time.Second {
			t.Errorf("%q after %s", got.text, took)
		}
		synctest.Wait() // the other busy one ends in the same moment
		if n := t.server.inFlight.Load(); n != 0 {
			t.Errorf("%d requests are in flight", n)
		}
	})
}

// TestADrainDoesNotWaitForThoseOutside: who waits for room when the server stops is turned away.
func TestADrainDoesNotWaitForThoseOutside(t *testing.T) {
	inBubble(t, slowEngine(), Options{MaxConnections: 1, DrainTimeout: 2 * time.Hour}, func(t *bubble) {
		busy := t.dial()
		say(busy, "POST /v1/score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 24\r\n\r\n"+oneItem)
		go func() { _, _ = io.Copy(io.Discard, busy) }()
		synctest.Wait()
		fresh := t.dial()
		go func() {
			start := time.Now()
			if _, err := fresh.Read(make([]byte, 1)); err == nil || time.Since(start) > 0 {
				t.Errorf("%v after %s", err, time.Since(start))
			}
		}()
		synctest.Wait()
	})
}

func TestConnectionsWithinTheOpenFiles(t *testing.T) {
	for _, test := range []struct {
		asked int
		files uint64
		want  int
	}{
		{4096, math.MaxUint64, 4096},
		{4096, 1 << 20, 4096},
		{4096, 4096 + reservedFiles, 4096},
		{4096, 4096, 4096 - reservedFiles},
		{4096, 1024, 768},
		{4096, 300, 150},
		{4096, 0, 1},
		{10, 1024, 10},
	} {
		if got := connectionsWithin(test.asked, test.files); got != test.want {
			t.Errorf("%d of %d files: %d, want %d", test.asked, test.files, got, test.want)
		}
	}
}

// failing is a listener that cannot accept for a while.
type failing struct {
	pipes
	until time.Time
}

func (f *failing) Accept() (net.Conn, error) {
	if time.Now().Before(f.until) {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: syscall.EMFILE}
	}
	return f.pipes.Accept()
}

// TestConnectionsThatCannotBeAcceptedAreSaid, at the usual level, and not once for each try.
func TestConnectionsThatCannotBeAcceptedAreSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &lines{}
		s := newServer(t, &fakeEngine{}, Options{Logger: slog.New(slog.NewTextHandler(log, nil))})
		at := &failing{pipes{accepted: make(chan net.Conn), closed: make(chan struct{})}, time.Now().Add(25 * time.Second)}
		served := make(chan error, 1)
		ctx, stop := context.WithCancel(t.Context())
		go func() { served <- s.Serve(ctx, at) }()
		conn := at.dial()
		if status := alive(conn); status != 200 {
			t.Errorf("afterwards %d", status)
		}
		_ = conn.Close()
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
		if n := strings.Count(log.String(), "too many open files"); n != 3 {
			t.Errorf("%d lines of 25 seconds:\n%s", n, log)
		}
	})
}

// TestFirstRequestsAreAnsweredByAServerThatStops: a client whose connection was accepted just before the server stops
// gets its answer, and one that stays silent does not hold the stop for long.
func TestFirstRequestsAreAnsweredByAServerThatStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, &fakeEngine{}, Options{})
		p := &pipes{accepted: make(chan net.Conn), closed: make(chan struct{})}
		ctx, stop := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- s.Serve(ctx, p) }()
		late, silent := p.dial(), p.dial()
		start := time.Now()
		stop()
		synctest.Wait()
		say(late, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
		if got := listenWithin(t, late, patience); !strings.Contains(got.text, " 200 OK") {
			t.Errorf("the late one got %q", got.text)
		}
		if err := <-served; err != nil || time.Since(start) > 10*time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
		_ = silent.Close()
	})
}

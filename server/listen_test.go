package server

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/assay-rm/assay/server/wire"
)

// dialing is a transport to a Unix socket, whatever the URL's host.
func dialing(path string) *http.Transport {
	return &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}
}

// http2Only makes a transport speak HTTP/2 without TLS.
func http2Only(transport *http.Transport) *http.Transport {
	transport.Protocols = &http.Protocols{}
	transport.Protocols.SetUnencryptedHTTP2(true)
	return transport
}

// scoreOf posts one item and gives the protocol and the body of the answer, which must be a score.
func scoreOf(t *testing.T, client *http.Client, url string) (proto, body string) {
	t.Helper()
	response, err := post(t.Context(), client, url+"/v1/score", strings.NewReader(oneItem))
	if err != nil {
		t.Error(err)
		return "", ""
	}
	text, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil {
		t.Error(err)
		return "", ""
	}
	if got := decoded[wire.ScoreAnswer](t, reply{response.StatusCode, response.Header, text}); len(got.Results) != 1 {
		t.Errorf("%d %s", response.StatusCode, text)
	}
	return response.Proto, string(text)
}

// TestOneAnswerOverEveryTransport: HTTP/1.1 and HTTP/2, over TCP and over a Unix socket, on one listener each.
func TestOneAnswerOverEveryTransport(t *testing.T) {
	s := newServer(t, &fakeEngine{}, Options{})
	socket := filepath.Join(t.TempDir(), "assay.sock")
	bodies := map[string]bool{}
	for _, test := range []struct {
		name, addr, proto string
		transport         *http.Transport
	}{
		{"tcp", "127.0.0.1:0", "HTTP/1.1", &http.Transport{}},
		{"tcp, http2", "127.0.0.1:0", "HTTP/2.0", http2Only(&http.Transport{})},
		{"unix", "unix:" + socket, "HTTP/1.1", dialing(socket)},
		{"unix, http2", "unix:" + socket, "HTTP/2.0", http2Only(dialing(socket))},
	} {
		t.Run(test.name, func(t *testing.T) {
			s.draining.Store(false)
			url, client, stop := startedOn(t, s, test.addr, test.transport)
			if strings.HasPrefix(test.addr, unixScheme) {
				url = "http://localhost"
				if info, err := os.Lstat(socket); err != nil || info.Mode() != fs.ModeSocket|socketMode {
					t.Errorf("the socket is %v, %v", info, err)
				}
			}
			proto, body := scoreOf(t, client, url)
			if bodies[body] = true; proto != test.proto || len(bodies) != 1 {
				t.Errorf("%s, answers %v", proto, bodies)
			}
			if err := stop(); err != nil {
				t.Error(err)
			}
			if _, err := os.Lstat(socket); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the socket is still there: %v", err)
			}
		})
	}
}

// TestDrainOverHTTP2: what was accepted on a connection is answered, and the connection takes nothing after it.
func TestDrainOverHTTP2(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	for _, test := range []struct {
		addr, url string
		transport *http.Transport
	}{
		{"127.0.0.1:0", "", http2Only(&http.Transport{})},
		{"unix:" + socket, "http://localhost", http2Only(dialing(socket))},
	} {
		const requests = 8
		g := newGate()
		s := newServer(t, g, Options{})
		url, client, stop := startedOn(t, s, test.addr, test.transport)
		if test.url != "" {
			url = test.url
		}
		statuses := make(chan int, requests)
		for range requests {
			go func() {
				response, err := post(t.Context(), client, url+"/v1/score", strings.NewReader(oneItem))
				if err != nil {
					t.Error(err)
					statuses <- 0
					return
				}
				_, err = io.Copy(io.Discard, response.Body)
				statuses <- response.StatusCode
				if err := errors.Join(err, response.Body.Close()); err != nil {
					t.Error(err)
				}
			}()
		}
		for range requests {
			<-g.entered
		}
		stopped := make(chan error, 1)
		go func() { stopped <- stop() }()
		for !s.draining.Load() {
			time.Sleep(time.Millisecond)
		}
		close(g.release)
		for range requests {
			if status := <-statuses; status != http.StatusOK {
				t.Errorf("an accepted request got %d", status)
			}
		}
		if err := <-stopped; err != nil {
			t.Error(err)
		}
		if _, err := post(t.Context(), client, url+"/v1/score", strings.NewReader(oneItem)); err == nil { //nolint:bodyclose // there is none
			t.Error("a request after the end was accepted")
		}
	}
}

// TestStreamsOfAConnectionAreCapped reads the cap off the server's first frame, its settings.
func TestStreamsOfAConnectionAreCapped(t *testing.T) {
	url, _, _ := started(t, newServer(t, &fakeEngine{}, Options{}))
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()                                  //nolint:errcheck // read from only
	const ours = "\x00\x00\x00\x04\x00\x00\x00\x00\x00" // no settings
	_, err = io.WriteString(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"+ours)
	head := make([]byte, 9) // length (3 bytes), type (1; settings: 4), flags, stream
	_, err2 := io.ReadFull(conn, head)
	settings := make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
	_, err3 := io.ReadFull(conn, settings)
	if err := errors.Join(err, err2, err3); err != nil || head[3] != 4 {
		t.Fatal(head, err)
	}
	for ; len(settings) >= 6; settings = settings[6:] {
		const maxConcurrentStreams = 3
		if binary.BigEndian.Uint16(settings) == maxConcurrentStreams && binary.BigEndian.Uint32(settings[2:]) == maxStreams {
			return
		}
	}
	t.Error("the settings do not cap the streams")
}

func TestASilentConnectionIsCut(t *testing.T) {
	for _, begun := range []string{"", "PRI * HT", "POST /v1/score HTTP/1.1\r\nHost:"} {
		url, _, _ := started(t, newServer(t, &fakeEngine{}, Options{HeaderTimeout: 10 * time.Millisecond}))
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.WriteString(conn, begun)
		_, err2 := io.Copy(io.Discard, conn) // ends when the server closes
		if err := errors.Join(err, err2, conn.Close()); err != nil && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%q: %v", begun, err)
		}
	}
}

// TestASocketIsNeverOpenToOthers: from its first moment the file of a socket has no more than its mode, even under a
// umask that would let everybody in.
func TestASocketIsNeverOpenToOthers(t *testing.T) {
	before := syscall.Umask(0) // of the whole process; no test of this package runs beside another
	defer syscall.Umask(before)
	socket := filepath.Join(t.TempDir(), "s")
	bound, err := (&net.ListenConfig{Control: closed}).Listen(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = bound.Close() }()
	if info, err := os.Lstat(socket); err != nil || info.Mode() != fs.ModeSocket|socketMode {
		t.Errorf("the bound socket is %v, %v", info.Mode(), err)
	}
}

func TestSocketsThatAreThere(t *testing.T) {
	dir := t.TempDir()
	socket := filepath.Join(dir, "s")
	listen := func() (net.Listener, error) { return Listen(t.Context(), "unix:"+socket) }
	live, err := listen()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := listen(); !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(fmt.Sprint(err), socket) {
		t.Errorf("beside a live server: %v", err)
	}
	if unix, ok := live.(*net.UnixListener); ok {
		unix.SetUnlinkOnClose(false) // as a server that is killed
	}
	if err := live.Close(); err != nil {
		t.Fatal(err)
	}
	next, err := listen()
	if err != nil {
		t.Fatalf("after a dead server: %v", err)
	}
	if err := next.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(socket, []byte("notes"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := listen(); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("over a file: %v", err)
	}
	if text, err := os.ReadFile(socket); err != nil || string(text) != "notes" {
		t.Errorf("the file is now %q, %v", text, err)
	}
	if _, err := Listen(t.Context(), "unix:"+filepath.Join(dir, "none", "s")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without its directory: %v", err)
	}
}

func TestCheckListenOfSockets(t *testing.T) {
	for addr, want := range map[string]string{
		"unix:/run/assay.sock": "", "unix:assay.sock": "", "unix:": "has no path", "unix:@assay": "begins with @",
		"unix:/" + strings.Repeat("a", 107): "has 108 bytes, and a socket's may have 107",
	} {
		if err := CheckListen(addr, false); (err == nil) != (want == "") || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%s: %v", addr, err)
		}
	}
}

// TestADrainDoesNotWaitForTheSilent: an HTTP/2 connection that begins once the drain has does not hold it for as long
// as its client stays.
func TestADrainDoesNotWaitForTheSilent(t *testing.T) {
	s := newServer(t, &fakeEngine{}, Options{DrainTimeout: time.Hour, HeaderTimeout: time.Hour, IdleTimeout: time.Hour})
	url, _, stop := started(t, s)
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	write := func(data string) {
		if _, err := io.WriteString(conn, data); err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond) // for the server to take it up
	}
	const preface, settings = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	write(preface[:10])
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	for !s.draining.Load() {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(50 * time.Millisecond) // for net/http to tell those that it knows
	write(preface[10:] + settings)
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * quiet):
		t.Error("the drain still waits")
	}
}

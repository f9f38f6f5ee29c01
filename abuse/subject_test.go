package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/prometheus/procfs"
)

// A server that waits for ever for a body is found out, and one that does not is not.
func TestAConnectionThatNothingEndsIsSeen(t *testing.T) {
	attack := rude{
		name: "half a body",
		act:  says(func(p *peer) string { return p.head("Content-Length: 100") + "{" }),
	}
	for _, c := range []struct {
		name   string
		limit  time.Duration // of the server
		within time.Duration // of the attack
		ends   bool
	}{
		{"with a deadline", time.Millisecond, time.Hour, true},
		{"without a deadline", 0, 100 * time.Millisecond, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				_,
					_ = io.Copy(io.Discard, r.Body)
			}))
			server.Config.ReadTimeout = c.limit
			server.Start()
			defer server.Close()
			o := attack.misuse(t.Context(), server.Listener.Addr().String(), "", c.within)
			if (o.broken == "") != c.ends {
				t.Errorf("%+v", o)
			}
			if !c.ends && !strings.Contains(o.broken, "/v1/score without token") {
				t.Errorf("%q does not name the routes", o.broken)
			}
		})
	}
}

// An answer counts from its first byte to its last, however early it comes.
func TestAnEarlyAnswerIsReadWhileTheBodyIsSent(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, strings.Repeat("a", mib))
	}))
	defer server.Close()
	h := hostile{path: "/", body: text(strings.Repeat(" ", 64*mib))}
	o := h.ask(t.Context(), server.Listener.Addr().String())
	if o.status != http.StatusTeapot || o.answer < mib || o.broken != "" {
		t.Errorf("%+v", o)
	}
}

// Memory that came and went between two looks is seen.
func TestThePeakOfMemoryIsSeen(t *testing.T) {
	self, err := procfs.Self()
	if err != nil {
		t.Fatal(err)
	}
	grown, err := (&process{proc: self}).watch(1 << 62)
	if err != nil {
		t.Fatal(err)
	}
	block, err := syscall.Mmap(-1, 0, 256*mib, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(block); i += os.Getpagesize() {
		block[i] = 1
	}
	if err := syscall.Munmap(block); err != nil {
		t.Fatal(err)
	}
	if got := grown(); got < 200*mib {
		t.Errorf("grew by %s, and 256 MiB came and went", size(got))
	}
}

// What is packed is what it says, so that a server which refuses it refuses it for what it is.
func TestPackedBodiesUnpack(t *testing.T) {
	body := bytes.Repeat([]byte(" "), 64*mib)
	unzip, err := gzip.NewReader(bytes.NewReader(gzipped(body)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(unzip)
	if err != nil || !bytes.Equal(got, body) {
		t.Errorf("gzip gives %d bytes: %v", len(got), err)
	}
	unpack := func(frame []byte, most uint64) ([]byte, error) {
		d, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(most))
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		return d.DecodeAll(frame, nil)
	}
	if got, err = unpack(zstdPacked(body), 1<<30); err != nil || !bytes.Equal(got, body) {
		t.Errorf("zstd gives %d bytes: %v", len(got), err)
	}
	if _, err = unpack(zstdWindow(2048*mib), 1<<30); !errors.Is(err, zstd.ErrWindowSizeExceeded) {
		t.Errorf("a window of 2 GiB: %v", err)
	}
	if _, err = unpack(zstdContent(1<<60), 1<<30); !errors.Is(err, zstd.ErrDecoderSizeExceeded) {
		t.Errorf("2^60 bytes: %v", err)
	}
}

func TestAMetricIsFound(t *testing.T) {
	text := []byte("# TYPE go_goroutines gauge\ngo_goroutines 13\ngo_goroutines_more 5\n")
	if got, err := metric(text, "go_goroutines"); got != 13 || err != nil {
		t.Errorf("%d, %v", got, err)
	}
	if _, err := metric(text, "go_gorouti"); err == nil {
		t.Error("a part of a name is found")
	}
}

// One look that finds fewer goroutines than usual does not become the measure of all later ones.
func TestTheUsualNumberOfGoroutinesIsNoLuckyOne(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		counts := []int{13, 15, 15, 16}
		_, _ = fmt.Fprintf(w, "go_goroutines %d\n", counts[asked%len(counts)])
		asked++
	}))
	defer server.Close()
	got, err := client{address: server.Listener.Addr().String()}.usualGoroutines(t.Context())
	if got != 15 || err != nil {
		t.Errorf("%d, %v", got, err)
	}
}

// Closed, half-closed and not yet accepted connections are told apart in the kernel's table.
func TestHeldConnectionsAreFoundInTheKernelsTable(t *testing.T) {
	table := `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 126 1 0 100 0 0 10 0
   1: 0100007F:1F90 0100007F:0001 01 00000000:00000000 00:00000000 00000000     0        0 127 1 0 100 0 0 10 0
   2: 0100007F:1F90 0100007F:0002 01 00000000:00000000 00:00000000 00000000     0        0 0 1 0 100 0 0 10 0
   3: 0100007F:1F90 0100007F:0003 05 00000000:00000000 00:00000000 00000000     0        0 128 1 0 100 0 0 10 0
   4: 0100007F:1F90 0100007F:0004 05 00000000:00000000 00:00000000 00000000     0        0 0 1 0 100 0 0 10 0
   5: 0100007F:1F90 0100007F:0005 08 00000000:00000000 00:00000000 00000000     0        0 0 1 0 100 0 0 10 0
   6: 0100007F:0006 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 129 1 0 100 0 0 10 0
`
	want := map[string]bool{"0": true, "1": true, "2": true, "3": true, "5": true} // 0: the listener itself
	if diff := cmp.Diff(want, heldPorts(table, "8080")); diff != "" {
		t.Error(diff)
	}
}

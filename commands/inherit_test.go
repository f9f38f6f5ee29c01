package commands

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// takeOver starts `assay serve` on a socket that it is passed as systemd passes one, and returns when it is ready.
func takeOver(t *testing.T, socket *os.File, args ...string) *served {
	t.Helper()
	plain := assay(t)
	s := &served{cmd: exec.CommandContext(context.WithoutCancel(t.Context()), "sh", append([]string{
		"-c", `LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" serve "$@"`, plain.Path,
	}, args...)...)}
	s.cmd.Env, s.cmd.ExtraFiles = plain.Env, []*os.File{socket}
	s.start(t)
	return s
}

// TestTakeOverRefusesNoConnection: processes take a socket over from one another while clients ask, each request on a
// connection of its own. None is refused, and none goes unanswered.
func TestTakeOverRefusesNoConnection(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	socket, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + listener.Addr().String()
	if err := listener.Close(); err != nil { // the file holds the socket
		t.Fatal(err)
	}
	defer socket.Close() //nolint:errcheck // the test is over
	args := []string{"--no-builtin", "--bundle", filepath.Join(fixtures, "qwen3-reward-packed")}
	old := takeOver(t, socket, args...)
	if !strings.Contains(old.ready, url) {
		t.Errorf("ready line %q, and the socket is %s", old.ready, url)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	ctx, stop := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	var answered atomic.Int64
	for range 3 {
		clients.Go(func() {
			for ctx.Err() == nil {
				body := strings.NewReader(`{"items":[{"text":"12 + 30 = 42"}]}`)
				request, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodPost, url+"/v1/score", body)
				if err != nil {
					t.Error(err)
					return
				}
				request.Header.Set("Content-Type", "application/json")
				response, err := client.Do(request)
				if err != nil {
					t.Error(err)
					return
				}
				if response.StatusCode != http.StatusOK {
					t.Errorf("status %d", response.StatusCode)
				}
				_ = response.Body.Close()
				answered.Add(1)
			}
		})
	}
	for range 3 {
		next := takeOver(t, socket, args...)
		old.stop(t, syscall.SIGTERM)
		old = next
		before := answered.Load()
		until(t, "the new process answers", func() bool { return answered.Load() > before+10 })
	}
	stop()
	clients.Wait()
	old.stop(t, syscall.SIGTERM)
	t.Logf("%d requests over three hand-overs", answered.Load())
}

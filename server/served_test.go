package server

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/rewards"
)

// TestMain also is the clients of [BenchmarkServed], which are a process of their own so that their work is not the
// server's.
func TestMain(m *testing.M) {
	if url := os.Getenv("SERVED_URL"); url != "" {
		if err := clients(url, os.Getenv("SERVED_COUNT"), os.Getenv("SERVED_STATUS"), os.Getenv("SERVED_NEW") != ""); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

const servedBody = `{"items":[{"prompt":"What is 12 + 30?","response":"12 + 30 = 42. The answer is 42."}]}`

// clients posts count requests from 64 clients, each over a connection that it keeps, or over a new one per request.
func clients(url, count, status string, fresh bool) error {
	n, _ := strconv.ParseInt(count, 10, 64)
	want, _ := strconv.Atoi(status)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableKeepAlives: fresh}}
	var next atomic.Int64
	failed := make(chan error, 64)
	var group sync.WaitGroup
	for range 64 {
		group.Go(func() {
			for next.Add(1) <= n {
				response, err := post(context.Background(), client, url, strings.NewReader(servedBody))
				if err != nil {
					failed <- err
					return
				}
				_, err = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
				if err != nil || response.StatusCode != want {
					failed <- fmt.Errorf("status %d, %w", response.StatusCode, err)
					return
				}
			}
		})
	}
	group.Wait()
	close(failed)
	return <-failed
}

// BenchmarkServed is what one request of one item costs the server's process: CPU of user and system, allocations. The
// clients are 64, over loopback. Run it with a count: -benchtime 50000x.
func BenchmarkServed(b *testing.B) {
	full := &fakeEngine{score: func(context.Context, rewards.Request) (rewards.Answer, error) {
		return rewards.Answer{}, &models.QueueFullError{Items: 4096, MaxItems: 4096, MaxTokens: 1 << 20, AskedItems: 1}
	}}
	for _, test := range []struct {
		name   string
		engine Engine // nil: a tiny model
		status int
		fresh  bool
	}{
		{"null", &fakeEngine{}, 200, false},
		{"null-new-connections", &fakeEngine{}, 200, true},
		{"full", full, 429, false},
		{"tiny", nil, 200, false},
		{"tiny-new-connections", nil, 200, true},
	} {
		b.Run(test.name, func(b *testing.B) {
			var s *Server
			if test.engine == nil {
				s = realServer(b, "qwen2-reward-packed")
			} else {
				s = newServer(b, test.engine, Options{})
			}
			benchmarkServed(b, s, test.status, test.fresh)
		})
	}
}

func benchmarkServed(b *testing.B, s *Server, status int, fresh bool) {
	b.Helper()
	listener, err := Listen(b.Context(), "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, listener) }()
	cmd := exec.CommandContext(b.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "SERVED_URL=http://"+listener.Addr().String()+"/v1/score", "SERVED_COUNT="+strconv.Itoa(b.N),
		"SERVED_STATUS="+strconv.Itoa(status))
	if fresh {
		cmd.Env = append(cmd.Env, "SERVED_NEW=1")
	}
	b.ReportAllocs()
	b.ResetTimer()
	before := processCPU(b)
	if said, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, said)
	}
	b.ReportMetric(float64((processCPU(b)-before).Microseconds())/float64(b.N), "cpu-us/op")
	b.StopTimer()
	stop()
	if err := <-ended; err != nil {
		b.Error(err)
	}
}

// processCPU is the time that this process has computed, in user and system.
func processCPU(tb testing.TB) time.Duration {
	tb.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

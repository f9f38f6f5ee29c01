package main

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// stalling answers each request after 1 ms, but nothing during the stall, which begins with the load.
func stalling(stall time.Duration) poster {
	start := time.Now()
	return func(context.Context, Request) Reply {
		time.Sleep(max(time.Millisecond, stall-time.Since(start)))
		return Reply{Status: http.StatusOK}
	}
}

func TestOpenLoopSendsWhenDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		sent := make([]time.Duration, 5)
		post := func(_ context.Context, r Request) Reply {
			sent[r.Body[0]] = time.Since(start)
			time.Sleep(time.Hour) // an answer is not waited for
			return Reply{Status: http.StatusOK}
		}
		requests := make([]Request, len(sent))
		for i := range requests {
			requests[i].Body = []byte{byte(i)}
		}
		pass, err := openLoop(t.Context(), post, steady(4, len(requests)), requests)
		if err != nil || pass.Seconds != 3601 {
			t.Errorf("took %g s, %v; want an hour and a second", pass.Seconds, err)
		}
		for i, at := range sent {
			if want := time.Duration(i) * 250 * time.Millisecond; at != want || pass.Replies[i].Latency != time.Hour {
				t.Errorf("request %d was sent at %s and took %s, want %s and an hour", i, at, pass.Replies[i].Latency, want)
			}
		}
	})
}

func TestStallShowsInTheTail(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// 10 s at 100 requests/s, of which the server stalls 2: a fifth of the requests wait, up to 2 s.
		pass, err := openLoop(t.Context(), stalling(2*time.Second), steady(100, 1000), make([]Request, 1000))
		if err != nil {
			t.Fatal(err)
		}
		if got := latencyOf(pass.latencies()); got.P50 != 1 || got.P90 < 900 || got.P99 < 1800 || got.Max != 2000 {
			t.Errorf("%+v: the stall's waits are missing", got)
		}
	})
}

func TestLateSendingCountsAsLatency(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// All are due at once, but only maxInFlight may be sent before the first are answered, a second later.
		post := func(context.Context, Request) Reply {
			time.Sleep(time.Second)
			return Reply{Status: http.StatusOK}
		}
		pass, err := openLoop(t.Context(), post, steady(1e12, maxInFlight+1), make([]Request, maxInFlight+1))
		if err != nil {
			t.Fatal(err)
		}
		if last := pass.Replies[maxInFlight].Latency.Round(time.Millisecond); last != 2*time.Second {
			t.Errorf("the one held back took %s, want 2s", last)
		}
	})
}

func TestOpenLoopKeepsFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		post := func(context.Context, Request) Reply {
			switch n.Add(1) % 3 {
			case 0:
				return Reply{Err: errors.New("connection reset")}
			case 1:
				return Reply{Status: http.StatusTooManyRequests}
			}
			return Reply{Status: http.StatusOK}
		}
		pass, err := openLoop(t.Context(), post, steady(10, 6), make([]Request, 6))
		if got := pass.statuses(); err != nil || got["none"] != 2 || got["429"] != 2 || got["200"] != 2 {
			t.Errorf("statuses %v, %v", got, err)
		}
	})
}

func TestOpenLoopEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var sent atomic.Int64
		post := func(context.Context, Request) Reply {
			sent.Add(1)
			return Reply{Status: http.StatusOK}
		}
		if _, err := openLoop(ctx, post, steady(10, 1000), make([]Request, 1000)); !errors.Is(err, context.DeadlineExceeded) || sent.Load() > 11 {
			t.Errorf("%d sent, %v", sent.Load(), err)
		}
	})
}

func TestClosedLoopKeepsOneRequestAClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var flying, most atomic.Int64
		post := func(context.Context, Request) Reply {
			now := flying.Add(1)
			for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
			}
			time.Sleep(time.Second)
			flying.Add(-1)
			return Reply{Status: http.StatusOK}
		}
		pass, err := closedLoop(t.Context(), post, 3, make([]Request, 9))
		if err != nil || pass.Seconds != 3 || most.Load() != 3 {
			t.Errorf("took %g s with %d in flight, %v; want 3 and 3", pass.Seconds, most.Load(), err)
		}
	})
}

func TestClosedLoopStopsAtTheFirstRefusal(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	post := func(context.Context, Request) Reply {
		asked.Add(1)
		return Reply{Status: http.StatusTooManyRequests, Body: []byte("queue is full")}
	}
	_, err := closedLoop(t.Context(), post, 2, make([]Request, 100))
	if err == nil || err.Error() != ": request 0: status 429: queue is full" && err.Error() != ": request 1: status 429: queue is full" {
		t.Errorf("error %v, want status and words of the refusal", err)
	}
	if asked.Load() > 4 {
		t.Errorf("%d requests after the first was refused", asked.Load())
	}
}

func TestLatencySummary(t *testing.T) {
	t.Parallel()
	var durations []time.Duration
	for i := 1000; i >= 0; i-- {
		durations = append(durations, time.Duration(i)*time.Millisecond)
	}
	got := latencyOf(durations)
	if got.P50 != 500 || got.P90 != 900 || got.P99 != 990 || got.P999 != 999 || got.Max != 1000 || got.Requests != 1001 {
		t.Errorf("of 0 to 1000 ms: %+v", got)
	}
	if len(got.Curve) != len(curveAt) || got.Curve[3] != 500 {
		t.Errorf("curve %v", got.Curve)
	}
	if latencyOf(nil) != nil || median([]float64{3, 1, 2}) != 2 || median([]float64{4, 1}) != 2.5 {
		t.Error("a summary of nothing, or another median")
	}
}

func TestPoissonArrivalsHaveTheirRateAndExponentialGaps(t *testing.T) {
	t.Parallel()
	const n, rate = 100000, 50.0
	due := poisson(rand.New(rand.NewPCG(1, 2)).ExpFloat64, rate, n)
	long := 0
	for i := range n - 1 {
		gap := (due[i+1] - due[i]).Seconds() * rate
		if gap < 0 {
			t.Fatal("a moment before the one before it")
		}
		if gap > 1 {
			long++
		}
	}
	if seconds := due[n-1].Seconds(); math.Abs(seconds*rate/n-1) > 0.02 || math.Abs(float64(long)/n-1/math.E) > 0.01 {
		t.Errorf("%d arrivals in %.0f s, %.3f of the gaps longer than the mean; want %.0f s and 1/e", n, seconds, float64(long)/n, n/rate)
	}
}

package main

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"
)

const (
	soakClients  = 8
	soakShortest = 8    // tokens of an item
	soakLongest  = 1500 // tokens of an item
	soakSamples  = 600  // of the memory, at most
	// soakJudged is the shortest soak that is judged: caches and arenas must have filled in its first third.
	soakJudged = 600.0 // s
	// soakGrowth bounds the memory of the last third over that of the second.
	soakGrowth = 1.02
)

// MemorySample is the server's resident memory at a time since the soak began.
type MemorySample struct {
	Seconds float64 `json:"seconds"`
	MiB     float64 `json:"mib"`
}

// soakScenario asks both models for scores of random lengths and watches the server's memory.
var soakScenario = Scenario{
	Name: "soak", Asked: "memory of the last third ≤ 1.02 × the second's, from 10 minutes on", Servers: []string{serverMain},
	About: fmt.Sprintf("random lengths from %d to %d tokens under two models, %d clients", soakShortest, soakLongest, soakClients),
	run: func(ctx context.Context, b *bench) (Result, error) {
		server := b.servers[serverMain]
		process, err := openProcess(server.PID)
		if err != nil {
			return Result{}, err
		}
		b.progress("soak: %.0f s\n", b.Soak)
		length := time.Duration(b.Soak * float64(time.Second))
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		end := time.Now().Add(length)
		var wait sync.WaitGroup
		latencies := make([][]time.Duration, soakClients)
		for i := range soakClients {
			w := b.writer("soak", i)
			wait.Go(func() {
				for time.Now().Before(end) && ctx.Err() == nil {
					request, err := w.soakRequest(server.URL)
					if err == nil {
						sent := time.Now()
						err = b.client.Post(ctx, request).failure()
						latencies[i] = append(latencies[i], time.Since(sent))
					}
					if err != nil {
						cancel(err)
						return
					}
				}
			})
		}
		samples, err := watchMemory(ctx, process, length)
		if err != nil {
			cancel(err)
		}
		wait.Wait()
		if err := context.Cause(ctx); err != nil {
			return Result{}, err
		}
		var all []time.Duration
		for _, l := range latencies {
			all = append(all, l...)
		}
		return judgeSoak(samples, b.Soak, all), nil
	},
}

// soakRequest is one item of a random length, log-uniform, for one of the two models.
func (w *writer) soakRequest(base string) (Request, error) {
	tokens := soakShortest * math.Pow(soakLongest/soakShortest, w.rng.Float64())
	if w.rng.IntN(2) == 0 {
		requests, err := assayTarget(base, 0).requests([]string{w.passage(tokens)}, 1)
		if err != nil {
			return Request{}, err
		}
		return requests[0], nil
	}
	solution := Solution{Prompt: w.passage(tokens / 2)}
	steps := 1 + w.rng.IntN(8)
	for range steps {
		solution.Steps = append(solution.Steps, w.passage(tokens/2/float64(steps))+"\n")
	}
	return stepsRequest(base, []Solution{solution})
}

// watchMemory samples until so long has passed or ctx ends.
func watchMemory(ctx context.Context, p process, length time.Duration) ([]MemorySample, error) {
	var samples []MemorySample
	start := time.Now()
	for ctx.Err() == nil && time.Since(start) < length {
		mib, err := p.memory()
		if err != nil {
			return samples, err
		}
		samples = append(samples, MemorySample{time.Since(start).Seconds(), mib})
		sleepUntil(ctx, time.Now().Add(max(length/soakSamples, 100*time.Millisecond)))
	}
	return samples, nil
}

// judgeSoak compares the thirds; the first is for caches to fill. seconds is the length of the soak.
func judgeSoak(samples []MemorySample, seconds float64, latencies []time.Duration) Result {
	thirds := make([][]float64, 3)
	for _, s := range samples {
		at := min(int(3*s.Seconds/seconds), 2)
		thirds[at] = append(thirds[at], s.MiB)
	}
	result := Result{Memory: samples}
	for i, name := range []string{"memory, first third", "memory, second third", "memory, last third"} {
		if len(thirds[i]) == 0 {
			result.Failed = "too short to sample the memory in each third"
			return result
		}
		result.Series = append(result.Series, newSeries(name, "MiB", thirds[i]))
	}
	growth := Check{
		What: "memory of the last third over the second's", Figure: median(thirds[2]) / median(thirds[1]), Rounds: len(thirds[2]), Limit: soakGrowth, AtMost: true,
	}
	if seconds >= soakJudged {
		result.Checks = []Check{growth}
	}
	result.Series = append(result.Series,
		Series{Name: "slope after the first third", Rate: slope(samples, seconds/3) * 3600, Unit: "MiB/h"},
		Series{Name: "requests", Rate: float64(len(latencies)) / seconds, Unit: requestsPerSecond, Latency: latencyOf(latencies)})
	return result
}

// slope fits a line through the samples from a time on, by least squares, in MiB/s; 0 of fewer than two.
func slope(samples []MemorySample, from float64) float64 {
	var n, x, y, xx, xy float64
	for _, s := range samples {
		if s.Seconds >= from {
			n, x, y, xx, xy = n+1, x+s.Seconds, y+s.MiB, xx+s.Seconds*s.Seconds, xy+s.Seconds*s.MiB
		}
	}
	if d := n*xx - x*x; d > 0 {
		return (n*xy - x*y) / d
	}
	return 0
}

package main

import (
	"context"
	"time"
)

const (
	nullRequests  = 5000 // a round
	nullTokens    = 35   // of a text
	nullCPUAtMost = 120  // µs
)

// nullScenario measures what a request costs the server besides the forward: user and system CPU time of its process.
var nullScenario = Scenario{
	Name: "null", Asked: "≤ 120 µs of CPU a request", Servers: []string{serverNull},
	About: "one-item requests of 35 tokens to a model without forward",
	run: func(ctx context.Context, b *bench) (Result, error) {
		var costs, rates []float64
		var all Pass
		for n := range b.Rounds + 1 {
			spent, pass, err := b.nullCost(ctx, b.servers[serverNull], n)
			if err != nil {
				return Result{}, err
			}
			if n == 0 {
				continue
			}
			costs = append(costs, float64(spent.Microseconds())/nullRequests)
			rates = append(rates, nullRequests/pass.Seconds)
			all.Replies = append(all.Replies, pass.Replies...)
			b.progress("null %d/%d: %.0f µs, %.0f requests/s\n", n, b.Rounds, costs[n-1], rates[n-1])
		}
		series := newSeries("assay", requestsPerSecond, rates)
		series.Latency = latencyOf(all.latencies())
		judged := ratioCheck("CPU time of the server a request", costs, nullCPUAtMost)
		judged.AtMost, judged.Unit = true, "µs"
		return Result{
			Checks: []Check{judged},
			Series: []Series{series}, Void: disturbed("CPU time a request", costs),
		}, nil
	},
}

// nullCost is the CPU time that a server spends on a round of requests.
func (b *bench) nullCost(ctx context.Context, server Server, n int) (time.Duration, Pass, error) {
	process, err := openProcess(server.PID)
	if err != nil {
		return 0, Pass{}, err
	}
	before, err := process.cpu()
	if err != nil {
		return 0, Pass{}, err
	}
	pass, _, err := b.score(ctx, assayTarget(server.URL, 0), b.Clients, 1, b.writer("null", n).passages(nullRequests, nullTokens))
	if err != nil {
		return 0, pass, err
	}
	after, err := process.cpu()
	return after - before, pass, err
}

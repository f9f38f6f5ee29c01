package main

import (
	"context"
	"slices"
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
		server := b.servers[serverNull]
		target := assayTarget(server.URL, 0)
		process, err := openProcess(server.PID)
		if err != nil {
			return Result{}, err
		}
		var costs, rates []float64
		var all Pass
		for n := range b.Rounds + 1 {
			before, err := process.cpu()
			if err != nil {
				return Result{}, err
			}
			pass, _, err := b.score(ctx, target, b.Clients, 1, b.writer("null", n).passages(nullRequests, nullTokens))
			if err != nil {
				return Result{}, err
			}
			after, err := process.cpu()
			if err != nil {
				return Result{}, err
			}
			if n == 0 {
				continue
			}
			costs = append(costs, float64((after-before).Microseconds())/nullRequests)
			rates = append(rates, nullRequests/pass.Seconds)
			all.Replies = append(all.Replies, pass.Replies...)
			b.progress("null %d/%d: %.0f µs, %.0f requests/s\n", n, b.Rounds, costs[n-1], rates[n-1])
		}
		series := newSeries("assay", requestsPerSecond, rates)
		series.Latency = latencyOf(all.latencies())
		return Result{
			Checks: []Check{{
				What: "CPU time of the server a request", Figure: median(costs), Low: slices.Min(costs), High: slices.Max(costs),
				Limit: nullCPUAtMost, AtMost: true, Unit: "µs",
			}},
			Series: []Series{series}, Void: disturbed("CPU time a request", costs),
		}, nil
	},
}

package main

import (
	"context"
	"fmt"
)

const (
	arrivalsShare = 0.8   // of the capacity
	maxArrivals   = 20000 // requests of an open loop, at most
)

// arrivalsScenario shows latency at a fixed arrival rate below the capacity, which a closed loop measures first. Nothing is asked.
var arrivalsScenario = Scenario{
	Name: "arrivals", Servers: []string{serverMain},
	About: fmt.Sprintf("texts log-normal around 150 tokens at a fixed rate of %g × the capacity", arrivalsShare),
	run: func(ctx context.Context, b *bench) (Result, error) {
		target := assayTarget(b.servers[serverMain].URL, 0)
		seconds := 30.0
		if b.Short {
			seconds = 10
		}
		w := b.writer("arrivals", 0)
		full, _, err := b.score(ctx, target, b.Clients, 1, w.logNormal(192, 150, 0.5))
		if err != nil {
			return Result{}, err
		}
		capacity := float64(len(full.Replies)) / full.Seconds
		rate := arrivalsShare * capacity
		requests, err := target.requests(w.logNormal(min(int(rate*seconds)+1, maxArrivals), 150, 0.5), 1)
		if err != nil {
			return Result{}, err
		}
		b.progress("arrivals: %.0f requests/s for %.0f s\n", rate, float64(len(requests))/rate)
		pass, err := openLoop(ctx, b.client.Post, rate, requests)
		if err != nil {
			return Result{}, err
		}
		return Result{
			Statuses: pass.statuses(),
			Series: []Series{
				{Name: fmt.Sprintf("closed loop, %d clients", b.Clients), Rate: capacity, Unit: requestsPerSecond, Latency: latencyOf(full.latencies())},
				{Name: "fixed rate", Rate: rate, Unit: requestsPerSecond, Latency: latencyOf(pass.latencies())},
			},
		}, nil
	},
}

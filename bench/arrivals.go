package main

import (
	"context"
	"fmt"
	"time"
)

const (
	arrivalsShare = 0.8   // of the capacity
	arrivalsRound = 1000  // requests of a round: ten lie beyond its p99
	maxArrivals   = 20000 // requests of an open loop, at most
)

// arrivalsScenario measures latency at 0.8 of the capacity, which a closed loop measures first in each round, under
// Poisson arrivals: requests of many users who know nothing of each other. What is judged is the p99 times the
// capacity, which is how many requests the server could have answered meanwhile: a slower machine is slower in both.
var arrivalsScenario = Scenario{
	Name: "arrivals", Servers: []string{serverMain},
	About: fmt.Sprintf("texts log-normal around 150 tokens, Poisson arrivals at %g × the capacity, %d a round", arrivalsShare, arrivalsRound),
	run: func(ctx context.Context, b *bench) (Result, error) {
		rounds := min(b.Rounds, 3)
		if b.Short {
			rounds = fewRounds
		}
		var capacities, rates, tails []float64
		var alone, all Pass
		for n := range rounds {
			full, pass, rate, err := b.arrive(ctx, b.servers[serverMain], n)
			if err != nil {
				return Result{}, err
			}
			capacity := float64(len(full.Replies)) / full.Seconds
			p99 := latencyOf(pass.latencies()).P99
			capacities, rates, tails = append(capacities, capacity), append(rates, rate), append(tails, p99/1000*capacity)
			alone.Replies, all.Replies = append(alone.Replies, full.Replies...), append(all.Replies, pass.Replies...)
			b.progress("arrivals %d/%d: %.1f requests/s, p99 %.0f ms\n", n+1, rounds, rate, p99)
		}
		judged := medianCheck("p99 latency times the capacity", tails)
		judged.AtMost, judged.Unit = true, "requests"
		closed := newSeries(fmt.Sprintf("closed loop, %d clients", b.Clients), requestsPerSecond, capacities)
		open := newSeries("Poisson arrivals", requestsPerSecond, rates)
		closed.Latency, open.Latency = latencyOf(alone.latencies()), latencyOf(all.latencies())
		return Result{
			Statuses: all.statuses(), Series: []Series{closed, open}, Void: disturbed("the capacity", capacities),
			Checks: []Check{judged, {What: "answers other than 200", Figure: float64(all.failures()), AtMost: true}},
		}, nil
	},
}

// arrive measures a server's capacity, and then gives it arrivals at a part of it, in requests per second.
func (b *bench) arrive(ctx context.Context, server Server, n int) (full, pass Pass, rate float64, err error) {
	target, w := assayTarget(server.URL, 0), b.writer("arrivals", n)
	full, _, err = b.score(ctx, target, b.Clients, 1, w.logNormal(192, 150, 0.5))
	if err != nil {
		return full, pass, 0, err
	}
	rate = arrivalsShare * float64(len(full.Replies)) / full.Seconds
	requests, err := target.requests(w.logNormal(arrivalsRound, 150, 0.5), 1)
	if err != nil {
		return full, pass, rate, err
	}
	pass, err = openLoop(ctx, b.client.Post, poisson(w.rng.ExpFloat64, rate, len(requests)), requests)
	return full, pass, rate, err
}

// steady are n moments since the start, so many a second, evenly spaced.
func steady(rate float64, n int) []time.Duration {
	due := make([]time.Duration, n)
	for i := range due {
		due[i] = time.Duration(float64(i) / rate * float64(time.Second))
	}
	return due
}

// poisson are n moments since the start, so many a second in the mean, with gaps drawn from the exponential
// distribution of mean 1.
func poisson(gap func() float64, rate float64, n int) []time.Duration {
	due, at := make([]time.Duration, n), 0.0
	for i := range due {
		due[i] = time.Duration(at / rate * float64(time.Second))
		at += gap()
	}
	return due
}

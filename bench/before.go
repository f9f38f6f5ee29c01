package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

const (
	beforePrefix = "before-" // of a server's name: the same server of the binary before
	beforeShare  = 0.97      // of the binary before that is asked for under every load
	arrivalsFew  = 300       // arrivals of a pass
)

// turn is a load that both binaries are given in turn.
type turn struct {
	name, about string
	server      string
	unit        string // of what once gives: more is better
	most        int    // rounds at most; 0: as many as are asked for
	once        func(ctx context.Context, b *bench, server Server, n int) (float64, error)
}

// turns are the loads of a side-by-side run. Texts of a round are the same on both sides, which share nothing.
func turns() []turn {
	var all []turn
	for _, load := range loads {
		all = append(all, turn{load.Name, load.About, serverMain, tokensPerSecond, 0, load.rate})
	}
	scored := func(stream string, per int, texts func(w *writer) []string) func(context.Context, *bench, Server, int) (float64, error) {
		return func(ctx context.Context, b *bench, server Server, n int) (float64, error) {
			return b.rate(ctx, server, b.client, per, texts(b.writer(stream, n)))
		}
	}
	for _, l := range []lineage{ownParents, fewParents} {
		all = append(all, turn{l.name, l.about, serverMain, tokensPerSecond, 0, l.rate})
	}
	return append(all,
		turn{"bulk", "requests of 2,000 items of 12 tokens", serverMain, tokensPerSecond, 0, scored("bulk", bulkPerRequest,
			func(w *writer) []string { return w.passages(bulkPerRequest, bulkTokens) })},
		turn{"connections", connectionsScenario.About, serverMain, tokensPerSecond, 0, rateOnNewConnections},
		turn{"single", "one client, one item of 150 tokens at a time", serverMain, "texts/s at the median", 0, singleRate},
		turn{"arrivals", "Poisson arrivals at 0.8 × the capacity of the binary before", serverMain, "1/s of mean latency", 3, arrivalsRate},
		turn{overloadName, overloadScenario.About, serverMain, tokensPerSecond, 0, overloadRate},
		turn{"null", nullScenario.About, serverNull, "requests per second of CPU time", 0, nullRate},
		turn{"int8", "lengths log-normal around 150 tokens, weights stored as int8", serverInt8, tokensPerSecond, 0, scored("int8", 1,
			func(w *writer) []string { return w.logNormal(128, 150, 0.5) })},
	)
}

// besides are the turns as scenarios.
func besides() []Scenario {
	all := turns()
	scenarios := make([]Scenario, len(all))
	for i, t := range all {
		scenarios[i] = Scenario{
			Name: t.name, About: t.about, Asked: "≥ " + number(beforeShare) + " of the binary before",
			Servers: []string{t.server, beforePrefix + t.server}, run: t.run,
		}
	}
	return scenarios
}

// moreRounds is how many times as many rounds as are asked for a load gets where they do not tell.
const moreRounds = 3

// run measures both binaries, round after round after one to warm up, each first in turn. On a machine that others use
// too a round's ratio is off by a fifth now and then, and the median of few by some hundredths. So where the median is
// below what is asked, and what the rounds say of it does not exclude that it is not, there are more of them. What they
// then leave open is void, and not a miss.
func (t turn) run(ctx context.Context, b *bench) (Result, error) {
	rounds := b.Rounds
	if t.most > 0 {
		rounds = min(rounds, t.most)
	}
	names := []string{t.server, beforePrefix + t.server}
	rates, ratios := make([][]float64, 2), []float64(nil)
	for n := 0; n <= rounds || n <= moreRounds*rounds && open(ratios); n++ {
		round := make([]float64, 2)
		for k := range names {
			i := (k + n) % 2
			rate, err := t.once(ctx, b, b.servers[names[i]], n)
			if err != nil {
				return Result{}, fmt.Errorf("%s: round %d: %w", names[i], n, err)
			}
			round[i] = rate
		}
		if n == 0 {
			continue
		}
		rates[0], rates[1] = append(rates[0], round[0]), append(rates[1], round[1])
		ratios = append(ratios, round[0]/round[1])
		b.progress("%s %d/%d: %.3f of the binary before\n", t.name, n, rounds, ratios[n-1])
	}
	void := ""
	if low, high := spread(ratios); open(ratios) {
		void = fmt.Sprintf("%d rounds leave it between %s and %s", len(ratios), number(low), number(high))
	}
	return Result{
		Checks: []Check{ratioCheck("over the binary before", ratios, beforeShare)}, Void: void,
		Series: []Series{newSeries("now", t.unit, rates[0]), newSeries("before", t.unit, rates[1])},
	}, nil
}

// open tells whether the ratios of the rounds have a median below what is asked, and may all the same be those of a
// load that is not behind.
func open(ratios []float64) bool {
	_, high := spread(ratios)
	return median(ratios) < beforeShare && high >= beforeShare
}

// spread is where the median lies of which these are rounds, with 19 chances of 20: between the values that the sign
// test leaves. Of five rounds and fewer it is their range.
func spread(rounds []float64) (low, high float64) {
	sorted := slices.Sorted(slices.Values(rounds))
	n := len(sorted)
	out, left, ways := 0, 0.0, 1.0 // values that are left out at each end, the chance of them, and the ways to choose so many
	for k := range n / 2 {
		left += ways * math.Pow(0.5, float64(n))
		if left > 0.025 {
			break
		}
		out, ways = k, ways*float64(n-k)/float64(k+1)
	}
	return sorted[out], sorted[n-1-out]
}

// rate is that of a closed loop, in tokens per second.
func (b *bench) rate(ctx context.Context, server Server, client *Client, per int, texts []string) (float64, error) {
	target := assayTarget(server.URL, 0)
	requests, err := target.requests(texts, per)
	if err != nil {
		return 0, err
	}
	pass, err := closedLoop(ctx, client.Post, b.Clients, requests)
	if err != nil {
		return 0, err
	}
	answers, err := target.answers(pass, len(texts))
	return tokensOf(answers) / pass.Seconds, err
}

// rate of a share load.
func (l Load) rate(ctx context.Context, b *bench, server Server, n int) (float64, error) {
	texts := l.Texts(b.Seed, n, b.tokensPerWord)
	return b.rate(ctx, server, b.client, l.perRequest(), texts)
}

// rate of a search.
func (l lineage) rate(ctx context.Context, b *bench, server Server, n int) (float64, error) {
	done, err := b.search(ctx, server, l.search(b.writer(l.name, n)))
	return float64(done.tokens) / done.seconds, err
}

func rateOnNewConnections(ctx context.Context, b *bench, server Server, n int) (float64, error) {
	fresh := NewClient(0)
	defer fresh.Close()
	return b.rate(ctx, server, fresh, 1, b.writer("connections", n).logNormal(256, 35, 0.25))
}

// singleRate pauses between requests, as singleScenario does.
func singleRate(ctx context.Context, b *bench, server Server, n int) (float64, error) {
	requests, err := assayTarget(server.URL, 0).requests(b.writer("single", n).passages(singleTexts, singleTokens), 1)
	if err != nil {
		return 0, err
	}
	var all Pass
	for i := range requests {
		pass, err := closedLoop(ctx, b.client.Post, 1, requests[i:i+1])
		if err != nil {
			return 0, err
		}
		all.Replies = append(all.Replies, pass.Replies...)
		if !sleepUntil(ctx, time.Now().Add(b.pause)) {
			return 0, ctx.Err()
		}
	}
	return 1000 / latencyOf(all.latencies()).P50, nil
}

// arrivalsRate gives both servers the same arrivals: the capacity is measured once in a run, on the binary before.
func arrivalsRate(ctx context.Context, b *bench, server Server, n int) (float64, error) {
	if b.capacity == 0 {
		full, _, err := b.score(ctx, assayTarget(b.servers[beforePrefix+serverMain].URL, 0), b.Clients, 1, b.writer("capacity", 0).logNormal(192, 150, 0.5))
		if err != nil {
			return 0, err
		}
		b.capacity = float64(len(full.Replies)) / full.Seconds
	}
	w := b.writer("arrivals", n)
	requests, err := assayTarget(server.URL, 0).requests(w.logNormal(arrivalsFew, 150, 0.5), 1)
	if err != nil {
		return 0, err
	}
	pass, err := openLoop(ctx, b.client.Post, poisson(w.rng.ExpFloat64, arrivalsShare*b.capacity, len(requests)), requests)
	if err == nil && pass.failures() > 0 {
		err = errors.New("arrivals: answers other than 200")
	}
	sum := 0.0
	for _, latency := range pass.latencies() {
		sum += latency.Seconds()
	}
	return float64(len(requests)) / sum, err
}

// overloadRate is the accepted tokens per second.
func overloadRate(ctx context.Context, b *bench, server Server, n int) (float64, error) {
	alone, err := b.uncontended(ctx, server.URL, 2*n, overloadAlone/4)
	if err != nil {
		return 0, err
	}
	pass, arrivals, err := b.overload(ctx, server.URL, 2*n+1, alone.requests)
	if err != nil {
		return 0, err
	}
	return lookAt(pass, arrivals, alone.tokens, alone.tokens).rate, nil
}

// nullRate is the requests that the server answers in a second of its CPU time.
func nullRate(ctx context.Context, b *bench, server Server, n int) (float64, error) {
	spent, _, err := b.nullCost(ctx, server, n)
	return nullRequests / spent.Seconds(), err
}

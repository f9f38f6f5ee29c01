package main

import (
	"context"
	"fmt"
)

// Items of the comparison: in all, and in one bulk request, which is under the server's cap of items.
const (
	bulkItems      = 10000
	bulkPerRequest = 2000
	bulkTokens     = 12 // of an item, about
)

var bulkScenario = Scenario{
	Name: "bulk", Asked: "≥ 0.9 of bulk", Servers: []string{serverMain},
	About: fmt.Sprintf("%d one-item requests of %d tokens, against the like in requests of %d items", bulkItems, bulkTokens, bulkPerRequest),
	run: func(ctx context.Context, b *bench) (Result, error) {
		target := assayTarget(b.servers[serverMain].URL, 0)
		var single, bulk, ratios []float64
		var all Pass
		rounds := bulkItems / bulkPerRequest
		if b.Short {
			rounds = 2
		}
		for n := range rounds {
			// The same numbers of words on both sides, but texts of their own, so that nothing is computed once for
			// both.
			ones, lots := b.writer("bulk single", n), b.writer("bulk", n)
			pass, answers, err := b.score(ctx, target, b.Clients, 1, ones.passages(bulkPerRequest, bulkTokens))
			if err != nil {
				return Result{}, err
			}
			all.Replies = append(all.Replies, pass.Replies...)
			single = append(single, tokensOf(answers)/pass.Seconds)
			pass, answers, err = b.score(ctx, target, 1, bulkPerRequest, lots.passages(bulkPerRequest, bulkTokens))
			if err != nil {
				return Result{}, err
			}
			bulk = append(bulk, tokensOf(answers)/pass.Seconds)
			ratios = append(ratios, single[n]/bulk[n])
			b.progress("bulk %d/%d: single over bulk %.2f\n", n+1, rounds, ratios[n])
		}
		ones := newSeries("one item each", tokensPerSecond, single)
		ones.Latency = latencyOf(all.latencies())
		return Result{
			Checks: []Check{ratioCheck("tokens/s of single requests over bulk", ratios, 0.9)},
			Series: []Series{ones, newSeries("bulk", tokensPerSecond, bulk)},
			Void:   disturbed("tokens/s in bulk", bulk),
		}, nil
	},
}

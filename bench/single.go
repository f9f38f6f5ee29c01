package main

import (
	"context"
	"fmt"
	"math"
	"time"
)

const (
	singleTexts  = 32 // a round
	singleTokens = 150
	// singlePause lets the other side's threads go to sleep: for some time after a run they wait in a loop.
	singlePause = 100 * time.Millisecond
)

// singleScenario compares the latency of one request at a time with the padded graph's run of the same text alone, ids ready,
// text by text in turn. Served may take 1.05 of that and 0.2 ms.
var singleScenario = Scenario{
	Name: "single", Asked: "≤ 1.05 × the raw run + 0.2 ms", Servers: []string{serverMain},
	About: fmt.Sprintf("one client, one item of %d tokens at a time, against the padded graph's run of it", singleTokens),
	run: func(ctx context.Context, b *bench) (Result, error) {
		target := assayTarget(b.servers[serverMain].URL, 0)
		var raw, served []time.Duration
		var medians []float64
		wrong := 0
		for n := range b.Rounds + 1 {
			r, err := b.oneAtATime(ctx, target, b.writer("single", n).passages(singleTexts, singleTokens))
			if err != nil {
				return Result{}, err
			}
			wrong += r.wrong
			if n > 0 {
				raw, served = append(raw, r.raw...), append(served, r.served...)
				medians = append(medians, latencyOf(r.raw).P50)
				b.progress("single %d/%d: raw %.2f ms, served %.2f ms\n", n, b.Rounds, medians[n-1], latencyOf(r.served).P50)
			}
		}
		ideal, assay := latencyOf(raw), latencyOf(served)
		return Result{
			Void: disturbed("the raw run's median ms", medians),
			Checks: []Check{
				{What: "median latency served, limit from the raw run's", Figure: assay.P50, Limit: 1.05*ideal.P50 + 0.2, AtMost: true, Unit: "ms"},
				{What: "scores further than the tolerance from the padded graph's", Figure: float64(wrong), AtMost: true, Must: true},
			},
			Series: []Series{{Name: "raw run", Latency: ideal}, {Name: "assay", Latency: assay}},
		}, nil
	},
}

type singleRound struct {
	raw, served []time.Duration
	wrong       int
}

// oneAtATime runs each text raw, then served.
func (b *bench) oneAtATime(ctx context.Context, target Target, texts []string) (singleRound, error) {
	var r singleRound
	if _, err := b.ideal.Load(texts); err != nil {
		return r, err
	}
	requests, err := target.requests(texts, 1)
	if err != nil {
		return r, err
	}
	for i := range texts {
		alone, err := b.ideal.Single(i)
		if err != nil {
			return r, err
		}
		if !sleepUntil(ctx, time.Now().Add(singlePause)) {
			return r, ctx.Err()
		}
		pass, err := closedLoop(ctx, b.client.Post, 1, requests[i:i+1])
		if err != nil {
			return r, err
		}
		answers, err := target.answers(pass, 1)
		if err != nil {
			return r, err
		}
		if !sleepUntil(ctx, time.Now().Add(singlePause)) {
			return r, ctx.Err()
		}
		want := alone.Scores[0]
		if math.Abs(answers[0].Score-want) > b.Tolerance*max(1, math.Abs(want)) {
			r.wrong++
		}
		r.raw = append(r.raw, time.Duration(alone.Seconds*float64(time.Second)))
		r.served = append(r.served, pass.Replies[0].Latency)
	}
	return r, nil
}

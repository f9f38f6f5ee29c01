package main

import (
	"context"
	"fmt"
	"time"
)

const (
	singleTexts  = 32 // a round
	singleTokens = 150
	// singlePause lets the other side's threads go to sleep: for some time after a run they wait in a loop.
	singlePause = 100 * time.Millisecond
)

// singleScenario compares the latency of one request at a time with the graphs' runs of the same text alone, ids ready,
// text by text in turn. Served may take 1.05 of the better graph's time and 0.2 ms.
var singleScenario = Scenario{
	Name: "single", Asked: "≤ 1.05 × the better raw run + 0.2 ms", Servers: []string{serverMain},
	About: fmt.Sprintf("one client, one item of %d tokens at a time, against both graphs' runs of it", singleTokens),
	run: func(ctx context.Context, b *bench) (Result, error) {
		target := assayTarget(b.servers[serverMain].URL, 0)
		var all singleRound
		var medians, ratios []float64
		for n := range b.Rounds + 1 {
			r, err := b.oneAtATime(ctx, target, b.writer("single", n).passages(singleTexts, singleTokens))
			if err != nil {
				return Result{}, err
			}
			all.wrong += r.wrong
			if n == 0 {
				continue
			}
			all.padded, all.packed, all.served = append(all.padded, r.padded...), append(all.packed, r.packed...), append(all.served, r.served...)
			raw, served := r.raw(), latencyOf(r.served).P50
			medians, ratios = append(medians, raw), append(ratios, served/raw)
			b.progress("single %d/%d: raw %.2f ms, served %.2f ms\n", n, b.Rounds, raw, served)
		}
		judged := ratioCheck("median latency served over the better raw run's", ratios, 1.05+0.2/all.raw())
		judged.AtMost = true
		return Result{
			Void: disturbed("the raw run's median ms", medians),
			Checks: []Check{
				judged, {What: "scores further than the tolerance from the padded graph's", Figure: float64(all.wrong), AtMost: true, Must: true},
			},
			Series: []Series{
				{Name: singlePadded, Latency: latencyOf(all.padded)},
				{Name: singlePacked, Latency: latencyOf(all.packed)},
				{Name: "assay", Latency: latencyOf(all.served)},
			},
		}, nil
	},
}

// How the ideal runs one text: a batch of any size.
const (
	singlePadded = "padded 512"
	singlePacked = "packed 512"
)

// singleRound are the times of each text, run by itself in three ways.
type singleRound struct {
	padded, packed, served []time.Duration
	wrong                  int
}

// raw is the median of the better graph in ms.
func (r singleRound) raw() float64 { return min(latencyOf(r.padded).P50, latencyOf(r.packed).P50) }

// oneAtATime runs each text on both graphs, then served.
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
		padded, err := b.alone(ctx, singlePadded, i)
		if err != nil {
			return r, err
		}
		packed, err := b.alone(ctx, singlePacked, i)
		if err != nil {
			return r, err
		}
		pass, err := closedLoop(ctx, b.client.Post, 1, requests[i:i+1])
		if err != nil {
			return r, err
		}
		answers, err := target.answers(pass, 1)
		if err != nil {
			return r, err
		}
		if !sleepUntil(ctx, time.Now().Add(b.pause)) {
			return r, ctx.Err()
		}
		if furthest([]float64{answers[0].Score}, padded.Scores) > b.Tolerance {
			r.wrong++
		}
		r.padded, r.packed = append(r.padded, padded.time()), append(r.packed, packed.time())
		r.served = append(r.served, pass.Replies[0].Latency)
	}
	return r, nil
}

// alone runs one text raw, and lets the threads that ran it go to sleep.
func (b *bench) alone(ctx context.Context, way string, i int) (IdealPass, error) {
	pass, err := b.ideal.Single(way, i)
	if err == nil && !sleepUntil(ctx, time.Now().Add(b.pause)) {
		err = ctx.Err()
	}
	return pass, err
}

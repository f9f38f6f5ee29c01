package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

const (
	crowdSmall    = 8    // callers with one short item a second each
	crowdSeconds  = 30   // of them
	crowdItems    = 4096 // of the one large request
	crowdTokens   = 500  // of each of its items
	crowdShort    = 35   // tokens of a short item
	crowdAlone    = 32   // long items that are scored alone, to know a forward's length
	crowdForwards = 20.0 // of the large request's size that the p99 of a short item may take
)

// crowdScenario gives the server one caller with 4,096 long items, and beside it eight with one short item a second.
// What is judged is how long these take, in forwards of the large request's size: so the figure is of the queue, and
// not of the machine. Each caller has a token of its own in the server's token file.
var crowdScenario = Scenario{
	Name: "crowd", Asked: "p99 ≤ 20 forwards; none refused", Servers: []string{serverCrowd},
	About: fmt.Sprintf("one caller with %d items of %d tokens; beside it %d with one item of %d tokens a second, for %d s",
		crowdItems, crowdTokens, crowdSmall, crowdShort, crowdSeconds),
	run: func(ctx context.Context, b *bench) (Result, error) {
		server := b.servers[serverCrowd]
		batch, err := batchTokens(ctx, server.URL)
		if err != nil {
			return Result{}, err
		}
		var tails, forwards []float64
		var all Pass
		for n := range fewRounds {
			pass, forward, err := b.crowd(ctx, server, n, batch)
			if err != nil {
				return Result{}, err
			}
			tails = append(tails, latencyOf(pass.latencies()).P99/milliseconds(forward))
			forwards = append(forwards, 1/forward.Seconds())
			all.Replies = append(all.Replies, pass.Replies...)
			b.progress("crowd %d/%d: p99 of %.1f forwards of %v, %v\n", n+1, fewRounds, tails[n], forward, pass.statuses())
		}
		judged := medianCheck("p99 of the short items", tails)
		judged.AtMost, judged.Unit, judged.Limit = true, "forwards", crowdForwards
		short := newSeries("forwards of the large request", "forwards/s", forwards)
		short.Latency = latencyOf(all.latencies())
		return Result{
			Statuses: all.statuses(), Series: []Series{short}, Void: disturbed("forwards a second", forwards),
			Checks: []Check{judged, {What: "short items without an answer of 200", Figure: float64(all.failures()), AtMost: true, Must: true}},
		}, nil
	},
}

// crowd measures one round: a forward of the large request's size, and the short items beside that request.
func (b *bench) crowd(ctx context.Context, server Server, n int, batch float64) (Pass, time.Duration, error) {
	target, w := assayTarget(server.URL, 0), b.writer("crowd", n)
	asked := func(texts []string, per, caller int) ([]Request, error) {
		requests, err := target.requests(texts, per)
		for i := range requests {
			requests[i].Token = fmt.Sprintf("bench-caller-%d", caller+i%crowdSmall*min(1, caller))
		}
		return requests, err
	}
	alone, err := asked(w.passages(crowdAlone, crowdTokens), crowdAlone, 0)
	if err != nil {
		return Pass{}, 0, err
	}
	first, err := closedLoop(ctx, b.client.Post, 1, alone)
	if err != nil {
		return Pass{}, 0, err
	}
	answers, err := target.answers(first, crowdAlone)
	if err != nil {
		return Pass{}, 0, err
	}
	forward := time.Duration(batch / tokensOf(answers) * first.Seconds * float64(time.Second))
	large, err := asked(w.passages(crowdItems, crowdTokens), crowdItems, 0)
	if err != nil {
		return Pass{}, 0, err
	}
	small, err := asked(w.passages(crowdSmall*crowdSeconds, crowdShort), 1, 1)
	if err != nil {
		return Pass{}, 0, err
	}
	abandoned, abandon := context.WithCancel(ctx)
	ended := make(chan Reply, 1)
	go func() { ended <- b.client.Post(abandoned, large[0]) }()
	sleepUntil(ctx, time.Now().Add(2*time.Second)) // until it is read and waits
	pass, err := openLoop(ctx, b.client.Post, steady(crowdSmall, len(small)), small)
	abandon() // nobody waits for two million tokens
	if reply := <-ended; reply.Status != 0 {
		return Pass{}, 0, fmt.Errorf("the large request ended before the short ones: status %d: %.300s", reply.Status, reply.Body)
	}
	return pass, forward, err
}

// batchTokens is how many tokens the server's one model computes in a forward.
func batchTokens(ctx context.Context, base string) (float64, error) {
	get, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/v1/models", http.NoBody)
	if err != nil {
		return 0, err
	}
	get.Header.Set("Authorization", "Bearer bench-caller-0")
	response, err := http.DefaultClient.Do(get)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }() // its content is read
	var got struct {
		Models []struct {
			BatchTokens float64 `json:"batch_tokens"`
		} `json:"models"`
	}
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil || len(got.Models) != 1 {
		return 0, fmt.Errorf("%s/v1/models: status %d, %d models, %w", base, response.StatusCode, len(got.Models), err)
	}
	return got.Models[0].BatchTokens, nil
}

package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

const (
	overloadTimes    = 10.0 // the capacity
	overloadSeconds  = 30.0 // of arrivals
	overloadTokens   = 500  // of a text: long ones, so that the client's own work on the same cores is small
	overloadDeadline = 5000 // ms, of every request
	overloadAlone    = 128  // texts of an uncontended pass
	acceptedAtLeast  = 0.95 // of the uncontended tokens/s
	overloadName     = "overload"
)

var overloadScenario = Scenario{
	Name: overloadName, Asked: "200 and 429 alone, in time, ≥ 0.95 of uncontended", Servers: []string{serverMain},
	About: fmt.Sprintf("%g × the capacity for %g s, texts of %d tokens, deadline %d ms", overloadTimes, overloadSeconds, overloadTokens, overloadDeadline),
	run: func(ctx context.Context, b *bench) (Result, error) {
		base := b.servers[serverMain].URL
		if _, err := b.uncontended(ctx, base, 0, overloadAlone/4); err != nil { // warms up
			return Result{}, err
		}
		before, err := b.uncontended(ctx, base, 1, overloadAlone)
		if err != nil {
			return Result{}, err
		}
		rate := overloadTimes * before.requests
		requests, err := assayTarget(base, overloadDeadline).requests(b.writer(overloadName, 2).passages(min(int(rate*overloadSeconds)+1, maxArrivals), overloadTokens), 1)
		if err != nil {
			return Result{}, err
		}
		b.progress("overload: %.0f requests/s for %.0f s\n", rate, float64(len(requests))/rate)
		pass, err := openLoop(ctx, b.client.Post, rate, requests)
		if err != nil {
			return Result{}, err
		}
		after, err := b.uncontended(ctx, base, 3, overloadAlone)
		if err != nil {
			return Result{}, err
		}
		result := judgeOverload(pass, time.Duration(float64(len(requests))/rate*float64(time.Second)), before.tokens, after.tokens)
		b.progress("overload: %v, accepted %.2f of uncontended\n", result.Statuses, result.Checks[0].Figure)
		return result, nil
	},
}

// rates are of a closed loop, per second.
type rates struct{ tokens, requests float64 }

// uncontended measures a closed loop of so many requests without deadline.
func (b *bench) uncontended(ctx context.Context, base string, round, texts int) (rates, error) {
	pass, answers, err := b.score(ctx, assayTarget(base, 0), b.Clients, 1, b.writer(overloadName, round).passages(texts, overloadTokens))
	if err != nil {
		return rates{}, err
	}
	return rates{tokensOf(answers) / pass.Seconds, float64(len(pass.Replies)) / pass.Seconds}, nil
}

// judgeOverload looks at every reply of the arrivals that took so long. The accepted rate counts the tokens answered while requests
// arrived, from when the first deadline had passed: until then the queue fills. before and after are the uncontended tokens/s around it.
func judgeOverload(pass Pass, arrivals time.Duration, before, after float64) Result {
	filled := min(overloadDeadline*time.Millisecond, arrivals/2)
	other, unscored, late := 0, 0, 0
	tokens := 0.0
	var accepted, refused []time.Duration
	for _, reply := range pass.Replies {
		switch {
		case reply.Err == nil && reply.Status == http.StatusTooManyRequests:
			refused = append(refused, reply.Latency)
			continue
		case reply.failure() != nil:
			other++
			continue
		}
		accepted = append(accepted, reply.Latency)
		if reply.Latency > overloadDeadline*time.Millisecond {
			late++
		}
		answers, err := decodeScores(reply.Body)
		if err != nil {
			unscored++
		}
		if filled < reply.Done && reply.Done <= arrivals {
			tokens += tokensOf(answers)
		}
	}
	rate := tokens / (arrivals - filled).Seconds()
	void := disturbed("uncontended tokens/s before and after", []float64{before, after})
	if len(refused) == 0 || arrivals < 2*overloadDeadline*time.Millisecond {
		void = "the queue was never full"
	}
	return Result{
		Statuses: pass.statuses(),
		Void:     void,
		Checks: []Check{
			{What: "accepted tokens/s over uncontended", Figure: rate / ((before + after) / 2), Limit: acceptedAtLeast},
			{What: "answers other than 200 and 429", Figure: float64(other), AtMost: true},
			{What: "accepted requests with an item without score", Figure: float64(unscored), AtMost: true},
			{What: "accepted requests answered after their deadline", Figure: float64(late), AtMost: true},
		},
		Series: []Series{
			{Name: "uncontended", Rate: (before + after) / 2, Low: min(before, after), High: max(before, after), Unit: tokensPerSecond},
			{Name: "accepted", Rate: rate, Unit: tokensPerSecond, Latency: latencyOf(accepted)},
			{Name: "refused", Latency: latencyOf(refused)},
		},
	}
}

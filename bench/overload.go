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
		var seen []overloaded
		for n := range fewRounds {
			pass, arrivals, err := b.overload(ctx, base, 2*n+2, before.requests)
			if err != nil {
				return Result{}, err
			}
			after, err := b.uncontended(ctx, base, 2*n+3, overloadAlone)
			if err != nil {
				return Result{}, err
			}
			seen = append(seen, lookAt(pass, arrivals, before.tokens, after.tokens))
			before = after
			b.progress("overload %d/%d: %v, accepted %.2f of uncontended\n", n+1, fewRounds, pass.statuses(), seen[n].ratio())
		}
		return judgeOverload(seen), nil
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

// overload sends many times the capacity, in requests per second, and says how long requests arrived.
func (b *bench) overload(ctx context.Context, base string, round int, capacity float64) (Pass, time.Duration, error) {
	rate := overloadTimes * capacity
	texts := b.writer(overloadName, round).passages(min(int(rate*overloadSeconds)+1, maxArrivals), overloadTokens)
	requests, err := assayTarget(base, overloadDeadline).requests(texts, 1)
	if err != nil {
		return Pass{}, 0, err
	}
	pass, err := openLoop(ctx, b.client.Post, steady(rate, len(requests)), requests)
	return pass, time.Duration(float64(len(requests)) / rate * float64(time.Second)), err
}

// overloaded is what came of one overload: every reply, and the tokens/s accepted while requests arrived beside the
// uncontended ones.
type overloaded struct {
	pass                  Pass
	accepted, refused     []time.Duration
	other, unscored, late int
	filled                bool // the queue was full, and for long enough
	rate, before, after   float64
}

func (o overloaded) ratio() float64 { return o.rate / ((o.before + o.after) / 2) }

// lookAt looks at every reply of the arrivals that took so long. The accepted rate counts the tokens answered while
// requests arrived, from when the first deadline had passed: until then the queue fills. before and after are the
// uncontended tokens/s around it.
func lookAt(pass Pass, arrivals time.Duration, before, after float64) overloaded {
	const deadline = overloadDeadline * time.Millisecond
	o := overloaded{pass: pass, before: before, after: after}
	filled := min(deadline, arrivals/2)
	tokens := 0.0
	for _, reply := range pass.Replies {
		switch {
		case reply.Err == nil && reply.Status == http.StatusTooManyRequests:
			o.refused = append(o.refused, reply.Latency)
			continue
		case reply.failure() != nil:
			o.other++
			continue
		}
		o.accepted = append(o.accepted, reply.Latency)
		if reply.Latency > deadline {
			o.late++
		}
		answers, err := decodeScores(reply.Body)
		if err != nil {
			o.unscored++
		}
		if filled < reply.Done && reply.Done <= arrivals {
			tokens += tokensOf(answers)
		}
	}
	o.rate = tokens / (arrivals - filled).Seconds()
	o.filled = len(o.refused) > 0 && arrivals >= 2*deadline
	return o
}

// judgeOverload takes the median of the rounds' accepted part, and counts what should not be over all of them.
func judgeOverload(seen []overloaded) Result {
	var all Pass
	var accepted, refused []time.Duration
	var ratios, taken []float64
	other, unscored, late := 0, 0, 0
	void, alone := "", []float64{seen[0].before}
	for _, o := range seen {
		all.Replies = append(all.Replies, o.pass.Replies...)
		accepted, refused = append(accepted, o.accepted...), append(refused, o.refused...)
		ratios, taken, alone = append(ratios, o.ratio()), append(taken, o.rate), append(alone, o.after)
		other, unscored, late = other+o.other, unscored+o.unscored, late+o.late
		if !o.filled {
			void = "the queue was never full"
		}
	}
	if void == "" {
		void = disturbed("uncontended tokens/s before and after", alone)
	}
	served, turned := newSeries("accepted", tokensPerSecond, taken), Series{Name: "refused", Latency: latencyOf(refused)}
	served.Latency = latencyOf(accepted)
	return Result{
		Statuses: all.statuses(), Void: void,
		Checks: []Check{
			ratioCheck("accepted tokens/s over uncontended", ratios, acceptedAtLeast),
			{What: "answers other than 200 and 429", Figure: float64(other), AtMost: true},
			{What: "accepted requests with an item without score", Figure: float64(unscored), AtMost: true},
			{What: "accepted requests answered after their deadline", Figure: float64(late), AtMost: true},
		},
		Series: []Series{newSeries("uncontended", tokensPerSecond, alone), served, turned},
	}
}

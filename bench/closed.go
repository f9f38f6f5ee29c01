package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Pass is one run over a list of requests. Replies are in the order of the requests.
type Pass struct {
	Seconds float64 // from the first request sent to the last answer read
	Replies []Reply
}

// latencies are those of the replies, whatever their status.
func (p Pass) latencies() []time.Duration {
	all := make([]time.Duration, len(p.Replies))
	for i, r := range p.Replies {
		all[i] = r.Latency
	}
	return all
}

// closedLoop sends every request once, with so many clients that each have one in flight, and waits for every answer.
// Requests were encoded before, and answers are decoded after. The first failure, or an answer that is not 200, ends
// the pass.
func closedLoop(ctx context.Context, post poster, clients int, requests []Request) (Pass, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	pass := Pass{Replies: make([]Reply, len(requests))}
	var next atomic.Int64
	var wait sync.WaitGroup
	start := time.Now()
	for range clients {
		wait.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(requests) {
					return
				}
				sent := time.Now()
				reply := post(ctx, requests[i])
				reply.Latency, reply.Done = time.Since(sent), time.Since(start)
				if err := reply.failure(); err != nil {
					cancel(fmt.Errorf("%s: request %d: %w", requests[i].URL, i, err))
					return
				}
				pass.Replies[i] = reply
			}
		})
	}
	wait.Wait()
	pass.Seconds = time.Since(start).Seconds()
	return pass, context.Cause(ctx)
}

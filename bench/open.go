package main

import (
	"context"
	"strconv"
	"sync"
	"time"
)

// maxInFlight bounds the requests of an open loop without an answer. Those due beyond it leave late, and their latency says so.
const maxInFlight = 4096

// openLoop sends request i when i ÷ rate seconds have passed, whether or not earlier ones were answered, and waits for every
// answer; rate is in requests per second. Latency is counted from the moment a request was due, not from when it could be
// sent: a server that stalls, or a generator held up by it, cannot leave out the waits it caused (coordinated omission).
// Failures are replies like others; an error says that ctx ended first.
func openLoop(ctx context.Context, post poster, rate float64, requests []Request) (Pass, error) {
	pass := Pass{Replies: make([]Reply, len(requests))}
	flying := make(chan struct{}, maxInFlight)
	var wait sync.WaitGroup
	start := time.Now()
	for i, request := range requests {
		due := start.Add(time.Duration(float64(i) / rate * float64(time.Second)))
		if !sleepUntil(ctx, due) {
			break
		}
		flying <- struct{}{} // frees itself: every post ends with ctx or the client's time limit
		wait.Go(func() {
			reply := post(ctx, request)
			reply.Latency, reply.Done = time.Since(due), time.Since(start)
			pass.Replies[i] = reply
			<-flying
		})
	}
	wait.Wait()
	pass.Seconds = time.Since(start).Seconds()
	return pass, ctx.Err()
}

// sleepUntil says whether the moment came before ctx ended.
func sleepUntil(ctx context.Context, moment time.Time) bool {
	timer := time.NewTimer(time.Until(moment))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return ctx.Err() == nil
	}
}

// statuses counts the replies by status; "none" are those without an answer.
func (p Pass) statuses() map[string]int {
	counts := map[string]int{}
	for _, r := range p.Replies {
		if r.Err != nil {
			counts["none"]++
		} else {
			counts[strconv.Itoa(r.Status)]++
		}
	}
	return counts
}

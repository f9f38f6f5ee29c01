package main

import (
	"context"
	"strconv"
	"sync"
	"time"
)

// maxInFlight bounds the requests of an open loop without an answer. Those due beyond it leave late, and their latency
// says so.
const maxInFlight = 4096

// openLoop sends request i when due[i] has passed since the start, whether or not earlier ones were answered, and waits
// for every answer; due never goes back. Latency is counted from the moment a request was due, not from when it could
// be sent: a server that stalls, or a generator held up by it, cannot leave out the waits it caused (coordinated
// omission). Failures are replies like others; an error says that ctx ended first.
func openLoop(ctx context.Context, post poster, due []time.Duration, requests []Request) (Pass, error) {
	pass := Pass{Replies: make([]Reply, len(requests))}
	flying := make(chan struct{}, maxInFlight)
	var wait sync.WaitGroup
	start := time.Now()
	for i, request := range requests {
		moment := start.Add(due[i])
		if !sleepUntil(ctx, moment) {
			break
		}
		flying <- struct{}{} // frees itself: every post ends with ctx or the client's time limit
		wait.Go(func() {
			reply := post(ctx, request)
			reply.Latency, reply.Done = time.Since(moment), time.Since(start)
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

// failures counts the replies that are no plain success.
func (p Pass) failures() int {
	count := 0
	for _, r := range p.Replies {
		if r.failure() != nil {
			count++
		}
	}
	return count
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

package server

import (
	"context"
	"math"
	"net/http"
	"runtime/debug"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/assay-rm/assay/server/problem"
)

const (
	smallBody  = 64 << 10         // bytes of a body that takes no room: connections bound how many there are
	roomBodies = 64               // of the largest size that have room at once
	roomWait   = 10 * time.Second // for room
)

// room is the memory that the bodies of all requests in flight may take, from before one is read until its answer is
// written. Each caller may take half of it, so that none alone, whatever it opens, keeps the others out.
type room struct {
	total, each int64
	taken       *semaphore.Weighted
}

// newRoom makes the room for bodies of at most so many bytes each: for 64 of them, or in a quarter of what memory Go
// may use where that is less.
func newRoom(most int64) *room {
	total := most
	if most < math.MaxInt64/roomBodies {
		total = most * roomBodies
	}
	total = max(most, min(total, debug.SetMemoryLimit(-1)/4))
	return &room{total: total, each: max(most, total/2), taken: semaphore.NewWeighted(total)}
}

// hold takes room for the body of a request, and waits for it when there is none. What is given back is to be called
// when the request has ended. A body whose length is not known, or that is encoded, takes as much as it may have.
func (o *room) hold(x *exchange, r *http.Request, most int64) (giveBack func(), err error) {
	size := r.ContentLength
	if size < 0 || r.Header.Get("Content-Encoding") != "" {
		size = most
	}
	if size <= smallBody || size > most {
		return func() {}, nil // one that is too large is refused unread
	}
	return o.take(x, r, size)
}

// take is hold of so many bytes, which are at most what one caller may have.
func (o *room) take(x *exchange, r *http.Request, size int64) (giveBack func(), err error) {
	ctx, cancel := context.WithTimeout(r.Context(), roomWait)
	defer cancel()
	own := x.caller.bodies(o.each)
	if own.Acquire(ctx, size) != nil {
		return nil, roomless(r, "of the same caller", o.each)
	}
	if o.taken.Acquire(ctx, size) != nil {
		own.Release(size)
		return nil, roomless(r, "in flight", o.total)
	}
	return func() { o.taken.Release(size); own.Release(size) }, nil
}

// roomless is the problem of a body that found no room, unless its client has left.
func roomless(r *http.Request, of string, limit int64) error {
	if err := r.Context().Err(); err != nil {
		return err
	}
	p := problem.New(problem.CodeBodiesFull, "the bodies of requests %s may have %d bytes, and there was no room for this one's within %s",
		of, limit, roomWait)
	p.RetryAfter = roomWait
	return p
}

package batching

import (
	"fmt"
	"runtime/debug"
	"time"
)

// PanicError is a panic of a runner, or of the planner, recovered. Only the sequences that it was busy with see it.
type PanicError struct {
	Value any    // what it panicked with
	Stack []byte // of the goroutine at the panic, for a log
}

// Error implements error; it leaves the stack out.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// guard calls f and returns its panic as a [*PanicError].
func guard(f func()) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &PanicError{Value: value, Stack: debug.Stack()}
		}
	}()
	f()
	return nil
}

// mend fails what a lane was busy with when it panicked: the item that it tried, when it was picking, and else the
// batch. Where there is neither, the fault is in the queue, and all that waits fails. So whatever panics, there is
// less to do afterwards. The mutex is held. A lane that panics with the mutex held does not let go of it before it
// has mended, or another lane would try the same item meanwhile.
func (b *Batcher) mend(l *lane, err error) {
	tried := l.picker.tried
	var concerned []*item
	for _, it := range append(l.picker.batch, tried) {
		if it == nil {
			continue
		}
		l.device.cache.release(it.cached)
		it.cached = cachedPrefix{}
		if it.state == running || it == tried {
			concerned = append(concerned, it)
		}
	}
	if len(concerned) == 0 { // nothing of the queue is to be trusted
		concerned = b.queue.byIDs
		b.queue = newQueue(b.options)
	}
	for _, it := range concerned {
		if it == tried {
			b.queue.leave(it, finished)
		}
		b.stats.Failed += uint64(len(it.waiters))
		it.finish(nil, Result{Err: fmt.Errorf("plan: %w", err)}, time.Now())
	}
	b.running = b.queue.sweep(b.running)
	b.dropFinished()
	l.complete(false)
	l.renew()
	b.release(l)
}

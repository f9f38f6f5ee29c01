// Package record keeps what a server has scored, in rotating compressed files of JSON lines: each has a request as a
// body of the native API, whatever protocol it came by, and its answer. So who has the files can ask again.
//
//	Entry      a request with its answer → a line
//	Recorder   entries → files, off the path of requests
//	Read       files → lines
package record

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Options say where and how much is recorded.
type Options struct {
	Dir   string // is made where it is not there
	Most  int64  // bytes of all files together; the oldest are removed for new ones
	Texts bool   // what was scored is recorded, and not only its digest
	Log   *slog.Logger
}

// What a recorder holds before it is written, and how much of Most one file has.
const (
	queueBytes   = 64 << 20
	queueEntries = 1 << 14
	filesOfMost  = 16
)

// LeastMost is the least that all files may have together.
const LeastMost = 1 << 20

// retryAfter is how long nothing is written after a write that failed.
const retryAfter = 5 * time.Second

// Recorder writes entries on a goroutine of its owner's. Add is safe for concurrent use, and never waits: what the disk
// does not take in time is dropped, and counted.
type Recorder struct {
	options Options
	queue   chan *Entry
	held    atomic.Int64 // bytes of the entries in the queue, about
	stats   struct{ written, dropped, failed, bytes atomic.Int64 }
	close   sync.Once
	closed  chan struct{}
	files   files
	lost    bool // the last write failed, and that was logged
}

// Stats are counts since the start.
type Stats struct {
	Written int64 // entries that are in a file
	Dropped int64 // entries that had no place in the queue
	Failed  int64 // entries that could not be written
	Bytes   int64 // that were written, compressed
}

// New makes a recorder, whose directory can be written. It starts nothing.
func New(options Options) (*Recorder, error) {
	if options.Most < LeastMost {
		return nil, fmt.Errorf("the records may have %d bytes, and must be let have %d", options.Most, LeastMost)
	}
	if err := os.MkdirAll(options.Dir, 0o700); err != nil {
		return nil, err
	}
	probe, err := os.CreateTemp(options.Dir, ".probe")
	if err == nil {
		err = errors.Join(probe.Close(), os.Remove(probe.Name()))
	}
	if err != nil {
		return nil, fmt.Errorf("%s cannot be written: %w", options.Dir, err)
	}
	r := &Recorder{options: options, queue: make(chan *Entry, queueEntries), closed: make(chan struct{})}
	r.files = files{dir: options.Dir, most: options.Most, each: options.Most / filesOfMost, written: &r.stats.bytes}
	return r, nil
}

// Stats are what became of the entries so far.
func (r *Recorder) Stats() Stats {
	return Stats{r.stats.written.Load(), r.stats.dropped.Load(), r.stats.failed.Load(), r.stats.bytes.Load()}
}

// Add keeps an entry to be written. The request and the answer in it must not change any more.
func (r *Recorder) Add(e Entry) {
	e.held = e.size()
	if r.held.Add(e.held) <= queueBytes {
		select {
		case r.queue <- &e:
			return
		default:
		}
	}
	r.held.Add(-e.held)
	if r.stats.dropped.Add(1) == 1 {
		r.options.Log.Warn("requests come faster than the disk takes their records, and some are dropped: assay_records_total counts them", "dir", r.options.Dir)
	}
}

// Close lets Run end when it has written what was added before.
func (r *Recorder) Close() { r.close.Do(func() { close(r.closed) }) }

// Run writes entries until Close. What waits is brought to the disk every second.
func (r *Recorder) Run(ctx context.Context) error {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case e := <-r.queue:
			r.write(ctx, e)
		case <-ticker.C:
			if err := r.files.flush(); err != nil {
				r.failed(ctx, err)
			}
		case <-r.closed:
			for {
				select {
				case e := <-r.queue:
					r.write(ctx, e)
					continue
				default:
				}
				return r.files.end()
			}
		}
	}
}

// write writes one entry. A disk that does not take it, as a full one, is tried again later; meanwhile entries fail.
func (r *Recorder) write(ctx context.Context, e *Entry) {
	defer r.held.Add(-e.held)
	if r.lost && time.Since(r.files.failed) < retryAfter {
		r.stats.failed.Add(1)
		return
	}
	line, err := e.line(r.options.Texts)
	if err == nil {
		err = r.files.write(line)
	}
	if err != nil {
		r.stats.failed.Add(1)
		r.failed(ctx, err)
		return
	}
	r.stats.written.Add(1)
	if r.lost {
		r.lost = false
		r.options.Log.InfoContext(ctx, "requests are recorded again", "dir", r.options.Dir)
	}
}

// failed logs the first of failures one after the other.
func (r *Recorder) failed(ctx context.Context, err error) {
	r.files.failed = time.Now()
	if !r.lost {
		r.lost = true
		r.options.Log.ErrorContext(ctx, "requests are not recorded", "dir", r.options.Dir, "error", err.Error())
	}
}

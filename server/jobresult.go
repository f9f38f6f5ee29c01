package server

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/server/jobs"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// followEvery is how often a result that is followed looks for more of it.
const followEvery = 250 * time.Millisecond

// wanted is which part of a result a request wants.
type wanted struct {
	from    int  // the first row
	follow  bool // wait for what is not computed yet
	partial bool // what there is, though the job has not ended well
}

func wantedOf(u *url.URL) (w wanted, err error) {
	asked, err := onlyKnown(u, "from", "follow", "partial")
	if err != nil {
		return w, err
	}
	if asked.Has("from") {
		if w.from, err = strconv.Atoi(asked.Get("from")); err != nil || w.from < 0 {
			return w, problem.New(wire.CodeInvalidField, "from: %q is no row", fault.Short(asked.Get("from")))
		}
	}
	for name, into := range map[string]*bool{"follow": &w.follow, "partial": &w.partial} {
		if !asked.Has(name) {
			continue
		}
		if *into, err = strconv.ParseBool(asked.Get(name)); err != nil {
			return w, problem.New(wire.CodeInvalidField, "%s: %q is neither true nor false", name, fault.Short(asked.Get(name)))
		}
	}
	if w.follow && w.partial {
		return w, problem.New(wire.CodeInvalidField, "partial: given together with follow, which waits for all")
	}
	return w, nil
}

// resultOfJob writes the results of rows in their order, one JSON object a line. A client that was cut off goes on
// where it was, with from.
func (s *Server) resultOfJob(of *jobs.Store, x *exchange, r *http.Request) error {
	ask, err := wantedOf(r.URL)
	if err != nil {
		return err
	}
	job, err := of.Get(r.Context(), x.caller.owner, r.PathValue("job"))
	if err != nil {
		return err
	}
	if ask.from > job.Rows {
		return problem.New(wire.CodeInvalidField, "from: is %d, and the job has %d rows", ask.from, job.Rows)
	}
	if !ask.follow && !ask.partial && job.Status != jobs.Done {
		return unfinished(&job)
	}
	starts, err := of.Starts(r.Context(), &job)
	if err != nil {
		return err
	}
	for chunk := max(0, jobs.ChunkOf(ask.from, starts)); chunk < job.Chunks; chunk++ {
		if ask.follow && !job.Has(chunk) {
			untimed(x)
			err = s.awaitChunk(r.Context(), of, &job, chunk)
		}
		if err == nil && job.Has(chunk) {
			err = writeChunk(x, r, of, &job, chunk, ask.from-starts[chunk])
		}
		if err != nil && x.status != 0 {
			panic(http.ErrAbortHandler) // so that nobody takes a part for the whole
		}
		if err != nil {
			return err
		}
	}
	if x.status == 0 {
		beginLines(x)
	}
	return nil
}

func unfinished(job *jobs.Job) error {
	return problem.New(problem.CodeJobUnfinished, "the job is %s, and %d of its %d rows are done", job.Status, job.DoneRows, job.Rows)
}

// awaitChunk waits until a chunk is done. A job that ends before never has it, and neither does a server that stops.
func (s *Server) awaitChunk(ctx context.Context, of *jobs.Store, job *jobs.Job, chunk int) error {
	for !job.Has(chunk) {
		switch {
		case !job.Active():
			return unfinished(job)
		case s.draining.Load():
			return problem.New(problem.CodeNotReady, "the server is stopping; ask another one, or this one when it is back, and go on with from")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(followEvery):
		}
		now, err := of.Get(ctx, job.Caller, job.ID)
		if err != nil {
			return err
		}
		*job = now
	}
	return nil
}

// untimed takes the deadline of an answer away while there is nothing to write. On HTTP/2 one that passes would end the
// stream all the same.
func untimed(x *exchange) {
	_ = http.NewResponseController(x.ResponseWriter).SetWriteDeadline(time.Time{}) // one without deadlines is a test's
}

// writeChunk writes the results of a chunk without its first rows, so many. The client has a time for each chunk.
func writeChunk(x *exchange, r *http.Request, of *jobs.Store, job *jobs.Job, chunk, skip int) error {
	text, err := of.Result(r.Context(), job, chunk)
	if err != nil {
		return err
	}
	for range skip {
		text = text[bytes.IndexByte(text, '\n')+1:]
	}
	if x.status == 0 {
		beginLines(x)
	}
	control := http.NewResponseController(x.ResponseWriter)
	_ = control.SetWriteDeadline(time.Now().Add(x.timeout)) // one without deadlines is a test's
	if _, err := x.Write(text); err != nil {
		return err
	}
	return control.Flush()
}

func beginLines(x *exchange) {
	x.Header().Set("Content-Type", "application/x-ndjson")
	x.WriteHeader(http.StatusOK)
}

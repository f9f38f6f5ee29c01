package server

import (
	"bytes"
	"context"
	"log"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/assay-rm/assay/models/fault"
)

// every is how often a kind of event that comes in floods may have a line in the log.
const every = 10 * time.Second

// seldom lets an event into the log at most once in a while, and counts those that it kept out. Its zero value is
// ready.
type seldom struct {
	count atomic.Int64 // since the last line
	said  atomic.Int64 // when that was, in nanoseconds of Unix time
}

// now tells whether the event, which has just happened, may have a line, and how many events that line speaks of.
func (s *seldom) now() (count int64, say bool) {
	s.count.Add(1)
	now, last := time.Now().UnixNano(), s.said.Load()
	if now-last < int64(every) || !s.said.CompareAndSwap(last, now) {
		return 0, false
	}
	return s.count.Swap(0), true
}

// errorLog takes what [http.Server] has to say, which comes without a level. That it cannot accept connections, as
// where no more files may be opened, is a warning; a panic outside of a handler is an error; what it says of a client
// that breaks the protocol is for debugging. Of the first two there is a line at most every ten seconds.
func errorLog(to *slog.Logger) *log.Logger { return log.New(&httpErrors{log: to}, "", 0) }

type httpErrors struct {
	log            *slog.Logger
	accept, panics seldom
}

// longestLine bounds a line that net/http wrote, of which a client may have written a part.
const longestLine = 2000

// Write implements [io.Writer]; it is called once for each message.
func (h *httpErrors) Write(line []byte) (int, error) {
	ctx, text := context.Background(), string(bytes.TrimSpace(line[:min(len(line), longestLine)]))
	switch {
	case strings.HasPrefix(text, "http: Accept error"):
		if count, say := h.accept.now(); say {
			h.log.WarnContext(ctx, "connections cannot be accepted", "error", text, "times", count)
		}
	case strings.Contains(text, "panic serving"):
		if count, say := h.panics.now(); say {
			h.log.ErrorContext(ctx, "panic outside of a request", "error", text, "times", count)
		}
	default:
		h.log.DebugContext(ctx, "http", "said", fault.Short(text))
	}
	return len(line), nil
}

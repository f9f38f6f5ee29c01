package commands

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/assay-rm/assay/server/jobs"
)

// openJobs opens where a server keeps its jobs: a directory, or a NATS cluster that several servers share; nil for
// nowhere. It is to be closed when nothing asks it any more.
func (c *serveCommand) openJobs(ctx context.Context, log *slog.Logger) (*jobs.Store, error) {
	if c.Jobs == "" {
		return nil, nil //nolint:nilnil // a server without jobs is one
	}
	if scheme, _, is := strings.Cut(c.Jobs, "://"); is && scheme != "nats" && scheme != "tls" {
		return nil, usage("--jobs: %s:// is no place for jobs; give a directory or nats://USER:PASSWORD@HOST:PORT", scheme)
	}
	kept, err := jobs.Open(ctx, c.Jobs, jobs.Limits{Bytes: int64(c.MaxJob), Store: int64(c.JobsStore), Keep: c.JobsKeep}, log)
	if err != nil {
		return nil, fmt.Errorf("--jobs: %w", err)
	}
	return kept, nil
}

// closeJobs closes jobs that were opened.
func closeJobs(kept *jobs.Store) error {
	if kept == nil {
		return nil
	}
	return kept.Close()
}

package commands

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/assay-rm/assay/server/record"
)

// recordFlags say what a server keeps of what it scored.
type recordFlags struct {
	Record string `group:"HTTP" env:"ASSAY_RECORD" placeholder:"DIR" help:"Keep what is scored, with its scores, in compressed files in DIR, for assay score --verify DIR."`
	Max    size   `name:"record-max" group:"HTTP" env:"ASSAY_RECORD_MAX" default:"1GiB" help:"Size of all files of --record together; the oldest are removed."`
	Texts  bool   `name:"record-texts" group:"HTTP" env:"ASSAY_RECORD_TEXTS" default:"true" negatable:"" help:"Record what was scored, and not only its digest; without it nothing can be scored again."`
}

// during serves beside a recorder, which writes what waits when the server has ended; without --record there is none.
func (f *recordFlags) during(ctx context.Context, log *slog.Logger, serve func(*record.Recorder) error) error {
	if f.Record == "" {
		return serve(nil)
	}
	recorder, err := record.New(record.Options{Dir: f.Record, Most: int64(f.Max), Texts: f.Texts, Log: log})
	if err != nil {
		return fmt.Errorf("--record: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- recorder.Run(context.WithoutCancel(ctx)) }()
	err = serve(recorder)
	recorder.Close()
	return errors.Join(err, <-ended)
}

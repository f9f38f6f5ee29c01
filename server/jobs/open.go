package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Limits bound what is kept of jobs. One that is 0 has its value of [DefaultLimits].
type Limits struct {
	Jobs  int           // kept at once, those that have ended among them
	Each  int           // of one caller
	Rows  int           // of a job
	Bytes int64         // of a job as it is sent, without its encoding
	Row   int           // bytes of a row
	Head  int           // bytes of what is asked of every row
	Store int64         // bytes of all rows and results, as they are stored, compressed
	Keep  time.Duration // from a job's end until it is removed
}

// DefaultLimits has every limit at its default.
func DefaultLimits() Limits {
	return Limits{Jobs: 256, Each: 64, Rows: 1_000_000, Bytes: 1 << 30, Row: 8 << 20, Head: 256 << 10, Store: 8 << 30, Keep: 72 * time.Hour}
}

func (l Limits) withDefaults() Limits {
	of := DefaultLimits()
	return Limits{
		Jobs: or(l.Jobs, of.Jobs), Each: or(l.Each, of.Each), Rows: or(l.Rows, of.Rows), Bytes: or(l.Bytes, of.Bytes),
		Row: or(l.Row, of.Row), Head: or(l.Head, of.Head), Store: or(l.Store, of.Store), Keep: or(l.Keep, of.Keep),
	}
}

func or[T comparable](given, otherwise T) T {
	var zero T
	if given == zero {
		return otherwise
	}
	return given
}

// MostKept is how long anything of a job stays, whatever becomes of the job.
const MostKept = 30 * 24 * time.Hour

const (
	ackWait  = 5 * time.Second  // after which a chunk whose worker says nothing is given to another
	askWait  = 10 * time.Second // for an answer of NATS
	mostSent = 8 << 20          // bytes of a message of the server of this process

	// jobRoom is the room of a job in the bucket of jobs: for its head, which has the text that Limits bounds and the
	// first row of each chunk (at most 33299 numbers of a million rows), and for its record, of some KiB. So the bucket
	// is never full of what may be kept.
	jobRoom = 1 << 20
)

// Store keeps jobs. It is safe for concurrent use.
type Store struct {
	limits   Limits
	log      *slog.Logger
	embedded *embedded // the server of this process; nil: NATS is elsewhere
	conn     *nats.Conn
	jobs     jetstream.KeyValue // a job by its id, and the head of an upload
	bucket   jetstream.Stream   // that jobs are in
	input    jetstream.Stream   // chunks that are to be computed
	output   jetstream.Stream   // results
	js       jetstream.JetStream
	coder    coder
	turns    turns
	closed   sync.Once

	message           int           // bytes of a message, less its headers
	ackWait, firstTry time.Duration // shorter in tests
}

// Open opens the store of a directory, which one process at a time holds, or of a NATS cluster (nats://HOST:PORT, or
// tls://; several with commas between them), which any number of processes share.
func Open(ctx context.Context, where string, limits Limits, log *slog.Logger) (*Store, error) {
	s := &Store{limits: limits.withDefaults(), log: log, ackWait: ackWait, firstTry: firstTry}
	s.turns.prepare()
	var err error
	if s.coder, err = newCoder(); err == nil {
		err = s.connect(ctx, where)
	}
	if err == nil {
		err = s.declare(ctx)
	}
	if err == nil && s.embedded != nil {
		err = s.forgetUploads(ctx, 0) // those who sent them were clients of a process that is gone
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) connect(ctx context.Context, where string) (err error) {
	options := []nats.Option{
		nats.Name("assay"), nats.MaxReconnects(-1), nats.ReconnectWait(250 * time.Millisecond), nats.Timeout(askWait),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			s.log.WarnContext(ctx, "jobs: NATS", "error", err)
		}),
	}
	if !strings.Contains(where, "://") {
		if s.embedded, err = startEmbedded(where, s.limits.Store); err != nil {
			return err
		}
		where = nats.DefaultURL // is not dialled
		options = append(options, nats.InProcessServer(s.embedded.server))
	}
	s.conn, err = nats.Connect(where, options...)
	if _, is := errors.AsType[*url.Error](err); is {
		return fmt.Errorf("connect to %s", redacted(where)) // the error has the address as it was given
	}
	if err != nil {
		return fmt.Errorf("connect to %s: %w", redacted(where), err)
	}
	s.message = int(s.conn.MaxPayload()) - 16<<10
	s.js, err = jetstream.New(s.conn, jetstream.WithDefaultTimeout(askWait))
	return err
}

// redacted is a list of addresses without their passwords, and without their tokens, which stand where a user does.
func redacted(where string) string {
	addresses := strings.Split(where, ",")
	for i, address := range addresses {
		parsed, err := url.Parse(strings.TrimSpace(address))
		if err != nil {
			addresses[i] = "an address that is no URL"
			continue
		}
		if _, has := parsed.User.Password(); parsed.User != nil && !has {
			parsed.User = url.User("xxxxx")
		}
		addresses[i] = parsed.Redacted()
	}
	return strings.Join(addresses, ",")
}

// declare makes what is kept where, unless it is there. A cluster keeps everything three times.
func (s *Store) declare(ctx context.Context) error {
	replicas := 3
	if s.embedded != nil {
		replicas = 1
	}
	err := s.declareWith(ctx, replicas)
	if api, is := errors.AsType[*jetstream.APIError](err); is && api.ErrorCode == jetstream.ErrorCode(server.JSStreamReplicasNotSupportedErr) {
		err = s.declareWith(ctx, 1) // one NATS server without a cluster
	}
	return err
}

func (s *Store) declareWith(ctx context.Context, replicas int) (err error) {
	s.jobs, err = s.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: "assay-jobs", Description: "jobs of assay", MaxBytes: int64(s.limits.Jobs) * jobRoom, Replicas: replicas,
	})
	if err == nil {
		err = s.readFirstHand(ctx)
	}
	if err != nil {
		return fmt.Errorf("declare the jobs: %w", err)
	}
	s.input, err = s.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: "assay-input", Subjects: []string{inputs + ".>"}, Retention: jetstream.WorkQueuePolicy,
		MaxBytes: s.limits.Store / 2, Discard: jetstream.DiscardNew, MaxAge: MostKept, Replicas: replicas,
	})
	if err != nil {
		return fmt.Errorf("declare the queue: %w", err)
	}
	s.output, err = s.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: "assay-output", Subjects: []string{outputs + ".>", parts + ".>"},
		MaxBytes: s.limits.Store / 2, Discard: jetstream.DiscardNew, MaxAge: MostKept, Replicas: replicas,
	})
	if err != nil {
		return fmt.Errorf("declare the results: %w", err)
	}
	return nil
}

// readFirstHand has jobs read from the one server of a cluster that writes them. The others may answer with what was
// there a moment ago, and a client that has just sent a job would be told that there is none.
func (s *Store) readFirstHand(ctx context.Context) error {
	bucket := "KV_" + s.jobs.Bucket()
	stream, err := s.js.Stream(ctx, bucket)
	if err != nil {
		return err
	}
	config := stream.CachedInfo().Config
	config.AllowDirect = false
	if s.bucket, err = s.js.UpdateStream(ctx, config); err != nil {
		return err
	}
	s.jobs, err = s.js.KeyValue(ctx, s.jobs.Bucket())
	return err
}

// Subjects, each followed by the name of an upload.
const (
	inputs  = "assay.in"   // and the chunk's number
	outputs = "assay.out"  // likewise
	parts   = "assay.part" // and the chunk's number, the digest of its result, and the part's number
)

// Close lets go of NATS. Run must have returned.
func (s *Store) Close() (err error) {
	s.closed.Do(func() {
		if s.conn != nil {
			_ = s.conn.FlushTimeout(time.Second) // what was given back
			s.conn.Close()
		}
		if s.embedded != nil {
			err = s.embedded.stop()
		}
	})
	return err
}

// Limits are those that hold.
func (s *Store) Limits() Limits { return s.limits }

// Expires is when a job that has ended is removed.
func (s *Store) Expires(job *Job) time.Time {
	at, last := job.Ended.Add(s.limits.Keep), job.Created.Add(MostKept)
	if at.After(last) {
		return last
	}
	return at
}

package rewards

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

// Engine answers requests over the models of a registry. It is safe for concurrent use, and owns neither the models nor any
// goroutine between calls.
type Engine struct {
	registry *models.Registry
	find     func(name string, kinds ...manifest.Kind) (reader, error)
}

// reader is what the engine needs of a [models.Model].
type reader interface {
	Info() models.Info
	Admits(ctx context.Context, items []encode.Item) error
	Encode(item encode.Item, truncate encode.Truncation) (encode.Encoded, error)
	Read(ctx context.Context, items []encode.Encoded) ([]models.Reading, error)
	Slopes(ctx context.Context, items []encode.Encoded, label int) ([][]float32, error)
}

var _ reader = (*models.Model)(nil)

// New makes an engine over the models of a registry.
func New(registry *models.Registry) *Engine {
	find := func(name string, kinds ...manifest.Kind) (reader, error) {
		m, err := registry.Find(name, kinds...)
		if err != nil {
			return nil, err
		}
		return m, nil
	}
	return &Engine{registry: registry, find: find}
}

// comparing lists the kinds that answer compare and rank.
var comparing = []manifest.Kind{manifest.KindReward, manifest.KindPair, manifest.KindPreference}

// Questions are the words of what a kind of model answers.
func Questions(kind manifest.Kind) []string {
	switch kind {
	case manifest.KindFeatures:
		return []string{"score"}
	case manifest.KindProcess:
		return []string{"steps", "tokenize"}
	case manifest.KindPair, manifest.KindPreference:
		return []string{"rank", "compare", "tokenize"}
	default:
		return []string{"score", "rank", "compare", "tokenize"}
	}
}

// model finds the model that answers; asked of the wrong kind, the problem says which questions it does answer.
func (e *Engine) model(name string, kinds ...manifest.Kind) (reader, error) {
	m, err := e.find(name, kinds...)
	if err == nil {
		return m, nil
	}
	var failure *fault.Error
	if !errors.As(err, &failure) || failure.Code != fault.CodeKind {
		return nil, err
	}
	for _, kind := range []manifest.Kind{manifest.KindReward, manifest.KindFeatures, manifest.KindProcess, manifest.KindPair, manifest.KindPreference} {
		if _, err := e.find(name, kind); err == nil {
			return nil, NewProblem(fault.CodeKind, "%s; a %s model answers %s", failure.Detail, kind, strings.Join(Questions(kind), ", "))
		}
	}
	return nil, err
}

// outcome is one item after encoding and reading: a reading of finite rows, or a problem.
type outcome struct {
	encoded encode.Encoded
	reading models.Reading
	problem *Problem
}

// tokens counts an outcome that has no problem.
func (o *outcome) tokens() *Tokens {
	return &Tokens{
		Tokens: len(o.encoded.IDs), Shared: o.reading.Shared, Cached: o.reading.Cached, Truncated: o.encoded.Truncated,
	}
}

// read encodes the items in parallel and reads those that could be encoded, one outcome per item in order. The error is of the
// whole request: a full or closed queue, or a caller that is gone. A deadline, ctx's or the request's, fails items only. Where the queue
// is full already, no item is encoded first.
func read(ctx context.Context, m reader, items []encode.Item, common Common) ([]outcome, error) {
	if common.TimeoutMS > 0 {
		timed, cancel := context.WithTimeout(ctx, time.Duration(common.TimeoutMS)*time.Millisecond)
		defer cancel()
		ctx = timed
	}
	if err := m.Admits(ctx, items); err != nil {
		return nil, err
	}
	outcomes := make([]outcome, len(items))
	each(len(items), func(i int) {
		outcomes[i].encoded, outcomes[i].problem = encodeItem(ctx, m, items[i], common.Truncate)
	})
	encoded, at := make([]encode.Encoded, 0, len(items)), make([]int, 0, len(items)) // encoded[k] is of items[at[k]]
	for i := range outcomes {
		if outcomes[i].problem == nil {
			encoded, at = append(encoded, outcomes[i].encoded), append(at, i)
		}
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil, ctx.Err()
	}
	if len(encoded) == 0 {
		return outcomes, nil
	}
	readings, err := m.Read(ctx, encoded)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		readings = make([]models.Reading, len(encoded))
		for k := range readings {
			readings[k].Err = err
		}
	case err != nil:
		return nil, err
	case len(readings) != len(encoded):
		return nil, fmt.Errorf("%d readings of %d items", len(readings), len(encoded))
	}
	for k, i := range at {
		outcomes[i].reading, outcomes[i].problem = readings[k], ProblemOf(readings[k].Err)
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil, ctx.Err()
	}
	return outcomes, nil
}

// encodeItem is one item's way to tokens. No input may end the process, so a panic on the way is the item's problem.
func encodeItem(ctx context.Context, m reader, item encode.Item, truncate encode.Truncation) (encoded encode.Encoded, problem *Problem) {
	defer func() {
		if value := recover(); value != nil {
			problem = caused(fmt.Errorf("panic: %v\n%s", value, debug.Stack()), CodeInternal, "the item could not be encoded")
		}
	}()
	if ctx.Err() != nil {
		return encode.Encoded{}, ProblemOf(ctx.Err())
	}
	encoded, err := m.Encode(item, truncate)
	return encoded, ProblemOf(err)
}

// each calls f once for every index below n, on as many goroutines as there are processors, and returns when all are done.
func each(n int, f func(i int)) {
	workers := min(n, runtime.GOMAXPROCS(0))
	if workers == 1 {
		for i := range n {
			f(i)
		}
		return
	}
	var next atomic.Int64
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	group.Wait()
}

// answering sums up what a request took.
func answering(info models.Info, outcomes []outcome, transforms []string, start time.Time) Answering {
	if transforms == nil {
		transforms = []string{}
	}
	a := Answering{Model: info.Manifest.Name, Digest: info.Digest, Transforms: transforms, Usage: usage(outcomes)}
	for i := range outcomes {
		a.Timings.Queue = max(a.Timings.Queue, milliseconds(outcomes[i].reading.Queue))
		a.Timings.Run = max(a.Timings.Run, milliseconds(outcomes[i].reading.Run))
	}
	a.Timings.Total = milliseconds(time.Since(start))
	return a
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

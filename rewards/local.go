package rewards

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/manifest"
)

// Ask is what one request asks of a source: items that are to be read, in order.
type Ask struct {
	Items    []encode.Item
	Truncate encode.Truncation
}

// Reading is the outcome of one item: rows or an error, never both.
type Reading struct {
	Rows      [][]float32 // (positions, labels); all finite
	Err       error
	Tokens    int   // of the item; with an error that came after tokenizing, of that too
	Truncated int   // tokens cut away
	Response  int   // likelihood models: the position of the response's first token
	Steps     []int // process models: the token of each step, of skipped ones too
	Ends      []int // process models: the end of each step in characters of the response
	Shared    int   // leading tokens computed once together with others
	Cached    int   // leading tokens taken from the cache
	Queue     time.Duration
	Run       time.Duration

	encoded *encode.Encoded // for Slopes
}

// Tokenized is an item as a model sees it, or why it cannot be seen.
type Tokenized struct {
	encode.Encoded
	Err error
}

// loaded is a registry of models of this process.
type loaded struct{ models *models.Registry }

func (l loaded) acquire(name string, kinds ...manifest.Kind) (Source, func(), error) {
	m, err := l.models.Find(name, kinds...)
	if err != nil {
		return nil, nil, err
	}
	return local{m}, func() {}, nil
}

func (l loaded) all() []Source {
	all := l.models.All()
	sources := make([]Source, len(all))
	for i, m := range all {
		sources[i] = local{m}
	}
	return sources
}

// reader is what [local] needs of a [models.Model].
type reader interface {
	Info() models.Info
	Admits(ctx context.Context, items []encode.Item) error
	Encode(item encode.Item, truncate encode.Truncation) (encode.Encoded, error)
	Read(ctx context.Context, items []encode.Encoded) ([]models.Reading, error)
	Slopes(ctx context.Context, items []encode.Encoded, label int) ([][]float32, error)
	Probe(ctx context.Context) error
}

var _ reader = (*models.Model)(nil)

// local is a model of this process as a source.
type local struct{ reader }

var (
	_ tokenizer = local{}
	_ sloped    = local{}
)

func (l local) Admit(ctx context.Context, ask Ask) error { return l.Admits(ctx, ask.Items) }

// Tokenize encodes the items in parallel.
func (l local) Tokenize(ctx context.Context, ask Ask) ([]Tokenized, error) {
	out := make([]Tokenized, len(ask.Items))
	parallel(len(out), func(i int) {
		out[i].Encoded, out[i].Err = l.encode(ctx, ask.Items[i], ask.Truncate)
	})
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil, ctx.Err()
	}
	return out, nil
}

// Read encodes the items and reads those that could be encoded.
func (l local) Read(ctx context.Context, ask Ask) ([]Reading, int, error) {
	seen, err := l.Tokenize(ctx, ask)
	if err != nil {
		return nil, 0, err
	}
	readings := make([]Reading, len(seen))
	encoded, at := make([]encode.Encoded, 0, len(seen)), make([]int, 0, len(seen)) // encoded[k] is of seen[at[k]]
	for i := range seen {
		e := &seen[i].Encoded
		readings[i] = Reading{
			Err: seen[i].Err, Tokens: len(e.IDs), Truncated: e.Truncated, Response: e.Response, Steps: e.Steps, Ends: e.Ends, encoded: e,
		}
		if seen[i].Err == nil {
			encoded, at = append(encoded, *e), append(at, i)
		}
	}
	if len(encoded) == 0 {
		return readings, 0, nil
	}
	given, err := l.reader.Read(ctx, encoded)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, 0, err
	}
	for k, i := range at {
		r := &readings[i]
		if err != nil {
			r.Err = err
			continue
		}
		of := &given[k]
		r.Rows, r.Err, r.Shared, r.Cached, r.Queue, r.Run = of.Rows, of.Err, of.Shared, of.Cached, of.Queue, of.Run
		if r.Err == nil && len(r.Rows) != len(encoded[k].Read) {
			r.Rows, r.Err = nil, fmt.Errorf("the model gave %d rows of %d positions", len(of.Rows), len(encoded[k].Read))
		}
	}
	return readings, computed(readings), nil
}

// Slopes says how a label moves with each feature of the items that were read.
func (l local) Slopes(ctx context.Context, readings []Reading, label int) ([][]float32, error) {
	items := make([]encode.Encoded, len(readings))
	for i := range readings {
		items[i] = *readings[i].encoded
	}
	return l.reader.Slopes(ctx, items, label)
}

// encode is one item's way to tokens. No input may end the process, so a panic on the way is the item's error.
func (l local) encode(ctx context.Context, item encode.Item, truncate encode.Truncation) (encoded encode.Encoded, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("the item could not be encoded: panic: %v\n%s", value, debug.Stack())
		}
	}()
	if ctx.Err() != nil {
		return encode.Encoded{}, ctx.Err()
	}
	if ofGroup(&item) {
		item.Messages = append(slices.Clip(item.Messages), chat.Message{Role: "assistant", Content: *item.Response})
		item.Response = nil
	}
	return l.Encode(item, truncate)
}

// parallel calls f once for every index below n, on as many goroutines as there are processors, and returns when all are done.
func parallel(n int, f func(i int)) {
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

package rewards

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards/failure"
)

// fakeSource reads text as its bytes. Its rows are functions of the ids, and each way to fail is a text.
type fakeSource struct {
	info models.Info
	rows func(text string, reading *models.Reading) [][]float32 // nil: counted
	read func(ctx context.Context, ask models.Ask) error        // asked before anything is read, when set
	full error                                                  // what Admit says

	places, response int   // rows of every item, 0: one; where its response begins
	steps            []int // of every item, when set

	admits, reads, tokenizes, items, released atomic.Int64 // calls, items of reads, releases
}

var (
	_ Source    = (*fakeSource)(nil)
	_ tokenizer = (*fakeSource)(nil)
	_ sloped    = (*fakeSource)(nil)
)

func (s *fakeSource) Info() *models.Info { return &s.info }

func (s *fakeSource) Admit(context.Context, models.Ask) error {
	s.admits.Add(1)
	return s.full
}

func (*fakeSource) Probe(context.Context) error { return nil }

func (s *fakeSource) Read(ctx context.Context, ask models.Ask) ([]models.Reading, int, error) {
	s.reads.Add(1)
	s.items.Add(int64(len(ask.Items)))
	if s.read != nil {
		if err := s.read(ctx, ask); err != nil {
			return nil, 0, err
		}
	}
	readings := make([]models.Reading, len(ask.Items))
	count := 0
	for i, item := range ask.Items {
		readings[i] = s.reading(item, ask.Truncate)
		count += readings[i].Tokens
	}
	return readings, count, nil
}

func (s *fakeSource) Tokenize(_ context.Context, ask models.Ask) ([]encode.Outcome, error) {
	s.tokenizes.Add(1)
	seen := make([]encode.Outcome, len(ask.Items))
	for i, item := range ask.Items {
		text, err := textOf(item)
		seen[i] = encode.Outcome{Err: err}
		for _, c := range []byte(text) {
			seen[i].IDs, seen[i].Text = append(seen[i].IDs, int64(c)), text
		}
	}
	return seen, nil
}

// Slopes gives 1 for the label's own feature and 0 for the others.
func (s *fakeSource) Slopes(_ context.Context, readings []models.Reading, label int) ([][]float32, error) {
	slopes := make([][]float32, len(readings))
	for i := range slopes {
		slopes[i] = make([]float32, len(s.info.Manifest.Graph.Features))
		slopes[i][label] = 1
	}
	return slopes, nil
}

// textOf is what the fake reads of an item.
func textOf(item encode.Item) (string, error) {
	switch {
	case item.First != nil:
		return *item.Prompt + "|" + *item.First + "|" + *item.Second, nil
	case item.Text != nil:
		return *item.Text, nil
	case item.Prompt != nil && item.Response != nil:
		return *item.Prompt + "|" + *item.Response, nil
	case item.Prompt != nil:
		return *item.Prompt, nil
	case len(item.Messages) > 0:
		var turns strings.Builder
		for _, message := range item.Messages {
			turns.WriteString(message.Role + ":" + message.Content + "|")
		}
		if item.Response != nil {
			turns.WriteString("assistant:" + *item.Response + "|")
		}
		return turns.String(), nil
	}
	return "", fault.New(fault.CodeItem, "the item has no form")
}

func (s *fakeSource) reading(item encode.Item, truncate encode.Truncation) models.Reading {
	text, err := textOf(item)
	if err != nil {
		return models.Reading{Err: err}
	}
	r := models.Reading{Tokens: len(text), Response: s.response, Queue: 3 * time.Millisecond, Run: 2 * time.Millisecond}
	if over := r.Tokens - s.info.Manifest.Limits.MaxTokens; over > 0 {
		if r.Truncated = over; truncate == encode.TruncateError {
			return models.Reading{Err: fault.New(fault.CodeTooLong, "too long"), Tokens: r.Tokens}
		}
		r.Tokens -= over
	}
	for k := range item.Steps {
		r.Steps, r.Ends = append(r.Steps, k), append(r.Ends, 10*(k+1))
	}
	if s.steps != nil {
		r.Steps = s.steps
	}
	switch {
	case strings.Contains(text, "lost"):
		r.Err = context.DeadlineExceeded
	case text == "panic":
		r.Err = errors.New("panic: in the tokenizer")
	case s.rows != nil:
		r.Rows = s.rows(text, &r)
	default:
		r.Rows = s.counted(text, max(s.places, len(item.Steps), 1), r.Tokens)
	}
	return r
}

// counted gives, for label l and row k, the number of tokens - l - k; the first label of "nan" is none.
func (s *fakeSource) counted(text string, rows, tokens int) [][]float32 {
	all := make([][]float32, rows)
	for k := range all {
		all[k] = make([]float32, len(s.info.Manifest.Graph.Labels))
		for l := range all[k] {
			all[k][l] = float32(tokens - l - k)
		}
		if text == "nan" {
			all[k][0] = float32(math.NaN())
		}
	}
	return all
}

func reward(labels ...string) manifest.Manifest {
	m := manifest.Manifest{Name: "fake-rm", Kind: manifest.KindReward}
	m.Graph.Labels = labels
	m.Head = manifest.Head{Activation: activationNone, Std: 1}
	m.Limits.MaxTokens = 64
	return m
}

func process(activation, label string, labels ...string) manifest.Manifest {
	m := manifest.Manifest{Name: "fake-prm", Kind: manifest.KindProcess}
	m.Graph.Labels = labels
	m.Steps = manifest.Steps{Right: []int{slices.Index(labels, label)}, Activation: activation, Accumulate: true}
	m.Limits.MaxTokens = 64
	return m
}

// fakes are the sources of an engine.
type fakes []*fakeSource

// engineOf makes an engine over fake sources of those manifests.
func engineOf(tb testing.TB, manifests ...manifest.Manifest) (*Engine, fakes) {
	tb.Helper()
	all := make(fakes, len(manifests))
	for i, m := range manifests {
		all[i] = &fakeSource{info: models.Info{Manifest: m, Digest: "sha256:0", Budget: models.DefaultBudget()}}
	}
	return &Engine{sources: all}, all
}

func (f fakes) all() []Source {
	sources := make([]Source, len(f))
	for i := range f {
		sources[i] = f[i]
	}
	return sources
}

// acquire finds as a registry does.
func (f fakes) acquire(name string, kinds ...manifest.Kind) (Source, func(), error) {
	var of []*fakeSource
	for _, s := range f {
		switch m := &s.info.Manifest; {
		case name != "" && name != m.Name:
		case slices.Contains(kinds, m.Asked()):
			of = append(of, s)
		case name != "":
			return nil, nil, fault.New(fault.CodeKind, "another kind")
		}
	}
	if len(of) != 1 {
		return nil, nil, fault.New(fault.CodeModel, "no such model, or %d", len(of))
	}
	return of[0], func() { of[0].released.Add(1) }, nil
}

func text(texts ...string) []encode.Item {
	items := make([]encode.Item, len(texts))
	for i := range texts {
		items[i].Text = &texts[i]
	}
	return items
}

// to is responses to a prompt.
func to(prompt string, responses ...string) []Group {
	return []Group{{Prompt: &prompt, Responses: responses}}
}

// codes shows each result: its score, or the code of its error.
func codes(results []Result) []string {
	out := make([]string, len(results))
	for i, r := range results {
		if r.Err != nil {
			out[i] = r.Err.Code
		} else {
			out[i] = fmt.Sprint(r.Score)
		}
	}
	return out
}

// code is the code of an error, empty where there is none.
func code(err error) string {
	if of := failure.Of(err); of != nil {
		return of.Code
	}
	return ""
}

// ask asks what must be answered.
func ask(tb testing.TB, e *Engine, r Request) Answer {
	tb.Helper()
	answer, err := e.Ask(tb.Context(), r)
	if err != nil {
		tb.Fatal(err)
	}
	return answer
}

// one is the only source there is.
type one struct{ source Source }

func (o one) all() []Source { return []Source{o.source} }

func (o one) acquire(string, ...manifest.Kind) (Source, func(), error) {
	return o.source, func() {}, nil
}

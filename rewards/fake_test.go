package rewards

import (
	"context"
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
)

// fakeModel reads text as its bytes. Its logits are functions of the ids, and each way to fail is a text.
type fakeModel struct {
	info   models.Info
	read   func(ctx context.Context, items []encode.Encoded) ([]models.Reading, error) // nil: readings
	encode atomic.Int64                                                                // calls
	full   error                                                                       // what Admits says

	places, response int   // positions read of every item, 0: one; where its response begins
	steps            []int // of every item, when set
}

func (m *fakeModel) Info() models.Info { return m.info }

func (m *fakeModel) Admits(context.Context, []encode.Item) error { return m.full }

func (m *fakeModel) Encode(item encode.Item, truncate encode.Truncation) (encode.Encoded, error) {
	m.encode.Add(1)
	var text string
	switch {
	case item.Text != nil:
		text = *item.Text
	case item.Prompt != nil && item.Response != nil:
		text = *item.Prompt + "|" + *item.Response
	case item.Prompt != nil:
		text = *item.Prompt
	case len(item.Messages) > 0:
		var turns strings.Builder
		for _, message := range item.Messages {
			turns.WriteString(message.Role + ":" + message.Content + "|")
		}
		text = turns.String()
	default:
		return encode.Encoded{}, &fault.Error{Code: fault.CodeItem, Detail: "the item has no form"}
	}
	if text == "panic" {
		panic("in the tokenizer")
	}
	encoded := encode.Encoded{Text: text}
	for _, c := range []byte(text) {
		encoded.IDs = append(encoded.IDs, int64(c))
	}
	if item.First != nil {
		encoded.Text += "|" + *item.First + "|" + *item.Second
	}
	for range item.Steps {
		encoded.Positions = append(encoded.Positions, len(encoded.Positions))
		encoded.Ends = append(encoded.Ends, 10*len(encoded.Positions))
	}
	if encoded.Steps = slices.Clone(encoded.Positions); item.Steps == nil && len(encoded.IDs) > 0 {
		encoded.Positions = []int{len(encoded.IDs) - 1}
	}
	for encoded.Positions = encoded.Positions[:min(len(encoded.Positions), max(m.places, len(item.Steps), 1))]; len(encoded.Positions) < m.places; {
		encoded.Positions = append(encoded.Positions, len(encoded.Positions))
	}
	if m.steps != nil {
		encoded.Steps, encoded.Response = m.steps, m.response
	}
	if over := len(encoded.IDs) - m.info.Manifest.Limits.MaxTokens; over > 0 {
		if truncate == encode.TruncateError {
			return encode.Encoded{}, &fault.Error{Code: fault.CodeTooLong, Detail: "too long"}
		}
		encoded.IDs, encoded.Truncated = encoded.IDs[over:], over
	}
	return encoded, nil
}

func (m *fakeModel) Read(ctx context.Context, items []encode.Encoded) ([]models.Reading, error) {
	if m.read != nil {
		return m.read(ctx, items)
	}
	return m.readings(items), nil
}

// Slopes gives 1 for the label's own feature and 0 for the others.
func (m *fakeModel) Slopes(_ context.Context, items []encode.Encoded, label int) ([][]float32, error) {
	slopes := make([][]float32, len(items))
	for i := range slopes {
		slopes[i] = make([]float32, len(m.info.Manifest.Graph.Features))
		slopes[i][label] = 1
	}
	return slopes, nil
}

// readings gives, for label l and row k, the number of tokens - l - k; "nan" and "lost" fail in their own ways.
func (m *fakeModel) readings(items []encode.Encoded) []models.Reading {
	readings := make([]models.Reading, len(items))
	for i, item := range items {
		rows := max(len(item.Positions), 1)
		for k := range rows {
			row := make([]float32, len(m.info.Manifest.Graph.Labels))
			for l := range row {
				row[l] = float32(len(item.IDs) - l - k)
			}
			if item.Text == "nan" {
				row[0] = float32(math.NaN())
			}
			readings[i].Rows = append(readings[i].Rows, row)
		}
		if item.Text == "lost" {
			readings[i] = models.Reading{Err: context.DeadlineExceeded}
		}
		readings[i].Queue, readings[i].Run = 3*time.Millisecond, 2*time.Millisecond
	}
	return readings
}

func reward(labels ...string) manifest.Manifest {
	m := manifest.Manifest{Name: "fake-rm", Kind: manifest.KindReward}
	m.Graph.Labels = labels
	m.Head = manifest.Head{Activation: "none", Std: 1}
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

// engineOf makes an engine over fake models of those manifests.
func engineOf(t *testing.T, manifests ...manifest.Manifest) (*Engine, []*fakeModel) {
	t.Helper()
	fakes := make([]*fakeModel, len(manifests))
	for i, m := range manifests {
		fakes[i] = &fakeModel{info: models.Info{Manifest: m, Digest: "sha256:0", MaxItems: models.DefaultMaxItems}}
	}
	find := func(name string, kinds ...manifest.Kind) (reader, error) {
		for _, m := range fakes {
			switch spec := m.info.Manifest; {
			case (name == "" || name == spec.Name) && slices.Contains(kinds, spec.Kind):
				return m, nil
			case name == spec.Name:
				return nil, &fault.Error{Code: fault.CodeKind, Detail: "another kind"}
			}
		}
		return nil, &fault.Error{Code: fault.CodeModel, Detail: "no such model"}
	}
	return &Engine{find: find}, fakes
}

func text(texts ...string) []encode.Item {
	items := make([]encode.Item, len(texts))
	for i := range texts {
		items[i].Text = &texts[i]
	}
	return items
}

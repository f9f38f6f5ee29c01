package rewards

import (
	"context"
	"slices"
	"strings"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/rewards/tokenwise"
)

// speller is a source that tells the text of each of the ids from the one at from on.
type speller interface {
	Spell(ids []int64, from int) []string
}

// spoken answers a request with the log-probabilities of the responses of items.
type spoken struct {
	source  Source
	request *Request
	labels  []string
}

// newSpoken is the recipe of a model whose rows are log-probabilities, whatever its kind makes of them.
func newSpoken(source Source, r *Request) (recipe, error) {
	m := &source.Info().Manifest
	if m.Likelihood == nil {
		return nil, failure.New(fault.CodeKind, "model %q is a %s model that gives no log-probabilities; it answers %s",
			m.Name, kindOf(source.Info()).of, strings.Join(kindOf(source.Info()).words(m), ", "))
	}
	return &spoken{source, r, m.Graph.Labels}, nil
}

func (s *spoken) needs() []need {
	r := s.request
	items := r.Items
	if s.source.Info().Manifest.Kind == manifest.KindProcess {
		items = undivided(items)
	}
	return []need{{source: s.source, items: items, truncate: r.Truncate, refused: r.Refused, keepIDs: true}}
}

// undivided gives items as a process model takes them: what is not divided into steps is one step.
func undivided(items []encode.Item) []encode.Item {
	items = slices.Clone(items)
	for i := range items {
		item := &items[i]
		if item.Steps != nil || item.Separator != nil {
			continue
		}
		switch last := len(item.Messages) - 1; {
		case item.Prompt != nil && item.Response != nil:
			item.Steps, item.Response = []string{*item.Response}, nil
		case item.Prompt == nil && last > 0 && item.Messages[last].Role == "assistant":
			item.Steps, item.Messages = []string{item.Messages[last].Content}, item.Messages[:last]
		}
	}
	return items
}

func (s *spoken) answer(_ context.Context, read []gathered) (Answer, error) {
	readings, tokens := read[0].readings, 0
	for i := range readings {
		tokens += len(readings[i].Rows)
	}
	each := 3 // id, end and log-probability
	if len(s.labels) > 1 {
		each = 5 // the reference's too, and the difference
	}
	if err := withinCells(s.source.Info(), tokens, each, "tokens of responses"); err != nil {
		return Answer{}, err
	}
	results := make([]tokenwise.Result, len(readings))
	for i := range readings {
		reading := &readings[i]
		rows, err := widen(reading, s.labels)
		if err != nil {
			results[i].Err = err
			continue
		}
		shows, ok := s.source.(speller)
		if !ok || len(reading.IDs)-reading.Response != len(rows) {
			results[i].Err = failure.New(failure.CodeInternal, "the model gave %d rows of the %d tokens from %d on",
				len(rows), len(reading.IDs), reading.Response)
			continue
		}
		of := tokenwise.Of(rows, reading.IDs[reading.Response:], shows.Spell(reading.IDs, reading.Response))
		if !ops.Finite(of.Policy.Sum) || !ops.Finite(of.Reference.Sum) || !ops.Finite(of.Difference.Sum) {
			results[i].Err = failure.New(fault.CodeNotFinite, "the sum over the response's %d tokens is not finite", len(rows))
			continue
		}
		results[i], results[i].Read = of, tokenwise.Read(tokensOf(reading))
	}
	return Answer{Transforms: []string{}, Logprobs: results}, nil
}

// likelihoods are the log-probabilities of the tokens of one reading, or their differences to the reference's.
func likelihoods(reading *models.Reading, labels []string) ([]float64, *failure.Error) {
	rows, err := widen(reading, labels)
	if err != nil {
		return nil, err
	}
	all := make([]float64, len(rows))
	for i := range rows {
		all[i] = ops.LogRatio(rows[i:i+1], false)
	}
	return all, nil
}

// likely names the one model that gives log-probabilities, for a request that names none.
func (e *Engine) likely() (string, error) {
	var names []string
	for _, source := range e.sources.all() {
		if m := &source.Info().Manifest; m.Likelihood != nil {
			names = append(names, m.Name)
		}
	}
	switch len(names) {
	case 1:
		return names[0], nil
	case 0:
		return "", failure.New(fault.CodeModel, "no model that gives log-probabilities is loaded")
	}
	return "", failure.New(fault.CodeModel, "%d models that give log-probabilities are loaded, so the request must name one: %s",
		len(names), strings.Join(names, ", "))
}

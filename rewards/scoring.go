package rewards

import (
	"context"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
)

// scoring answers a request with the scores of one reward model: of items, or of responses that are then ranked or
// compared.
type scoring struct {
	source  Source
	request *Request
	head    *head // as the request asks for it
}

func (h *head) recipe(source Source, r *Request) (recipe, error) {
	asked, err := h.asked(r)
	if err != nil {
		return nil, err
	}
	info := source.Info()
	switch r.Question {
	case Compare:
		err = withinSquare(info, len(r.Groups[0].Responses))
	case Score:
		numbers := len(h.labels)
		if r.Gradient {
			if !info.Manifest.ReadsFeatures() {
				return nil, invalid("explain: a gradient is by features, and model %q reads tokens", h.model)
			}
			numbers += len(info.Manifest.Graph.Features)
		}
		err = withinCells(info, len(r.Items), numbers, "items")
	case Rank:
		err = withinCells(info, len(r.Groups[0].Responses), len(h.labels), "responses")
	case Pairs:
		err = withinCells(info, 2*len(r.Groups), len(h.labels), "responses")
	case Steps, Choose, Embed, Logprobs, Tokenize: // are not asked of a reward model's head
	}
	if err != nil {
		return nil, err
	}
	return &scoring{source, r, asked}, nil
}

// needs are the items, or every response after its prompt.
func (s *scoring) needs() []need {
	r := s.request
	items := r.Items
	if r.Question != Score {
		items = r.responses()
	}
	return []need{{source: s.source, items: items, truncate: r.Truncate, refused: r.Refused}}
}

// responses are the responses of all groups, each after its prompt.
func (r *Request) responses() []encode.Item {
	n := 0
	for i := range r.Groups {
		n += len(r.Groups[i].Responses)
	}
	items := make([]encode.Item, 0, n)
	for i := range r.Groups {
		for k := range r.Groups[i].Responses {
			items = append(items, r.Groups[i].item(k))
		}
	}
	return items
}

func (s *scoring) answer(ctx context.Context, read []gathered) (Answer, error) {
	readings := read[0].readings
	results := make([]Result, len(readings))
	for i := range readings {
		results[i] = s.head.result(&readings[i])
	}
	answer := Answer{Transforms: s.head.transforms(), Activation: s.head.last}
	if s.request.Question == Score {
		answer.Results = results
		if s.request.Gradient {
			return answer, s.explain(ctx, readings, results)
		}
		return answer, nil
	}
	if s.request.compares() {
		answer.Transforms = append(answer.Transforms, s.head.preference())
	}
	for i := range s.request.Groups {
		n := len(s.request.Groups[i].Responses)
		answer.tell(s.request, &scored{s.head.trained, results[:n:n]})
		results = results[n:]
	}
	return answer, nil
}

// result is the score of one reading.
func (h *head) result(reading *models.Reading) Result {
	rows, err := widen(reading, h.labels)
	if err != nil {
		return Result{Err: err}
	}
	raw, score, scores := h.apply(rows)
	if !ops.Finite(raw) || !ops.Finite(score) {
		return Result{Err: failure.New(fault.CodeNotFinite, "the score is %g after the transforms, and raw %g", score, raw)}
	}
	for i, x := range scores {
		if !ops.Finite(x) {
			return Result{Err: notFinite(h.labels[i], x, "after the transforms")}
		}
	}
	result := Result{Score: score, Raw: ops.Some(raw), Tokens: tokensOf(reading)}
	if len(h.labels) > 1 && h.likelihood == nil {
		result.Scores, result.Logits = named(h.labels, scores), named(h.labels, rows[len(rows)-1])
	}
	return result
}

// tokensOf counts the tokens of a reading that has rows.
func tokensOf(r *models.Reading) Tokens {
	return Tokens{Tokens: r.Tokens, Shared: r.Shared, Cached: r.Cached, Truncated: r.Truncated}
}

// widen gives a reading's rows in float64, which holds every float32 exactly, or why there are none that can be used.
func widen(reading *models.Reading, labels []string) ([][]float64, *failure.Error) {
	if reading.Err != nil {
		return nil, failure.Of(reading.Err)
	}
	if len(reading.Rows) == 0 {
		return nil, failure.New(failure.CodeInternal, "the model gave no row")
	}
	rows, values := make([][]float64, len(reading.Rows)), make([]float64, len(reading.Rows)*len(labels))
	for i, row := range reading.Rows {
		if len(row) != len(labels) {
			return nil, failure.New(failure.CodeInternal, "the model gave %d values for %d labels", len(row), len(labels))
		}
		rows[i], values = values[:len(row):len(row)], values[len(row):]
		for j, x := range row {
			rows[i][j] = float64(x)
			if !ops.Finite(rows[i][j]) {
				return nil, notFinite(labels[j], rows[i][j], "out of the graph")
			}
		}
	}
	return rows, nil
}

func notFinite(label string, value float64, where string) *failure.Error {
	return failure.New(fault.CodeNotFinite, "label %q is %g %s", label, value, where)
}

func named(labels []string, values []float64) map[string]float64 {
	of := make(map[string]float64, len(labels))
	for i, label := range labels {
		of[label] = values[i]
	}
	return of
}

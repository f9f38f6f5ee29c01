package rewards

import (
	"fmt"
	"slices"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
)

// preference is how the rows of two responses, each read on its own, become the log-odds that the first is preferred.
type preference struct {
	*manifest.Preference

	labels      []string
	temperature float64 // of the log-odds, beside the model's own
}

func newPreference(m *manifest.Manifest) evaluator {
	return &preference{m.Preference, m.Graph.Labels, m.Temperature()}
}

func (p *preference) recipe(source Source, r *Request) (recipe, error) {
	return newMatching(source, r, p)
}

func (p *preference) transforms() []string {
	var names []string
	if p.Normalize {
		names = append(names, "unit length")
	}
	if p.Scale != nil {
		names = append(names, "scale")
	}
	return append(names, fmt.Sprintf("general preference temperature %g", p.Temperature)+cooled(p.temperature))
}

func (*preference) sequences(n int) int { return n }

// items are the responses.
func (*preference) items(g *Group) []encode.Item {
	items := make([]encode.Item, len(g.Responses))
	for i := range items {
		items[i] = g.item(i)
	}
	return items
}

func (p *preference) match(readings []models.Reading, m *matched) {
	n := len(readings)
	vectors, scales := make([][]float64, n), make([][]float64, n)
	for i := range readings {
		vectors[i], scales[i], m.unread[i] = p.vectors(&readings[i])
		m.rated[i].Tokens = tokensOf(&readings[i])
	}
	for i := range n {
		for j := i + 1; j < n; j++ {
			switch cut, also := readings[i].Truncated, readings[j].Truncated; {
			case m.unread[i] != nil || m.unread[j] != nil:
			case cut != also && !slices.Equal(scales[i], scales[j]):
				m.fail(i, j, failure.New(fault.CodeTooLong,
					"%d tokens were cut beside one response and %d beside the other, so that their prompts have other scales", cut, also))
			default:
				m.set(i, j, ops.Skew(vectors[i], vectors[j], scales[i])/p.Temperature/p.temperature)
			}
		}
	}
}

// vectors gives a response's embedding, and the scales at the end of its prompt, nil where the model has none.
func (p *preference) vectors(reading *models.Reading) (vector, scale []float64, err *failure.Error) {
	rows, err := widen(reading, p.labels)
	if err != nil {
		return nil, nil, err
	}
	vector, scale = pick(rows[len(rows)-1], p.Embedding), pick(rows[0], p.Scale)
	if p.Normalize {
		vector = ops.Unit(vector)
	}
	return vector, scale, nil
}

func pick(row []float64, at []int) []float64 {
	if at == nil {
		return nil
	}
	out := make([]float64, len(at))
	for i, index := range at {
		out[i] = row[index]
	}
	return out
}

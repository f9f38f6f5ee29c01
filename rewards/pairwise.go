package rewards

import (
	"cmp"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
)

// pairwise is how the rows of both orders of two responses become the log-odds that the first is better.
type pairwise struct {
	*manifest.Pair

	labels      []string
	temperature float64 // of the log-odds
}

func newPairwise(m *manifest.Manifest) evaluator {
	return &pairwise{m.Pair, m.Graph.Labels, m.Temperature()}
}

func (p *pairwise) recipe(source Source, r *Request) (recipe, error) {
	return newMatching(source, r, p)
}

func (p *pairwise) transforms() []string {
	names := []string{p.Activation}
	if len(p.labels) > 1 {
		names = append(names, "label "+p.labels[p.Label])
	}
	return append(names, "both orders by "+p.Orders+cooled(p.temperature))
}

// sequences is the number of ordered pairs of n responses.
func (*pairwise) sequences(n int) int { return n * (n - 1) }

// items are the ordered pairs, row by row.
func (p *pairwise) items(g *Group) []encode.Item {
	n := len(g.Responses)
	items := make([]encode.Item, 0, p.sequences(n))
	for i := range n {
		for j := range n {
			if i != j {
				items = append(items, g.pair(i, j))
			}
		}
	}
	return items
}

func (p *pairwise) match(readings []models.Reading, m *matched) {
	n := len(m.rated)
	of := func(i, j int) *models.Reading { // of the ordered pair
		if j > i {
			j--
		}
		return &readings[i*(n-1)+j]
	}
	for i := range n {
		for j := i + 1; j < n; j++ {
			ab, err := p.logit(of(i, j))
			ba, other := p.logit(of(j, i))
			if err = cmp.Or(err, other); err != nil {
				m.fail(i, j, err)
				continue
			}
			m.set(i, j, p.margin(ab, ba)/p.temperature)
		}
	}
}

// logit is one order's log-odds.
func (p *pairwise) logit(reading *models.Reading) (float64, *failure.Error) {
	rows, err := widen(reading, p.labels)
	switch {
	case err != nil:
		return 0, err
	case len(rows) != 1:
		return 0, failure.New(failure.CodeInternal, "the model gave %d rows of one pair", len(rows))
	case p.Activation == activationSoftmax:
		return ops.LogOdds(rows[0], p.Label), nil
	}
	return rows[0][p.Label], nil
}

// margin is the log-odds from those of (a, b) and of (b, a); margin(x, y) = −margin(y, x).
func (p *pairwise) margin(ab, ba float64) float64 {
	if p.Logits() {
		return (ab - ba) / 2
	}
	// p = (σ(ab) + σ(−ba)) / 2 and 1 − p = (σ(−ab) + σ(ba)) / 2, whose logarithms are exact where they are small.
	return ops.LogSum(ops.LogSigmoid(ab), ops.LogSigmoid(-ba)) - ops.LogSum(ops.LogSigmoid(-ab), ops.LogSigmoid(ba))
}

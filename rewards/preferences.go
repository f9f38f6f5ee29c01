package rewards

import (
	"context"
	"fmt"
	"slices"

	"github.com/assay-rm/assay/models"
)

// preferred is what reading responses to one prompt two by two gives. margins[i][j] is the log-odds that response i is
// preferred to j; nil where it is unknown and on the diagonal.
type preferred struct {
	info       models.Info
	outcomes   []outcome
	margins    [][]*float64
	problems   []*Problem // of each response
	transforms []string
}

// prefer compares the responses of each group, which answer one prompt, under a pair or preference model.
func prefer(ctx context.Context, m reader, common Common, groups []group) ([]preferred, error) {
	info := m.Info()
	var items []models.Item
	for _, g := range groups {
		items = append(items, g.items(info.Manifest.Kind)...)
	}
	outcomes, err := read(ctx, m, items, common)
	if err != nil {
		return nil, err
	}
	all := make([]preferred, len(groups))
	at := 0
	for i, g := range groups {
		n := len(g.items(info.Manifest.Kind))
		all[i] = preferred{info: info, outcomes: outcomes[at : at+n]}
		at += n
		if info.Manifest.Kind == models.PairKind {
			all[i].pairs(len(g.responses), newPairRule(info.Manifest))
		} else {
			all[i].embeddings(newPreferenceRule(info.Manifest))
		}
	}
	return all, nil
}

// group is responses to one prompt.
type group struct {
	Prompted
	responses []string
}

// items are what must be read of the group: every ordered pair of responses, row by row, or every response.
func (g *group) items(kind models.Kind) []models.Item {
	var items []models.Item
	for i := range g.responses {
		if kind == models.Preference {
			items = append(items, g.item(g.responses[i]))
			continue
		}
		for j := range g.responses {
			if i != j {
				items = append(items, models.Item{Prompt: g.Prompt, Messages: g.Messages, First: &g.responses[i], Second: &g.responses[j]})
			}
		}
	}
	return items
}

// pairRule is how the rows of both orders of two responses become the log-odds that the first is better.
type pairRule struct {
	labels     []string
	show       int
	activation Activation
	orders     string
}

func newPairRule(m models.Manifest) pairRule {
	return pairRule{m.Graph.Labels, max(slices.Index(m.Graph.Labels, m.Pair.Label), 0), Activation(m.Pair.Activation), m.Pair.Orders}
}

func (r *pairRule) transforms() []string {
	names := []string{string(r.activation)}
	if len(r.labels) > 1 {
		names = append(names, "label "+r.labels[r.show])
	}
	return append(names, "both orders by "+r.orders)
}

// logit is one order's log-odds.
func (r *pairRule) logit(o *outcome) (float64, *Problem) {
	if o.problem != nil {
		return 0, o.problem
	}
	rows, problem := widen(o.reading.Rows, r.labels)
	switch {
	case problem != nil:
		return 0, problem
	case len(rows) != 1:
		return 0, NewProblem(CodeInternal, "the model gave %d rows of one pair", len(rows))
	case r.activation == ActivationSoftmax:
		return LogOdds(rows[0], r.show), nil
	}
	return rows[0][r.show], nil
}

// margin is the log-odds from those of (a, b) and of (b, a); margin(x, y) = −margin(y, x).
func (r *pairRule) margin(ab, ba float64) float64 {
	if r.orders == models.OrdersLogit {
		return (ab - ba) / 2
	}
	// p = (σ(ab) + σ(−ba)) / 2, and log p − log(1 − p) from the probabilities of both sides, each exact where it is small.
	return logit((Sigmoid(ab)+Sigmoid(-ba))/2, (Sigmoid(-ab)+Sigmoid(ba))/2)
}

func (p *preferred) pairs(n int, r pairRule) {
	p.transforms = r.transforms()
	p.margins, p.problems = matrix(n), make([]*Problem, n)
	index := func(i, j int) int { // of the ordered pair in outcomes
		if j > i {
			j--
		}
		return i*(n-1) + j
	}
	known := make([]bool, n)
	for i := range n {
		for j := i + 1; j < n; j++ {
			ab, problem := r.logit(&p.outcomes[index(i, j)])
			ba, other := r.logit(&p.outcomes[index(j, i)])
			if problem == nil {
				problem = other
			}
			if problem != nil {
				for _, response := range []int{i, j} {
					if p.problems[response] == nil {
						p.problems[response] = problem.Within(fmt.Sprintf("beside response %d", i+j-response))
					}
				}
				continue
			}
			p.set(i, j, r.margin(ab, ba))
			known[i], known[j] = true, true
		}
	}
	for i := range known {
		if known[i] {
			p.problems[i] = nil
		}
	}
}

// preferenceRule is how two responses' rows become the log-odds that the first is preferred.
type preferenceRule struct {
	labels           []string
	embedding, scale []int
	spec             models.PreferenceSpec
}

func newPreferenceRule(m models.Manifest) preferenceRule {
	r := preferenceRule{labels: m.Graph.Labels, spec: *m.Preference}
	for _, label := range r.spec.Embedding {
		r.embedding = append(r.embedding, max(slices.Index(r.labels, label), 0))
	}
	for _, label := range r.spec.Scale {
		r.scale = append(r.scale, max(slices.Index(r.labels, label), 0))
	}
	return r
}

func (r *preferenceRule) transforms() []string {
	var names []string
	if r.spec.Normalize {
		names = append(names, "unit length")
	}
	if r.scale != nil {
		names = append(names, "scale")
	}
	return append(names, fmt.Sprintf("general preference temperature %g", r.spec.Temperature))
}

func (p *preferred) embeddings(r preferenceRule) {
	p.transforms = r.transforms()
	n := len(p.outcomes)
	p.margins, p.problems = matrix(n), make([]*Problem, n)
	vectors, scales := make([][]float64, n), make([][]float64, n)
	for i := range p.outcomes {
		vectors[i], scales[i], p.problems[i] = r.vectors(&p.outcomes[i])
	}
	for i := range n {
		for j := i + 1; j < n; j++ {
			if p.problems[i] == nil && p.problems[j] == nil {
				p.set(i, j, Skew(vectors[i], vectors[j], scales[i])/r.spec.Temperature)
			}
		}
	}
}

// vectors gives a response's embedding and the scales at the end of its prompt, nil where the model has none.
func (r *preferenceRule) vectors(o *outcome) (vector, scale []float64, problem *Problem) {
	if o.problem != nil {
		return nil, nil, o.problem
	}
	rows, problem := widen(o.reading.Rows, r.labels)
	if problem != nil {
		return nil, nil, problem
	}
	if len(rows) == 0 || len(rows) != len(o.encoded.Read) {
		return nil, nil, NewProblem(CodeInternal, "the model gave %d rows of %d positions", len(rows), len(o.encoded.Read))
	}
	vector, scale = pick(rows[len(rows)-1], r.embedding), pick(rows[0], r.scale)
	if r.spec.Normalize {
		vector = Unit(vector)
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

// set notes how surely i is preferred to j, and j to i.
func (p *preferred) set(i, j int, margin float64) {
	p.margins[i][j], p.margins[j][i] = new(margin), new(-margin)
}

// probabilities is the matrix of preferences; 0.5 on the diagonal of a response that was compared.
func (p *preferred) probabilities() [][]*float64 {
	out := matrix(len(p.margins))
	for i, row := range p.margins {
		if p.problems[i] == nil {
			out[i][i] = new(0.5)
		}
		for j, margin := range row {
			if margin != nil {
				out[i][j] = new(Sigmoid(*margin))
			}
		}
	}
	return out
}

// results gives each response its win rate as score, or its problem.
func (p *preferred) results(rates []*float64) []ScoreResult {
	results := make([]ScoreResult, len(rates))
	for i, rate := range rates {
		switch {
		case p.problems[i] != nil:
			results[i].Error = p.problems[i]
		case rate == nil:
			results[i].Error = NewProblem(CodeInternal, "there is no other response to compare to")
		default:
			results[i].Score = rate
			if p.info.Manifest.Kind == models.Preference {
				results[i].Tokens = p.outcomes[i].tokens()
			}
		}
	}
	return results
}

func matrix(n int) [][]*float64 {
	rows := make([][]*float64, n)
	for i := range rows {
		rows[i] = make([]*float64, n)
	}
	return rows
}

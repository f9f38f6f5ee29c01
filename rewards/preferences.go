package rewards

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

// preferred is what reading responses to one prompt two by two gives. margins[i][j] is the log-odds that response i is
// preferred to j; nil where it is unknown and on the diagonal.
type preferred struct {
	info       models.Info
	outcomes   []outcome
	margins    [][]*float64
	problems   []*Problem // of each response that was compared to no other
	own        []*Problem // of each response that could not be read
	apart      *Problem   // of the first two that could be read and not compared
	transforms []string
}

// prefer compares the responses of each group, which answer one prompt, under a pair or preference model.
func prefer(ctx context.Context, m reader, common Common, groups []group) ([]preferred, error) {
	info := m.Info()
	kind, count, most := info.Manifest.Kind, 0, 0
	for _, g := range groups {
		count, most = count+reads(kind, len(g.responses)), max(most, len(g.responses))
	}
	if count > info.MaxItems {
		return nil, NewProblem(CodeTooManyItems, "the request reads %d sequences, since a %s model reads %d for %d responses to one prompt, and model %q takes %d",
			count, kind, reads(kind, most), most, info.Manifest.Name, info.MaxItems)
	}
	items := make([]encode.Item, 0, count)
	for _, g := range groups {
		items = append(items, g.items(kind)...)
	}
	outcomes, err := read(ctx, m, items, common)
	if err != nil {
		return nil, err
	}
	all := make([]preferred, len(groups))
	for i, g := range groups {
		n := reads(kind, len(g.responses))
		all[i] = newPreferred(info, outcomes[:n], len(g.responses))
		outcomes = outcomes[n:]
	}
	return all, nil
}

func newPreferred(info models.Info, outcomes []outcome, n int) preferred {
	p := preferred{info: info, outcomes: outcomes, margins: matrix(n), problems: make([]*Problem, n), own: make([]*Problem, n)}
	if info.Manifest.Kind == manifest.KindPair {
		p.pairs(n, newPairRule(info.Manifest))
	} else {
		p.embeddings(newPreferenceRule(info.Manifest))
	}
	p.settle()
	return p
}

// group is responses to one prompt.
type group struct {
	Prompted
	responses []string
}

// reads is the number of items of a group of n responses.
func reads(kind manifest.Kind, n int) int {
	if kind == manifest.KindPair {
		return n * (n - 1)
	}
	return n
}

// items are what must be read of the group: every ordered pair of responses, row by row, or every response.
func (g *group) items(kind manifest.Kind) []encode.Item {
	items := make([]encode.Item, 0, reads(kind, len(g.responses)))
	for i := range g.responses {
		if kind == manifest.KindPreference {
			items = append(items, g.Item(g.responses[i]))
			continue
		}
		for j := range g.responses {
			if i != j {
				items = append(items, encode.Item{Prompt: g.Prompt, Messages: g.Messages, User: g.User, First: &g.responses[i], Second: &g.responses[j]})
			}
		}
	}
	return items
}

func (p *preferred) pairs(n int, r pairRule) {
	p.transforms = r.transforms()
	index := func(i, j int) int { // of the ordered pair in outcomes
		if j > i {
			j--
		}
		return i*(n-1) + j
	}
	for i := range n {
		for j := i + 1; j < n; j++ {
			ab, problem := r.logit(&p.outcomes[index(i, j)])
			ba, other := r.logit(&p.outcomes[index(j, i)])
			if problem = cmp.Or(problem, other); problem != nil {
				p.fail(i, j, problem)
				continue
			}
			p.set(i, j, r.margin(ab, ba))
		}
	}
}

func (p *preferred) embeddings(r preferenceRule) {
	p.transforms = r.transforms()
	n := len(p.outcomes)
	vectors, scales := make([][]float64, n), make([][]float64, n)
	for i := range p.outcomes {
		vectors[i], scales[i], p.own[i] = r.vectors(&p.outcomes[i])
	}
	for i := range n {
		for j := i + 1; j < n; j++ {
			one, other := &p.outcomes[i], &p.outcomes[j]
			switch cut, also := one.encoded.Truncated, other.encoded.Truncated; {
			case p.own[i] != nil || p.own[j] != nil:
			case cut != also && !slices.Equal(scales[i], scales[j]):
				p.fail(i, j, NewProblem(fault.CodeTooLong, "%d tokens were cut beside one response and %d beside the other, so that their prompts have other scales", cut, also))
			default:
				p.set(i, j, Skew(vectors[i], vectors[j], scales[i])/r.spec.Temperature)
			}
		}
	}
}

// set notes how surely i is preferred to j, and j to i.
func (p *preferred) set(i, j int, margin float64) {
	if !finite(margin) {
		p.fail(i, j, NewProblem(fault.CodeNotFinite, "the log-odds of the preference are %g", margin))
		return
	}
	p.margins[i][j], p.margins[j][i] = new(margin), new(-margin)
}

// fail notes why i and j, which could be read, cannot be compared.
func (p *preferred) fail(i, j int, problem *Problem) {
	p.apart = cmp.Or(p.apart, problem)
	p.problems[i] = cmp.Or(p.problems[i], problem.Within(fmt.Sprintf("beside response %d", j)))
	p.problems[j] = cmp.Or(p.problems[j], problem.Within(fmt.Sprintf("beside response %d", i)))
}

// settle leaves a problem with every response that was compared to no other, and with none else: its own, or another's.
func (p *preferred) settle() {
	first := slices.IndexFunc(p.own, func(problem *Problem) bool { return problem != nil })
	for i := range p.problems {
		switch known := slices.ContainsFunc(p.margins[i], func(margin *float64) bool { return margin != nil }); {
		case known:
			p.problems[i] = nil
		case p.own[i] != nil:
			p.problems[i] = p.own[i]
		case p.problems[i] == nil && first >= 0:
			p.problems[i] = p.own[first].Within(fmt.Sprintf("beside response %d", first))
		}
	}
}

// pair is the result of a group of two.
func (p *preferred) pair() PairResult {
	switch margin := p.margins[0][1]; {
	case p.own[0] != nil:
		return PairResult{Error: p.own[0].Within("chosen")}
	case p.own[1] != nil:
		return PairResult{Error: p.own[1].Within("rejected")}
	case margin == nil:
		return PairResult{Error: p.apart}
	default:
		return PairResult{Probability: new(Sigmoid(*margin)), Margin: margin}
	}
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
		results[i] = ScoreResult{Score: rate, Error: p.problems[i]}
		if rate != nil && p.info.Manifest.Kind == manifest.KindPreference {
			results[i].Tokens = p.outcomes[i].tokens()
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

package rewards

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
)

// matcher is how a model that gives no scores compares responses to one prompt, two by two.
type matcher interface {
	transforms() []string
	// sequences is how many items are read for n responses.
	sequences(n int) int
	// items lists them.
	items(g *Group) []encode.Item
	// match says of every two responses which is preferred, by the readings of the group's items.
	match(readings []models.Reading, m *matched)
}

// matching answers a request by comparing the responses of each group.
type matching struct {
	source  Source
	request *Request
	rule    matcher
}

// newMatching is the recipe of a matcher, which refuses what is only asked of scores and more responses than can be
// compared.
func newMatching(source Source, r *Request, rule matcher) (recipe, error) {
	info := source.Info()
	name := info.Manifest.Name
	switch {
	case r.Activation != activationNone:
		return nil, failure.New(failure.CodeActivation, "activation: model %q ranks by win rates, which take none", name)
	case len(r.Groups[0].Responses) < 2:
		return nil, invalid("responses: model %q compares responses, and needs at least two", name)
	case r.Label != "":
		return nil, failure.New(failure.CodeLabel, "label: model %q gives preferences, and has no label to choose", name)
	}
	count, most := 0, 0
	for i := range r.Groups {
		n := len(r.Groups[i].Responses)
		count, most = count+rule.sequences(n), max(most, n)
	}
	if count > info.Budget.Items {
		return nil, failure.New(failure.CodeTooManyItems,
			"the request reads %d sequences, since a %s model reads %d for %d responses to one prompt, and one request may have %d",
			count, info.Manifest.Kind, rule.sequences(most), most, info.Budget.Items)
	}
	if err := withinSquare(info, most); err != nil {
		return nil, err
	}
	return &matching{source, r, rule}, nil
}

func (m *matching) needs() []need {
	r := m.request
	var items []encode.Item
	for i := range r.Groups {
		items = append(items, m.rule.items(&r.Groups[i])...)
	}
	return []need{{source: m.source, items: items, truncate: r.Truncate, refused: m.refused(items)}}
}

// refused says which items hold a response that is refused.
func (m *matching) refused(items []encode.Item) map[int]error {
	r := m.request
	if len(r.Refused) == 0 {
		return nil
	}
	of := map[*string]error{}
	at := 0
	for i := range r.Groups {
		for k := range r.Groups[i].Responses {
			if why := r.Refused[at]; why != nil {
				of[&r.Groups[i].Responses[k]] = why
			}
			at++
		}
	}
	refused := map[int]error{}
	for i := range items {
		if why := cmp.Or(of[items[i].Response], of[items[i].First], of[items[i].Second]); why != nil {
			refused[i] = why
		}
	}
	return refused
}

func (m *matching) answer(_ context.Context, read []gathered) (Answer, error) {
	readings := read[0].readings
	answer := Answer{Transforms: m.rule.transforms(), Activation: m.request.Activation}
	for i := range m.request.Groups {
		n := len(m.request.Groups[i].Responses)
		of := m.rule.sequences(n)
		group := newMatched(n)
		m.rule.match(readings[:of], group)
		group.settle()
		answer.tell(m.request, group)
		readings = readings[of:]
	}
	return answer, nil
}

// matched is what comparing n responses to one prompt two by two gives.
type matched struct {
	margins   ops.Matrix       // (n, n): log-odds that response i is preferred to j; missing where unknown, and on the diagonal
	unread    []*failure.Error // of each response: why it could not be read on its own; nil where it could
	unmatched *failure.Error   // why two responses could not be compared though each could be read: the first time
	beside    []*failure.Error // of each response: why it could not be compared, beside another one: the first time
	rated     []Result         // of each response: its win rate
	chances   ops.Matrix       // (n, n): the preferences, 0.5 on the diagonal
}

func newMatched(n int) *matched {
	return &matched{
		margins: ops.NewMatrix(n, n), unread: make([]*failure.Error, n), beside: make([]*failure.Error, n),
		rated: make([]Result, n), chances: ops.NewMatrix(n, n),
	}
}

func (m *matched) results() []Result       { return m.rated }
func (m *matched) preferences() ops.Matrix { return m.chances }

func (m *matched) preference(i, j int) ops.Maybe { return m.chances.Row(i)[j] }

// set notes how surely response i is preferred to j, and so j to i.
func (m *matched) set(i, j int, margin float64) {
	if !ops.Finite(margin) {
		m.fail(i, j, noMargin(margin))
		return
	}
	m.margins.Row(i)[j], m.margins.Row(j)[i] = ops.Some(margin), ops.Some(-margin)
}

// fail notes why responses i and j cannot be compared.
func (m *matched) fail(i, j int, err *failure.Error) {
	m.unmatched = cmp.Or(m.unmatched, err)
	if m.beside[i] == nil {
		m.beside[i] = err.Within(fmt.Sprintf("beside response %d", j))
	}
	if m.beside[j] == nil {
		m.beside[j] = err.Within(fmt.Sprintf("beside response %d", i))
	}
}

// settle gives every response that was compared to another one its preferences and its win rate, and every other
// response the reason: why it could not be read, or why it could not be compared, or why the first that could not be
// read could not.
func (m *matched) settle() {
	lost := slices.IndexFunc(m.unread, func(err *failure.Error) bool { return err != nil })
	for i := range m.rated {
		known := false
		for j, margin := range m.margins.Row(i) {
			if margin.Known {
				known = true
				m.chances.Row(i)[j] = ops.Some(ops.Sigmoid(margin.Value))
			}
		}
		switch {
		case known:
			m.chances.Row(i)[i] = ops.Some(0.5)
		case m.unread[i] != nil:
			m.rated[i] = Result{Err: m.unread[i]}
		case m.beside[i] != nil:
			m.rated[i] = Result{Err: m.beside[i]}
		default:
			m.rated[i] = Result{Err: m.unread[lost].Within(fmt.Sprintf("beside response %d", lost))}
		}
	}
	for i, rate := range ops.WinRates(m.chances) {
		m.rated[i].Score = rate.Value
	}
}

// pair is the preference of the first of two responses to the second.
func (m *matched) pair() PairResult {
	switch margin := m.margins.Row(0)[1]; {
	case m.unread[0] != nil:
		return PairResult{Err: m.unread[0].Within("chosen")}
	case m.unread[1] != nil:
		return PairResult{Err: m.unread[1].Within("rejected")}
	case !margin.Known:
		return PairResult{Err: m.unmatched}
	default:
		return PairResult{Probability: ops.Sigmoid(margin.Value), Margin: margin.Value}
	}
}

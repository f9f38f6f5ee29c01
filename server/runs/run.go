package runs

import (
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/assay-rm/assay/rewards/ops"
)

// Primary is the component that groups are looked at by: the score itself.
const Primary = "score"

// lengths is the series of how many tokens each number's sequence has.
const lengths = "tokens"

// run is what is kept of one run.
type run struct {
	started time.Time
	last    time.Time // guarded by the store's mu

	mu        sync.Mutex // guards what follows
	requests  int
	items     int
	failed    int
	codes     map[string]int // of the items that failed
	refused   map[string]int // of the requests that were refused
	models    []Model
	series    []*series
	leftOut   int
	tokens    *series
	groups    int
	flat      int      // groups without variance
	in        Together // lengths and scores within groups
	deviating Moments  // the deviations of groups
}

// Model is a model, or a recipe, that answered, with the digest of what it was then.
type Model struct{ Name, Digest string }

func newRun(now time.Time) *run {
	return &run{started: now, codes: map[string]int{}, refused: map[string]int{}, tokens: newSeries(seriesKey{component: lengths})}
}

// record takes a batch in. The run is locked.
func (r *run) record(b *Batch, limits *Limits) {
	r.requests++
	r.items += b.Items
	for code, n := range b.Failed {
		r.failed += n
		r.codes[code] += n
	}
	if answered := (Model{b.Model, b.Digest}); !slices.Contains(r.models, answered) && len(r.models) < limits.Models {
		r.models = append(r.models, answered)
	}
	groups := map[int]*group{}
	for i := range b.Values {
		v := &b.Values[i]
		if math.IsNaN(v.Number) || math.IsInf(v.Number, 0) {
			continue // an error of its item, which counts as one
		}
		of := r.of(seriesKey{v.Model, v.Component}, limits)
		if of == nil {
			r.leftOut++
		} else {
			of.add(v)
		}
		if v.Component != Primary {
			continue
		}
		if v.Tokens > 0 {
			r.tokens.add(&Value{Number: float64(v.Tokens)})
		}
		if v.Group > 0 {
			if groups[v.Group] == nil {
				groups[v.Group] = &group{min: v.Number, max: v.Number}
			}
			groups[v.Group].add(v)
		}
	}
	for _, at := range slices.Sorted(maps.Keys(groups)) { // so that sums are the same every time
		r.group(groups[at])
	}
}

// group takes in the responses to one prompt; one alone is no group.
func (r *run) group(g *group) {
	if g.scores.Count < 2 {
		return
	}
	r.groups++
	r.flat += count(g.min == g.max)
	if of := g.scores.Deviation(); of.Known {
		r.deviating.Add(of.Value)
	}
	r.in.Within(&g.lengths)
}

// group is responses to one prompt.
type group struct {
	scores   Moments
	min, max float64
	lengths  Together
}

func (g *group) add(v *Value) {
	g.scores.Add(v.Number)
	g.min, g.max = min(g.min, v.Number), max(g.max, v.Number)
	if v.Tokens > 0 {
		g.lengths.Add(float64(v.Tokens), v.Number)
	}
}

// of gives a series, nil of one beyond the limit.
func (r *run) of(key seriesKey, limits *Limits) *series {
	for _, s := range r.series {
		if s.key == key {
			return s
		}
	}
	if len(r.series) >= limits.Components {
		return nil
	}
	r.series = append(r.series, newSeries(key))
	return r.series[len(r.series)-1]
}

// Summary tells the least of a run.
type Summary struct {
	Key
	Started, Last time.Time
	Requests      int // those refused among them
	Items         int
}

// Report tells of a run.
type Report struct {
	Summary
	Failed  int
	Codes   map[string]int // of the items that failed
	Refused map[string]int // of the requests that were refused
	Models  []Model        // in the order in which they first answered
	Series  []Series       // likewise
	LeftOut int            // numbers of components beyond the limit
	Tokens  Series         // of the sequences with a score

	Groups            int // of two or more responses to one prompt, with scores
	Flat              int // of these, whose scores are all equal
	GroupDeviation    ops.Maybe
	WithinCorrelation ops.Maybe // of tokens and score, each less its group's mean
}

// summary tells the least of a run, which was named last then.
func (r *run) summary(key Key, last time.Time) Summary {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Summary{key, r.started, last, r.requests, r.items}
}

func (r *run) report(key Key, last time.Time) Report {
	of := Report{Summary: r.summary(key, last)}
	r.mu.Lock()
	defer r.mu.Unlock()
	of.Requests, of.Items, of.Failed = r.requests, r.items, r.failed
	of.Codes, of.Refused, of.Models = maps.Clone(r.codes), maps.Clone(r.refused), slices.Clone(r.models)
	of.LeftOut, of.Tokens, of.Groups, of.Flat = r.leftOut, r.tokens.report(), r.groups, r.flat
	of.WithinCorrelation = r.in.Correlation()
	if r.deviating.Count > 0 {
		of.GroupDeviation = known(r.deviating.Mean)
	}
	of.Series = make([]Series, len(r.series))
	for i, s := range r.series {
		of.Series[i] = s.report()
	}
	return of
}

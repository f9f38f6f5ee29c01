package evaluation

import (
	"fmt"
	"slices"

	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
)

// Measure is what a file is measured for, by its name in the report; best_of_ is followed by the number of responses.
type Measure string

// What a file can be measured for.
const (
	Pairs  Measure = "pairs"
	Steps  Measure = "steps"
	BestOf Measure = "best_of_"
)

// suits tells whether a model that answers those questions can be measured.
func (m Measure) suits(answers []string) bool {
	steps, compares := asked(answers, rewards.Steps), asked(answers, rewards.Compare)
	switch m {
	case Pairs:
		return compares
	case Steps:
		return steps
	case BestOf:
		return steps || compares
	}
	return false
}

// asked tells whether a question is among those that a model answers.
func asked(answers []string, q rewards.Question) bool { return slices.Contains(answers, string(q)) }

// ratio is hits of tries.
type ratio struct{ hits, tries int }

func once(hit bool) ratio {
	if hit {
		return ratio{1, 1}
	}
	return ratio{0, 1}
}

func (r ratio) plus(more ratio) ratio { return ratio{r.hits + more.hits, r.tries + more.tries} }

// share is nil where nothing was tried.
func (r ratio) share() *float64 {
	if r.tries == 0 {
		return nil
	}
	return new(float64(r.hits) / float64(r.tries))
}

// verdict is what a row, or many rows, came to.
type verdict struct {
	measure   string
	err       *failure.Error // of a row that has no score
	accuracy  ratio          // the right response scored highest
	sampler   ratio          // right responses among all
	erroneous ratio          // flawed solutions whose first error was found
	correct   ratio          // right solutions in which none was found
}

// Metrics are the shares of a split; what was not measured is nil.
type Metrics struct {
	Count           int      `json:"count"`
	Failed          int      `json:"failed,omitempty"`
	Flawed          int      `json:"flawed,omitempty"` // of Count, solutions with an error: what error_accuracy is a share of
	Sampler         *float64 `json:"sampler,omitempty"`
	Accuracy        *float64 `json:"accuracy,omitempty"`
	ErrorAccuracy   *float64 `json:"error_accuracy,omitempty"`
	CorrectAccuracy *float64 `json:"correct_accuracy,omitempty"`
	F1              *float64 `json:"f1,omitempty"`
}

// tally adds the verdicts of a split.
type tally struct {
	verdict
	count, failed int
}

func (t *tally) add(v verdict) {
	if v.err != nil {
		t.failed++
		return
	}
	t.count++
	t.accuracy, t.sampler = t.accuracy.plus(v.accuracy), t.sampler.plus(v.sampler)
	t.erroneous, t.correct = t.erroneous.plus(v.erroneous), t.correct.plus(v.correct)
}

func (t *tally) metrics() Metrics {
	m := Metrics{
		Count: t.count, Failed: t.failed, Flawed: t.erroneous.tries, Accuracy: t.accuracy.share(), Sampler: t.sampler.share(),
		ErrorAccuracy: t.erroneous.share(), CorrectAccuracy: t.correct.share(),
	}
	if m.ErrorAccuracy != nil && m.CorrectAccuracy != nil {
		m.F1 = new(harmonic(*m.ErrorAccuracy, *m.CorrectAccuracy))
	}
	return m
}

// harmonic is the harmonic mean, 2ab / (a + b), and 0 where both are.
func harmonic(a, b float64) float64 {
	if a+b == 0 {
		return 0
	}
	return 2 * a * b / (a + b)
}

// tallies are the splits of one file under one model, in the order in which they came.
type tallies struct {
	rows    int
	measure string
	names   []string
	splits  map[string]*tally
	first   string // of the rows without a score: its line, and why it has none
}

func newTallies() *tallies { return &tallies{splits: map[string]*tally{}} }

// add counts the row of a line. Files whose rows have several numbers of responses are measured as best_of_n.
func (t *tallies) add(split string, line int, v verdict) {
	if t.rows++; t.rows == 1 {
		t.measure = v.measure
	} else if t.measure != v.measure {
		t.measure = string(BestOf) + "n"
	}
	if t.splits[split] == nil {
		t.splits[split] = &tally{}
		t.names = append(t.names, split)
	}
	t.splits[split].add(v)
	if v.err != nil && t.first == "" {
		t.first = fmt.Sprintf("line %d: %s: %s", line, v.err.Code, v.err.Detail)
	}
}

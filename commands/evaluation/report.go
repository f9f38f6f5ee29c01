package evaluation

import (
	"errors"
	"fmt"

	"github.com/assay-rm/assay/commands/evaluation/metrics"
	"github.com/assay-rm/assay/commands/evaluation/samples"
	"github.com/assay-rm/assay/rewards/ops"
)

// confidence is the share of bootstrap draws that an interval holds.
const confidence = 0.95

// Report is what was measured, as its JSON has it.
type Report struct {
	Seed       uint64   `json:"seed"`       // of the bootstrap
	Draws      int      `json:"draws"`      // of the bootstrap
	Confidence float64  `json:"confidence"` // of the intervals
	Results    []Result `json:"results"`

	Temperature *metrics.Proof `json:"temperature,omitempty"` // that was fitted
}

// Result is one model on one file.
type Result struct {
	Model       string           `json:"model"`  // empty: none was asked
	Digest      string           `json:"digest"` // of the model's bundle
	File        string           `json:"file"`
	SHA256      string           `json:"sha256"` // of the file
	Format      string           `json:"format"`
	Found       bool             `json:"format_found"` // by the columns of the first row, and not told
	Measure     string           `json:"measure"`
	Rows        int              `json:"rows"`
	Failed      int              `json:"failed"`
	FirstFailed string           `json:"first_failed,omitempty"`
	Splits      map[string]Split `json:"splits"`
	Overall     map[string]Value `json:"overall,omitempty"`     // of the splits together
	Calibration []metrics.Bin    `json:"calibration,omitempty"` // the reliability curve of all pairs

	names   []string // of the splits, in the order in which they came
	overall []string // of Overall, in the order in which they are shown
}

// Split is one part of the data.
type Split struct {
	Count   int              `json:"count"` // units with a score: pairs, solutions, prompts or problems
	Failed  int              `json:"failed,omitempty"`
	Metrics map[string]Value `json:"metrics"`

	family *samples.Family
}

// Value is a metric with the interval that the draws put around it. A metric that is not defined is left out.
type Value struct {
	Value float64  `json:"value"`
	Low   *float64 `json:"low,omitempty"`
	High  *float64 `json:"high,omitempty"`
	N     int      `json:"n,omitempty"` // what it is of

	detail bool
}

// NewReport computes every metric of the jobs, which must have run, and the percentile intervals of a bootstrap: each
// split is drawn anew with replacement, so many times, from the seed.
func NewReport(jobs []*Job, draws int, seed uint64) *Report {
	report := &Report{Seed: seed, Draws: draws, Confidence: confidence}
	for _, j := range jobs {
		report.Results = append(report.Results, j.result(draws, seed))
	}
	return report
}

func (j *Job) result(draws int, seed uint64) Result {
	s := j.scores
	r := Result{
		Model: j.model.Manifest.Name, Digest: j.model.Digest, File: j.data.Name, SHA256: j.data.digest, Format: j.data.format.name,
		Found: !j.data.told, Measure: s.measure(), Rows: s.rows, Failed: s.failed(), FirstFailed: s.first, Splits: map[string]Split{}, names: s.names,
	}
	splits, sums := make([]*samples.Sample, len(s.names)), make([][]float64, len(s.names))
	for i, name := range s.names {
		splits[i] = s.splits[name].sample
		sums[i] = splits[i].Total()
	}
	all := s.values(sums)
	drawn := make([][]float64, len(all))
	samples.Resample(splits, draws, seed, func(_ int, sums [][]float64) {
		for i, v := range s.values(sums) {
			if v.value.Known {
				drawn[i] = append(drawn[i], v.value.Value)
			}
		}
	})
	for i, name := range s.names {
		r.Splits[name] = Split{splits[i].Len(), s.splits[name].failed, map[string]Value{}, splits[i].Family}
	}
	r.Overall = map[string]Value{}
	for i, v := range all {
		if !v.value.Known {
			continue
		}
		value := Value{Value: v.value.Value, N: v.n, detail: v.detail}
		if len(drawn[i]) > 0 {
			value.Low = new(samples.Percentile(drawn[i], (1-confidence)/2))
			value.High = new(samples.Percentile(drawn[i], (1+confidence)/2))
		}
		if v.split != "" {
			r.Splits[v.split].Metrics[v.metric] = value
		} else {
			r.Overall[v.metric] = value
			r.overall = append(r.overall, v.metric)
		}
	}
	if j.data.format.asks == askPair && len(sums) > 0 {
		r.Calibration = metrics.Reliability(samples.Plus(sums...))
	}
	return r
}

// placed is a number and where it belongs.
type placed struct {
	split  string // empty: all splits together
	metric string
	value  ops.Maybe
	n      int
	detail bool
}

// values are all numbers of the splits' sums, always in the same order.
func (s *scores) values(sums [][]float64) []placed {
	var all []placed
	byName := map[[2]string]ops.Maybe{}
	var pooled [][]float64
	var family *samples.Family
	for i, name := range s.names {
		of := s.splits[name].sample.Family
		for _, m := range of.Metrics {
			value := m.Of(sums[i])
			byName[[2]string{name, m.Name}] = value
			all = append(all, placed{name, m.Name, value, int(sums[i][m.N]), m.Detail})
		}
		if s.format.pooled == nil || s.format.pooled(name) {
			pooled, family = append(pooled, sums[i]), of
		}
	}
	if len(s.names) > 1 && len(pooled) > 0 {
		total := samples.Plus(pooled...)
		for _, m := range family.Metrics {
			all = append(all, placed{"", m.Name, m.Of(total), int(total[m.N]), false})
		}
	}
	if s.format.overall != nil {
		of := func(split, metric string) ops.Maybe { return byName[[2]string{split, metric}] }
		for _, n := range s.format.overall(lookup{s.names, of}) {
			all = append(all, placed{"", n.name, n.value, 0, false})
		}
	}
	return all
}

// leastPairs is how many pairs a temperature is fitted to and proved on together, at least.
const leastPairs = 20

// Fit fits a temperature to the pairs of the jobs' one model and file, and puts it with its proof into the report. It
// gives the file's digest too.
func (r *Report) Fit(jobs []*Job) (proof metrics.Proof, digest string, err error) {
	if len(jobs) != 1 || jobs[0].data.format.asks != askPair {
		return proof, "", errors.New("a temperature is fitted to one file of pairs")
	}
	var margins []float64
	s := jobs[0].scores
	for _, name := range s.names {
		sample := s.splits[name].sample
		for i := range sample.Len() {
			margins = append(margins, sample.Unit(i)[1])
		}
	}
	if len(margins) < leastPairs {
		return proof, "", fmt.Errorf("a temperature is fitted to %d pairs at least, and there are %d", leastPairs, len(margins))
	}
	proof, err = metrics.Calibrate(margins, max(r.Draws, 1), r.Seed)
	if err == nil {
		r.Temperature = &proof
	}
	return proof, jobs[0].data.digest, err
}

// Failed counts the units without a score, and says which is the first of them and why it has none.
func (r *Report) Failed() (failed int, first string) {
	for i := range r.Results {
		failed += r.Results[i].Failed
		if first == "" && r.Results[i].FirstFailed != "" {
			first = r.Results[i].File + ", " + r.Results[i].FirstFailed
		}
	}
	return failed, first
}

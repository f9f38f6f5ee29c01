package evaluation

import (
	"fmt"
	"slices"

	"github.com/assay-rm/assay/commands/page"
)

// Report gathers what was measured.
type Report struct {
	parts []part
}

// part is one model on one file.
type part struct {
	model   string
	file    string
	tallies *tallies
}

func (r *Report) add(model, file string, t *tallies) {
	r.parts = append(r.parts, part{model, file, t})
}

// Document gives the metrics by model, measure and split.
func (r *Report) Document() map[string]map[string]map[string]Metrics {
	all := map[string]map[string]map[string]Metrics{}
	for _, part := range r.parts {
		if all[part.model] == nil {
			all[part.model] = map[string]map[string]Metrics{}
		}
		splits := map[string]Metrics{}
		for name, tally := range part.tallies.splits {
			splits[name] = tally.metrics()
		}
		all[part.model][part.tallies.measure] = splits
	}
	return all
}

// Failed counts the rows without a score, and says which is the first of them and why it has none.
func (r *Report) Failed() (failed int, first string) {
	for _, part := range r.parts {
		for _, tally := range part.tallies.splits {
			failed += tally.failed
		}
		if first == "" && part.tallies.first != "" {
			first = part.file + ", " + part.tallies.first
		}
	}
	return failed, first
}

// Show writes the card's table: a row per model and metric, a column per split.
func (r *Report) Show(p *page.Page) {
	header := []string{"model", "measure", "metric"}
	var splits []string
	for _, part := range r.parts {
		for _, name := range part.tallies.names {
			if !slices.Contains(splits, name) {
				splits = append(splits, name)
			}
		}
	}
	header = append(header, splits...)
	var rows [][]string
	for _, part := range r.parts {
		for _, metric := range metricNames() {
			row, any := []string{part.model, part.tallies.measure, metric.name}, false
			for _, split := range splits {
				cell := ""
				if tally := part.tallies.splits[split]; tally != nil {
					m := tally.metrics()
					if value := metric.of(&m); value != nil {
						cell, any = fmt.Sprintf("%.3f (n = %d)", *value, metric.n(&m)), true
					}
				}
				row = append(row, cell)
			}
			if any {
				rows = append(rows, row)
			}
		}
	}
	p.Table(header, splits, rows)
}

// metricName is a line of the table: a share, and of how many.
type metricName struct {
	name string
	of   func(*Metrics) *float64
	n    func(*Metrics) int
}

func metricNames() []metricName {
	all := func(m *Metrics) int { return m.Count }
	return []metricName{
		{"accuracy", func(m *Metrics) *float64 { return m.Accuracy }, all},
		{"the sampler's own", func(m *Metrics) *float64 { return m.Sampler }, all},
		{"first-error F1", func(m *Metrics) *float64 { return m.F1 }, all},
		{"… on flawed solutions", func(m *Metrics) *float64 { return m.ErrorAccuracy }, func(m *Metrics) int { return m.Flawed }},
		{"… on right solutions", func(m *Metrics) *float64 { return m.CorrectAccuracy }, func(m *Metrics) int { return m.Count - m.Flawed }},
	}
}

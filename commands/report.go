package commands

import (
	"fmt"
	"slices"
)

// report gathers what was measured.
type report struct {
	parts []part
}

// part is one model on one file.
type part struct {
	model   string
	tallies *tallies
}

func (r *report) add(model string, t *tallies) { r.parts = append(r.parts, part{model, t}) }

// document gives the metrics by model, measure and split.
func (r *report) document() map[string]map[string]map[string]metrics {
	all := map[string]map[string]map[string]metrics{}
	for _, part := range r.parts {
		if all[part.model] == nil {
			all[part.model] = map[string]map[string]metrics{}
		}
		splits := map[string]metrics{}
		for name, tally := range part.tallies.splits {
			splits[name] = tally.metrics()
		}
		all[part.model][part.tallies.measure] = splits
	}
	return all
}

// failed counts the rows without a score.
func (r *report) failed() int {
	failed := 0
	for _, part := range r.parts {
		for _, tally := range part.tallies.splits {
			failed += tally.failed
		}
	}
	return failed
}

// show writes the card's table: a row per model and metric, a column per split.
func (r *report) show(p *page) {
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
	p.table(header, splits, rows)
}

// metricName is a line of the table: a share, and of how many.
type metricName struct {
	name string
	of   func(*metrics) *float64
	n    func(*metrics) int
}

func metricNames() []metricName {
	all := func(m *metrics) int { return m.Count }
	return []metricName{
		{"accuracy", func(m *metrics) *float64 { return m.Accuracy }, all},
		{"the sampler's own", func(m *metrics) *float64 { return m.Sampler }, all},
		{"first-error F1", func(m *metrics) *float64 { return m.F1 }, all},
		{"… on flawed solutions", func(m *metrics) *float64 { return m.ErrorAccuracy }, func(m *metrics) int { return m.Flawed }},
		{"… on right solutions", func(m *metrics) *float64 { return m.CorrectAccuracy }, func(m *metrics) int { return m.Count - m.Flawed }},
	}
}

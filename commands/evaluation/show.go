package evaluation

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/assay-rm/assay/commands/page"
)

// Show writes a table: a row for each metric of each split, and of all splits together. Metrics that say more than most
// want to know of a split are shown of a file alone; the JSON has all.
func (r *Report) Show(p *page.Page) {
	var rows [][]string
	for i := range r.Results {
		of := &r.Results[i]
		for _, name := range of.names {
			split := of.Splits[name]
			for _, m := range split.family.Metrics {
				value, ok := split.Metrics[m.Name]
				if ok && (!m.Detail || len(of.names) == 1) {
					rows = append(rows, line(of, name, m.Name, value))
				}
			}
		}
		for _, name := range of.overall {
			rows = append(rows, line(of, "(together)", name, of.Overall[name]))
		}
	}
	header := []string{"model", "measure", "split", "metric", "value", "95 % interval", "n"}
	p.Table(header, []string{"value", "n"}, rows)
	for i := range r.Results {
		of := &r.Results[i]
		how := "told by --format"
		if of.Found {
			how = "found by its columns"
		}
		p.Line("%s: format %s, %s; %d rows, %d failed", of.File, of.Format, how, of.Rows, of.Failed)
	}
	if t := r.Temperature; t != nil {
		p.Line("Temperature %.4f, fitted to %d pairs. On the other %d the log loss goes from %.4f to %.4f, a fall of [%.4f, %.4f], and the ECE from %.4f to %.4f, "+
			"a fall of [%.4f, %.4f].", t.Temperature, t.Fitted, t.Held, t.LogLoss.Before, t.LogLoss.After, t.LogLoss.Gain[0], t.LogLoss.Gain[1],
			t.ECE.Before, t.ECE.After, t.ECE.Gain[0], t.ECE.Gain[1])
	}
	p.Line("Intervals hold 95 %% of %d bootstrap draws of seed %d.", r.Draws, r.Seed)
}

func line(of *Result, split, metric string, v Value) []string {
	interval, n := "", ""
	if v.Low != nil {
		interval = fmt.Sprintf("[%.3f, %.3f]", *v.Low, *v.High)
	}
	if v.N > 0 {
		n = strconv.Itoa(v.N)
	}
	return []string{cmp.Or(of.Model, "-"), of.Measure, split, metric, fmt.Sprintf("%.3f", v.Value), interval, n}
}

// Short are the shares of a split without intervals; what was not measured is nil.
type Short struct {
	Count           int      `json:"count"`
	Failed          int      `json:"failed,omitempty"`
	Flawed          int      `json:"flawed,omitempty"` // of Count, solutions with an error: what error_accuracy is a share of
	Sampler         *float64 `json:"sampler,omitempty"`
	Accuracy        *float64 `json:"accuracy,omitempty"`
	ErrorAccuracy   *float64 `json:"error_accuracy,omitempty"`
	CorrectAccuracy *float64 `json:"correct_accuracy,omitempty"`
	F1              *float64 `json:"f1,omitempty"`

	Metrics map[string]float64 `json:"metrics,omitempty"` // main ones of the format that have no place above
}

// Document gives the main metrics by model, measure and split, as a model card has them.
func (r *Report) Document() map[string]map[string]map[string]Short {
	all := map[string]map[string]map[string]Short{}
	for i := range r.Results {
		of := &r.Results[i]
		model := cmp.Or(of.Model, "-")
		if all[model] == nil {
			all[model] = map[string]map[string]Short{}
		}
		splits := map[string]Short{}
		for name, split := range of.Splits {
			at := func(metric string) *float64 {
				if v, ok := split.Metrics[metric]; ok {
					return new(v.Value)
				}
				return nil
			}
			splits[name] = Short{
				split.Count, split.Failed, split.Metrics["error_accuracy"].N, at("sampler"), at("accuracy"), at("error_accuracy"),
				at("correct_accuracy"), at("f1"), split.others(),
			}
		}
		all[model][of.Measure] = splits
	}
	return all
}

// others are the main metrics of a split that have no field of their own in [Short]; nil where there is none.
func (s *Split) others() map[string]float64 {
	var all map[string]float64
	for _, m := range s.family.Metrics {
		value, ok := s.Metrics[m.Name]
		if !ok || m.Detail || slices.Contains([]string{"sampler", "accuracy", "error_accuracy", "correct_accuracy", "f1"}, m.Name) {
			continue
		}
		if all == nil {
			all = map[string]float64{}
		}
		all[m.Name] = value.Value
	}
	return all
}

package server

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/server/runs"
)

// What a scrape has of runs, whose names clients make up: the latest few runs, and of each the first few components.
const (
	scrapedRuns       = 8
	scrapedComponents = 4
)

// runCollector reads the runs that are watched when it is scraped.
type runCollector struct {
	store      *runs.Store
	ofRun      []runSeries[runs.Report]
	components []runSeries[runs.Series]
}

type runSeries[T any] struct {
	desc *prometheus.Desc
	of   func(*T) ops.Maybe
}

func newRunCollector(store *runs.Store) *runCollector {
	c := &runCollector{store: store}
	whole := func(name, help string, of func(*runs.Report) int) {
		desc := prometheus.NewDesc("assay_watched_"+name, help, []string{"caller", "run"}, nil)
		c.ofRun = append(c.ofRun, runSeries[runs.Report]{desc, func(r *runs.Report) ops.Maybe { return ops.Some(float64(of(r))) }})
	}
	component := func(name, help string, of func(*runs.Series) ops.Maybe) {
		desc := prometheus.NewDesc("assay_watched_"+name, help, []string{"caller", "run", "model", "component"}, nil)
		c.components = append(c.components, runSeries[runs.Series]{desc, of})
	}
	whole("items", "Results of a run that a client named, those that failed among them.", func(r *runs.Report) int { return r.Items })
	whole("failed_items", "Results of a run that failed.", func(r *runs.Report) int { return r.Failed })
	whole("groups", "Groups of two or more scored responses to one prompt.", func(r *runs.Report) int { return r.Groups })
	whole("flat_groups", "Groups whose scores are all equal.", func(r *runs.Report) int { return r.Flat })
	component("mean", "Mean of a component since the run's start.", func(s *runs.Series) ops.Maybe { return s.Mean })
	component("deviation", "Sample deviation of a component.", func(s *runs.Series) ops.Maybe { return s.Deviation })
	component("length_correlation", "Pearson's, of a component and the tokens read for it.", func(s *runs.Series) ops.Maybe { return s.LengthCorrelation })
	component("drift", "From the first window to the last, in pooled deviations.", func(s *runs.Series) ops.Maybe { return s.Drift })
	return c
}

// Describe implements [prometheus.Collector].
func (c *runCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, s := range c.ofRun {
		descs <- s.desc
	}
	for _, s := range c.components {
		descs <- s.desc
	}
}

// Collect implements [prometheus.Collector].
func (c *runCollector) Collect(out chan<- prometheus.Metric) {
	gauge := func(desc *prometheus.Desc, x ops.Maybe, labels ...string) {
		if x.Known {
			out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, x.Value, labels...)
		}
	}
	now := time.Now()
	for _, key := range c.store.Latest(scrapedRuns, now) {
		report, there := c.store.Report(key, now)
		if !there {
			continue
		}
		for _, s := range c.ofRun {
			gauge(s.desc, s.of(&report), key.Caller, key.Run)
		}
		for i := range report.Series[:min(scrapedComponents, len(report.Series))] {
			of := &report.Series[i]
			for _, s := range c.components {
				gauge(s.desc, s.of(of), key.Caller, key.Run, of.Model, of.Component)
			}
		}
	}
}

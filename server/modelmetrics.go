package server

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/assay-rm/assay/models"
)

// modelCollector reads the counters of the models' batchers when it is scraped.
type modelCollector struct {
	engine Engine
	series []modelSeries
	waits  *prometheus.Desc // model, class
	items  *prometheus.Desc // of forwards
	tokens *prometheus.Desc // likewise
}

type modelSeries struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	of   func(*models.Stats) float64
}

func newModelCollector(engine Engine) *modelCollector {
	c := &modelCollector{engine: engine}
	add := func(kind prometheus.ValueType, name, help string, of func(*models.Stats) float64) {
		c.series = append(c.series, modelSeries{prometheus.NewDesc(name, help, []string{"model"}, nil), kind, of})
	}
	gauge := func(name, help string, of func(*models.Stats) float64) {
		add(prometheus.GaugeValue, name, help, of)
	}
	counter := func(name, help string, of func(*models.Stats) uint64) {
		add(prometheus.CounterValue, name, help, func(s *models.Stats) float64 { return float64(of(s)) })
	}
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, append([]string{"model"}, labels...), nil)
	}
	c.waits = desc("assay_queue_seconds", "How long an item would wait that comes now and is served last of its class, at the recent rate.", "class")
	c.items = desc("assay_forward_items", "Forwards by the items that they answered.")
	c.tokens = desc("assay_forward_tokens", "Forwards by the tokens that they computed, padding included.")
	gauge("assay_queue_items", "Items waiting for a run.", func(s *models.Stats) float64 { return float64(s.Items) })
	gauge("assay_queue_tokens", "Tokens waiting for a run.", func(s *models.Stats) float64 { return float64(s.Tokens) })
	gauge("assay_running_items", "Items of the run in progress.", func(s *models.Stats) float64 { return float64(s.Running) })
	gauge("assay_run_age_seconds", "Age of the run in progress.", func(s *models.Stats) float64 { return s.RunAge.Seconds() })
	counter("assay_runs_total", "Forwards.", func(s *models.Stats) uint64 { return s.Runs })
	counter("assay_run_items_total", "Items that a run answered; over assay_runs_total, the items of a batch.",
		func(s *models.Stats) uint64 { return s.Answered })
	counter("assay_run_failed_items_total", "Items whose run failed.", func(s *models.Stats) uint64 { return s.Failed })
	counter("assay_asked_tokens_total", "Tokens of the items of all runs.", func(s *models.Stats) uint64 { return s.Asked })
	counter("assay_computed_tokens_total", "Tokens computed, padding included.", func(s *models.Stats) uint64 { return s.Computed })
	counter("assay_padding_tokens_total", "Tokens computed that belong to no item.", func(s *models.Stats) uint64 { return s.Padding })
	counter("assay_shared_tokens_total", "Tokens asked that another item of the run brought.", func(s *models.Stats) uint64 { return s.Shared })
	counter("assay_cached_tokens_total", "Tokens asked that the key-value cache had.", func(s *models.Stats) uint64 { return s.Cached })
	gauge("assay_cache_bytes", "Keys and values in the cache.", func(s *models.Stats) float64 { return float64(s.CacheBytes) })
	counter("assay_cache_evicted_blocks_total", "Blocks of 16 tokens that made room for others.", func(s *models.Stats) uint64 { return s.Cache.Evicted })
	counter("assay_narrow_runs_total", "Forwards on one thread, beside others.", func(s *models.Stats) uint64 { return s.Narrow })
	counter("assay_deduplicated_items_total", "Items that joined an identical one.", func(s *models.Stats) uint64 { return s.Deduplicated })
	counter("assay_cancelled_items_total", "Items given up by their client.", func(s *models.Stats) uint64 { return s.Cancelled })
	counter("assay_expired_items_total", "Items whose deadline passed.", func(s *models.Stats) uint64 { return s.Expired })
	counter("assay_refused_items_total", "Items refused by a full queue.", func(s *models.Stats) uint64 { return s.Refused })
	return c
}

// Describe implements [prometheus.Collector].
func (c *modelCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, s := range c.series {
		descs <- s.desc
	}
	for _, d := range []*prometheus.Desc{c.waits, c.items, c.tokens} {
		descs <- d
	}
}

// Collect implements [prometheus.Collector].
func (c *modelCollector) Collect(out chan<- prometheus.Metric) {
	for _, stats := range c.engine.Stats() {
		for _, s := range c.series {
			out <- prometheus.MustNewConstMetric(s.desc, s.kind, s.of(&stats), stats.Model)
		}
		out <- prometheus.MustNewConstMetric(c.waits, prometheus.GaugeValue, stats.InteractiveWait.Seconds(), stats.Model, "interactive")
		out <- prometheus.MustNewConstMetric(c.waits, prometheus.GaugeValue, stats.BulkWait.Seconds(), stats.Model, "bulk")
		bounds, all := stats.RunItems.UpTo()
		out <- prometheus.MustNewConstHistogram(c.items, all, float64(stats.RunItems.Sum), bounds, stats.Model)
		bounds, all = stats.RunTokens.UpTo()
		out <- prometheus.MustNewConstHistogram(c.tokens, all, float64(stats.RunTokens.Sum), bounds, stats.Model)
	}
}

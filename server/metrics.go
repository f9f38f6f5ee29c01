package server

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/rewards"
)

// metrics has a registry of its own. Its labels are routes, statuses, codes and loaded models, so the series are bounded.
type metrics struct {
	registry *prometheus.Registry
	handler  http.Handler

	requests *prometheus.CounterVec   // route, status
	seconds  *prometheus.HistogramVec // route
	problems *prometheus.CounterVec   // code
	items    *prometheus.CounterVec   // model, outcome
	tokens   *prometheus.CounterVec   // model
	wait     *prometheus.HistogramVec // model
	run      *prometheus.HistogramVec // model

	// The series that requests move, found once each.
	ofRoute   kept[routeStatus, routeSeries]
	ofProblem kept[string, prometheus.Counter]
	ofModel   kept[string, answerSeries]
}

type routeStatus struct {
	route  string
	status int
}

type routeSeries struct {
	requests prometheus.Counter
	seconds  prometheus.Observer
}

type answerSeries struct {
	failed, scored, tokens prometheus.Counter
	wait, run              prometheus.Observer
}

func newMetrics(engine Engine) *metrics {
	seconds := []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	histogram := func(name, help string, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: seconds}, labels)
	}
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: counter("assay_requests_total", "Requests answered.", "route", "status"),
		seconds:  histogram("assay_request_seconds", "From a request's headers to the end of its answer.", "route"),
		problems: counter("assay_problems_total", "Problems of requests and of items, by code.", "code"),
		items:    counter("assay_items_total", "Items, responses and pairs answered, by whether they have a score or a problem.", "model", "outcome"),
		tokens:   counter("assay_tokens_total", "Tokens of the items answered.", "model"),
		wait:     histogram("assay_wait_seconds", "Longest wait of an item of a request for its run.", "model"),
		run:      histogram("assay_run_seconds", "Longest run of an item of a request.", "model"),
	}
	m.registry.MustRegister(m.requests, m.seconds, m.problems, m.items, m.tokens, m.wait, m.run, newModelCollector(engine),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.ofRoute.make = func(key routeStatus) routeSeries {
		return routeSeries{m.requests.WithLabelValues(key.route, strconv.Itoa(key.status)), m.seconds.WithLabelValues(key.route)}
	}
	m.ofProblem.make = func(code string) prometheus.Counter { return m.problems.WithLabelValues(code) }
	m.ofModel.make = func(model string) answerSeries {
		return answerSeries{
			m.items.WithLabelValues(model, "failed"), m.items.WithLabelValues(model, "scored"), m.tokens.WithLabelValues(model),
			m.wait.WithLabelValues(model), m.run.WithLabelValues(model),
		}
	}
	m.handler = promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
	return m
}

func (m *metrics) serve(w http.ResponseWriter, r *http.Request) { m.handler.ServeHTTP(w, r) }

// finished counts a request by its route's pattern and status.
func (m *metrics) finished(route string, status int, took time.Duration) {
	series := m.ofRoute.of(routeStatus{route, status})
	series.requests.Inc()
	series.seconds.Observe(took.Seconds())
}

// problem counts a problem of a request or an item.
func (m *metrics) problem(code string) { m.ofProblem.of(code).Inc() }

// answered counts the results of an answer. Nothing was read for one without a run.
func (m *metrics) answered(a *rewards.Answer) {
	series, items := m.ofModel.of(a.Model), a.Items()
	series.failed.Add(float64(items.Failed))
	series.scored.Add(float64(items.Scored))
	series.tokens.Add(float64(a.Usage.Tokens))
	if a.Usage.Run > 0 {
		series.wait.Observe(a.Usage.Queue.Seconds())
		series.run.Observe(a.Usage.Run.Seconds())
	}
}

// kept remembers what make gives for a key. It forgets nothing, so its keys must be few: routes, statuses, codes, models.
type kept[K comparable, V any] struct {
	make func(key K) V

	mu   sync.RWMutex
	made map[K]V // guarded by mu
}

func (k *kept[K, V]) of(key K) V {
	k.mu.RLock()
	v, ok := k.made[key]
	k.mu.RUnlock()
	if ok {
		return v
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.made == nil {
		k.made = map[K]V{}
	}
	v = k.make(key)
	k.made[key] = v
	return v
}

// modelCollector reads the counters of the models' batchers when it is scraped.
type modelCollector struct {
	engine Engine
	series []modelSeries
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
}

// Collect implements [prometheus.Collector].
func (c *modelCollector) Collect(out chan<- prometheus.Metric) {
	for _, stats := range c.engine.Stats() {
		for _, s := range c.series {
			out <- prometheus.MustNewConstMetric(s.desc, s.kind, s.of(&stats), stats.Model)
		}
	}
}

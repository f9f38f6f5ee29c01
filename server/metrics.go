package server

import (
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/assay-rm/assay/rewards"
)

// metrics has a registry of its own. Its labels are routes, statuses, codes, loaded models and the callers of the token
// file, so the series are bounded.
type metrics struct {
	registry *prometheus.Registry
	scrapes  *scrapes

	requests *prometheus.CounterVec   // route, status
	seconds  *prometheus.HistogramVec // route
	problems *prometheus.CounterVec   // code
	items    *prometheus.CounterVec   // model, outcome
	tokens   *prometheus.CounterVec   // model
	stages   *prometheus.HistogramVec // stage
	wait     *prometheus.HistogramVec // model
	run      *prometheus.HistogramVec // model
	jobRows  *prometheus.CounterVec   // outcome

	callerRequests, callerRefused, callerItems, callerTokens *prometheus.CounterVec // caller

	// The series that requests move, found once each.
	ofRoute   kept[routeStatus, routeSeries]
	ofProblem kept[string, prometheus.Counter]
	ofModel   kept[modelOutcome, answerSeries]

	body, encode, write prometheus.Observer // of stages
}

type routeStatus struct {
	route  string
	status int
}

type routeSeries struct {
	requests prometheus.Counter
	seconds  prometheus.Observer
}

// modelOutcome is a model and what its items are that did not fail.
type modelOutcome struct{ model, outcome string }

// ownRecipe is the model of answers by recipes that requests bring: their names are whatever clients like.
const ownRecipe = "(recipe of the request)"

// What an item is when it did not fail.
const (
	outcomeScored    = "scored"
	outcomeTokenized = "tokenized"
)

type answerSeries struct {
	failed, done, tokens prometheus.Counter
	wait, run            prometheus.Observer
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
		items:    counter("assay_items_total", "Results in answers, a pair or a response counting one, by whether they have a score or a problem.", "model", "outcome"),
		tokens:   counter("assay_tokens_total", "Tokens of the sequences that were read for answers.", "model"),
		stages: histogram("assay_stage_seconds", "What a request took beside its queue and its run: to read and decode the body, to encode its items, and to write the answer.",
			"stage"),
		wait:    histogram("assay_wait_seconds", "Longest wait of an item of a request for its run.", "model"),
		run:     histogram("assay_run_seconds", "Longest run of an item of a request.", "model"),
		jobRows: counter("assay_job_rows_total", "Rows of jobs that this process computed.", "outcome"),

		callerRequests: counter("assay_caller_requests_total", "Requests of a caller that were answered, refusals among them.", "caller"),
		callerRefused:  counter("assay_caller_refused_total", "Requests of a caller that were refused with 429.", "caller"),
		callerItems:    counter("assay_caller_items_total", "Results in answers to a caller.", "caller"),
		callerTokens:   counter("assay_caller_tokens_total", "Tokens of the sequences that were read for a caller.", "caller"),
	}
	m.registry.MustRegister(m.requests, m.seconds, m.problems, m.items, m.tokens, m.stages, m.wait, m.run, m.jobRows, newModelCollector(engine),
		m.callerRequests, m.callerRefused, m.callerItems, m.callerTokens,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.body, m.encode, m.write = m.stages.WithLabelValues("body"), m.stages.WithLabelValues("encode"), m.stages.WithLabelValues("write")
	m.ofRoute.make = func(key routeStatus) routeSeries {
		return routeSeries{m.requests.WithLabelValues(key.route, strconv.Itoa(key.status)), m.seconds.WithLabelValues(key.route)}
	}
	m.ofProblem.make = func(code string) prometheus.Counter { return m.problems.WithLabelValues(code) }
	m.ofModel.make = func(key modelOutcome) answerSeries {
		return answerSeries{
			m.items.WithLabelValues(key.model, "failed"), m.items.WithLabelValues(key.model, key.outcome), m.tokens.WithLabelValues(key.model),
			m.wait.WithLabelValues(key.model), m.run.WithLabelValues(key.model),
		}
	}
	m.scrapes = newScrapes(m.registry)
	return m
}

// caller makes the series of a caller. They are there from the start, so that a rate can be taken of the first request.
func (m *metrics) caller(name string) *callerCounts {
	return &callerCounts{
		requests: m.callerRequests.WithLabelValues(name), refused: m.callerRefused.WithLabelValues(name),
		items: m.callerItems.WithLabelValues(name), tokens: m.callerTokens.WithLabelValues(name),
	}
}

// finished counts a request by its route's pattern and status.
func (m *metrics) finished(route string, status int, took time.Duration) {
	series := m.ofRoute.of(routeStatus{route, status})
	series.requests.Inc()
	series.seconds.Observe(took.Seconds())
}

// problem counts a problem of a request or an item.
func (m *metrics) problem(code string) { m.ofProblem.of(code).Inc() }

// answered counts an answer by its results. Without a run nothing was read.
func (m *metrics) answered(a *rewards.Answer) {
	outcome := outcomeScored
	if a.Question == rewards.Tokenize {
		outcome = outcomeTokenized
	}
	name := a.Model
	if a.Own {
		name = ownRecipe
	}
	series := m.ofModel.of(modelOutcome{name, outcome})
	asked, failed := a.Items()
	series.failed.Add(float64(failed))
	series.done.Add(float64(asked - failed))
	series.tokens.Add(float64(a.Usage.Tokens))
	if a.Usage.Run > 0 {
		m.encode.Observe(a.Usage.Encode.Seconds())
		series.wait.Observe(a.Usage.Queue.Seconds())
		series.run.Observe(a.Usage.Run.Seconds())
	}
}

// kept remembers what make gives for a key. It forgets nothing, so its keys must be few: routes, statuses, codes,
// models.
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

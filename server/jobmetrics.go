package server

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/assay-rm/assay/server/jobs"
)

// jobCollector reads the jobs that are kept when it is scraped.
type jobCollector struct {
	store   *jobs.Store
	kept    *prometheus.Desc
	waiting *prometheus.Desc
}

func newJobCollector(store *jobs.Store) *jobCollector {
	return &jobCollector{
		store:   store,
		kept:    prometheus.NewDesc("assay_jobs", "Jobs that are kept.", []string{"status"}, nil),
		waiting: prometheus.NewDesc("assay_jobs_waiting_rows", "Rows without a result, of jobs that have not ended.", nil, nil),
	}
}

// Describe implements [prometheus.Collector].
func (c *jobCollector) Describe(descs chan<- *prometheus.Desc) { descs <- c.kept; descs <- c.waiting }

// Collect implements [prometheus.Collector].
func (c *jobCollector) Collect(out chan<- prometheus.Metric) {
	counts, waiting := map[jobs.Status]int{}, 0
	for _, job := range c.store.Heard() {
		counts[job.Status]++
		if job.Active() {
			waiting += job.Rows - job.DoneRows
		}
	}
	for _, status := range []jobs.Status{jobs.Queued, jobs.Running, jobs.Done, jobs.Cancelled, jobs.Failed} {
		out <- prometheus.MustNewConstMetric(c.kept, prometheus.GaugeValue, float64(counts[status]), string(status))
	}
	out <- prometheus.MustNewConstMetric(c.waiting, prometheus.GaugeValue, float64(waiting))
}

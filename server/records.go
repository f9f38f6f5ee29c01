package server

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/server/record"
	"github.com/assay-rm/assay/server/wire"
)

// keepRecord records what was asked and answered, where the server records and the question gives scores. It never
// waits, and nothing of an answer depends on it.
func (s *Server) keepRecord(x *exchange, request *asked, given *rewards.Answer) {
	if s.options.Record == nil || !record.Recorded(given.Question) {
		return
	}
	s.options.Record.Add(record.Entry{
		ID: x.id, At: time.Now(), Route: x.route, Caller: x.caller.name, Request: request.Request, Answer: *given, Kept: request.kept,
	})
}

// record records what was answered to rows of a job, as [Server.keepRecord] does.
func (c *chunk) record(rows []int, request *rewards.Request, given *rewards.Answer) {
	to := c.work.s.options.Record
	if to == nil || !record.Recorded(given.Question) {
		return
	}
	kept := &wire.Kept{}
	if c.groups() {
		kept.Group = c.rows[rows[0]].group.Tag
	} else {
		for _, at := range rows {
			kept.Each = append(kept.Each, c.rows[at].item.Tag)
		}
	}
	to.Add(record.Entry{
		ID: c.task.Job.ID, At: time.Now(), Route: "/v1/jobs", Caller: request.Caller.Name, Request: *request, Answer: *given, Kept: kept,
	})
}

// recordCollector reads the counters of a recorder when it is scraped.
type recordCollector struct {
	of             *record.Recorder
	records, bytes *prometheus.Desc
}

func newRecordCollector(of *record.Recorder) *recordCollector {
	return &recordCollector{
		of,
		prometheus.NewDesc("assay_records_total", "Answers by what became of their records: written, dropped before the disk, or failed on it.", []string{"outcome"}, nil),
		prometheus.NewDesc("assay_record_bytes_total", "Bytes of records that were written, compressed.", nil, nil),
	}
}

func (c *recordCollector) Describe(to chan<- *prometheus.Desc) { to <- c.records; to <- c.bytes }

func (c *recordCollector) Collect(to chan<- prometheus.Metric) {
	stats := c.of.Stats()
	for outcome, n := range map[string]int64{"written": stats.Written, "dropped": stats.Dropped, "failed": stats.Failed} {
		to <- prometheus.MustNewConstMetric(c.records, prometheus.CounterValue, float64(n), outcome)
	}
	to <- prometheus.MustNewConstMetric(c.bytes, prometheus.CounterValue, float64(stats.Bytes))
}

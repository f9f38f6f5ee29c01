package server

import (
	"net/http"
	"time"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/runs"
	"github.com/assay-rm/assay/server/wire"
)

// runHeader names the training run that a request belongs to.
const runHeader = "X-Assay-Run"

// watching is the run that a request names, and which of its items belong together; its zero value is of one that names
// none, and costs nothing.
type watching struct {
	key   runs.Key
	mates []int
}

// runOf is the name of the run that a request belongs to, empty where it names none.
func runOf(r *http.Request) (string, error) {
	values := r.Header[runHeader]
	if len(values) == 0 {
		return "", nil
	}
	if len(values) > 1 || !plain(values[0]) {
		return "", problem.New(wire.CodeInvalidField, "%s: must be given once, as 1 to %d letters, digits and -_.:, and is %q",
			runHeader, longestID, fault.Short(values[0]))
	}
	return values[0], nil
}

// watch begins to watch a request of a run. It comes before the engine is asked.
func watch(x *exchange, run string, request *rewards.Request) watching {
	if run == "" {
		return watching{}
	}
	return watching{runs.Key{Caller: x.caller.name, Run: run}, runs.Mates(request)}
}

// watched takes what the engine said to a request of a run: an answer, or why there is none.
func (s *Server) watched(w *watching, given *rewards.Answer, err error) {
	switch now := time.Now(); {
	case w.key.Run == "":
	case err != nil:
		s.runs.Refused(w.key, problem.Of(err).Code, now)
	case given.Question != rewards.Tokenize && given.Question != rewards.Embed:
		batch := runs.Of(given, w.mates)
		s.runs.Record(w.key, &batch, now)
	}
}

func (s *Server) listRuns(x *exchange, _ *http.Request) error {
	now := time.Now()
	answer := wire.RunsAnswer{Runs: []wire.RunSummary{}}
	for _, key := range s.runs.Names(x.caller.name, now) {
		if summary, there := s.runs.Summary(key, now); there {
			answer.Runs = append(answer.Runs, runSummary(&summary))
		}
	}
	return writeJSON(x, http.StatusOK, answer)
}

func (s *Server) tellRun(x *exchange, r *http.Request) error {
	name := r.PathValue("run")
	report, there := s.runs.Report(runs.Key{Caller: x.caller.name, Run: name}, time.Now())
	if !there {
		return problem.New(problem.CodeUnknownRun, "no request of this caller has named the run %q in %s, or it was forgotten", fault.Short(name), runHeader)
	}
	return writeJSON(x, http.StatusOK, runAnswer(&report))
}

func runSummary(of *runs.Summary) wire.RunSummary {
	return wire.RunSummary{Run: of.Run, Started: of.Started.UTC(), Last: of.Last.UTC(), Requests: of.Requests, Items: of.Items}
}

func runAnswer(of *runs.Report) wire.RunAnswer {
	answer := wire.RunAnswer{
		RunSummary: runSummary(&of.Summary),
		Failures:   wire.RunFailures{Count: of.Failed, Share: fraction(of.Failed, of.Items), ByCode: of.Codes, RefusedRequests: of.Refused},
		Models:     make([]wire.RunModel, len(of.Models)), Components: make([]wire.RunComponent, len(of.Series)),
		Groups: wire.RunGroups{
			Count: of.Groups, Flat: of.Flat, FlatShare: fraction(of.Flat, of.Groups),
			Deviation: of.GroupDeviation.Pointer(), LengthCorrelation: of.WithinCorrelation.Pointer(),
		},
		LeftOut: of.LeftOut, Tokens: runComponent(&of.Tokens),
	}
	for i, model := range of.Models {
		answer.Models[i] = wire.RunModel(model)
	}
	for i := range of.Series {
		answer.Components[i] = runComponent(&of.Series[i])
	}
	return answer
}

func runComponent(of *runs.Series) wire.RunComponent {
	c := wire.RunComponent{
		Model: of.Model, Name: of.Component, Count: of.Count, Mean: of.Mean.Pointer(), Deviation: of.Deviation.Pointer(),
		LengthCorrelation: of.LengthCorrelation.Pointer(), First: runWindow(&of.First), Last: runWindow(&of.Last), Drift: of.Drift.Pointer(),
	}
	if of.Count == 0 {
		return c
	}
	c.Min, c.Max = &of.Min, &of.Max
	q := of.Quantiles
	c.Quantiles = &wire.RunQuantiles{P01: q[0], P05: q[1], P25: q[2], P50: q[3], P75: q[4], P95: q[5], P99: q[6]}
	if of.Unit > 0 {
		c.Saturation = &wire.RunSaturation{Low: *fraction(of.Low, of.Unit), High: *fraction(of.High, of.Unit)}
	}
	if of.Repeats > 1 {
		c.Repeated = &wire.RunRepeated{Value: of.Repeated, Count: of.Repeats, Share: *fraction(of.Repeats, of.Count)}
	}
	return c
}

func runWindow(of *runs.WindowReport) wire.RunWindow {
	return wire.RunWindow{Count: of.Count, Mean: of.Mean.Pointer(), Deviation: of.Deviation.Pointer()}
}

// fraction is a part of a whole, nil of none.
func fraction(part, whole int) *float64 {
	if whole == 0 {
		return nil
	}
	m := ops.Some(float64(part) / float64(whole))
	return m.Pointer()
}

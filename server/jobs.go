package server

import (
	"context"
	"net/http"
	"time"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/jobs"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// jobRoutes are those of questions about many rows, which are computed after their answer.
func (s *Server) jobRoutes() []route {
	const one = "/v1/jobs/{job}"
	return []route{
		{http.MethodPost, "/v1/jobs", "Score, rank, compare or step through many rows", false, nil, s.onJobs(s.sendJob), jsonLines{wire.JobRequest{}}, accepted{wire.JobAnswer{}}},
		{http.MethodGet, "/v1/jobs", "Which jobs there are", false, nil, s.onJobs(s.listJobs), nil, wire.JobsAnswer{}},
		{http.MethodGet, one, "How far a job is", false, nil, s.onJobs(s.tellJob), nil, wire.JobAnswer{}},
		{http.MethodPost, one + "/cancel", "Stop a job, and keep what is computed of it", false, nil, s.onJobs(s.cancelJob), nil, wire.JobAnswer{}},
		{http.MethodDelete, one, "Stop a job and remove everything of it", false, nil, s.onJobs(s.deleteJob), nil, wire.JobGone{}},
		{http.MethodGet, one + "/result", "What came of the rows, as JSON lines", false, nil, s.onJobs(s.resultOfJob), nil, jsonLines{}},
	}
}

// onJobs lets a request through where the server keeps jobs.
func (s *Server) onJobs(handle func(of *jobs.Store, x *exchange, r *http.Request) error) handler {
	return func(x *exchange, r *http.Request) error {
		if s.options.Jobs == nil {
			return problem.New(problem.CodeUnknownJob, "this server keeps no jobs; --jobs names where it does")
		}
		return handle(s.options.Jobs, x, r)
	}
}

// computeJobs computes chunks of jobs until ctx ends. What it returns waits for that.
func (s *Server) computeJobs(ctx context.Context) (wait func()) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if s.options.Jobs != nil {
			s.options.Jobs.Run(ctx, jobWork{s})
		}
	}()
	return func() { <-ended }
}

func (*Server) listJobs(of *jobs.Store, x *exchange, r *http.Request) error {
	all, err := of.List(r.Context(), x.caller.owner)
	if err != nil {
		return err
	}
	answer := wire.JobsAnswer{Jobs: make([]wire.JobAnswer, len(all))}
	for i := range all {
		answer.Jobs[i] = jobAnswer(of, &all[i], time.Now())
	}
	return writeJSON(x, http.StatusOK, answer)
}

func (*Server) tellJob(of *jobs.Store, x *exchange, r *http.Request) error {
	job, err := of.Get(r.Context(), x.caller.owner, r.PathValue("job"))
	if err != nil {
		return err
	}
	return writeJSON(x, http.StatusOK, jobAnswer(of, &job, time.Now()))
}

func (*Server) cancelJob(of *jobs.Store, x *exchange, r *http.Request) error {
	job, err := of.Cancel(r.Context(), x.caller.owner, r.PathValue("job"))
	if err != nil {
		return err
	}
	return writeJSON(x, http.StatusOK, jobAnswer(of, &job, time.Now()))
}

func (*Server) deleteJob(of *jobs.Store, x *exchange, r *http.Request) error {
	id := r.PathValue("job")
	if err := of.Delete(r.Context(), x.caller.owner, id); err != nil {
		return err
	}
	return writeJSON(x, http.StatusOK, wire.JobGone{Deleted: id})
}

// jobAnswer is what a client is told of a job.
func jobAnswer(of *jobs.Store, job *jobs.Job, now time.Time) wire.JobAnswer {
	answer := wire.JobAnswer{
		ID: job.ID, Status: string(job.Status), Question: job.Question,
		Rows: job.Rows, Done: job.DoneRows, Failed: job.FailedRows, Tokens: job.Tokens, Bytes: job.Bytes,
		Created: job.Created, Ignored: job.Ignored,
	}
	if f := job.Facts; f != nil {
		answer.Model, answer.Digest, answer.Transforms, answer.Threshold = f.Model, f.Digest, f.Transforms, f.Threshold
	}
	if f := job.Failure; f != nil {
		answer.Failure = new(problem.Item(failure.New(f.Code, "%s", f.Detail)))
	}
	until := now
	if !job.Ended.IsZero() {
		until = job.Ended
		answer.Ended, answer.Expires = &job.Ended, new(of.Expires(job))
	}
	if job.Started.IsZero() {
		return answer
	}
	answer.Started = &job.Started
	if took := until.Sub(job.Started).Seconds(); took > 0 && job.DoneRows > 0 {
		answer.Rate = new(float64(job.DoneRows) / took)
		if job.Active() {
			answer.Left = new(float64(job.Rows-job.DoneRows) / *answer.Rate)
		}
	}
	return answer
}

// mayJob refuses a job that the server cannot compute, as far as can be known before its first row.
func (s *Server) mayJob(x *exchange, form *wire.JobRequest) error {
	switch {
	case form.Recipe != "" && x.caller.noRecipes:
		return noOwnRecipe(x)
	case form.Recipe != "" && form.Model != "":
		return problem.New(wire.CodeInvalidField, "model: given together with recipe, and one of them answers")
	case form.Recipe != "" || form.Model == "":
		return nil
	}
	for _, served := range s.engine.Recipes() {
		switch {
		case served.Name != form.Model:
		case len(served.States) > 0:
			return problem.New(wire.CodeInvalidField,
				"model: %q remembers numbers between requests, so that its rewards depend on their order, and the rows of a job are computed in any", form.Model)
		default:
			return nil
		}
	}
	models := s.engine.Models()
	for i := range models {
		if models[i].Manifest.Name == form.Model {
			return nil
		}
	}
	return problem.New(fault.CodeModel, "model: no model or recipe is named %q", fault.Short(form.Model))
}

// jobHead is a job's first line as the forms of the routes have it.
func jobHead(form *wire.JobRequest) wire.Common {
	return wire.Common{Model: form.Model, Truncate: form.Truncate, Params: form.Params, Recipe: form.Recipe, Expect: form.Expect}
}

// Rows of a chunk. Rows of several responses are fewer, since each is as much work as many items.
const (
	jobItems  = 256
	jobGroups = 32
)

func chunkOf(question string) int {
	if question == "rank" || question == "compare" {
		return jobGroups
	}
	return jobItems
}

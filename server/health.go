package server

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/assay-rm/assay/rewards"
)

type aliveAnswer struct {
	Alive bool `json:"alive"`
}

// readyAnswer is the body of /readyz, a problem with members of its own when the server is not ready.
type readyAnswer struct {
	Ready  bool         `json:"ready"`
	Models []readyModel `json:"models" nullable:"false"`
}

type readyModel struct {
	Model string           `json:"model"`
	Ready bool             `json:"ready"`
	Error *rewards.Problem `json:"error,omitempty" doc:"Why it is not ready"`
}

// health knows whether the models score. A verdict holds for ProbeEvery, and one probe runs at a time, whoever asks.
type health struct {
	server *Server

	mu     sync.Mutex // held while probing
	probed time.Time  // guarded by mu
	last   readyAnswer
}

func newHealth(s *Server) *health { return &health{server: s} }

func (*Server) healthz(x *exchange, _ *http.Request) error {
	return writeJSON(x, http.StatusOK, aliveAnswer{Alive: true})
}

func (s *Server) readyz(x *exchange, r *http.Request) error {
	verdict, why := readyAnswer{Models: []readyModel{}}, []string{"the server is draining"}
	if !s.draining.Load() {
		verdict, why = s.health.verdict(r.Context(), x.id), nil
	}
	for _, m := range verdict.Models {
		if m.Error != nil {
			why = append(why, fmt.Sprintf("model %q: %s", m.Model, m.Error.Detail))
		}
	}
	if verdict.Ready {
		return writeJSON(x, http.StatusOK, verdict)
	}
	problem := rewards.NewProblem(rewards.CodeNotReady, "%s", strings.Join(why, "; "))
	x.Header().Set("Content-Type", "application/problem+json")
	return writeJSON(x, problem.Status, struct {
		problemDetails
		readyAnswer
	}{problemDetails{"/docs#" + problem.Code, *problem}, verdict})
}

// verdict gives the last probe's outcome, or probes every model for the request of that id. A client that leaves does
// not spoil it for the others.
func (h *health) verdict(ctx context.Context, id string) readyAnswer {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.probed.IsZero() && time.Since(h.probed) < h.server.options.ProbeEvery {
		return h.last
	}
	stats := h.server.engine.Stats()
	h.last = readyAnswer{Ready: true, Models: make([]readyModel, len(stats))}
	var group sync.WaitGroup
	for i := range stats {
		group.Go(func() { h.last.Models[i] = h.probe(context.WithoutCancel(ctx), id, stats[i].Model) })
	}
	group.Wait()
	for _, m := range h.last.Models {
		h.last.Ready = h.last.Ready && m.Ready
	}
	h.probed = time.Now()
	return h.last
}

// probe scores a short item. A probe that finds the queue full, or waits too long in it, shows load and not a fault:
// then the model is ready as long as its run in progress is not stuck.
func (h *health) probe(ctx context.Context, id, model string) readyModel {
	options := h.server.options
	timed, cancel := context.WithTimeout(ctx, options.ProbeTimeout)
	defer cancel()
	problem := rewards.ProblemOf(h.server.engine.Probe(timed, model))
	if problem == nil {
		return readyModel{Model: model, Ready: true}
	}
	if problem.Code != rewards.CodeQueueFull && problem.Code != rewards.CodeDeadline {
		h.server.explain(ctx, id, problem)
		return readyModel{Model: model, Error: problem}
	}
	for _, s := range h.server.engine.Stats() {
		if s.Model != model {
			continue
		}
		switch {
		case s.RunAge > options.StuckAfter:
			problem.Detail = fmt.Sprintf("the run in progress is %s old, and %s counts as stuck", s.RunAge.Round(time.Second), options.StuckAfter)
			return readyModel{Model: model, Error: problem}
		case s.RunningItems > 0 || s.WaitingItems > 0:
			return readyModel{Model: model, Ready: true}
		}
	}
	return readyModel{Model: model, Error: problem}
}

package server

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/protocols"
	"github.com/assay-rm/assay/server/wire"
)

// health knows whether the models score. A verdict holds for ProbeEvery, and one probe runs at a time, whoever asks.
type health struct {
	server *Server

	mu     sync.Mutex // held while probing
	probed time.Time  // guarded by mu
	last   wire.ReadyAnswer
}

func newHealth(s *Server) *health { return &health{server: s} }

func (*Server) healthz(x *exchange, _ *http.Request) error {
	return writeJSON(x, http.StatusOK, wire.AliveAnswer{Alive: true})
}

func (s *Server) readyz(x *exchange, r *http.Request) error {
	verdict, p := s.ready(r.Context(), x.id)
	if p == nil {
		return writeJSON(x, http.StatusOK, verdict)
	}
	x.Header().Set("Content-Type", "application/problem+json")
	return writeJSON(x, p.Status, wire.NotReadyAnswer{ProblemDetails: protocols.Details(p), ReadyAnswer: verdict})
}

// ready is the last probe's outcome, and the problem of a server that is not ready.
func (s *Server) ready(ctx context.Context, id string) (wire.ReadyAnswer, *problem.Problem) {
	verdict, why := wire.ReadyAnswer{Models: []wire.ReadyModel{}}, []string{"the server is draining"}
	if !s.draining.Load() {
		verdict, why = s.health.verdict(ctx, id), nil
	}
	if why == nil && len(verdict.Models) == 0 {
		why = []string{"no model is served"}
	}
	for _, m := range verdict.Models {
		if m.Error != nil {
			why = append(why, fmt.Sprintf("model %q: %s", m.Model, m.Error.Detail))
		}
	}
	if verdict.Ready {
		return verdict, nil
	}
	return verdict, problem.New(problem.CodeNotReady, "%s", strings.Join(why, "; "))
}

// verdict gives the last probe's outcome, or probes every model for the request of that id. A client that leaves does
// not spoil it for the others.
func (h *health) verdict(ctx context.Context, id string) wire.ReadyAnswer {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.probed.IsZero() && time.Since(h.probed) < h.server.options.ProbeEvery {
		return h.last
	}
	stats := h.server.engine.Stats()
	h.last = wire.ReadyAnswer{Ready: true, Models: make([]wire.ReadyModel, len(stats))}
	var group sync.WaitGroup
	for i := range stats {
		group.Go(func() { h.last.Models[i] = h.probe(context.WithoutCancel(ctx), id, stats[i].Model) })
	}
	group.Wait()
	served := h.server.engine.Stats()
	h.last.Models = slices.DeleteFunc(h.last.Models, func(m wire.ReadyModel) bool { // it was unloaded meanwhile
		return m.Error != nil && !slices.ContainsFunc(served, func(s models.Stats) bool { return s.Model == m.Model })
	})
	h.last.Ready = len(h.last.Models) > 0
	for _, m := range h.last.Models {
		h.last.Ready = h.last.Ready && m.Ready
	}
	h.probed = time.Now()
	return h.last
}

// probe scores a short item. A probe that finds the queue full, or waits too long in it, shows load and not a fault:
// then the model is ready as long as its run in progress is not stuck.
func (h *health) probe(ctx context.Context, id, model string) wire.ReadyModel {
	options := h.server.options
	timed, cancel := context.WithTimeout(ctx, options.ProbeTimeout)
	defer cancel()
	p := problem.Of(h.server.engine.Probe(timed, model))
	if p == nil {
		return wire.ReadyModel{Model: model, Ready: true}
	}
	if p.Code != failure.CodeQueueFull && p.Code != failure.CodeDeadline {
		h.server.explain(ctx, id, p)
		return wire.ReadyModel{Model: model, Error: &p.Problem}
	}
	for _, s := range h.server.engine.Stats() {
		if s.Model != model {
			continue
		}
		switch {
		case s.RunAge > options.StuckAfter:
			p.Detail = fmt.Sprintf("the run in progress is %s old, and %s counts as stuck", s.RunAge.Round(time.Second), options.StuckAfter)
			return wire.ReadyModel{Model: model, Error: &p.Problem}
		case s.Running > 0 || s.Items > 0:
			return wire.ReadyModel{Model: model, Ready: true}
		}
	}
	return wire.ReadyModel{Model: model, Error: &p.Problem}
}

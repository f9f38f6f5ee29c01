package server

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

func TestReadiness(t *testing.T) {
	broken := &fault.Error{Code: fault.CodeRun, Detail: "the forward failed"}
	full := &models.QueueFullError{Items: 9, MaxItems: 9}
	type batch struct {
		Items, Running int
		RunAge         time.Duration
	}
	stats := func(b batch) []models.Stats {
		s := models.Stats{Model: "fake-rm"}
		s.Items, s.Running, s.RunAge = b.Items, b.Running, b.RunAge
		return []models.Stats{s}
	}
	for name, test := range map[string]struct {
		probe  error
		stats  []models.Stats
		status int
		why    string
	}{
		"works":                     {nil, stats(batch{}), 200, ""},
		"fails":                     {broken, stats(batch{}), 503, `model "fake-rm": the forward failed`},
		"full but moving":           {full, stats(batch{Items: 9, Running: 1, RunAge: time.Second}), 200, ""},
		"full and stuck":            {full, stats(batch{Items: 9, Running: 1, RunAge: time.Minute}), 503, "stuck"},
		"late behind a queue":       {context.DeadlineExceeded, stats(batch{Items: 9, Running: 1}), 200, ""},
		"late though nothing waits": {context.DeadlineExceeded, stats(batch{}), 503, "deadline"},
		"closed":                    {models.ErrClosed, stats(batch{}), 503, "stopping"},
		"unknown error, not told":   {errors.New("secret"), stats(batch{}), 503, "inside the server"},
		"no model at all":           {nil, []models.Stats{}, 503, "no model is served"},
	} {
		engine := &fakeEngine{stats: test.stats, probe: func(context.Context, string) error { return test.probe }}
		response := do(t, newServer(t, engine, Options{}), "GET", "/readyz", "")
		got := decoded[wire.NotReadyAnswer](t, response)
		if response.status != test.status || !strings.Contains(got.Detail, test.why) || got.Ready != (test.status == 200) {
			t.Errorf("%s: %d %+v", name, response.status, got)
		}
		if test.status == 503 && (got.Code != problem.CodeNotReady || len(got.Models) > 0 && got.Models[0].Error == nil) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestProbesAreCachedAndTimed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var probes atomic.Int64
		engine := &fakeEngine{probe: func(ctx context.Context, _ string) error {
			probes.Add(1)
			<-ctx.Done() // a model that never answers
			return ctx.Err()
		}}
		s := newServer(t, engine, Options{ProbeTimeout: 3 * time.Second, ProbeEvery: 2 * time.Second})
		ask := func(want int64) {
			t.Helper()
			if response := do(t, s, "GET", "/readyz", ""); response.status != 503 || probes.Load() != want {
				t.Errorf("status %d after %d probes, want %d", response.status, probes.Load(), want)
			}
		}
		start := time.Now()
		ask(1)
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("the probe took %s", took)
		}
		ask(1)
		time.Sleep(2 * time.Second) // of the bubble's clock
		ask(2)
	})
}

func TestLivenessAndReadinessWhileDraining(t *testing.T) {
	s := newServer(t, &fakeEngine{}, Options{})
	s.draining.Store(true)
	if response := do(t, s, "GET", "/healthz", ""); response.status != 200 {
		t.Errorf("healthz %d", response.status)
	}
	response := do(t, s, "GET", "/readyz", "")
	if got := decoded[wire.NotReadyAnswer](t, response); response.status != http.StatusServiceUnavailable || got.Ready || got.Detail != "the server is draining" {
		t.Errorf("readyz %d %+v", response.status, got)
	}
	if response := do(t, s, "POST", "/v1/score", oneItem); response.status != 200 {
		t.Errorf("score while draining %d", response.status)
	}
}

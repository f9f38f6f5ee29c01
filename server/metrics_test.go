package server

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
)

func TestMetricsMove(t *testing.T) {
	stats := models.Stats{Model: "fake-rm"}
	stats.Items, stats.Tokens, stats.Running, stats.RunAge = 1, 2, 3, 4*time.Second
	stats.Runs, stats.Answered, stats.Failed = 5, 6, 7
	stats.Asked, stats.Computed, stats.Padding, stats.Shared = 8, 9, 10, 11
	stats.InteractiveWait, stats.BulkWait = 1500*time.Millisecond, 2*time.Second
	stats.RunTokens.Counts[2], stats.RunTokens.Sum = 3, 10 // three forwards of 3 or 4 tokens
	stats.Deduplicated, stats.Cancelled, stats.Expired, stats.Refused = 12, 13, 14, 15
	engine := &fakeEngine{stats: []models.Stats{stats}}
	s := newServer(t, engine, Options{})
	do(t, s, "POST", "/v1/score", `{"items":[{"text":"a"},{"text":"b"}]}`)
	do(t, s, "POST", "/v1/score", `{`)
	engine.score = func(context.Context, rewards.Request) (rewards.Answer, error) {
		failed := rewards.Result{Err: failure.New(fault.CodeTooLong, "x")}
		return fakeAnswer(append(fakeResults(1), failed)), nil
	}
	do(t, s, "POST", "/v1/score", oneItem)
	want := `
		# HELP assay_requests_total Requests answered.
		# TYPE assay_requests_total counter
		assay_requests_total{route="/v1/score",status="200"} 2
		assay_requests_total{route="/v1/score",status="400"} 1
		# HELP assay_items_total Results in answers, a pair or a response counting one, by whether they have a score or a problem.
		# TYPE assay_items_total counter
		assay_items_total{model="fake-rm",outcome="failed"} 1
		assay_items_total{model="fake-rm",outcome="scored"} 3
		# HELP assay_tokens_total Tokens of the sequences that were read for answers.
		# TYPE assay_tokens_total counter
		assay_tokens_total{model="fake-rm"} 6
		# HELP assay_problems_total Problems of requests and of items, by code.
		# TYPE assay_problems_total counter
		assay_problems_total{code="bad_json"} 1
		assay_problems_total{code="too_long"} 1
	`
	err := testutil.GatherAndCompare(s.metrics.registry, strings.NewReader(want),
		"assay_requests_total", "assay_items_total", "assay_tokens_total", "assay_problems_total")
	if err != nil {
		t.Error(err)
	}
	body := scrape(t, s)
	for i, name := range []string{
		"queue_items", "queue_tokens", "running_items", "run_age_seconds", "runs_total", "run_items_total", "run_failed_items_total",
		"asked_tokens_total", "computed_tokens_total", "padding_tokens_total", "shared_tokens_total",
		"deduplicated_items_total", "cancelled_items_total", "expired_items_total", "refused_items_total",
	} {
		if line := fmt.Sprintf("\nassay_%s{model=\"fake-rm\"} %d\n", name, i+1); !strings.Contains(body, line) {
			t.Errorf("no line %q", line)
		}
	}
	for _, line := range []string{
		`assay_queue_seconds{class="interactive",model="fake-rm"} 1.5`, `assay_queue_seconds{class="bulk",model="fake-rm"} 2`,
		`assay_forward_tokens_bucket{model="fake-rm",le="2"} 0`, `assay_forward_tokens_bucket{model="fake-rm",le="4"} 3`,
		`assay_forward_tokens_bucket{model="fake-rm",le="+Inf"} 3`, `assay_forward_tokens_sum{model="fake-rm"} 10`,
		`assay_forward_items_count{model="fake-rm"} 0`, `assay_stage_seconds_count{stage="body"} 2`,
		`assay_stage_seconds_count{stage="encode"} 1`, `assay_stage_seconds_count{stage="write"} 2`,
	} {
		if !strings.Contains(body, "\n"+line+"\n") {
			t.Errorf("no line %q", line)
		}
	}
	for _, name := range []string{"assay_wait_seconds", "assay_run_seconds", "assay_request_seconds"} {
		if !strings.Contains(body, name+"_count{") {
			t.Errorf("%s did not move", name)
		}
	}
	for _, name := range []string{"process_resident_memory_bytes", "go_goroutines", "go_threads"} {
		if !strings.Contains(body, name) {
			t.Errorf("no %s", name)
		}
	}
}

func scrape(t *testing.T, s *Server) string {
	t.Helper()
	return string(do(t, s, "GET", "/metrics", "").body)
}

func TestSeriesAreBounded(t *testing.T) {
	s := newServer(t, &fakeEngine{}, Options{})
	visit := func(round int) {
		for i := range 50 {
			do(t, s, "GET", fmt.Sprintf("/nothing/%d/%d", round, i), "")
			do(t, s, fmt.Sprintf("M%d", i), "/v1/score", "")
			do(t, s, "POST", "/v1/score", fmt.Sprintf(`{"model":"m%d-%d","items":[{"text":"a"}]}`, round, i))
			do(t, s, "POST", fmt.Sprintf("/get_reward?model=m%d", i), `{"query":["a"]}`)
		}
	}
	count := func() int {
		n := 0
		for line := range strings.SplitSeq(scrape(t, s), "\n") {
			if strings.HasPrefix(line, "assay_") {
				n++
			}
		}
		return n
	}
	visit(0)
	scrape(t, s)
	first := count()
	visit(1)
	if second := count(); second != first || second > 300 {
		t.Errorf("%d series after a round, %d after another", first, second)
	}
}

// TestRecipesOfRequestsMakeNoSeries: a client chooses the name of the recipe that it brings, and may bring many.
func TestRecipesOfRequestsMakeNoSeries(t *testing.T) {
	m := newMetrics(&fakeEngine{})
	for n := range 100 {
		m.answered(&rewards.Answer{Model: fmt.Sprintf("mine-%d", n), Own: true, Results: []rewards.Result{{}}})
	}
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == "assay_items_total" && len(family.GetMetric()) != 2 {
			t.Errorf("%d series of items", len(family.GetMetric()))
		}
	}
}

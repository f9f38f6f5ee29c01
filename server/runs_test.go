package server

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/runs"
	"github.com/assay-rm/assay/server/wire"
)

// oneRun gives each item its index for a score, of as many tokens, and a failed one at the end.
func oneRun(_ context.Context, r rewards.Request) (rewards.Answer, error) {
	if r.Model == "full" {
		return rewards.Answer{}, failure.New(failure.CodeTooManyItems, "x")
	}
	a := fakeAnswer(fakeResults(len(r.Items)))
	a.Question = r.Question
	for i := range a.Results {
		a.Results[i].Score, a.Results[i].Tokens.Tokens = float64(i), i+1
	}
	a.Results[len(a.Results)-1] = rewards.Result{Err: failure.New(fault.CodeTooLong, "x")}
	return a, nil
}

const group = `{"items":[{"prompt":"a","response":"1"},{"prompt":"a","response":"2"},{"prompt":"a","response":"3"},{"prompt":"b","response":"4"}]}`

// TestARunIsWatched: what is sent under its name is counted, by both protocols, and nothing else is.
func TestARunIsWatched(t *testing.T) {
	s := newServer(t, &fakeEngine{score: oneRun}, Options{})
	do(t, s, "POST", "/v1/score", group)
	if list := decoded[wire.RunsAnswer](t, do(t, s, "GET", "/v1/runs", "")); len(list.Runs) != 0 {
		t.Fatalf("nobody named a run, and there are %+v", list)
	}
	do(t, s, "POST", "/v1/score", group, runHeader, "grpo-1")
	do(t, s, "POST", "/v1/score", `{"model":"full","items":[{"text":"x"}]}`, runHeader, "grpo-1")
	do(t, s, "POST", "/get_reward", `{"query":["a","b"]}`, runHeader, "grpo-1")
	got := decoded[wire.RunAnswer](t, do(t, s, "GET", "/v1/runs/grpo-1", ""))
	if got.Requests != 3 || got.Items != 6 || got.Failures.Count != 2 || *got.Failures.Share != 2.0/6 || got.Failures.ByCode["too_long"] != 2 ||
		got.Failures.RefusedRequests["too_many_items"] != 1 {
		t.Errorf("%+v", got)
	}
	if got.Groups.Count != 1 || got.Groups.Flat != 0 || *got.Groups.LengthCorrelation < 1-1e-9 || *got.Groups.Deviation != 1 {
		t.Errorf("groups %+v", got.Groups)
	}
	of := got.Components[0]
	if of.Name != "score" || of.Model != "fake-rm" || of.Count != 4 || *of.Mean != 0.75 || *of.Min != 0 || *of.Max != 2 || of.Drift != nil || of.Saturation != nil {
		t.Errorf("component %+v", of)
	}
	if of.Repeated == nil || of.Repeated.Value != 0 || of.Repeated.Count != 2 || *got.Tokens.Mean != 1.75 || got.Models[0].Digest != "sha256:0" {
		t.Errorf("repeated %+v, tokens %+v, models %+v", of.Repeated, got.Tokens, got.Models)
	}
	list := decoded[wire.RunsAnswer](t, do(t, s, "GET", "/v1/runs", ""))
	if len(list.Runs) != 1 || list.Runs[0].Run != "grpo-1" || list.Runs[0].Items != 6 || list.Runs[0].Started.IsZero() {
		t.Errorf("%+v", list)
	}
}

// TestNamesOfRuns: one that is not plain is refused before anything is asked; one that nobody named is not found.
func TestNamesOfRuns(t *testing.T) {
	s := newServer(t, &fakeEngine{}, Options{})
	for _, name := range []string{"", "a b", "a/b", "é", strings.Repeat("x", longestID+1)} {
		p := refusal(t, do(t, s, "POST", "/v1/score", oneItem, runHeader, name))
		if p.Status != http.StatusUnprocessableEntity || p.Code != wire.CodeInvalidField || !strings.HasPrefix(p.Detail, runHeader+": ") {
			t.Errorf("%q: %+v", name, p)
		}
	}
	do(t, s, "POST", "/v1/score", oneItem, runHeader, strings.Repeat("x", longestID))
	if got := do(t, s, "GET", "/v1/runs/"+strings.Repeat("x", longestID), ""); got.status != http.StatusOK {
		t.Errorf("the longest name: %d %s", got.status, got.body)
	}
	if p := refusal(t, do(t, s, "GET", "/v1/runs/other", "")); p.Code != problem.CodeUnknownRun || !strings.Contains(p.Detail, `"other"`) {
		t.Errorf("%+v", p)
	}
}

// TestRunsAreTheCallers: two callers' runs of one name are two.
func TestRunsAreTheCallers(t *testing.T) {
	const one, two = "0123456789abcdef-one", "0123456789abcdef-two"
	s := newServer(t, &fakeEngine{}, Options{Tokens: []Token{{Name: "one", Token: one}, {Name: "two", Token: two}}})
	do(t, s, "POST", "/v1/score", oneItem, runHeader, "r", "Authorization", "Bearer "+one)
	if got := do(t, s, "GET", "/v1/runs/r", "", "Authorization", "Bearer "+two); got.status != http.StatusNotFound {
		t.Errorf("another caller's run: %d", got.status)
	}
	if got := decoded[wire.RunAnswer](t, do(t, s, "GET", "/v1/runs/r", "", "Authorization", "Bearer "+one)); got.Items != 1 {
		t.Errorf("%+v", got)
	}
}

// TestARunIsForgottenWithTime: a day after the last request that named it.
func TestARunIsForgottenWithTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, &fakeEngine{}, Options{})
		status := func() int { return do(t, s, "GET", "/v1/runs/r", "").status }
		do(t, s, "POST", "/v1/score", oneItem, runHeader, "r")
		time.Sleep(runs.DefaultIdle - time.Second)
		do(t, s, "POST", "/v1/score", oneItem, runHeader, "r")
		time.Sleep(runs.DefaultIdle - time.Nanosecond)
		if got := status(); got != http.StatusOK {
			t.Errorf("a nanosecond before: %d", got)
		}
		time.Sleep(time.Nanosecond)
		if got := status(); got != http.StatusNotFound {
			t.Errorf("a day after: %d", got)
		}
	})
}

// TestSeriesOfRunsAreBounded: many runs of many components make few series, and none where nobody names a run.
func TestSeriesOfRunsAreBounded(t *testing.T) {
	engine := &fakeEngine{score: func(_ context.Context, r rewards.Request) (rewards.Answer, error) {
		a := fakeAnswer(fakeResults(len(r.Items)))
		for i := range a.Results {
			a.Results[i].Scores = map[string]float64{}
			for k := range 40 {
				a.Results[i].Scores[strconv.Itoa(k)] = float64(k * i)
			}
		}
		return a, nil
	}}
	s := newServer(t, engine, Options{})
	do(t, s, "POST", "/v1/score", group)
	if strings.Contains(scrape(t, s), "assay_watched") {
		t.Error("series of no run")
	}
	for i := range 100 {
		do(t, s, "POST", "/v1/score", group, runHeader, fmt.Sprintf("r%d", i))
	}
	text := scrape(t, s)
	if n := strings.Count(text, "\nassay_watched"); n == 0 || n > scrapedRuns*4*(1+scrapedComponents) {
		t.Errorf("%d series of runs", n)
	}
	if line := `assay_watched_mean{caller="",component="score",model="fake-rm",run="r99"} 0.25`; !strings.Contains(text, line) {
		t.Errorf("no line %s", line)
	}
	got := decoded[wire.RunAnswer](t, do(t, s, "GET", "/v1/runs/r99", ""))
	if len(got.Components) != runs.DefaultComponents || got.LeftOut != 4*(41-runs.DefaultComponents) {
		t.Errorf("%d components, and %d numbers left out", len(got.Components), got.LeftOut)
	}
}

// TestWithoutARunNothingIsDone: a request that names none allocates nothing for it.
func TestWithoutARunNothingIsDone(t *testing.T) {
	s := newServer(t, &fakeEngine{}, Options{})
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/score", nil)
	answer, request, x := fakeAnswer(fakeResults(8)), rewards.Request{}, &exchange{caller: s.anonymous}
	if n := testing.AllocsPerRun(100, func() {
		run, err := runOf(r)
		w := watch(x, run, &request)
		s.watched(&w, &answer, err)
	}); n != 0 {
		t.Errorf("%g allocations", n)
	}
}

func BenchmarkWithoutARun(b *testing.B) {
	s := newServer(b, &fakeEngine{}, Options{})
	r, _ := http.NewRequestWithContext(b.Context(), http.MethodPost, "/v1/score", nil)
	answer, request, x := fakeAnswer(fakeResults(8)), rewards.Request{}, &exchange{caller: s.anonymous}
	for b.Loop() {
		run, err := runOf(r)
		w := watch(x, run, &request)
		s.watched(&w, &answer, err)
	}
}

// BenchmarkWithARun has 64 items of one prompt.
func BenchmarkWithARun(b *testing.B) {
	s := newServer(b, &fakeEngine{}, Options{})
	answer, mates := fakeAnswer(fakeResults(64)), make([]int, 64)
	for i := range answer.Results {
		answer.Results[i].Score, mates[i] = float64(i*i%61)/7, 1
	}
	w := watching{runs.Key{Run: "r"}, mates}
	for b.Loop() {
		s.watched(&w, &answer, nil)
	}
}

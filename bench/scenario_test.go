package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestChoose(t *testing.T) {
	t.Parallel()
	all, err := choose(scenarios(), "")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range all {
		if slices.Contains(names, s.Name) || s.About == "" || len(s.Servers) == 0 && s.Name != "roofline" {
			t.Errorf("%+v: its name is taken, or it says too little", s)
		}
		names = append(names, s.Name)
	}
	some, err := choose(scenarios(), "null,beams-16x1")
	if err != nil || !slices.Equal(needed(some), []string{serverMain, serverNoCache, serverNull}) {
		t.Errorf("needs %v, %v", needed(some), err)
	}
	if _, err := choose(scenarios(), "lognormal-15"); err == nil {
		t.Error("a load that does not exist was chosen")
	}
	var out strings.Builder
	if err := list(&out, all); err != nil || strings.Count(out.String(), "\n") != len(all) {
		t.Errorf("list: %s, %v", out.String(), err)
	}
}

func TestAScenarioWithoutItsServerIsSkipped(t *testing.T) {
	t.Parallel()
	b := fakeBench(t, map[string]float64{serverMain: 0})
	if got := b.measure(t.Context(), scenario(t, "int8")); got.Verdict() != "skipped" || !strings.Contains(got.Note(), serverInt8) {
		t.Errorf("%+v", got)
	}
	if got := b.measure(t.Context(), scenario(t, "soak")); got.Verdict() != "failed" || !strings.Contains(got.Note(), "process is not known") {
		t.Errorf("%+v", got)
	}
}

func TestShareOfARightServer(t *testing.T) {
	t.Parallel()
	b := fakeBench(t, map[string]float64{serverMain: 0})
	if b.tokensPerWord != 1 {
		t.Errorf("%g tokens per word, want 1", b.tokensPerWord)
	}
	got := b.measure(t.Context(), scenario(t, "lognormal-150"))
	if got.Failed != "" || len(got.Series) != 3 || got.Void != "" || got.Series[0].Name != "ideal padded 2048" || got.Series[1].Name != "ideal packed 1024" {
		t.Fatalf("%+v, want each graph's best way and a server", got)
	}
	served := got.Series[2]
	if served.Wrong != 0 || served.Share <= 0 || served.Latency.Requests != 2*128 || served.Spared < 0.4 || served.Spared > 0.5 {
		t.Errorf("%+v", served)
	}
	if got := b.measure(t.Context(), scenario(t, "best-of-64")); got.Failed != "" || len(got.Series) != 3 || got.Series[2].Latency.Requests != 2 {
		t.Errorf("best of 64 as one request: %+v", got)
	}
}

func TestWrongScoresAreAFault(t *testing.T) {
	t.Parallel()
	b := fakeBench(t, map[string]float64{serverMain: 0.01})
	got := b.measure(t.Context(), scenario(t, "shared-4x16"))
	if got.Verdict() != "wrong" || got.Checks[2].Figure != 2*64 {
		t.Errorf("%s: %+v, want all of 2 rounds of 64 wrong", got.Verdict(), got.Checks)
	}
	if got := b.measure(t.Context(), scenario(t, "single")); got.Verdict() != "wrong" || got.Checks[1].Figure != 3*singleTexts {
		t.Errorf("%s: %+v", got.Verdict(), got.Checks)
	}
}

func TestABrokenRivalIsLeftOut(t *testing.T) {
	t.Parallel()
	b := fakeBench(t, map[string]float64{serverMain: 0})
	b.rivals = []Target{{Name: "tei", URL: b.servers[serverMain].URL + "/predict", Encode: func([]string) ([]byte, error) { return nil, nil }}}
	got := b.measure(t.Context(), scenario(t, "short-35"))
	if got.Failed != "" || !strings.Contains(got.Series[3].Error, "status 404") {
		t.Errorf("%+v", got)
	}
}

func TestSharesAreOfTheSameRounds(t *testing.T) {
	t.Parallel()
	served := func(seconds float64) map[string]servedRound {
		return map[string]servedRound{"assay": {seconds: seconds}}
	}
	s := &share{bench: &bench{}, ways: []string{"padded 512", "packed 512"}, targets: []Target{{Name: "assay"}}}
	got := s.summarise([]round{
		{tokens: 100, ideal: []float64{2, 1}, served: served(2)},
		{tokens: 100, ideal: []float64{4, 2}, served: served(2.5)},
		{tokens: 100, ideal: []float64{9, 3}, served: served(5)},
	})
	if c := got.Checks[0]; c.Figure != 0.6 || c.Low != 0.5 || c.High != 0.8 || c.Rounds != 3 || c.Pass() || got.Series[2].Rate != 40 {
		t.Errorf("%+v", got)
	}
	if !strings.Contains(got.Void, "between 33.3 and 100") {
		t.Errorf("rounds of 33 to 100 tokens/s: %q", got.Void)
	}
}

func TestTheIdealsGraphsMustAgree(t *testing.T) {
	t.Parallel()
	b := fakeBench(t, map[string]float64{serverMain: 0})
	b.ideal.(*fakeIdeal).off = 0.01 //nolint:forcetypeassert // fakeBench's
	if got := b.measure(t.Context(), scenario(t, "short-35")); !strings.Contains(got.Failed, "packed 1024 is 0.01") {
		t.Errorf("%+v", got)
	}
}

func TestBeamsOfTwoServers(t *testing.T) {
	t.Parallel()
	got := fakeBench(t, map[string]float64{serverMain: 0, serverNoCache: 0}).measure(t.Context(), scenario(t, "beams-16x1"))
	if got.Failed != "" || got.Checks[1].Figure != 0 || got.Series[0].Spared != 0.75 || got.Series[0].Latency.Requests != 2*beamSteps {
		t.Errorf("%+v", got)
	}
	got = fakeBench(t, map[string]float64{serverMain: 0, serverNoCache: 1e-9}).measure(t.Context(), scenario(t, "beams-4x4"))
	if got.Verdict() != "wrong" {
		t.Errorf("scores that differ in their last bits: %s", got.Verdict())
	}
}

func TestEveryLineageGrowsStepByStep(t *testing.T) {
	t.Parallel()
	for _, l := range []lineage{ownParents, fewParents} {
		asked := l.search(newWriter(1, l.name, 1))
		before := map[string]bool{"": true}
		for k, solutions := range asked {
			now, parents := map[string]bool{}, map[string]bool{}
			for _, s := range solutions {
				parent := strings.Join(s.Steps[:k], "")
				if len(s.Steps) != k+1 || !before[parent] {
					t.Fatalf("%s: step %d extends no beam of the step before", l.name, k)
				}
				now[strings.Join(s.Steps, "")], parents[parent] = true, true
			}
			if len(now) != beamWidth || (k > 0 && len(parents) != l.parents) {
				t.Errorf("%s: step %d has %d beams of %d parents", l.name, k, len(now), len(parents))
			}
			before = now
		}
	}
}

func TestSinglesAndConnections(t *testing.T) {
	t.Parallel()
	b := fakeBench(t, map[string]float64{serverMain: 0})
	for name, series := range map[string]int{"bulk": 2, "connections": 2, "single": 3, "arrivals": 2} {
		if got := b.measure(t.Context(), scenario(t, name)); got.Failed != "" || len(got.Series) != series || !got.Checks[0].quotable() {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestAnEncoderInBothLayouts(t *testing.T) {
	t.Parallel()
	b := fakeBench(t, map[string]float64{serverEncoder: 0, serverEncoderPadded: 0})
	if got := b.measure(t.Context(), scenario(t, "encoder-150")); !strings.Contains(got.Failed, "no -encoder") {
		t.Errorf("%+v without its bundles", got)
	}
	closed := 0
	b.startEncoder = func(context.Context) (Ideal, func() error, error) {
		return &fakeIdeal{}, func() error { closed++; return nil }, nil
	}
	got := b.measure(t.Context(), scenario(t, "encoder-150"))
	if got.Failed != "" || len(got.Checks) != 4 || got.Checks[1].Limit != 1 || got.Checks[3].Limit != 0 || got.Checks[3].Figure <= 0 {
		t.Errorf("%+v, want the share of the padded graph asked for, and the padded layout's shown", got)
	}
	got = b.measure(t.Context(), scenario(t, "encoder-even"))
	if got.Failed != "" || len(got.Series) != 2 || got.Checks[0].Limit != 1 || closed != 2 {
		t.Errorf("%+v, and %d ideals closed", got, closed)
	}
	even, err := ofOneLength(&fakeIdeal{}, []string{"a", "b c", "d e f", "g h", "i", "j k"})
	if err != nil || !slices.Equal(even, []string{"b c", "g h", "j k"}) {
		t.Errorf("%q (%v), want those of two words", even, err)
	}
}

func TestABudgetIsHeldToTheBestOfOthers(t *testing.T) {
	t.Parallel()
	given := map[string]float64{serverEncoder: 0}
	for name := range rankBudgets {
		given[name] = 0
	}
	b := fakeBench(t, given)
	b.servers[serverEncoder] = Server{URL: slowed(t, b.servers[serverEncoder].URL)}
	b.startEncoder = func(context.Context) (Ideal, func() error, error) {
		return &fakeIdeal{}, func() error { return nil }, nil
	}
	got := b.measure(t.Context(), scenario(t, "rank-75"))
	if got.Failed != "" || len(got.Series) != 4 || got.Checks[0].Rounds != b.Rounds || got.Checks[0].Pass() {
		t.Errorf("%+v, want a miss where the chosen budget is slower than another", got)
	}
}

// slowed is a server that answers as another does, later.
func slowed(t *testing.T, of string) string {
	t.Helper()
	target, err := url.Parse(of)
	if err != nil {
		t.Fatal(err)
	}
	behind := httputil.NewSingleHostReverseProxy(target)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(200 * time.Millisecond):
		case <-r.Context().Done():
		}
		behind.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

package main

import (
	"context"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestTwoBinariesAreMeasuredInTurn(t *testing.T) {
	t.Parallel()
	b := &bench{Settings: Settings{Rounds: 3}, servers: servers{"main": {URL: "now"}, "before-main": {URL: "before"}}, progress: t.Logf}
	var order []string
	load := turn{"load", "", serverMain, "x/s", 0, func(_ context.Context, _ *bench, server Server, n int) (float64, error) {
		order = append(order, server.URL)
		if server.URL == "now" {
			return 97 + float64(n), nil
		}
		return 100, nil
	}}
	got, err := load.run(t.Context(), b)
	if err != nil || got.Verdict() != "pass" || math.Abs(got.Checks[0].Figure-0.99) > 1e-9 || got.Checks[0].Rounds != 3 {
		t.Errorf("%+v, %v", got, err)
	}
	if want := "now before before now now before before now"; strings.Join(order, " ") != want {
		t.Errorf("measured %v, want %s", order, want)
	}
	load.once = func(_ context.Context, _ *bench, server Server, _ int) (float64, error) {
		return map[string]float64{"now": 96, "before": 100}[server.URL], nil
	}
	if got, err := load.run(t.Context(), b); err != nil || got.Verdict() != "miss" {
		t.Errorf("4 %% behind: %s, %v", got.Verdict(), err)
	}
}

// TestTheSpreadIsTheSignTests holds the places to the sign test's table: of 7 rounds the range, of 9 all but one at
// each end, of 15 all but three, of 21 all but five.
func TestTheSpreadIsTheSignTests(t *testing.T) {
	t.Parallel()
	for n, out := range map[int]int{1: 0, 5: 0, 7: 0, 9: 1, 15: 3, 21: 5} {
		rounds := make([]float64, n)
		for i := range rounds {
			rounds[i] = float64((i*7 + 3) % n) // 0 … n-1, in some order
		}
		slices.Sort(rounds)
		if low, high := spread(rounds); low != rounds[out] || high != rounds[n-1-out] {
			t.Errorf("of %d rounds %g to %g, want all but %d at each end", n, low, high, out)
		}
	}
}

// TestRoundsGoOnWhereTheyDoNotTell: a load whose rounds lie on both sides gets more, and is void where those leave it
// open; one that is behind in every round is a miss.
func TestRoundsGoOnWhereTheyDoNotTell(t *testing.T) {
	t.Parallel()
	b := &bench{Settings: Settings{Rounds: 7}, servers: servers{"main": {URL: "now"}, "before-main": {URL: "before"}}, progress: t.Logf}
	for name, test := range map[string]struct {
		now     func(n int) float64
		verdict string
		rounds  int
	}{
		"behind":         {func(int) float64 { return 90 }, "miss", 7},
		"level":          {func(int) float64 { return 98 }, "pass", 7},
		"open":           {func(n int) float64 { return []float64{80, 120, 96}[n%3] }, "void", 21},
		"level, in time": {func(n int) float64 { return []float64{80, 120, 98, 99}[min(n%4, 3)] }, "pass", 7},
	} {
		load := turn{"load", "", serverMain, "x/s", 0, func(_ context.Context, _ *bench, server Server, n int) (float64, error) {
			if server.URL == "now" {
				return test.now(n), nil
			}
			return 100, nil
		}}
		got, err := load.run(t.Context(), b)
		if err != nil || got.Verdict() != test.verdict || got.Checks[0].Rounds != test.rounds {
			t.Errorf("%s: %s after %d rounds, %v; want %s after %d", name, got.Verdict(), got.Checks[0].Rounds, err, test.verdict, test.rounds)
		}
	}
}

func TestEveryTurnRuns(t *testing.T) {
	t.Parallel()
	b := fakeBench(t, map[string]float64{serverMain: 0, "before-main": 0, serverInt8: 0, "before-int8": 0, serverNull: 0, "before-null": 0})
	for name, server := range b.servers {
		server.PID = os.Getpid()
		b.servers[name] = server
	}
	b.Rounds, b.capacity = 1, 1e6
	for _, s := range besides() {
		if s.Name == overloadName { // takes a minute of arrivals
			continue
		}
		if got := b.measure(t.Context(), s); got.Failed != "" || got.Skipped != "" || got.Checks[0].Figure <= 0 {
			t.Errorf("%s: %+v", s.Name, got)
		}
	}
}

func TestAServerSaysWhatItIs(t *testing.T) {
	t.Parallel()
	got, err := identify(t.Context(), Server{URL: fakeAssay(t, 0), PID: os.Getpid()})
	if err != nil || got.Models["fake"] != "sha256:12" || !strings.HasPrefix(got.Binary, "sha256:") || len(got.Binary) != 71 {
		t.Errorf("%+v, %v", got, err)
	}
}

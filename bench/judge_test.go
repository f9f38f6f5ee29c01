package main

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestVerdicts(t *testing.T) {
	t.Parallel()
	least, most := Check{Figure: 0.9, Limit: 0.85}, Check{Figure: 130, Limit: 120, AtMost: true}
	fault := Check{Figure: 1, AtMost: true, Must: true}
	for want, result := range map[string]Result{
		"pass":    {Checks: []Check{least, {Figure: 120, Limit: 120, AtMost: true}}},
		"miss":    {Checks: []Check{least, most}},
		"void":    {Checks: []Check{least, most}, Void: "disturbed"},
		"wrong":   {Checks: []Check{least, fault}, Void: "disturbed"},
		"skipped": {Skipped: "no server"},
		"failed":  {Failed: "status 500", Checks: []Check{least}},
		"shown":   {Series: []Series{{Name: "assay"}}},
	} {
		if got := result.Verdict(); got != want {
			t.Errorf("%+v is %s, want %s", result, got, want)
		}
	}
}

func TestADisturbedScenarioIsVoid(t *testing.T) {
	t.Parallel()
	if why := disturbed("tokens/s", []float64{100, 129, 110}); why != "" {
		t.Errorf("100 to 129: %s", why)
	}
	if why := disturbed("tokens/s", []float64{131, 100}); !strings.Contains(why, "between 100 and 131") {
		t.Errorf("100 to 131: %q", why)
	}
}

func TestShownFigures(t *testing.T) {
	t.Parallel()
	c := Check{Figure: 0.9166, Low: 0.9, High: 1.25, Limit: 0.85}
	if c.Shown() != "0.92 (0.90–1.25)" || c.Asked() != "≥ 0.85" {
		t.Errorf("%s, %s", c.Shown(), c.Asked())
	}
	c = Check{Figure: 131.4, Limit: 120, AtMost: true, Unit: "µs"}
	if c.Shown() != "131 µs" || c.Asked() != "≤ 120 µs" {
		t.Errorf("%s, %s", c.Shown(), c.Asked())
	}
}

func TestOverloadIsJudgedByEveryReply(t *testing.T) {
	t.Parallel()
	scored := func(done, latency time.Duration) Reply {
		return Reply{Status: http.StatusOK, Body: []byte(`{"results": [{"score": 1, "tokens": 500}]}`), Done: done, Latency: latency}
	}
	pass := Pass{Replies: []Reply{
		scored(time.Second, time.Second), scored(9*time.Second, 5*time.Second),
		scored(11*time.Second, 5001*time.Millisecond), // late, and after the arrivals: its tokens do not count
		{Status: http.StatusTooManyRequests},
	}}
	result := judgeOverload([]overloaded{lookAt(pass, 10*time.Second, 90, 110)})
	if got := result.Checks[0].Figure; got != 1 {
		t.Errorf("1000 tokens in 10 s beside 100/s are %g of it", got)
	}
	if got := result.Checks[3].Figure; got != 1 || result.Verdict() != "miss" {
		t.Errorf("%g late, verdict %s", got, result.Verdict())
	}
	pass.Replies = append(pass.Replies, Reply{Status: http.StatusGatewayTimeout},
		Reply{Status: http.StatusOK, Body: []byte(`{"results": [{"error": {"code": "deadline_exceeded"}}]}`)})
	result = judgeOverload([]overloaded{lookAt(pass, 10*time.Second, 90, 150)})
	if result.Checks[1].Figure != 1 || result.Checks[2].Figure != 1 {
		t.Errorf("%+v: want one other status and one item without score", result.Checks)
	}
	if result.Verdict() != "void" || result.Statuses["200"] != 4 || result.Statuses["429"] != 1 || result.Statuses["504"] != 1 {
		t.Errorf("%s, %v", result.Verdict(), result.Statuses)
	}
	calm := Pass{Replies: []Reply{pass.Replies[0]}}
	for _, o := range []overloaded{lookAt(calm, 10*time.Second, 90, 110), lookAt(pass, 9*time.Second, 100, 100)} {
		if unfilled := judgeOverload([]overloaded{o}); unfilled.Void != "the queue was never full" {
			t.Errorf("nothing refused, or arrivals shorter than two deadlines: void %q", unfilled.Void)
		}
	}
}

func TestSoakIsJudgedAfterItsFirstThird(t *testing.T) {
	t.Parallel()
	line := func(from, growth float64) []MemorySample {
		var samples []MemorySample
		for s := 0.0; s < 900; s++ {
			mib := from
			if s < 300 {
				mib = from * s / 300 // fills
			}
			samples = append(samples, MemorySample{s, mib + growth*s})
		}
		return samples
	}
	flat := judgeSoak(line(400, 0), 900, []time.Duration{time.Second})
	if flat.Verdict() != "pass" || flat.Checks[0].Figure != 1 {
		t.Errorf("flat memory: %s, %+v", flat.Verdict(), flat.Checks)
	}
	grown := judgeSoak(line(400, 0.1), 900, nil)
	if grown.Verdict() != "miss" || grown.Series[3].Rate < 359 || grown.Series[3].Rate > 361 {
		t.Errorf("0.1 MiB/s more: %s, %+v", grown.Verdict(), grown.Series[3])
	}
	if short := judgeSoak([]MemorySample{{0, 1}, {4, 1}, {8, 9}}, 9, nil); short.Verdict() != "shown" {
		t.Errorf("9 s: %s", short.Verdict())
	}
	if none := judgeSoak(nil, 9, nil); none.Verdict() != "failed" {
		t.Errorf("no samples: %s", none.Verdict())
	}
}

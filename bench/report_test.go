package main

import (
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

func exampleReport() Report {
	latency := latencyOf([]time.Duration{time.Millisecond, 2 * time.Millisecond, 90 * time.Millisecond})
	return Report{
		Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Commit: "abc", Device: Device{CPU: "Intel(R) Xeon(R) CPU @ 2.0", Cores: 2}, Model: "<b>small</b>",
		Results: []Result{
			{
				Name: "short-35", About: "short texts",
				Checks: []Check{{What: "share of the ideal", Figure: 0.9, Low: 0.89, High: 0.91, Limit: 0.97}},
				Series: []Series{{Name: "ideal 512", Rate: 5000, Unit: tokensPerSecond}, {Name: "assay", Rate: 4500, Unit: tokensPerSecond, Share: 0.9, Spared: 0.5, Latency: latency}},
			},
			{Name: "int8", Skipped: `no server "int8" was given`},
			{Name: "soak", Memory: []MemorySample{{0, 300}, {1, 320}, {2, 310}}, Statuses: map[string]int{"200": 7}},
		},
	}
}

func TestReportIsWritten(t *testing.T) {
	t.Parallel()
	report := exampleReport()
	path, err := report.Save(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(path, "/2026-01-02-intel-xeon-cpu-2-0-2c.json") {
		t.Errorf("written to %s", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(text, &back); err != nil || back.Results[0].Checks[0] != report.Results[0].Checks[0] || back.Results[2].Memory[1].MiB != 320 {
		t.Errorf("read back %+v, %v", back, err)
	}
	page, err := os.ReadFile(strings.TrimSuffix(path, ".json") + ".html")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"short-35", "0.90 (0.89–0.91)", "≥ 0.97", "miss", "&lt;b&gt;small&lt;/b&gt;", "no server &#34;int8&#34;", "200: 7", "bench/run.sh -load soak"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Count(string(page), "<svg") != 3 || strings.Contains(string(page), "http") || strings.Contains(string(page), "NaN") {
		t.Error("want three plots, no other resource and no NaN")
	}
	report.Settings.Short = true
	if path := report.Path("x"); path != "x/2026-01-02-intel-xeon-cpu-2-0-2c-short.json" {
		t.Errorf("short form in %s", path)
	}
}

func TestReportIsPrinted(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := exampleReport().Print(&out); err != nil {
		t.Fatal(err)
	}
	lines := map[string]bool{}
	for line := range strings.Lines(out.String()) {
		lines[strings.Join(strings.Fields(line), " ")] = true
	}
	for _, want := range []string{
		"short-35 miss 0.90 (0.89–0.91) ≥ 0.97 share of the ideal", "short-35 assay 4500 tokens/s 0.90 2 88.2 50 %", `int8 skipped no server "int8" was given`,
	} {
		if !lines[want] {
			t.Errorf("no line %q in\n%s", want, out.String())
		}
	}
}

func TestWhatFailsTheRun(t *testing.T) {
	t.Parallel()
	missed := exampleReport()
	wrong := Report{Results: []Result{{Name: "single", Checks: []Check{{Figure: 2, AtMost: true, Must: true}}}}}
	for _, row := range []struct {
		options options
		report  Report
		want    string
	}{
		{options{}, missed, ""},
		{options{check: true}, missed, "below what is asked, or not measured: short-35, int8"},
		{options{}, wrong, "wrong or not finished: single"},
		{options{}, Report{Results: []Result{{Name: "null", Failed: "status 500"}}}, "wrong or not finished: null"},
	} {
		err := row.options.conclude(row.report, io.Discard)
		if (err == nil) != (row.want == "") || (err != nil && err.Error() != row.want) {
			t.Errorf("%v, want %q", err, row.want)
		}
	}
}

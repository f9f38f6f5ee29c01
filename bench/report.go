package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Report is one run of the benchmark, as written to bench/results.
type Report struct {
	Time        time.Time         `json:"time"`
	Seconds     float64           `json:"seconds"` // that the run took
	Commit      string            `json:"commit"`
	Device      Device            `json:"device"`
	Versions    map[string]string `json:"versions"`
	Model       string            `json:"model"`    // a line about it
	Exporter    string            `json:"exporter"` // sha256 over the exporter that made the models, and its lock
	Servers     map[string]Served `json:"servers"`
	Settings    Settings          `json:"settings"`
	LoadAverage float64           `json:"load_average"` // of the machine, before the run
	Results     []Result          `json:"results"`
}

// Path is where the report belongs under dir: one file a day, device and form, the newest run in it.
func (r Report) Path(dir string) string {
	name := r.day() + "-" + r.Device.Slug()
	if r.Settings.Before {
		name += "-before"
	}
	if r.Settings.Short {
		name += "-short"
	}
	return filepath.Join(dir, name+".json")
}

// day is when it was, as file names begin.
func (r Report) day() string { return r.Time.Format(time.DateOnly) }

// Save writes the report to its path under dir, and its page beside it.
func (r Report) Save(dir string) (string, error) {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return "", fmt.Errorf("report: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("report: %w", err)
	}
	path := r.Path(dir)
	if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
		return "", fmt.Errorf("report: %w", err)
	}
	return path, renderFile(path)
}

// with names the scenarios of these verdicts.
func (r Report) with(verdicts ...string) []string {
	var names []string
	for _, result := range r.Results {
		if slices.Contains(verdicts, result.Verdict()) {
			names = append(names, result.Name)
		}
	}
	return names
}

// Heading is a line on what was measured on.
func (r Report) Heading() string {
	return fmt.Sprintf("%s, %d cores · commit %s · onnxruntime %s on %d threads · load average before: %.2f",
		r.Device.CPU, r.Device.Cores, r.Commit, r.Versions["onnxruntime"], r.Settings.Threads, r.LoadAverage)
}

// Print writes the report for people: what is judged, then everything that was measured.
func (r Report) Print(out io.Writer) error {
	if _, err := fmt.Fprintf(out, "\n%s\n%s\n\n", r.Heading(), r.Model); err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(cells ...string) { _, _ = fmt.Fprintln(table, strings.Join(cells, "\t")) } // Flush reports the error
	row("load", "verdict", "figure", "asked", "what")
	for _, result := range r.Results {
		if len(result.Checks) == 0 {
			row(result.Name, result.Verdict(), "", "", result.Note())
		}
		for i, c := range result.Checks {
			if i == 0 {
				row(result.Name, result.Verdict(), c.Shown(), c.Asked(), c.What)
			} else if !c.Must || !c.Pass() {
				row("", passed(c), c.Shown(), c.Asked(), c.What)
			}
		}
	}
	row()
	row("load", "measured", "rate", "low–high", "share", "p50 ms", "p99 ms", "spared", "wrong")
	for _, result := range r.Results {
		for _, s := range result.Series {
			row(append([]string{result.Name, s.Name}, s.cells()...)...)
		}
	}
	return table.Flush()
}

func passed(c Check) string {
	if c.Pass() {
		return "pass"
	}
	return "miss"
}

// cells are a series' columns behind its name: rate, range, share, p50, p99, spared, wrong.
func (s Series) cells() []string {
	if s.Error != "" {
		return []string{s.Error}
	}
	cells := make([]string, 7)
	if s.Unit != "" {
		cells[0] = number(s.Rate) + " " + s.Unit
	}
	if s.High > 0 {
		cells[1] = number(s.Low) + "–" + number(s.High)
	}
	if s.Share > 0 {
		cells[2] = number(s.Share)
	}
	if s.Latency != nil {
		cells[3], cells[4] = number(s.Latency.P50), number(s.Latency.P99)
	}
	if s.Spared > 0 {
		cells[5] = fmt.Sprintf("%.0f %%", 100*s.Spared)
	}
	if s.Wrong > 0 {
		cells[6] = number(float64(s.Wrong))
	}
	return cells
}

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"
)

// Report is one run of the benchmark, as written to bench/results.
type Report struct {
	Time        time.Time         `json:"time"`
	Commit      string            `json:"commit"`
	Device      Device            `json:"device"`
	Versions    map[string]string `json:"versions"`
	Model       string            `json:"model"` // a line about it
	Settings    Settings          `json:"settings"`
	LoadAverage float64           `json:"load_average"` // of the machine, before the run
	Loads       []LoadResult      `json:"loads"`
}

// Path is where the report belongs under dir: one file a day and device, the newest run in it.
func (r Report) Path(dir string) string {
	return filepath.Join(dir, r.Time.Format(time.DateOnly)+"-"+r.Device.Slug()+".json")
}

// Save writes the report to its path under dir.
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
	return path, nil
}

// Wrong counts the answers of one server that were off by more than the tolerance, over all loads.
func (r Report) Wrong(server string) int {
	wrong := 0
	for _, load := range r.Loads {
		for _, served := range load.Served {
			if served.Server == server {
				wrong += served.Wrong
			}
		}
	}
	return wrong
}

// Missed lists the loads on which one server stayed below the share asked for.
func (r Report) Missed(server string) []string {
	var names []string
	for _, load := range r.Loads {
		for _, served := range load.Served {
			if served.Server == server && served.Share < load.Target {
				names = append(names, load.Name)
			}
		}
	}
	return names
}

// steadiness is how far apart the ideal's rounds may be, fastest ÷ slowest: it does the same work in each.
const steadiness = 1.3

// Unsteady lists the loads during which the machine was disturbed, told by the ideal's rounds at the best budget.
func (r Report) Unsteady() []string {
	var names []string
	for _, load := range r.Loads {
		for _, ideal := range load.Ideals {
			if ideal.Budget == load.Ideal && ideal.High > steadiness*ideal.Low {
				names = append(names, fmt.Sprintf("%s (%.0f to %.0f tokens/s)", load.Name, ideal.Low, ideal.High))
			}
		}
	}
	return names
}

// Print writes the report as a table for people.
func (r Report) Print(out io.Writer) error {
	if _, err := fmt.Fprintf(out, "\n%s, %d cores · commit %s · onnxruntime %s, %d threads · load average before: %.2f\n%s\n\n",
		r.Device.CPU, r.Device.Cores, r.Commit, r.Versions["onnxruntime"], r.Settings.Threads, r.LoadAverage, r.Model); err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(cells string, args ...any) { _, _ = fmt.Fprintf(table, cells, args...) } // Flush reports the error
	row("load\tideal tok/s\tbudget\tserver\ttok/s\tshare\tlow–high\tasked\tp50 ms\tp99 ms\tspared\twrong\n")
	for _, load := range r.Loads {
		ideal := 0.0
		for _, i := range load.Ideals {
			ideal = max(ideal, i.TokensPerSecond)
		}
		for _, s := range load.Served {
			row("%s\t%.0f\t%d\t%s\t%.0f\t%.2f\t%.2f–%.2f\t%.2f\t%.0f\t%.0f\t%s\t%d\n", load.Name, ideal, load.Ideal, s.Server,
				s.TokensPerSecond, s.Share, s.ShareLow, s.ShareHigh, load.Target, s.P50, s.P99, percent(s.Spared), s.Wrong)
		}
	}
	return table.Flush()
}

// percent is empty where nothing is known.
func percent(share float64) string {
	if share == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f%%", 100*share)
}

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The README's figures stand between these lines. The first names the results files that they are of, one table each.
const (
	figuresBegin = "<!-- figures:"
	figuresEnd   = "<!-- figures end -->"
)

// figures are a report's quotable figures as a table for the README, with what they were measured on.
func (r Report) figures(file string) string {
	var b strings.Builder
	form := "the full form"
	if r.Settings.Short {
		form = "the short form"
	}
	_, _ = fmt.Fprintf(&b, "%s, commit %s, %s, %d cores, ONNX Runtime %s on %d threads, load average before %.2f, %s, %s (`results/%s`):\n\n",
		r.Time.Format(time.DateOnly), r.Commit, r.Device.CPU, r.Device.Cores, r.Versions["onnxruntime"], r.Settings.Threads, r.LoadAverage, r.Model,
		form, file)
	var rows []string
	for _, result := range r.Results {
		for _, c := range result.Checks {
			if c.quotable() && result.Void == "" && result.Failed == "" {
				rows = append(rows, fmt.Sprintf("| %s | %s%s | %s | %s | %s |\n", result.Name, number(c.Figure), unit(c.Unit), c.span(), c.Asked(), c.What))
			}
		}
	}
	if len(rows) == 0 {
		return b.String() + "No figure of this file is known to be of two rounds or more, so none is quoted.\n"
	}
	return b.String() + "| load | figure | low–high | asked | of |\n|---|---|---|---|---|\n" + strings.Join(rows, "")
}

// span is the range of the rounds in words.
func (c Check) span() string {
	if c.High == 0 {
		return ""
	}
	return number(c.Low) + "–" + number(c.High)
}

// withFigures puts the tables of results files, which lie in the README's folder under results, between the README's
// lines.
func withFigures(readme, folder string, files []string) (string, error) {
	before, rest, found := strings.Cut(readme, figuresBegin)
	_, after, ended := strings.Cut(rest, figuresEnd)
	if !found || !ended {
		return "", fmt.Errorf("readme: no lines %q and %q", figuresBegin, figuresEnd)
	}
	var b strings.Builder
	b.WriteString(before + figuresBegin + " " + strings.Join(files, " ") + " -->\n")
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join(folder, "results", file))
		if err != nil {
			return "", fmt.Errorf("readme: %w", err)
		}
		var report Report
		if err := json.Unmarshal(text, &report); err != nil {
			return "", fmt.Errorf("readme: %s: %w", file, err)
		}
		b.WriteString("\n" + report.figures(file))
	}
	return b.String() + "\n" + figuresEnd + after, nil
}

// quoted are the results files that the README's first line names.
func quoted(readme string) []string {
	_, rest, _ := strings.Cut(readme, figuresBegin)
	names, _, _ := strings.Cut(rest, "-->")
	return strings.Fields(names)
}

// quote writes the figures of results files into the README.
func quote(path string, files []string) error {
	readme, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("readme: %w", err)
	}
	for i, file := range files {
		files[i] = filepath.Base(file)
	}
	text, err := withFigures(string(readme), filepath.Dir(path), files)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return fmt.Errorf("readme: %w", err)
	}
	return nil
}

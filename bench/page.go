package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"os"
	"strings"
)

// pageText is the template of the report page: one file with no other resource.
//
//go:embed page.html
var pageText string

// renderFile writes the page of a results file beside it.
func renderFile(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("page: %w", err)
	}
	var report Report
	if err := json.Unmarshal(text, &report); err != nil {
		return fmt.Errorf("page: %s: %w", path, err)
	}
	page, err := report.Page()
	if err != nil {
		return fmt.Errorf("page: %s: %w", path, err)
	}
	if err := os.WriteFile(strings.TrimSuffix(path, ".json")+".html", []byte(page), 0o644); err != nil {
		return fmt.Errorf("page: %w", err)
	}
	return nil
}

// Page is the report as HTML.
func (r Report) Page() (string, error) {
	functions := template.FuncMap{"bars": shareBars, "curves": latencyCurves, "memory": memoryLine, "roofline": rooflinePlot, "join": strings.Join, "passed": passed}
	page, err := template.New("page").Funcs(functions).Parse(pageText)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	err = page.Execute(&out, r)
	return out.String(), err
}

// Curved are the results with latencies to plot.
func (r Report) Curved() []Result {
	var with []Result
	for _, result := range r.Results {
		for _, s := range result.Series {
			if s.Latency != nil {
				with = append(with, result)
				break
			}
		}
	}
	return with
}

// Roofed are the results with a roofline to plot.
func (r Report) Roofed() []Result {
	var with []Result
	for _, result := range r.Results {
		if result.Roofline != nil {
			with = append(with, result)
		}
	}
	return with
}

// Soaked are the results with memory to plot.
func (r Report) Soaked() []Result {
	var with []Result
	for _, result := range r.Results {
		if len(result.Memory) > 1 {
			with = append(with, result)
		}
	}
	return with
}

// Command is how to measure the result's load alone.
func (r Result) Command() string { return "bench/run.sh -load " + r.Name }

// Cells are the columns of the page's table.
func (s Series) Cells() []string { return s.cells() }

package main

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestRooflineTakesSeriesOfAFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "products.json")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`[{"name": "our <kernel>", "bytes": 2, "points": [{"rows": 64, "inner": 8, "columns": 16, "gflops": 900}]}]`)
	b := &bench{roofline: func(ctx context.Context) (Roofline, error) {
		return measureRoofline(ctx, os.Args[0], "fake-roofline", 2, file)
	}}
	got := b.measure(t.Context(), rooflineScenario)
	if got.Verdict() != "shown" || len(got.Series) != 4 || got.Series[2].Rate != 400 || got.Series[3].Name != "our <kernel>, 64 rows by 8 × 16" {
		t.Fatalf("%+v", got)
	}
	page, err := Report{Results: []Result{got}}.Page()
	if err != nil || !strings.Contains(page, "our &lt;kernel&gt;") || !strings.Contains(page, "reads 20.0 GB/s") || strings.Contains(page, "NaN") {
		t.Errorf("%s, %v", page, err)
	}
	for text, want := range map[string]string{
		"{":                              "unexpected end",
		`[{"name": "x", "bytes": 2}]`:    `products "x": want a name`,
		`[{"bytes": 2, "points": [{}]}]`: `products ""`,
		`[{"name": "x", "bytes": 2, "points": [{"rows": 1, "inner": 8, "columns": 0, "gflops": 1}]}]`: "point 0",
	} {
		write(text)
		if got := b.measure(t.Context(), rooflineScenario); !strings.Contains(got.Failed, want) {
			t.Errorf("%s: %q, want %q", text, got.Failed, want)
		}
	}
}

// TestRooflineKeepsEveryPointWithinItsAxes draws series: no mark leaves the axes, and each stands where its operations
// and its rate say.
func TestRooflineKeepsEveryPointWithinItsAxes(t *testing.T) {
	t.Parallel()
	place := regexp.MustCompile(`<circle class="key c[0-9]" cx="([0-9.]+)" cy="([0-9.]+)"`)
	rapid.Check(t, func(t *rapid.T) {
		r := Roofline{Memory: Memory{Read: rapid.Float64Range(1, 500).Draw(t, "read"), Copy: 1}}
		for range rapid.IntRange(1, 7).Draw(t, "engines") {
			p := Products{Name: "engine", Bytes: rapid.SampledFrom([]float64{0.5, 1, 2, 4}).Draw(t, "bytes")}
			for range rapid.IntRange(1, 5).Draw(t, "points") {
				p.Points = append(p.Points, Product{rapid.IntRange(1, 4096).Draw(t, "rows"), 8, 8, rapid.Float64Range(0.1, 5e4).Draw(t, "gflops")})
			}
			r.Products = append(r.Products, p)
		}
		drawn := string(rooflinePlot(r))
		x, y := r.axes()
		marks := place.FindAllStringSubmatch(drawn, -1)
		at := 0
		for _, p := range r.Products {
			for _, point := range p.Points {
				cx, _ := strconv.ParseFloat(marks[at][1], 64)
				cy, _ := strconv.ParseFloat(marks[at][2], 64)
				if right := plotWidth - plotRight - roofLegend; cx < plotLeft || cx > right || cy < plotTop || cy > roofHeight-plotBottom {
					t.Fatalf("%+v is at %g, %g", point, cx, cy)
				}
				s := svg{end: plotWidth - plotRight - roofLegend, height: roofHeight}
				if math.Abs(s.x(x.at(p.intensity(point)))-cx) > 0.1 || math.Abs(s.y(y.at(point.GFLOPS))-cy) > 0.1 {
					t.Fatalf("%+v is at %g, %g", point, cx, cy)
				}
				at++
			}
		}
	})
}

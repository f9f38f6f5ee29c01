package main

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"strings"
)

// Sizes of a plot, in the units of its viewBox.
const (
	plotWidth   = 640.0
	plotHeight  = 260.0
	plotLeft    = 56.0
	plotRight   = 12.0
	plotTop     = 12.0
	plotBottom  = 40.0
	barHeight   = 26.0
	barLeft     = 250.0
	barRight    = 90.0
	barFullAt   = 1.5 // times the limit: the end of the bars' axis
	plotColours = 6   // classes c0 … c5 of the page
)

// svg collects a plot's elements. Text that comes from results is escaped.
type svg struct {
	strings.Builder

	end, height float64 // where the axes end on the right, and the height; 0: as most plots have them
}

func (s *svg) add(format string, args ...any) { _, _ = fmt.Fprintf(s, format+"\n", args...) } // a Builder does not fail

func (s *svg) text(x, y float64, class, words string) {
	s.add(`<text x="%.1f" y="%.1f" class="%s">%s</text>`, x, y, class, template.HTMLEscapeString(words))
}

func (s *svg) line(class string, x1, y1, x2, y2 float64) {
	s.add(`<line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, class, x1, y1, x2, y2)
}

// finish wraps the elements; title is what a reader hears who does not see the plot.
func (s *svg) finish(title string, height float64) template.HTML {
	//nolint:gosec // every text within is escaped
	return template.HTML(fmt.Sprintf(`<svg viewBox="0 0 %.0f %.0f" role="img" aria-label="%s">`, plotWidth, height, template.HTMLEscapeString(title)) + "\n" + s.String() + "</svg>")
}

// shareBars shows each scenario's first figure as a part of what is asked: the bar reaches the mark where it does.
func shareBars(results []Result) template.HTML {
	var s svg
	scale := (plotWidth - barLeft - barRight) / barFullAt
	y := 0.0
	for _, r := range results {
		if len(r.Checks) == 0 || r.Checks[0].Limit == 0 {
			continue
		}
		c := r.Checks[0]
		part := min(c.Figure/c.Limit, barFullAt)
		s.text(barLeft-8, y+17, "end", r.Name)
		s.add(`<rect class="bar %s" x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="2"/>`, r.Verdict(), barLeft, y+5, max(part*scale, 1), barHeight-10)
		s.text(plotWidth-4, y+17, "end", number(c.Figure)+unit(c.Unit))
		s.text(barLeft-180, y+17, "end faint", c.Asked())
		y += barHeight
	}
	s.line("limit", barLeft+scale, 0, barLeft+scale, y)
	s.text(barLeft+scale, y+14, "middle faint", "asked")
	return s.finish("figures as parts of what is asked", y+22)
}

// axes draws a frame with a horizontal line at each y tick and a mark at each x tick; places are within the plot, from
// 0 to 1.
func (s *svg) axes(xs, ys map[string]float64, xName, yName string) {
	for words, at := range ys {
		y := s.y(at)
		s.line("grid", plotLeft, y, s.right(), y)
		s.text(plotLeft-6, y+4, "end", words)
	}
	for words, at := range xs {
		s.line("grid", s.x(at), plotTop, s.x(at), s.tall()-plotBottom)
		s.text(s.x(at), s.tall()-plotBottom+15, "middle", words)
	}
	s.text(s.right(), s.tall()-6, "end faint", xName)
	s.text(4, s.tall()-6, "faint", yName)
}

// right and tall are the end of the axes and the height.
func (s *svg) right() float64 { return cmp.Or(s.end, plotWidth-plotRight) }
func (s *svg) tall() float64  { return cmp.Or(s.height, plotHeight) }

// x and y are places within the axes, from 0 to 1, in the units of the viewBox.
func (s *svg) x(at float64) float64 { return plotLeft + at*(s.right()-plotLeft) }

func (s *svg) y(at float64) float64 { return s.tall() - plotBottom - at*(s.tall()-plotTop-plotBottom) }

// path draws a line through places from 0 to 1.
func (s *svg) path(colour int, xs, ys []float64) {
	var d strings.Builder
	for i := range xs {
		command := "L"
		if i == 0 {
			command = "M"
		}
		fmt.Fprintf(&d, "%s%.1f %.1f ", command, s.x(xs[i]), s.y(ys[i]))
	}
	s.add(`<path class="line c%d" d="%s"/>`, colour%plotColours, strings.TrimSpace(d.String()))
}

// latencyCurves shows latency over quantiles, both on logarithmic axes, a line for each series that has any.
func latencyCurves(r Result) template.HTML {
	low, high := math.Inf(1), 0.0
	for _, series := range r.Series {
		if series.Latency != nil {
			low, high = min(low, positive(series.Latency.Curve[0])), max(high, positive(series.Latency.Curve[len(curveAt)-1]))
		}
	}
	axis := newLogAxis(low, high)
	var s svg
	s.axes(map[string]float64{"0": 0, "50": quantilePlace(0.5), "90": quantilePlace(0.9), "99": quantilePlace(0.99), "99.9": 1}, axis.ticks(), "percentile", "ms")
	colour, legend := 0, 0.0
	for _, series := range r.Series {
		if series.Latency == nil {
			continue
		}
		var xs, places []float64
		for i, q := range curveAt {
			xs = append(xs, quantilePlace(q))
			places = append(places, axis.at(positive(series.Latency.Curve[i])))
		}
		s.path(colour, xs, places)
		s.add(`<rect class="key c%d" x="%.1f" y="%.1f" width="12" height="3"/>`, colour%plotColours, plotLeft+8, plotTop+8+legend)
		s.text(plotLeft+26, plotTop+13+legend, "", series.Name)
		colour, legend = colour+1, legend+15
	}
	return s.finish(r.Name+": latency by percentile", plotHeight)
}

// quantilePlace is where a quantile lies on the axis, which ends at 0.999.
func quantilePlace(q float64) float64 { return -math.Log10(1-q) / 3 }

// positive keeps a duration off zero, for a logarithm.
func positive(ms float64) float64 { return max(ms, 1e-3) }

// memoryLine shows memory over time from zero on, and where the thirds begin.
func memoryLine(r Result) template.HTML {
	last := r.Memory[len(r.Memory)-1].Seconds
	high := 0.0
	for _, m := range r.Memory {
		high = max(high, m.MiB)
	}
	step := math.Pow(10, math.Floor(math.Log10(max(high, 1))))
	for high/step < 3 {
		step /= 2
	}
	top := math.Ceil(high/step) * step
	ys, xs := map[string]float64{}, map[string]float64{}
	for y := 0.0; y <= top; y += step {
		ys[number(y)] = y / top
	}
	for i := range 4 {
		xs[number(float64(i)*last/3)] = float64(i) / 3
	}
	var s svg
	s.axes(xs, ys, "seconds", "MiB")
	var at, mib []float64
	for _, m := range r.Memory {
		at, mib = append(at, m.Seconds/last), append(mib, m.MiB/top)
	}
	s.path(0, at, mib)
	return s.finish(r.Name+": resident memory", plotHeight)
}

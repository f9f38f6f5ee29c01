package main

import (
	"fmt"
	"html/template"
	"math"
	"slices"
)

// The roofline's plot is larger than the others, and has its legend beside it.
const (
	roofHeight = 420.0
	roofLegend = 190.0 // width
)

// logAxis places values on a logarithmic axis of whole decades.
type logAxis struct{ from, to float64 }

// newLogAxis covers values above 0.
func newLogAxis(low, high float64) logAxis {
	from, to := math.Floor(math.Log10(low)), math.Ceil(math.Log10(high))
	return logAxis{from, max(to, from+1)}
}

// at is a value's place from 0 to 1.
func (a logAxis) at(x float64) float64 { return (math.Log10(x) - a.from) / (a.to - a.from) }

// ticks are the decades in words and their places.
func (a logAxis) ticks() map[string]float64 {
	ticks := map[string]float64{}
	for e := a.from; e <= a.to; e++ {
		ticks[number(math.Pow(10, e))] = a.at(math.Pow(10, e))
	}
	return ticks
}

// rooflinePlot shows products over operations for each byte of weights, both on logarithmic axes, under the slope of
// the memory's bandwidth: a colour for each engine, a mark for each size of weights.
func rooflinePlot(r Roofline) template.HTML {
	x, y := r.axes()
	s := svg{end: plotWidth - plotRight - roofLegend, height: roofHeight}
	s.axes(x.ticks(), y.ticks(), "operations for each byte of weights", "GF/s")
	// The slope ends where it leaves the plot.
	last := min(math.Pow(10, x.to), math.Pow(10, y.to)/r.Memory.Read)
	first := max(math.Pow(10, x.from), math.Pow(10, y.from)/r.Memory.Read)
	s.line("limit", s.x(x.at(first)), s.y(y.at(first*r.Memory.Read)), s.x(x.at(last)), s.y(y.at(last*r.Memory.Read)))
	shapes := r.shapes()
	for colour, products := range r.Products {
		for mark, shape := range shapes {
			var xs, ys []float64
			for _, p := range products.Points {
				if p.shape() == shape {
					xs, ys = append(xs, x.at(products.intensity(p))), append(ys, y.at(p.GFLOPS))
				}
			}
			if len(xs) == 0 {
				continue
			}
			s.path(colour, xs, ys)
			for i := range xs {
				s.mark(mark, fmt.Sprintf("key c%d", colour%plotColours), s.x(xs[i]), s.y(ys[i]))
			}
		}
	}
	s.rooflineLegend(r, shapes)
	return s.finish("products of matrices by operations for each byte of weights", roofHeight)
}

// rooflineLegend stands beside the plot.
func (s *svg) rooflineLegend(r Roofline, shapes []string) {
	left, at := plotWidth-roofLegend+8, plotTop+10
	row := func(words string) {
		s.text(left+20, at+4, "", words)
		at += 19
	}
	s.line("limit", left, at, left+14, at)
	row(fmt.Sprintf("memory read: %s GB/s", number(r.Memory.Read)))
	for colour, products := range r.Products {
		s.add(`<rect class="key c%d" x="%.1f" y="%.1f" width="14" height="4"/>`, colour%plotColours, left, at-2)
		row(products.Name)
	}
	for mark, shape := range shapes {
		s.mark(mark, "shape", left+7, at)
		row(shape)
	}
}

// mark draws a circle, a square, a triangle or a diamond.
func (s *svg) mark(kind int, class string, x, y float64) {
	switch kind % 4 {
	case 0:
		s.add(`<circle class="%s" cx="%.1f" cy="%.1f" r="3.5"/>`, class, x, y)
	case 1:
		s.add(`<rect class="%s" x="%.1f" y="%.1f" width="7" height="7"/>`, class, x-3.5, y-3.5)
	case 2:
		s.add(`<path class="%s" d="M%.1f %.1f l4.5 8 h-9 Z"/>`, class, x, y-5)
	default:
		s.add(`<path class="%s" d="M%.1f %.1f l4.5 4.5 -4.5 4.5 -4.5 -4.5 Z"/>`, class, x, y-4.5)
	}
}

// axes cover every point and the foot of the memory's slope.
func (r Roofline) axes() (x, y logAxis) {
	lowX, highX, lowY, highY := math.Inf(1), 0.0, math.Inf(1), 0.0
	for _, products := range r.Products {
		for _, p := range products.Points {
			at := products.intensity(p)
			lowX, highX, lowY, highY = min(lowX, at), max(highX, at), min(lowY, p.GFLOPS), max(highY, p.GFLOPS)
		}
	}
	return newLogAxis(lowX, highX), newLogAxis(lowY, highY)
}

// shapes are the sizes of weights, in the order that they first come in.
func (r Roofline) shapes() []string {
	var all []string
	for _, products := range r.Products {
		for _, p := range products.Points {
			if !slices.Contains(all, p.shape()) {
				all = append(all, p.shape())
			}
		}
	}
	return all
}

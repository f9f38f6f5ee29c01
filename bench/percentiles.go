package main

import (
	"slices"
	"time"
)

// Latency is how long requests took, in milliseconds.
type Latency struct {
	Requests int       `json:"requests"`
	P50      float64   `json:"p50_ms"`
	P90      float64   `json:"p90_ms"`
	P99      float64   `json:"p99_ms"`
	P999     float64   `json:"p99.9_ms"`
	Max      float64   `json:"max_ms"`
	Curve    []float64 `json:"curve_ms"` // at curveAt
}

// curveAt are the quantiles of a latency curve: evenly spaced in log(1 − q), so that the tail is seen.
var curveAt = []float64{0, 0.2, 0.37, 0.5, 0.6, 0.68, 0.75, 0.8, 0.84, 0.9, 0.937, 0.96, 0.975, 0.984, 0.99, 0.9937, 0.996, 0.9975, 0.9984, 0.999}

// latencyOf summarises durations; nil of none.
func latencyOf(durations []time.Duration) *Latency {
	if len(durations) == 0 {
		return nil
	}
	sorted := make([]float64, len(durations))
	for i, d := range durations {
		sorted[i] = milliseconds(d)
	}
	slices.Sort(sorted)
	l := &Latency{
		Requests: len(sorted), P50: quantile(sorted, 0.5), P90: quantile(sorted, 0.9), P99: quantile(sorted, 0.99),
		P999: quantile(sorted, 0.999), Max: sorted[len(sorted)-1],
	}
	for _, q := range curveAt {
		l.Curve = append(l.Curve, quantile(sorted, q))
	}
	return l
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// median sorts a copy.
func median(values []float64) float64 { return quantile(slices.Sorted(slices.Values(values)), 0.5) }

// quantile interpolates between the two nearest of the sorted values, of which there is at least one.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	low := int(at)
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (at-float64(low))*(sorted[high]-sorted[low])
}

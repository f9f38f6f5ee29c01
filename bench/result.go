package main

import (
	"fmt"
	"slices"
)

// Result is what one scenario gave.
type Result struct {
	Name     string         `json:"name"`
	About    string         `json:"about"`
	Seconds  float64        `json:"seconds"`           // that it took
	Skipped  string         `json:"skipped,omitempty"` // why it was not run
	Failed   string         `json:"failed,omitempty"`  // why it could not be finished
	Void     string         `json:"void,omitempty"`    // how other work disturbed it
	Checks   []Check        `json:"checks,omitempty"`
	Series   []Series       `json:"series,omitempty"`
	Statuses map[string]int `json:"statuses,omitempty"` // of an open loop: answers by status
	Memory   []MemorySample `json:"memory,omitempty"`   // of a soak
	Roofline *Roofline      `json:"roofline,omitempty"`
}

// Check is a figure and the limit it is judged by.
type Check struct {
	What   string  `json:"what"`
	Figure float64 `json:"figure"`
	Low    float64 `json:"low,omitempty"` // of the rounds
	High   float64 `json:"high,omitempty"`
	Rounds int     `json:"rounds,omitempty"`  // that the figure is the median of; a figure of less than two is not quoted
	Limit  float64 `json:"limit"`             // 0 with rounds: nothing is asked yet
	Last   float64 `json:"last,omitempty"`    // the committed figure that the limit is of, where there is one
	AtMost bool    `json:"at_most,omitempty"` // else at least
	Unit   string  `json:"unit,omitempty"`
	Must   bool    `json:"must,omitempty"` // a miss is a fault and not slowness: it fails the run, asked to or not
}

// Pass says whether the figure keeps to its limit.
func (c Check) Pass() bool {
	if c.free() {
		return true
	}
	if c.AtMost {
		return c.Figure <= c.Limit
	}
	return c.Figure >= c.Limit
}

// free says whether nothing is asked of the figure: it is a median, and no limit is set.
func (c Check) free() bool { return c.Limit == 0 && c.Rounds > 0 }

// Asked is the limit in words.
func (c Check) Asked() string {
	if c.free() {
		return "shown"
	}
	if c.AtMost {
		return "≤ " + number(c.Limit) + unit(c.Unit)
	}
	return "≥ " + number(c.Limit) + unit(c.Unit)
}

// Shown is the figure in words, with the range of its rounds.
func (c Check) Shown() string {
	shown := number(c.Figure) + unit(c.Unit)
	if c.High > 0 {
		shown += " (" + number(c.Low) + "–" + number(c.High) + ")"
	}
	return shown
}

func unit(u string) string {
	if u == "" {
		return ""
	}
	return " " + u
}

// number has about three digits.
func number(x float64) string {
	switch {
	case x == float64(int64(x)) || x >= 100:
		return fmt.Sprintf("%.0f", x)
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	case x >= 0.1:
		return fmt.Sprintf("%.2f", x)
	}
	return fmt.Sprintf("%.2g", x)
}

// medianCheck is of the median of some rounds; nothing is asked of it yet.
func medianCheck(what string, rounds []float64) Check {
	return Check{What: what, Figure: median(rounds), Low: slices.Min(rounds), High: slices.Max(rounds), Rounds: len(rounds)}
}

// ratioCheck judges the median of a ratio's rounds; atLeast is 0 where the last committed figure alone is asked.
func ratioCheck(what string, rounds []float64, atLeast float64) Check {
	c := medianCheck(what, rounds)
	c.Limit = atLeast
	return c
}

// Series is one thing that a scenario measured: the ideal under one budget, a server, a rival. Rate is the median of
// the rounds and Low to High their range.
type Series struct {
	Name    string   `json:"name"`
	Rate    float64  `json:"rate,omitempty"`
	Low     float64  `json:"low,omitempty"`
	High    float64  `json:"high,omitempty"`
	Unit    string   `json:"unit,omitempty"`
	Share   float64  `json:"share,omitempty"`          // of the ideal
	Spared  float64  `json:"spared,omitempty"`         // tokens shared with another text or cached ÷ tokens of the texts
	Wrong   int      `json:"wrong,omitempty"`          // scores off by more than the tolerance
	Worst   float64  `json:"worst_distance,omitempty"` // from the padded graph's score
	Error   string   `json:"error,omitempty"`          // why a rival gave no figure
	Latency *Latency `json:"latency,omitempty"`
}

// Units of rates.
const (
	tokensPerSecond   = "tokens/s"
	requestsPerSecond = "requests/s"
)

// newSeries takes the median of the rounds and their range.
func newSeries(name, unit string, rounds []float64) Series {
	return Series{Name: name, Unit: unit, Rate: median(rounds), Low: slices.Min(rounds), High: slices.Max(rounds)}
}

// steadiness is how far apart the rounds of one and the same work may be, greatest ÷ smallest.
const steadiness = 1.3

// disturbed says how rounds of the same work differed, or nothing where they are steady.
func disturbed(what string, rounds []float64) string {
	low, high := slices.Min(rounds), slices.Max(rounds)
	if high <= steadiness*low {
		return ""
	}
	return fmt.Sprintf("%s between %s and %s: other work disturbed it", what, number(low), number(high))
}

// Verdict is one word on the scenario.
func (r Result) Verdict() string {
	switch {
	case r.Skipped != "":
		return "skipped"
	case r.Failed != "":
		return "failed"
	case slices.ContainsFunc(r.Checks, func(c Check) bool { return c.Must && !c.Pass() }):
		return "wrong"
	case r.Void != "":
		return "void"
	case len(r.Checks) == 0:
		return "shown"
	case slices.ContainsFunc(r.Checks, func(c Check) bool { return !c.Pass() }):
		return "miss"
	}
	return "pass"
}

// Note is why there is no plain pass or miss.
func (r Result) Note() string { return r.Skipped + r.Failed + r.Void }

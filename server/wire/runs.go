package wire

import "time"

// RunsAnswer is the answer of GET /v1/runs.
type RunsAnswer struct {
	Runs []RunSummary `json:"runs" nullable:"false" doc:"The caller's, the latest first"`
}

// RunSummary is what the list says of a training run that requests named.
type RunSummary struct {
	Run      string    `json:"run"`
	Started  time.Time `json:"started"`
	Last     time.Time `json:"last" doc:"When a request named it last"`
	Requests int       `json:"requests"`
	Items    int       `json:"items" doc:"Results, those that failed among them"`
}

// RunAnswer is the answer of GET /v1/runs/{run}.
type RunAnswer struct {
	RunSummary
	Failures   RunFailures    `json:"failures"`
	Models     []RunModel     `json:"models" nullable:"false" doc:"Models and recipes in the order in which they first answered"`
	Groups     RunGroups      `json:"groups"`
	Components []RunComponent `json:"components" nullable:"false"`
	LeftOut    int            `json:"left_out" doc:"Numbers of components beyond the limit"`
	Tokens     RunComponent   `json:"tokens" doc:"Of the sequences with a score"`
}

// RunFailures counts what failed.
type RunFailures struct {
	Count           int            `json:"count" doc:"Items that failed"`
	Share           *float64       `json:"share" doc:"Of all items; null: there is none"`
	ByCode          map[string]int `json:"by_code"`
	RefusedRequests map[string]int `json:"refused_requests" doc:"Requests that the engine refused as a whole, by code"`
}

// RunModel is a model or a recipe that answered.
type RunModel struct {
	Name   string `json:"name"`
	Digest string `json:"digest"`
}

// RunGroups tells of the responses to one prompt within one request.
type RunGroups struct {
	Count             int      `json:"count" doc:"Groups of two or more responses with scores"`
	Flat              int      `json:"without_variance" doc:"Of these, whose scores are all equal"`
	FlatShare         *float64 `json:"without_variance_share" doc:"null: there is no group"`
	Deviation         *float64 `json:"deviation" doc:"Mean of the groups' sample deviations"`
	LengthCorrelation *float64 `json:"length_correlation" doc:"Of tokens and score, each less its group's mean"`
}

// RunComponent tells of one named number of a run's answers.
type RunComponent struct {
	Model     string        `json:"model,omitempty"`
	Name      string        `json:"name"`
	Count     int           `json:"count"`
	Mean      *float64      `json:"mean"`
	Deviation *float64      `json:"deviation" doc:"Sample deviation"`
	Min       *float64      `json:"min"`
	Max       *float64      `json:"max"`
	Quantiles *RunQuantiles `json:"quantiles" doc:"null: there is no number"`

	Saturation        *RunSaturation `json:"saturation" doc:"null: the numbers are no probabilities"`
	Repeated          *RunRepeated   `json:"repeated" doc:"The value that occurs most often; null: none does"`
	LengthCorrelation *float64       `json:"length_correlation" doc:"Pearson's, of the tokens read and the number"`
	First             RunWindow      `json:"first" doc:"The first numbers"`
	Last              RunWindow      `json:"last" doc:"The latest numbers; count 0 until there are enough beside the first"`
	Drift             *float64       `json:"drift" doc:"From first to last, in pooled deviations"`
}

// RunQuantiles are quantiles of a component.
type RunQuantiles struct {
	P01 float64 `json:"p01"`
	P05 float64 `json:"p05"`
	P25 float64 `json:"p25"`
	P50 float64 `json:"p50"`
	P75 float64 `json:"p75"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
}

// RunSaturation is how much of a probability lies at its ends.
type RunSaturation struct {
	Low  float64 `json:"low" doc:"Share of at most 0.01"`
	High float64 `json:"high" doc:"Share of at least 0.99"`
}

// RunRepeated is the value that occurs most often.
type RunRepeated struct {
	Value float64 `json:"value"`
	Count int     `json:"count" doc:"At least; exact while there are at most 32 values"`
	Share float64 `json:"share"`
}

// RunWindow tells of a part of a component's numbers.
type RunWindow struct {
	Count     int      `json:"count"`
	Mean      *float64 `json:"mean"`
	Deviation *float64 `json:"deviation"`
}

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// A sized is a model whose precisions are compared: the names of its loads, its servers, and where they differ the
// numbers of texts, the ways of the ideal and how it is started.
type sized struct {
	name       string
	about      string
	servers    []string                  // of float32, bfloat16 and int8
	texts      int                       // of a round of log-normal lengths; there are twice as many short ones
	singles    int                       // texts of a round that are asked one at a time
	responses  int                       // requests of 16 responses a round
	ways       []string                  // of the ideal; nil: all, of which the best of each engine are found while warming up
	singleWays []string                  // of the ideal for one text
	start      func(b *bench) startIdeal // nil: the ideal of the run
}

var smallModel = sized{
	name: "precision", servers: []string{serverFloat32, serverBfloat16, serverOpsInt8}, texts: 128, singles: singleTexts / 2, responses: 2,
	singleWays: []string{singlePadded, singlePacked, singleOpenVINO, "openvino-bfloat16 512", "padded-int8 512", "packed-int8 512"},
}

// largeModel has Qwen3-0.6B's widths and layers, so that its weights are out of the processor's caches. A pass takes
// long, so there is one way of each engine, with the batches that suit it.
var largeModel = sized{
	name: "large", about: ", weights out of the caches", servers: []string{largeFloat32, largeBfloat16, largeInt8}, texts: 32, singles: 6, responses: 1,
	ways: largeWays, singleWays: largeWays, start: func(b *bench) startIdeal { return b.startLarge },
}

var largeWays = []string{"padded 2048", "packed 2048", "openvino-float32 2048", "openvino-bfloat16 2048", "padded-int8 2048"}

// precisionsAsked is what is asked under one load, of tokens/s; 0: the figure is shown.
type precisionsAsked struct {
	float32, bfloat16, int8 float64 // over the best engine of the precision run raw
	bfloat16Over, int8Over  float64 // over float32 served
}

// precisionScenarios compare float32, bfloat16 and int8 of one model in one run, each beside the best engine of its
// precision.
func precisionScenarios(of sized) []Scenario {
	lognormal := Load{
		Name: of.name + "-lognormal-150", About: fmt.Sprintf("%d texts, lengths log-normal around 150 tokens, one item each", of.texts), Ways: of.ways,
		texts: func(w *writer) []string { return w.logNormal(of.texts, 150, 0.5) },
	}
	short := Load{
		Name: of.name + "-short-35", About: fmt.Sprintf("%d texts of around 35 tokens, one item each", 2*of.texts), Ways: of.ways,
		texts: func(w *writer) []string { return w.logNormal(2*of.texts, 35, 0.25) },
	}
	best := Load{
		Name: of.name + "-best-of-16", About: "requests of 16 responses of about 100 tokens to a 500-token prompt, one at a time", Ways: of.ways,
		Items: 16, Clients: 1,
		texts: func(w *writer) []string {
			var all []string
			for range of.responses {
				all = append(all, w.shared(1, 16, 500, 100)...)
			}
			return all
		},
	}
	return []Scenario{
		of.scenario(lognormal, "≥ 1 of float32's ideal; bfloat16 ≥ 1.7 × float32, ≥ 0.95 of its ideal; int8 ≥ 2.6 × float32", nil,
			precisionsAsked{float32: 1, bfloat16: 0.95, bfloat16Over: 1.7, int8Over: 2.6}),
		of.scenario(short, "≥ 1 of float32's ideal", nil, precisionsAsked{float32: 1}),
		of.singleScenario(),
		of.scenario(best, "≥ 4.5 × the ideal that shares no prompt, in each precision", isPacked, precisionsAsked{float32: 4.5, bfloat16: 4.5, int8: 4.5}),
	}
}

// scenario is one load on the three servers; without leaves ways out of the ideal.
func (m sized) scenario(load Load, asked string, without func(way string) bool, limits precisionsAsked) Scenario {
	return Scenario{
		Name: load.Name, About: load.About + m.about + ": float32, bfloat16 and int8", Asked: asked, Servers: m.servers, Large: m.start != nil,
		run: func(ctx context.Context, b *bench) (result Result, err error) {
			own, done, err := m.on(ctx, b)
			if err != nil {
				return Result{}, err
			}
			defer func() { err = errors.Join(err, done()) }()
			s := own.share(load, m.targets(b), own.ways)
			if err := s.complete(); err != nil {
				return Result{}, err
			}
			rounds, err := s.measure(ctx)
			if err != nil {
				return Result{}, err
			}
			return s.precisions(rounds, without, limits), nil
		},
	}
}

// on is the run with the model's graphs for an ideal, until done.
func (m sized) on(ctx context.Context, b *bench) (own *bench, done func() error, err error) {
	if m.start == nil {
		return b, func() error { return nil }, nil
	}
	start := m.start(b)
	if start == nil {
		return nil, nil, errors.New("no -large was given")
	}
	return b.with(ctx, start)
}

// targets are the servers of the three precisions.
func (m sized) targets(b *bench) []Target {
	all := make([]Target, len(m.servers))
	for i, precision := range []string{inFloat32, inBfloat16, inInt8} {
		all[i] = assayTarget(b.servers[m.servers[i]].URL, 0)
		all[i].Name, all[i].Precision = precision, precision
	}
	return all
}

// complete fails where a precision has no engine to be held to.
func (s *share) complete() error {
	for _, target := range s.targets {
		if len(waysIn(target.Precision, s.ways)) == 0 {
			return fmt.Errorf("no engine computes in %s: -openvino and -packed-int8 give some", target.Precision)
		}
	}
	return nil
}

// precisions judges the rounds: each server beside the best engine of its precision, and beside float32 served.
func (s *share) precisions(rounds []round, without func(way string) bool, limits precisionsAsked) Result {
	rates := s.rates(rounds)
	result := Result{Series: s.idealSeries(rates), Void: disturbed("the padded graph's tokens/s", rates[slices.IndexFunc(s.ways, isPadded)])}
	wrongs := 0
	for _, target := range s.targets {
		best := s.best(target.Precision, rates, without)
		series, shares := s.series(target, rounds, best)
		series.Name = "assay " + target.Name
		result.Series = append(result.Series, series)
		of := map[string]float64{inFloat32: limits.float32, inBfloat16: limits.bfloat16, inInt8: limits.int8}[target.Precision]
		result.Checks = append(result.Checks, ratioCheck(fmt.Sprintf("%s: tokens/s over the best %s engine run raw%s", target.Name, target.Precision, whole(without)), shares, of))
		if target.Precision != inFloat32 {
			over := map[string]float64{inBfloat16: limits.bfloat16Over, inInt8: limits.int8Over}[target.Precision]
			result.Checks = append(result.Checks, ratioCheck(target.Name+": tokens/s over float32 served", besideFirst(s.targets[0], target, rounds), over))
		}
		wrongs += series.Wrong
	}
	result.Checks = append(result.Checks, Check{What: wrong, Figure: float64(wrongs), AtMost: true, Must: true})
	return result
}

func whole(without func(way string) bool) string {
	if without == nil {
		return ""
	}
	return ", every text by itself"
}

// besideFirst are a server's rates over the first one's, round by round.
func besideFirst(first, target Target, rounds []round) []float64 {
	ratios := make([]float64, len(rounds))
	for i, r := range rounds {
		ratios[i] = r.served[first.Name].seconds / r.served[target.Name].seconds
	}
	return ratios
}

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	singleTexts  = 32 // a round
	singleTokens = 150
	// singlePause lets the other side's threads go to sleep: for some time after a run they wait in a loop.
	singlePause = 100 * time.Millisecond
)

// How the ideal runs one text: a batch of any size.
const (
	singlePadded   = "padded 512"
	singlePacked   = "packed 512"
	singleOpenVINO = "openvino-float32 512"
)

// singleScenario compares the latency of one request at a time with the engines' runs of the same text alone, ids
// ready, text by text in turn. Served may take 1.05 of the best float32 engine's time and 0.2 ms.
var singleScenario = Scenario{
	Name: "single", Asked: "≤ 1.05 × the best raw run + 0.2 ms", Servers: []string{serverMain},
	About: fmt.Sprintf("one client, one item of %d tokens at a time, against each float32 engine's run of it", singleTokens),
	run: func(ctx context.Context, b *bench) (Result, error) {
		s := &singles{ways: []string{singlePadded, singlePacked}, targets: []Target{assayTarget(b.servers[serverMain].URL, 0)}}
		if slices.Contains(b.ways, singleOpenVINO) {
			s.ways = append(s.ways, singleOpenVINO)
		}
		if err := b.oneAtATime(ctx, s, "single", singleTexts); err != nil {
			return Result{}, err
		}
		judged := ratioCheck("median latency served over the best float32 engine's raw run", overRounds(s.served[0], s.raw[s.best(inFloat32)]), 0)
		judged.AtMost, judged.Limit = true, 1.05+0.2/median(s.raw[s.best(inFloat32)].medians)
		return s.result(judged), nil
	},
}

// singleScenario compares the latency of one text at a time in the three precisions.
func (m sized) singleScenario() Scenario {
	return Scenario{
		Name: m.name + "-single", Asked: "bfloat16 ≥ 1.5 × float32, int8 ≥ 2 × float32", Servers: m.servers, Large: m.start != nil,
		About: fmt.Sprintf("one client, one item of %d tokens at a time%s: float32, bfloat16 and int8", singleTokens, m.about),
		run: func(ctx context.Context, b *bench) (result Result, err error) {
			own, done, err := m.on(ctx, b)
			if err != nil {
				return Result{}, err
			}
			defer func() { err = errors.Join(err, done()) }()
			s := &singles{ways: m.singleWays, targets: m.targets(b)}
			if err := own.oneAtATime(ctx, s, m.name+"-single", m.singles); err != nil {
				return Result{}, err
			}
			checks := []Check{
				ratioCheck("bfloat16: median latency of float32 served over it", overRounds(s.served[0], s.served[1]), 1.5),
				ratioCheck("int8: median latency of float32 served over it", overRounds(s.served[0], s.served[2]), 2),
			}
			for i, target := range s.targets {
				raw := ratioCheck(fmt.Sprintf("%s: median latency served over the best %s engine's raw run", target.Name, target.Precision),
					overRounds(s.served[i], s.raw[s.best(target.Precision)]), 0)
				raw.AtMost = true
				checks = append(checks, raw)
			}
			return s.result(checks...), nil
		},
	}
}

// singles are the times of texts that are run by themselves, raw in each way and by each server.
type singles struct {
	ways        []string
	targets     []Target
	raw, served []timed
	wrong       int
}

// timed are the times of one way or server: all of them, and each round's median in ms.
type timed struct {
	all     []time.Duration
	medians []float64
}

// oneAtATime runs each text in every way, then served, round after round after one to warm up.
func (b *bench) oneAtATime(ctx context.Context, s *singles, stream string, texts int) error {
	s.raw, s.served = make([]timed, len(s.ways)), make([]timed, len(s.targets))
	for n := range b.Rounds + 1 {
		raw, served, err := b.singleRound(ctx, s, b.writer(stream, n).passages(texts, singleTokens))
		if err != nil {
			return err
		}
		if n == 0 {
			continue
		}
		add := func(to *timed, times []time.Duration) {
			to.all, to.medians = append(to.all, times...), append(to.medians, latencyOf(times).P50)
		}
		b.progress("%s %d/%d:", stream, n, b.Rounds)
		for i, way := range s.ways {
			add(&s.raw[i], raw[i])
			b.progress(" %s %.2f ms,", way, s.raw[i].medians[n-1])
		}
		for i := range s.targets {
			add(&s.served[i], served[i])
			b.progress(" served %.2f ms", s.served[i].medians[n-1])
		}
		b.progress("\n")
	}
	return nil
}

// singleRound gives the times of each text.
func (b *bench) singleRound(ctx context.Context, s *singles, texts []string) (raw, served [][]time.Duration, err error) {
	raw, served = make([][]time.Duration, len(s.ways)), make([][]time.Duration, len(s.targets))
	if _, err := b.ideal.Load(texts); err != nil {
		return nil, nil, err
	}
	for i := range texts {
		var want []float64
		for k, way := range s.ways {
			pass, err := b.alone(ctx, way, i)
			if err != nil {
				return nil, nil, err
			}
			if want == nil {
				want = pass.Scores
			}
			if most := b.tolerance(precisionOf(way)); furthest(pass.Scores, want) > most {
				return nil, nil, fmt.Errorf("ideal: %s is further than %g off %s", way, most, s.ways[0])
			}
			raw[k] = append(raw[k], pass.time())
		}
		for k, target := range s.targets {
			latency, score, err := b.ask(ctx, target, texts[i])
			if err != nil {
				return nil, nil, err
			}
			if furthest([]float64{score}, want) > b.tolerance(target.precision()) {
				s.wrong++
			}
			served[k] = append(served[k], latency)
		}
	}
	return raw, served, nil
}

// ask has one text scored, and lets the server's threads go to sleep.
func (b *bench) ask(ctx context.Context, target Target, text string) (time.Duration, float64, error) {
	pass, answers, err := b.score(ctx, target, 1, 1, []string{text})
	if err != nil {
		return 0, 0, err
	}
	if !sleepUntil(ctx, time.Now().Add(b.pause)) {
		return 0, 0, ctx.Err()
	}
	return pass.Replies[0].Latency, answers[0].Score, nil
}

// alone runs one text raw, and lets the threads that ran it go to sleep.
func (b *bench) alone(ctx context.Context, way string, i int) (IdealPass, error) {
	pass, err := b.ideal.Single(way, i)
	if err == nil && !sleepUntil(ctx, time.Now().Add(b.pause)) {
		err = ctx.Err()
	}
	return pass, err
}

// best is the index of the way in a precision whose median is least.
func (s *singles) best(precision string) int {
	best := -1
	for i, way := range s.ways {
		if precisionOf(way) == precision && (best < 0 || median(s.raw[i].medians) < median(s.raw[best].medians)) {
			best = i
		}
	}
	return best
}

// overRounds are the ratios of the medians, round by round.
func overRounds(of, over timed) []float64 {
	ratios := make([]float64, len(of.medians))
	for n := range ratios {
		ratios[n] = of.medians[n] / over.medians[n]
	}
	return ratios
}

// result has the checks, and that no score was wrong.
func (s *singles) result(checks ...Check) Result {
	result := Result{
		Void:   disturbed("the raw run's median ms", s.raw[s.best(inFloat32)].medians),
		Checks: append(checks, Check{What: wrong, Figure: float64(s.wrong), AtMost: true, Must: true}),
	}
	for i, way := range s.ways {
		result.Series = append(result.Series, Series{Name: way, Latency: latencyOf(s.raw[i].all)})
	}
	for i, target := range s.targets {
		name := "assay"
		if target.Precision != "" {
			name += " " + target.Precision
		}
		result.Series = append(result.Series, Series{Name: name, Latency: latencyOf(s.served[i].all)})
	}
	return result
}

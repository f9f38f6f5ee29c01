package main

import (
	"context"
	"fmt"
	"slices"
)

// The shape of the beam search: a request a step, each with every beam's steps so far.
const (
	beamWidth        = 16
	beamSteps        = 20
	beamPromptTokens = 200
	beamStepTokens   = 40
)

// lineage says which beams live on. Search keeps the best and extends them; the loads choose survivors by seed and not
// by score, so that the texts are the same whatever a server answers.
type lineage struct {
	name, about string
	parents     int  // that survive each step; each has beamWidth ÷ parents children
	judged      bool // whether the speed with the cache over without is
}

// Both lineages share the prompt, which every server computes once a request. ownParents is search that keeps its beams
// apart (diverse verifier tree search): beams share nothing else, and the cache has most to spare. fewParents is plain
// beam search, 4 survivors with 4 children: beams soon descend from one, and a request without cache computes what they
// share once anyway.
var (
	ownParents = lineage{"beams-16x1", "each of 16 beams extends itself", beamWidth, true}
	fewParents = lineage{"beams-4x4", "4 of 16 beams survive a step, with 4 children each", 4, false}
)

// beamsScenario compares a search served with the cache and without it. Their scores must be the same bits.
func beamsScenario(l lineage) Scenario {
	s := Scenario{
		Name: l.name, Servers: []string{serverMain, serverNoCache},
		About: fmt.Sprintf("beam search under a process reward model, %d steps of %d tokens, a request a step: %s", beamSteps, beamStepTokens, l.about),
	}
	s.run = func(ctx context.Context, b *bench) (Result, error) { return b.beams(ctx, l) }
	return s
}

// search makes the solutions that each step asks about.
func (l lineage) search(w *writer) [][]Solution {
	prompt := w.passage(beamPromptTokens)
	beams := make([][]string, beamWidth)
	var asked [][]Solution
	for range beamSteps {
		w.rng.Shuffle(len(beams), func(i, j int) { beams[i], beams[j] = beams[j], beams[i] })
		survivors := beams[:l.parents]
		next := make([][]string, beamWidth)
		solutions := make([]Solution, beamWidth)
		for i := range next {
			next[i] = append(slices.Clone(survivors[i%l.parents]), w.passage(beamStepTokens)+"\n")
			solutions[i] = Solution{prompt, next[i]}
		}
		beams, asked = next, append(asked, solutions)
	}
	return asked
}

// searched is a whole search on one server.
type searched struct {
	seconds          float64
	tokens, computed int
	scores           []float64
	pass             Pass
}

// search asks step after step, one request in flight.
func (b *bench) search(ctx context.Context, server Server, asked [][]Solution) (searched, error) {
	var requests []Request
	for _, solutions := range asked {
		request, err := stepsRequest(server.URL, solutions)
		if err != nil {
			return searched{}, err
		}
		requests = append(requests, request)
	}
	pass, err := closedLoop(ctx, b.client.Post, 1, requests)
	if err != nil {
		return searched{}, err
	}
	done := searched{seconds: pass.Seconds, pass: pass}
	for k, reply := range pass.Replies {
		judged, err := decodeSteps(reply.Body)
		if err != nil {
			return done, fmt.Errorf("step %d: %w", k, err)
		}
		if len(judged.Scores) != 2*beamWidth*(k+1) {
			return done, fmt.Errorf("step %d: %d scores of %d beams", k, len(judged.Scores), beamWidth)
		}
		done.scores = append(done.scores, judged.Scores...)
		done.tokens, done.computed = done.tokens+judged.Tokens, done.computed+judged.Computed
	}
	return done, nil
}

// beams runs searches on both servers in turn.
func (b *bench) beams(ctx context.Context, l lineage) (Result, error) {
	rounds := min(b.Rounds, 3)
	if b.Short {
		rounds = fewRounds
	}
	names := []string{serverMain, serverNoCache}
	rates, spared, differ := map[string][]float64{}, map[string]float64{}, 0
	passes := map[string]Pass{}
	var ratios []float64
	for n := range rounds {
		asked := l.search(b.writer(l.name, n))
		done := map[string]searched{}
		for _, name := range names {
			s, err := b.search(ctx, b.servers[name], asked)
			if err != nil {
				return Result{}, fmt.Errorf("%s: round %d: %w", name, n, err)
			}
			done[name] = s
			rates[name] = append(rates[name], float64(s.tokens)/s.seconds)
			spared[name] = 1 - float64(s.computed)/float64(s.tokens)
			passes[name] = Pass{Replies: append(passes[name].Replies, s.pass.Replies...)}
		}
		differ += differing(done[serverMain].scores, done[serverNoCache].scores)
		ratios = append(ratios, done[serverNoCache].seconds/done[serverMain].seconds)
		b.progress("%s %d/%d: without cache %.1f s, %.2f times as fast with it (computed tokens: %.2f)\n", l.name, n+1, rounds,
			done[serverNoCache].seconds, ratios[n], float64(done[serverNoCache].computed)/float64(done[serverMain].computed))
	}
	result := Result{
		Void:   disturbed("tokens/s without cache", rates[serverNoCache]),
		Checks: []Check{{What: "scores that differ in any bit", Figure: float64(differ), AtMost: true, Must: true}},
	}
	if l.judged {
		result.Checks = append([]Check{ratioCheck("speed with the cache over without", ratios, 0)}, result.Checks...)
	}
	for _, name := range names {
		series := newSeries(name, tokensPerSecond, rates[name])
		series.Spared, series.Latency = spared[name], latencyOf(passes[name].latencies())
		result.Series = append(result.Series, series)
	}
	return result, nil
}

// differing counts the places where the lists hold different numbers.
func differing(a, b []float64) int {
	count := 0
	for i := range a {
		if a[i] != b[i] {
			count++
		}
	}
	return count
}

package main

import (
	"context"
)

// side is one of two things that are given the same load in turn.
type side struct {
	name   string
	target Target
	client *Client
}

// inTurn gives each side its own texts of the same lengths, so that nothing is remembered from the other's, round after
// round after one to warm up, each side first in turn. It gives the rates of each and the ratios first ÷ second.
func (b *bench) inTurn(ctx context.Context, name string, first, second side, texts func(w *writer) []string) (series []Series, ratios []float64, err error) {
	sides := []side{first, second}
	rates, passes := make([][]float64, 2), make([]Pass, 2)
	for n := range b.Rounds + 1 {
		round := make([]float64, 2)
		for k := range sides {
			i := (k + n) % 2
			s := sides[i]
			given := texts(b.writer(name+" "+s.name, n))
			requests, err := s.target.requests(given, 1)
			if err != nil {
				return nil, nil, err
			}
			pass, err := closedLoop(ctx, s.client.Post, b.Clients, requests)
			if err != nil {
				return nil, nil, err
			}
			answers, err := s.target.answers(pass, len(given))
			if err != nil {
				return nil, nil, err
			}
			if n == 0 {
				continue
			}
			round[i] = tokensOf(answers) / pass.Seconds
			rates[i] = append(rates[i], round[i])
			passes[i].Replies = append(passes[i].Replies, pass.Replies...)
		}
		if n > 0 {
			ratios = append(ratios, round[0]/round[1])
			b.progress("%s %d/%d: %s over %s %.2f\n", name, n, b.Rounds, first.name, second.name, ratios[n-1])
		}
	}
	for i, s := range sides {
		one := newSeries(s.name, tokensPerSecond, rates[i])
		one.Latency = latencyOf(passes[i].latencies())
		series = append(series, one)
	}
	return series, ratios, nil
}

// spread is a series' range, to judge its steadiness by.
func (s Series) spread() []float64 { return []float64{s.Low, s.High} }

var connectionsScenario = Scenario{
	Name: "connections", Servers: []string{serverMain},
	About: "256 short texts, around 35 tokens, each on a new connection, against kept connections",
	run: func(ctx context.Context, b *bench) (Result, error) {
		fresh := NewClient(0)
		defer fresh.Close()
		target := assayTarget(b.servers[serverMain].URL, 0)
		series, ratios, err := b.inTurn(ctx, "connections", side{"new connections", target, fresh}, side{"kept connections", target, b.client},
			func(w *writer) []string { return w.logNormal(256, 35, 0.25) })
		if err != nil {
			return Result{}, err
		}
		return Result{
			Checks: []Check{ratioCheck("tokens/s on new connections over kept ones", ratios, 0)},
			Series: series, Void: disturbed("tokens/s on kept connections", series[1].spread()),
		}, nil
	},
}

var precisionScenario = Scenario{
	Name: "int8", Asked: "≥ 1.8 × float32", Servers: []string{serverMain, serverInt8},
	About: "128 texts, lengths log-normal around 150 tokens: weights stored as int8, against float32",
	run: func(ctx context.Context, b *bench) (Result, error) {
		small, whole := assayTarget(b.servers[serverInt8].URL, 0), assayTarget(b.servers[serverMain].URL, 0)
		series, ratios, err := b.inTurn(ctx, "int8", side{"int8", small, b.client}, side{"float32", whole, b.client},
			func(w *writer) []string { return w.logNormal(128, 150, 0.5) })
		if err != nil {
			return Result{}, err
		}
		return Result{
			Checks: []Check{ratioCheck("tokens/s of int8 over float32", ratios, 1.8)},
			Series: series, Void: disturbed("tokens/s of float32", series[1].spread()),
		}, nil
	},
}

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

const (
	rankTexts   = 75
	rankTokens  = 256
	rankAtLeast = 0.95
)

// rankBudgets are servers of the encoder whose forwards have room for so many of these texts, by name; the server
// encoder has the budget that it chose at its start.
var rankBudgets = map[string]int{serverOneText: 1, serverEightTexts: 8, serverAllTexts: rankTexts}

// budgetScenario asks for the documents of one query in one request, of a server that measured by itself how many
// tokens a forward should have, and of servers that were told: larger forwards are slower on some machines, and smaller
// ones on others.
var budgetScenario = Scenario{
	Name: "rank-75", Asked: "≥ " + number(rankAtLeast) + " × the best budget", Servers: []string{serverEncoder, serverOneText, serverEightTexts, serverAllTexts},
	About: fmt.Sprintf("one request of %d texts of about %d tokens to an encoder: the budget that it chose, against room for 1, 8 and all of them a forward",
		rankTexts, rankTokens),
	run: func(ctx context.Context, b *bench) (result Result, err error) {
		own, done, err := b.onEncoder(ctx)
		if err != nil {
			return Result{}, err
		}
		defer func() { err = errors.Join(err, done()) }()
		names := []string{serverEncoder, serverOneText, serverEightTexts, serverAllTexts}
		rates := make([][]float64, len(names))
		var ratios []float64
		for n := range b.Rounds + 1 {
			round := make([]float64, len(names))
			for k := range names {
				i := (k + n) % len(names) // who goes first changes with the round
				texts := own.writer("rank-75 "+names[i], n).passages(rankTexts, rankTokens)
				pass, answers, err := b.score(ctx, assayTarget(b.servers[names[i]].URL, 0), 1, rankTexts, texts)
				if err != nil {
					return Result{}, err
				}
				round[i] = tokensOf(answers) / pass.Seconds
			}
			if n == 0 {
				continue
			}
			for i, rate := range round {
				rates[i] = append(rates[i], rate)
			}
			ratios = append(ratios, round[0]/slices.Max(round[1:]))
			b.progress("rank-75 %d/%d: %.2f of the best budget\n", n, b.Rounds, ratios[n-1])
		}
		series := []Series{newSeries("the budget that it chose", tokensPerSecond, rates[0])}
		for i, name := range names[1:] {
			series = append(series, newSeries(fmt.Sprintf("room for %d", rankBudgets[name]), tokensPerSecond, rates[i+1]))
		}
		return Result{
			Checks: []Check{ratioCheck("tokens/s of the chosen budget over the best of the others", ratios, rankAtLeast)},
			Series: series, Void: disturbed("tokens/s of the chosen budget", rates[0]),
		}, nil
	},
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
)

const (
	recipeTexts  = 64   // of a round
	recipeItems  = 8    // of a request
	recipeAtMost = 1.05 // of the time that its readings take side by side
)

// recipeModels are the reward models of the server, one graph under three names, and recipeName a recipe over them.
var recipeModels = []string{"bench-first", "bench-second", "bench-third"}

const recipeName = "bench-mean"

// recipeScenario asks a recipe over three models, and the three models by themselves, each with the same items at the
// same time as a client would that composes the reward by itself. Both compute the same tokens.
var recipeScenario = Scenario{
	Name: "recipe", Asked: "≤ 1.05 × its readings", Servers: []string{serverRecipe},
	About: fmt.Sprintf("%d texts, lengths log-normal around 150 tokens, %d items a request: a recipe over three models, and the three asked side by side",
		recipeTexts, recipeItems),
	run: func(ctx context.Context, b *bench) (Result, error) {
		base := b.servers[serverRecipe].URL
		var ratios, rates []float64
		for n := range b.Rounds + 1 {
			var seconds [2]float64
			for turn := range seconds {
				own := (n+turn)%2 == 0 // who goes first changes with the round
				texts := b.writer("recipe", 2*n+turn).logNormal(recipeTexts, 150, 0.5)
				models, clients := []string{recipeName}, 1
				if !own {
					models, clients = recipeModels, len(recipeModels)
				}
				requests, err := namedRequests(base, models, texts)
				if err != nil {
					return Result{}, err
				}
				pass, err := closedLoop(ctx, b.client.Post, clients, requests)
				if err != nil {
					return Result{}, err
				}
				answers, err := Target{Name: "assay", Decode: decodeScores}.answers(pass, len(models)*recipeTexts)
				if err != nil {
					return Result{}, err
				}
				of := 1
				if own {
					of = 0
				}
				seconds[of] = pass.Seconds / tokensOf(answers) // texts of two rounds differ by a little
			}
			if n == 0 {
				continue
			}
			ratios, rates = append(ratios, seconds[0]/seconds[1]), append(rates, 1/seconds[1])
			b.progress("recipe %d/%d: %.3f of its readings\n", n, b.Rounds, ratios[n-1])
		}
		judged := ratioCheck("time of the recipe over that of its readings side by side", ratios, recipeAtMost)
		judged.AtMost = true
		return Result{
			Checks: []Check{judged}, Series: []Series{newSeries("the three models side by side", tokensPerSecond, rates)},
			Void: disturbed("tokens a second of the three models", rates),
		}, nil
	},
}

// namedRequests asks each model in turn for the scores of the same texts, so that those of a request go to all models
// one after the other.
func namedRequests(base string, models, texts []string) ([]Request, error) {
	type item struct {
		Text string `json:"text"`
	}
	var made []Request
	for len(texts) > 0 {
		n := min(recipeItems, len(texts))
		items := make([]item, n)
		for i, text := range texts[:n] {
			items[i] = item{text}
		}
		texts = texts[n:]
		for _, model := range models {
			body, err := json.Marshal(map[string]any{"model": model, "items": items})
			if err != nil {
				return nil, err
			}
			made = append(made, Request{URL: base + "/v1/score", Body: body})
		}
	}
	return made, nil
}

package main

import (
	"math"
	"math/rand/v2"
	"strings"
)

// assistantTurn opens the response in a rendered conversation.
const assistantTurn = "<|im_start|>assistant\n"

// Sample is text to measure tokens per word with.
func Sample(seed uint64, words int) string {
	return newWriter(seed, "sample", 1).passage(float64(words))
}

// writer makes texts of about a wanted number of tokens.
type writer struct {
	rng           *rand.Rand
	zipf          *rand.Zipf
	tokensPerWord float64
}

func newWriter(seed uint64, stream string, tokensPerWord float64) *writer {
	hash := uint64(14695981039346656037) // FNV-1a
	for _, b := range []byte(stream) {
		hash = (hash ^ uint64(b)) * 1099511628211
	}
	rng := rand.New(rand.NewPCG(seed, hash))
	return &writer{rng: rng, zipf: rand.NewZipf(rng, 1.1, 8, uint64(len(vocabulary)-1)), tokensPerWord: tokensPerWord}
}

// logNormal gives n texts whose lengths are log-normal with the median given, cut at a quarter and at four times of it.
func (w *writer) logNormal(n int, median, sigma float64) []string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = w.passage(w.length(median, sigma))
	}
	return texts
}

// passages gives n texts of about so many tokens each.
func (w *writer) passages(n int, tokens float64) []string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = w.passage(tokens)
	}
	return texts
}

// shared gives the rendered conversations of prompts × responses texts, in an order that hides which belong together:
// the responses to one prompt share its tokens and nothing else.
func (w *writer) shared(prompts, responses int, promptTokens, responseTokens float64) []string {
	texts := make([]string, 0, prompts*responses)
	for range prompts {
		prompt := "<|im_start|>user\n" + w.passage(promptTokens) + "<|im_end|>\n" + assistantTurn
		for range responses {
			texts = append(texts, prompt+w.passage(w.length(responseTokens, 0.25))+"<|im_end|>\n")
		}
	}
	w.rng.Shuffle(len(texts), func(i, j int) { texts[i], texts[j] = texts[j], texts[i] })
	return texts
}

// length draws a number of tokens.
func (w *writer) length(median, sigma float64) float64 {
	return min(max(median*math.Exp(sigma*w.rng.NormFloat64()), median/4), median*4)
}

// passage writes sentences of about so many tokens in all.
func (w *writer) passage(tokens float64) string {
	words := max(1, int(math.Round(tokens/w.tokensPerWord)))
	var b strings.Builder
	for start := true; words > 0; words-- {
		word := vocabulary[w.zipf.Uint64()]
		if start {
			word = strings.ToUpper(word[:1]) + word[1:]
		}
		b.WriteString(word)
		start = w.rng.IntN(12) == 0 || words == 1
		switch {
		case words == 1:
			b.WriteString(".")
		case start:
			b.WriteString(". ")
		case w.rng.IntN(10) == 0:
			b.WriteString(", ")
		default:
			b.WriteString(" ")
		}
	}
	return b.String()
}

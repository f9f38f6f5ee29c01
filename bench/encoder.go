package main

import (
	"context"
	"errors"
)

const (
	encoderTokens = 150
	evenDrawn     = 1024 // passages of which those of one length are kept, and
	evenMost      = 64   // so many of these at most
)

// paddedLayout names the server of the encoder's padded bundle.
const paddedLayout = "padded layout"

// encoderScenario measures an encoder's shares, packed and padded, of its own graphs run raw.
var encoderScenario = Scenario{
	Name: "encoder-150", Asked: "≥ 1 of the padded graph, ≥ " + number(shareAtLeast) + " of the ideal", Servers: []string{serverEncoder, serverEncoderPadded},
	About: "128 texts, lengths log-normal around 150 tokens, one item each: an encoder in both layouts",
	run: func(ctx context.Context, b *bench) (result Result, err error) {
		own, done, err := b.onEncoder(ctx)
		if err != nil {
			return Result{}, err
		}
		defer func() { err = errors.Join(err, done()) }()
		load := Load{Name: "encoder-150", texts: func(w *writer) []string { return w.logNormal(128, encoderTokens, 0.5) }}
		packed, padded := assayTarget(b.servers[serverEncoder].URL, 0), assayTarget(b.servers[serverEncoderPadded].URL, 0)
		padded.Name = paddedLayout
		s := own.share(load, []Target{packed, padded}, waysIn(inFloat32, own.ways))
		s.ofPadded = 1
		rounds, err := s.measure(ctx)
		if err != nil {
			return Result{}, err
		}
		return s.summarise(rounds), nil
	},
}

// evenScenario gives an encoder texts that are all as long as one another, so that the padded layout pads nothing.
var evenScenario = Scenario{
	Name: "encoder-even", Asked: "≥ 1 × padded", Servers: []string{serverEncoder, serverEncoderPadded},
	About: "up to 64 texts of one length around 150 tokens, one item each: an encoder's packed layout against its padded one",
	run: func(ctx context.Context, b *bench) (result Result, err error) {
		own, done, err := b.onEncoder(ctx)
		if err != nil {
			return Result{}, err
		}
		defer func() { err = errors.Join(err, done()) }()
		packed, padded := assayTarget(b.servers[serverEncoder].URL, 0), assayTarget(b.servers[serverEncoderPadded].URL, 0)
		var failed error
		series, ratios, err := own.inTurn(ctx, "encoder-even", side{"packed", packed, b.client}, side{"padded", padded, b.client},
			func(w *writer) []string {
				texts, err := ofOneLength(own.ideal, w.passages(evenDrawn, encoderTokens))
				failed = errors.Join(failed, err)
				return texts
			})
		if err = errors.Join(err, failed); err != nil {
			return Result{}, err
		}
		return Result{
			Checks: []Check{ratioCheck("tokens/s of the packed layout over the padded one", ratios, 1)},
			Series: series, Void: disturbed("tokens/s of the padded layout", series[1].spread()),
		}, nil
	},
}

// onEncoder is the run with the encoder's graphs for an ideal, until done.
func (b *bench) onEncoder(ctx context.Context) (own *bench, done func() error, err error) {
	if b.startEncoder == nil {
		return nil, nil, errors.New("no -encoder and -encoder-padded were given")
	}
	return b.with(ctx, b.startEncoder)
}

// with is the run with the graphs of another model for an ideal, until done.
func (b *bench) with(ctx context.Context, start startIdeal) (own *bench, done func() error, err error) {
	ideal, done, err := start(ctx)
	if err != nil {
		return nil, nil, err
	}
	whole := *b
	own = &whole
	own.ideal = ideal
	if err := own.calibrate(); err != nil {
		return nil, nil, errors.Join(err, done())
	}
	return own, done, nil
}

// ofOneLength keeps the texts of the commonest number of tokens, the first of these where there are many.
func ofOneLength(ideal Ideal, texts []string) ([]string, error) {
	tokens, err := ideal.Load(texts)
	if err != nil {
		return nil, err
	}
	counts, commonest := map[int]int{}, 0
	for _, n := range tokens {
		counts[n]++
		if counts[n] > counts[commonest] {
			commonest = n
		}
	}
	var kept []string
	for i, text := range texts {
		if tokens[i] == commonest && len(kept) < evenMost {
			kept = append(kept, text)
		}
	}
	return kept, nil
}

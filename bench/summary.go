package main

import (
	"slices"
	"time"
)

// What share loads are judged by.
const (
	ofIdeal  = "tokens/s over the best float32 engine run raw"
	ofPadded = "tokens/s over the padded graph run raw"
	wrong    = "scores further than the tolerance from the padded graph's"
)

// summarise takes medians over the rounds, and shares of the ideal in the way whose median is best.
func (s *share) summarise(rounds []round) Result {
	ideal := s.rates(rounds)
	best, padded := s.best(inFloat32, ideal, nil), slices.IndexFunc(s.ways, isPadded)
	result := Result{Series: s.idealSeries(ideal), Void: disturbed("the ideal's tokens/s", ideal[best])}
	for i, target := range s.targets {
		series, shares := s.series(target, rounds, best)
		result.Series = append(result.Series, series)
		if i == 0 {
			result.Checks = []Check{
				ratioCheck(ofIdeal, shares, shareAtLeast),
				ratioCheck(ofPadded, over(target, rounds, padded), s.ofPadded),
				{What: wrong, Figure: float64(series.Wrong), AtMost: true, Must: true},
			}
		} else if target.Name == paddedLayout && series.Error == "" {
			result.Checks = append(result.Checks, ratioCheck("the padded layout's "+ofPadded, over(target, rounds, padded), 0))
		}
	}
	return result
}

// rates are the tokens/s of each way, round by round.
func (s *share) rates(rounds []round) [][]float64 {
	rates := make([][]float64, len(s.ways))
	for i := range s.ways {
		for _, r := range rounds {
			rates[i] = append(rates[i], float64(r.tokens)/r.ideal[i])
		}
	}
	return rates
}

// idealSeries are the ways that were measured.
func (s *share) idealSeries(rates [][]float64) []Series {
	var all []Series
	for i, way := range s.ways {
		all = append(all, newSeries("ideal "+way, tokensPerSecond, rates[i]))
	}
	return all
}

// best is the index of the way whose median is best in a precision, among those that are not left out; -1 where there
// is none.
func (s *share) best(precision string, rates [][]float64, without func(way string) bool) int {
	best := -1
	for i, way := range s.ways {
		if precisionOf(way) != precision || without != nil && without(way) {
			continue
		}
		if best < 0 || median(rates[i]) > median(rates[best]) {
			best = i
		}
	}
	return best
}

// over are a server's shares of the ideal in one way, round by round.
func over(target Target, rounds []round, way int) []float64 {
	shares := make([]float64, len(rounds))
	for i, r := range rounds {
		shares[i] = r.ideal[way] / r.served[target.Name].seconds
	}
	return shares
}

// series is one server's; best is the index of the way that it is a share of.
func (s *share) series(target Target, rounds []round, best int) (series Series, shares []float64) {
	if why := s.broken[target.Name]; why != "" {
		return Series{Name: target.Name, Error: why}, nil
	}
	shares = over(target, rounds, best)
	var rates []float64
	var latencies []time.Duration
	var sum Checked
	total := 0
	for _, r := range rounds {
		served := r.served[target.Name]
		rates = append(rates, float64(r.tokens)/served.seconds)
		latencies = append(latencies, served.latencies...)
		sum = Checked{sum.Spared + served.checked.Spared, sum.Wrong + served.checked.Wrong, max(sum.Worst, served.checked.Worst)}
		total += r.tokens
	}
	series = newSeries(target.Name, tokensPerSecond, rates)
	series.Share, series.Latency = median(shares), latencyOf(latencies)
	series.Spared, series.Wrong, series.Worst = float64(sum.Spared)/float64(total), sum.Wrong, sum.Worst
	return series, shares
}

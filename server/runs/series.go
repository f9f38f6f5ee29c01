package runs

import (
	"github.com/influxdata/tdigest"

	"github.com/assay-rm/assay/rewards/ops"
)

// Window is how many numbers the first window of a series has. The last one has as many at least, and fewer than twice
// as many.
const Window = 256

// Near is how near to 0 or 1 a probability counts as saturated.
const Near = 0.01

// Quantiles are those that are reported. The rank of each is off by at most π/compression · √(q(1 − q)) of the count,
// which is 1.6 % for the median and 0.32 % for the outermost: the width of a t-digest's centroid (Dunning and Ertl
// 2019).
var Quantiles = []float64{0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99}

// compression bounds what a sketch keeps: twice as many centroids, and ten times as many while they are merged.
const compression = 100

// series is what is kept of one component's numbers, or of the lengths.
type series struct {
	key      seriesKey
	all      Moments
	min, max float64
	sketch   *tdigest.TDigest
	repeats  repeated

	unit      int // numbers that are probabilities; of these, near 0 and near 1:
	low, high int

	first        Moments
	before, last Moments // the latest whole window, and the one that is being filled

	length Together // of numbers whose sequence has one
}

// seriesKey is a component of a model's, or a recipe's, answers.
type seriesKey struct{ model, component string }

func newSeries(key seriesKey) *series {
	return &series{key: key, sketch: tdigest.NewWithCompression(compression)}
}

func (s *series) add(v *Value) {
	x := v.Number
	if s.all.Count == 0 {
		s.min, s.max = x, x
	}
	s.min, s.max = min(s.min, x), max(s.max, x)
	s.all.Add(x)
	s.sketch.Add(x, 1)
	s.repeats.add(x)
	if v.Unit {
		s.unit++
		s.low += count(x <= Near)
		s.high += count(x >= 1-Near)
	}
	if v.Tokens > 0 {
		s.length.Add(float64(v.Tokens), x)
	}
	if s.first.Count < Window {
		s.first.Add(x)
		return
	}
	if s.last.Add(x); s.last.Count == Window {
		s.before, s.last = s.last, Moments{}
	}
}

// windows are the first window and the last one, which has no number until there are two whole ones.
func (s *series) windows() (first, last Moments) {
	if last = s.before; last.Count > 0 {
		last.Merge(s.last)
	}
	return s.first, last
}

// report tells of a series. It compresses the sketch, so it needs what add needs.
func (s *series) report() Series {
	first, last := s.windows()
	value, most := s.repeats.most()
	of := Series{
		Model: s.key.model, Component: s.key.component, Count: s.all.Count, Mean: known(s.all.Mean), Deviation: s.all.Deviation(),
		Min: s.min, Max: s.max, Quantiles: make([]float64, len(Quantiles)),
		Unit: s.unit, Low: s.low, High: s.high, Repeated: value, Repeats: most,
		LengthCorrelation: s.length.Correlation(), Drift: drift(&first, &last), First: window(&first), Last: window(&last),
	}
	for i, q := range Quantiles {
		if s.all.Count > 0 {
			of.Quantiles[i] = s.sketch.Quantile(q)
		}
	}
	return of
}

func window(m *Moments) WindowReport {
	of := WindowReport{Count: m.Count, Deviation: m.Deviation()}
	if m.Count > 0 {
		of.Mean = known(m.Mean)
	}
	return of
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

// Series tells of one component's numbers.
type Series struct {
	Model, Component string
	Count            int
	Mean, Deviation  ops.Maybe
	Min, Max         float64
	Quantiles        []float64 // as [Quantiles] has them
	Unit             int       // numbers that are probabilities
	Low, High        int       // of these: at most Near, at least 1 − Near
	Repeated         float64   // the value that occurs most often
	Repeats          int       // how often at least; see API.md

	LengthCorrelation ops.Maybe // of the tokens read and the number
	Drift             ops.Maybe // from First to Last, in deviations
	First, Last       WindowReport
}

// WindowReport tells of a window of numbers; it has none where Count is 0.
type WindowReport struct {
	Count           int
	Mean, Deviation ops.Maybe
}

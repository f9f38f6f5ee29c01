package metrics

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/commands/evaluation/samples"
	"github.com/assay-rm/assay/rewards/ops"
)

// golden is testdata/golden.json, which golden.py beside it makes from the formulas of the published code.
type golden struct {
	Pairs struct {
		Margins                            []float64
		Accuracy, ECE, Temperature, Fitted float64
		LogLoss                            float64 `json:"log_loss"`
		Counts                             []int
	}
	FirstErrors struct {
		Label, Found    []int
		F1              float64
		ErrorAccuracy   float64 `json:"error_accuracy"`
		CorrectAccuracy float64 `json:"correct_accuracy"`
	} `json:"first_errors"`
	StepLabels struct {
		Rows []struct {
			Valid []bool
			Wrong []int
		}
		F1                 float64
		NegativeF1         float64 `json:"negative_f1"`
		PRMScore           float64 `json:"prm_score"`
		FirstErrorAccuracy float64 `json:"first_error_accuracy"`
	} `json:"step_labels"`
	OneOfMany struct {
		Rows                  []struct{ Right, Wrong []float64 }
		Credit, Accuracy, MRR float64
		AccuracyWithTies      float64 `json:"accuracy_with_ties"`
	} `json:"one_of_many"`
	Ties struct {
		Rows []struct {
			Prompt       int
			Kind         string
			Right, Wrong []float64
		}
		TiesScore     float64 `json:"ties_score"`
		RefAccuracy   float64 `json:"ref_accuracy"`
		TiedAccuracy  float64 `json:"tied_accuracy"`
		Preferred     float64 `json:"correctness_preferred"`
		PreferredHard float64 `json:"correctness_preferred_hard"`
		Margin        float64 `json:"correctness_margin"`
	}
	BestOfN []struct {
		Scores     []float64
		Correct    []bool
		Best, Pass map[string]float64
	} `json:"best_of_n"`
	Graded struct {
		Rows                             []struct{ Scores, Grades []float64 }
		Kendall, Spearman, NDCG, Pearson float64
	}
	Percentiles struct{ Values, Q, Of []float64 }
}

func read(t *testing.T) (g golden) {
	t.Helper()
	text, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// held compares the metrics of a sample with the reference's, to 1e-12, by name.
func held(t *testing.T, s *samples.Sample, want map[string]float64) {
	t.Helper()
	sums, left := s.Total(), len(want)
	for _, m := range s.Family.Metrics {
		value, ok := want[m.Name]
		if !ok {
			continue
		}
		left--
		if have := m.Of(sums); !have.Known || math.Abs(have.Value-value) > 1e-12 {
			t.Errorf("%s is %v, and the reference's is %.17g", m.Name, have, value)
		}
	}
	if left > 0 {
		t.Errorf("%d of the metrics %v were not computed", left, want)
	}
}

func TestPairs(t *testing.T) {
	g := read(t).Pairs
	s := &samples.Sample{Family: Pairs()}
	for _, m := range g.Margins {
		s.Add(Pair(m > 0, m))
	}
	held(t, s, map[string]float64{"accuracy": g.Accuracy, "log_loss": g.LogLoss, "ece": g.ECE})
	var counts []int
	for _, bin := range Reliability(s.Total()) {
		counts = append(counts, bin.Count)
		if bin.Count > 0 && (*bin.Confidence < bin.Low || *bin.Confidence > bin.High) {
			t.Errorf("a mean confidence of %g in the bin from %g to %g", *bin.Confidence, bin.Low, bin.High)
		}
	}
	if diff := cmp.Diff(g.Counts, counts); diff != "" {
		t.Error(diff)
	}
}

// loss is the mean log loss at a temperature, by numbers that overflow nowhere near the golden margins.
func loss(t *testing.T, margins []float64, temperature float64) float64 {
	t.Helper()
	sum := 0.0
	for _, m := range margins {
		sum += math.Log1p(math.Exp(-m / temperature))
	}
	return sum / float64(len(margins))
}

func TestTemperature(t *testing.T) {
	g := read(t).Pairs
	have, err := fitTemperature(g.Margins)
	if err != nil || math.Abs(have-g.Temperature) > 1e-5 {
		t.Errorf("the temperature is %g, %v, and SciPy's is %g", have, err, g.Temperature)
	}
	if math.Abs(loss(t, g.Margins, have)-loss(t, g.Margins, g.Temperature)) > 1e-12 || loss(t, g.Margins, have) > loss(t, g.Margins, g.Temperature)+1e-15 {
		t.Errorf("the loss at %g is above that of SciPy's", have)
	}
	for _, margins := range [][]float64{nil, {1, 2, 0.5}, {-1, -2}, {1, -1}, {0, 0}} {
		if have, err := fitTemperature(margins); err == nil {
			t.Errorf("%v: a temperature of %g fits, and none does", margins, have)
		}
	}
	first, second := halves(101, 7)
	if all := slices.Sorted(slices.Values(slices.Concat(first, second))); len(first) != 50 || len(all) != 101 || all[0] != 0 || all[100] != 100 || len(slices.Compact(all)) != 101 {
		t.Errorf("%d and %d of 101", len(first), len(second))
	}
}

func TestFirstErrors(t *testing.T) {
	g := read(t).FirstErrors
	s := &samples.Sample{Family: FirstErrors()}
	for i, label := range g.Label {
		s.Add(FirstError(label >= 0, label == g.Found[i]))
	}
	held(t, s, map[string]float64{"f1": g.F1, "error_accuracy": g.ErrorAccuracy, "correct_accuracy": g.CorrectAccuracy})
	none := &samples.Sample{Family: FirstErrors()}
	none.Add(FirstError(true, false))
	if f1 := none.Family.Metrics[0].Of(none.Total()); f1.Known {
		t.Error("F1 without a right solution is not known")
	}
	none.Add(FirstError(false, false))
	if f1 := none.Family.Metrics[0].Of(none.Total()); f1 != ops.Some(0) {
		t.Errorf("F1 of nothing found is %v", f1)
	}
}

func TestStepLabels(t *testing.T) {
	g := read(t).StepLabels
	s := &samples.Sample{Family: StepLabels()}
	for _, row := range g.Rows {
		var steps Steps
		for i, valid := range row.Valid {
			switch wrong := slices.Contains(row.Wrong, i); {
			case valid && wrong:
				steps.FP++
			case valid:
				steps.TP++
			case wrong:
				steps.TN++
			default:
				steps.FN++
			}
		}
		if len(row.Wrong) > 0 {
			steps.First = ops.Some(one(!row.Valid[row.Wrong[0]]))
		}
		s.Add(steps.Unit())
	}
	held(t, s, map[string]float64{
		"f1": g.F1, "negative_f1": g.NegativeF1, "prm_score": g.PRMScore, "first_error_accuracy": g.FirstErrorAccuracy,
	})
}

func TestOneOfMany(t *testing.T) {
	g := read(t).OneOfMany
	credits, against := &samples.Sample{Family: Credits()}, &samples.Sample{Family: Against()}
	for _, row := range g.Rows {
		credits.Add(OneOfMany(row.Right, row.Wrong))
		against.Add(OneOfMany(row.Right, row.Wrong))
	}
	held(t, credits, map[string]float64{"accuracy": g.Credit})
	held(t, against, map[string]float64{"accuracy": g.Accuracy, "accuracy_with_ties": g.AccuracyWithTies, "mrr": g.MRR})
}

func TestTies(t *testing.T) {
	g := read(t).Ties
	of := map[int]map[string]*Spread{}
	for _, row := range g.Rows {
		if of[row.Prompt] == nil {
			of[row.Prompt] = map[string]*Spread{}
		}
		of[row.Prompt][row.Kind] = new(NewSpread(row.Right, row.Wrong))
	}
	s := &samples.Sample{Family: Ties()}
	for prompt := range 40 {
		s.Add(Tie(of[prompt]["ref"], of[prompt]["tied"]))
	}
	held(t, s, map[string]float64{
		"ties_score": g.TiesScore, "ref_accuracy": g.RefAccuracy, "tied_accuracy": g.TiedAccuracy, "correctness_preferred": g.Preferred,
		"correctness_preferred_hard": g.PreferredHard, "correctness_margin": g.Margin,
	})
}

func TestBestOf(t *testing.T) {
	for i, row := range read(t).BestOfN {
		s := &samples.Sample{Family: BestOfN()}
		s.Add(BestOf(row.Scores, row.Correct, true))
		want := map[string]float64{"accuracy": 1}
		for n := range row.Best {
			want["best_of_"+n], want["pass_at_"+n] = row.Best[n], row.Pass[n]
		}
		t.Run(strconv.Itoa(i), func(t *testing.T) { held(t, s, want) })
	}
}

func TestGraded(t *testing.T) {
	g := read(t).Graded
	s := &samples.Sample{Family: Grades()}
	for _, row := range g.Rows {
		unit, err := Graded(row.Scores, row.Grades)
		if err != nil {
			t.Fatal(err)
		}
		s.Add(unit)
	}
	held(t, s, map[string]float64{"kendall": g.Kendall, "spearman": g.Spearman, "ndcg": g.NDCG, "pearson": g.Pearson})
	if _, err := Graded([]float64{1, 2}, []float64{1, -1}); err == nil {
		t.Error("a negative grade has no gain")
	}
	alone := &samples.Sample{Family: Grades()}
	unit, err := Graded([]float64{1}, []float64{0})
	if err != nil {
		t.Fatal(err)
	}
	alone.Add(unit)
	for _, m := range alone.Family.Metrics {
		if value := m.Of(alone.Total()); value.Known {
			t.Errorf("%s of one response is %v", m.Name, value)
		}
	}
}

func TestStances(t *testing.T) {
	s := &samples.Sample{Family: Stances()}
	for _, p := range [][2]float64{{-1, 2}, {-2, -1}, {1, 0.5}, {-0.5, 0}} {
		s.Add(Stance(p[0], p[1], 0))
	}
	held(t, s, map[string]float64{"stance_change": (3 + 1 - 0.5 + 0.5) / 4, "rose": 0.75, "flip_rate": 2.0 / 3})
}

func TestPercentile(t *testing.T) {
	g := read(t).Percentiles
	for i, q := range g.Q {
		if have := samples.Percentile(g.Values, q); math.Abs(have-g.Of[i]) > 1e-14 {
			t.Errorf("percentile %g is %g, want %g", q, have, g.Of[i])
		}
	}
}

// TestResample: draws are the same for a seed, others for another one, and spread as the binomial distribution says.
func TestResample(t *testing.T) {
	s := &samples.Sample{Family: FirstErrors()}
	for i := range 200 {
		s.Add(FirstError(true, i < 140))
	}
	draw := func(seed uint64) []float64 {
		shares := make([]float64, 4000)
		samples.Resample([]*samples.Sample{s, {Family: Pairs()}}, len(shares), seed, func(i int, sums [][]float64) { shares[i] = sums[0][1] / sums[0][0] })
		return shares
	}
	one := draw(1)
	if diff := cmp.Diff(one, draw(1)); diff != "" {
		t.Error("a seed gives two bootstraps")
	}
	if cmp.Equal(one, draw(2)) {
		t.Error("two seeds give one bootstrap")
	}
	deviation := math.Sqrt(0.7 * 0.3 / 200)
	if low, high := samples.Percentile(one, 0.025), samples.Percentile(one, 0.975); math.Abs(low-(0.7-1.96*deviation)) > 0.01 || math.Abs(high-(0.7+1.96*deviation)) > 0.01 {
		t.Errorf("the interval is [%g, %g]", low, high)
	}
}

// TestCalibrate: the temperature is that of one half, and the proof is of the other.
func TestCalibrate(t *testing.T) {
	margins := read(t).Pairs.Margins
	proof, err := Calibrate(margins, 300, 3)
	if err != nil {
		t.Fatal(err)
	}
	var parts [2][]float64
	first, second := halves(len(margins), 3)
	for i, half := range [][]int{first, second} {
		for _, at := range half {
			parts[i] = append(parts[i], margins[at])
		}
	}
	temperature, err := fitTemperature(parts[0])
	if err != nil || proof.Temperature != temperature || proof.Fitted != len(first) || proof.Held != len(second) {
		t.Errorf("%+v, and the first half's temperature is %g, %v", proof, temperature, err)
	}
	before, after := loss(t, parts[1], 1), loss(t, parts[1], temperature)
	if math.Abs(proof.LogLoss.Before-before) > 1e-12 || math.Abs(proof.LogLoss.After-after) > 1e-12 {
		t.Errorf("the log loss goes from %g to %g, want %g and %g", proof.LogLoss.Before, proof.LogLoss.After, before, after)
	}
	if gain := proof.LogLoss.Gain; gain[0] > before-after || gain[1] < before-after || gain[0] >= gain[1] {
		t.Errorf("a fall of %g lies outside of %v", before-after, gain)
	}
	// Margins that are as sure as they are right already: what is fitted to one half is worse on the other.
	for seed := range uint64(100) {
		if _, err := Calibrate([]float64{1.1, 1.1, 1.1, -1.1, 1.1, 1.1, 1.1, -1.1}, 10, seed); err != nil {
			if !strings.Contains(err.Error(), "proves nothing: on the 4 pairs") && !strings.Contains(err.Error(), "fits") {
				t.Error(err)
			}
			return
		}
	}
	t.Error("every temperature proves something")
}

package evaluation

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/assay-rm/assay/commands/bulk"
	"github.com/assay-rm/assay/commands/evaluation/games"
)

// goldenLogs is games/testdata/golden.json, which golden.py beside it makes from the papers' formulas.
type goldenLogs struct {
	Games struct {
		Rows  []json.RawMessage
		Each  []map[string]float64
		Means map[string]map[string]struct {
			Value float64
			N     int
		}
	}
	Debates struct {
		Rows      []json.RawMessage
		Scenarios map[string]struct {
			Count  float64 `json:"count_over_repetitions"`
			Claims int
			Bars   []int
		}
	}
}

func readLogs(t *testing.T) (g goldenLogs) {
	t.Helper()
	text, err := os.ReadFile("games/testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func linesOf(rows []json.RawMessage) string {
	var text strings.Builder
	for _, row := range rows {
		text.Write(row)
		text.WriteByte('\n')
	}
	return text.String()
}

// logs are a file's splits, measured without an engine and without a model.
func logs(t *testing.T, format string, rows []json.RawMessage) map[string]Split {
	t.Helper()
	jobs, err := Jobs(nil, "", []*Data{inMemory(t, format, linesOf(rows))})
	if err != nil {
		t.Fatal(err)
	}
	if err := Run(t.Context(), nil, jobs, &Options{}, nil, &bulk.Progress{}); err != nil {
		t.Fatal(err)
	}
	result := NewReport(jobs, 20, 1).Results[0]
	if result.Model != "" || result.Failed != 0 || result.Rows != len(rows) || len(result.Overall) != 0 {
		t.Errorf("model %q, %d rows of %d, %d failed, together %v", result.Model, result.Rows, len(rows), result.Failed, result.Overall)
	}
	return result.Splits
}

// TestGamesOfGLEE: each game comes to the reference's numbers and to no other ones, and so do the means of each kind.
func TestGamesOfGLEE(t *testing.T) {
	golden := readLogs(t).Games
	family := games.Family()
	for i, text := range golden.Rows {
		r, wrong := decodeRow(text)
		if wrong != nil {
			t.Fatal(wrong)
		}
		all, wrong := formatOf("glee").examples(r)
		if wrong != nil {
			t.Fatalf("%s: %v", text, wrong)
		}
		for _, m := range family.Metrics {
			have := m.Of(all[0].log)
			want, known := golden.Each[i][m.Name]
			if have.Known != known || math.Abs(have.Value-want) > 1e-12 {
				t.Errorf("%s: %s is %v, want %v, %v", text, m.Name, have, want, known)
			}
		}
	}
	splits := logs(t, "", golden.Rows)
	for game, of := range golden.Means {
		have := splits[game].Metrics
		if len(have) != len(of) {
			t.Errorf("%s has %d metrics, want %d", game, len(have), len(of))
		}
		for name, want := range of {
			if got := have[name]; math.Abs(got.Value-want.Value) > 1e-12 || got.N != want.N || got.Low == nil {
				t.Errorf("%s of %s is %+v, want %+v", name, game, got, want)
			}
		}
	}
}

// TestDebatesOfLOGICOM: the successes of each scenario, over repetitions and by claim.
func TestDebatesOfLOGICOM(t *testing.T) {
	golden := readLogs(t).Debates
	splits := logs(t, "debates", golden.Rows)
	for scenario, want := range golden.Scenarios {
		have := splits[scenario]
		if rate := have.Metrics["success_rate"]; math.Abs(rate.Value*float64(rate.N)-want.Count) > 1e-12 || rate.N != want.Claims || have.Count != want.Claims {
			t.Errorf("%s: %+v, want %+v", scenario, rate, want)
		}
		for i, name := range []string{"won_0", "won_1", "won_2", "won_3_or_more"} {
			if share := have.Metrics[name].Value; math.Abs(share*float64(want.Claims)-float64(want.Bars[i])) > 1e-12 {
				t.Errorf("%s: %s is %g of %d claims, want %d", scenario, name, share, want.Claims, want.Bars[i])
			}
		}
	}
}

// TestLogsThatAreWrong are refused by the column.
func TestLogsThatAreWrong(t *testing.T) {
	for text, want := range map[string]string{
		`{"game":"chess"}`:      `game: is "chess", and must be bargaining, negotiation or persuasion`,
		`{"game":"bargaining"}`: `share: is missing`,
		`{"game":"bargaining","share":2,"round":1,"first_discount":1,"second_discount":1}`:     `share: is 2, and must be between 0 and 1`,
		`{"game":"bargaining","share":0.5,"round":0,"first_discount":1,"second_discount":1}`:   `round: is 0, and must be between 1 and 2.147483647e+09`,
		`{"game":"bargaining","share":0.5,"round":1.5,"first_discount":1,"second_discount":1}`: `round: expected a whole number`,
		`{"game":"bargaining","share":null,"first_discount":1,"second_discount":1.5}`:          `second_discount: is 1.5, and must be between 0 and 1`,
		`{"game":"negotiation","seller_value":1,"buyer_value":1}`:                              `price: is missing`,
		`{"game":"negotiation","price":"1","seller_value":1,"buyer_value":1}`:                  `price: expected a number`,
		`{"game":"negotiation","price":1e300,"seller_value":1,"buyer_value":1}`:                `game: what it came to is not a finite number`,
		`{"game":"persuasion","good":[true],"bought":[]}`:                                      `bought: has 0 values, and good has 1: there is one of each round, and at least one round`,
		`{"game":"persuasion","good":[],"bought":[]}`:                                          `bought: has 0 values, and good has 0: there is one of each round, and at least one round`,
		`{"game":"persuasion","good":[true],"bought":[1]}`:                                     `bought: expected a list of true and false`,
		`{"game":"persuasion","good":[true],"bought":[true],"value":"much"}`:                   `value: expected a number`,
		`{"claim":"c","scenario":"s","success":"yes"}`:                                         `success: expected true or false`,
		`{"claim":null,"scenario":"s","success":true}`:                                         `claim: is missing`,
	} {
		r, wrong := decodeRow([]byte(text))
		if wrong != nil {
			t.Fatal(wrong)
		}
		f, wrong := found(r)
		if wrong != nil {
			t.Fatalf("%s: %v", text, wrong)
		}
		if _, wrong := f.examples(r); wrong == nil || wrong.Detail != want {
			t.Errorf("%s: %v, want %s", text, wrong, want)
		}
	}
}

package server

import (
	"bufio"
	"context"
	"encoding/json"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/builtin"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/server/wire"
)

// embeddedServer serves the embedded bundles, those that are named among them, until the test ends.
func embeddedServer(t *testing.T, named ...string) *Server {
	t.Helper()
	var all []*models.Model
	var running sync.WaitGroup
	t.Cleanup(func() {
		for _, m := range all {
			m.Close()
		}
		running.Wait()
	})
	sources := builtin.Sources()
	for _, name := range named {
		source, err := builtin.Source(builtin.Prefix + name)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, source)
	}
	for _, source := range sources {
		m, err := models.Open(t.Context(), source, models.Options{Tokens: 512, Cache: 64 << 20})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
		running.Go(func() {
			if err := m.Run(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
		})
	}
	registry, err := models.NewRegistry(all...)
	if err != nil {
		t.Fatal(err)
	}
	return newServer(t, served{rewards.New(registry), registry}, Options{})
}

// heldout reads a held-out file: problems that no model was trained on.
func heldout[T any](t *testing.T, name string) []T {
	t.Helper()
	file, err := builtin.Heldout.Open("heldout/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() //nolint:errcheck // opened for reading
	var rows []T
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var row T
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		t.Fatalf("%s is empty", name)
	}
	return rows
}

// card is the model card's table, by split.
type card struct {
	RM struct {
		Best map[string]struct{ Accuracy float64 } `json:"best_of_8"`
	} `json:"arith-rm"`
	PRM struct {
		Steps map[string]struct {
			F1      float64
			Error   float64 `json:"error_accuracy"`
			Correct float64 `json:"correct_accuracy"`
		}
	} `json:"arith-prm"`
}

func readCard(t *testing.T) card {
	t.Helper()
	data, err := builtin.Heldout.ReadFile("heldout/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	var c card
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// share counts hits of tries.
type share struct{ hits, tries float64 }

func (s *share) add(hit bool) {
	s.tries++
	if hit {
		s.hits++
	}
}

func (s *share) value() float64 { return s.hits / s.tries }

// asJSON writes a request body.
func asJSON(tb testing.TB, value any) string {
	tb.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

// TestRankPicksAsOftenAsTheCardSays asks for the best of eight held-out responses to each problem.
func TestRankPicksAsOftenAsTheCardSays(t *testing.T) {
	s, want := embeddedServer(t), readCard(t)
	found := map[string]*share{}
	for _, row := range heldout[struct {
		Split, Prompt string
		Responses     []string
		Correct       []bool
	}](t, "best_of_8.jsonl") {
		got := do(t, s, "POST", "/v1/rank", asJSON(t, map[string]any{"prompt": row.Prompt, "responses": row.Responses, "n": 1}))
		answer := decoded[wire.RankAnswer](t, got)
		if got.status != 200 || answer.Best == nil {
			t.Fatalf("%d %s", got.status, got.body)
		}
		if found[row.Split] == nil {
			found[row.Split] = &share{}
		}
		found[row.Split].add(row.Correct[*answer.Best])
	}
	for split, say := range want.RM.Best {
		if got := found[split].value(); math.Abs(got-say.Accuracy) > 0.5/found[split].tries {
			t.Errorf("%s: best of 8 is right in %.4f, and the card says %.4f", split, got, say.Accuracy)
		}
	}
}

// TestStepsMarksTheWrongStep asks for the first error of each held-out solution.
func TestStepsMarksTheWrongStep(t *testing.T) {
	s, want := embeddedServer(t), readCard(t)
	erroneous, correct := map[string]*share{"in": {}, "hard": {}}, map[string]*share{"in": {}, "hard": {}}
	for _, row := range heldout[struct {
		Split, Prompt string
		Steps         []string
		First         *int `json:"first_error"`
	}](t, "steps.jsonl") {
		body := map[string]any{"items": []any{map[string]any{"prompt": row.Prompt, "steps": row.Steps}}}
		got := do(t, s, "POST", "/v1/steps", asJSON(t, body))
		answer := decoded[wire.StepsAnswer](t, got)
		if got.status != 200 || len(answer.Results) != 1 || len(answer.Results[0].Steps) != len(row.Steps) {
			t.Fatalf("%d %s", got.status, got.body)
		}
		first := answer.Results[0].FirstError
		if row.First == nil {
			correct[row.Split].add(first == nil)
		} else {
			erroneous[row.Split].add(first != nil && *first == *row.First)
		}
	}
	for split, say := range want.PRM.Steps {
		a, b := erroneous[split], correct[split]
		if math.Abs(a.value()-say.Error) > 0.5/a.tries || math.Abs(b.value()-say.Correct) > 0.5/b.tries {
			t.Errorf("%s: %.4f of the errors and %.4f of the right ones found, and the card says %.4f and %.4f",
				split, a.value(), b.value(), say.Error, say.Correct)
		}
	}
}

// TestUnknownModelNamesTheEmbeddedOnes is what a newcomer who guesses a name reads.
func TestUnknownModelNamesTheEmbeddedOnes(t *testing.T) {
	s := embeddedServer(t)
	p := refusal(t, do(t, s, "POST", "/v1/score", `{"model":"gpt","items":[{"text":"a"}]}`))
	if p.Code != fault.CodeModel || !strings.Contains(p.Detail, "arith-rm, arith-prm") {
		t.Errorf("%+v", p)
	}
}

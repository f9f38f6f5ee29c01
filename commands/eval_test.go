package commands

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/commands/bulk"
	"github.com/assay-rm/assay/commands/evaluation"
	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/builtin"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards/ops"
)

// evaluated loads one bundle and measures it on rows.
func evaluated(t *testing.T, dir string, m evaluation.Measure, rows ...any) evaluation.Metrics {
	t.Helper()
	loaded, err := load(t.Context(), []models.Source{models.Dir(dir)}, models.Options{Runtime: runtimeFile(t), Tokens: 512})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := loaded.stop(); err != nil {
			t.Error(err)
		}
	}()
	var text strings.Builder
	for _, row := range rows {
		if err := json.NewEncoder(&text).Encode(row); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "rows.jsonl")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	engine := loaded.engine()
	data := evaluation.Data{Measure: m, Name: file, Open: func() (fs.File, error) { return os.Open(file) }}
	jobs, _, err := evaluation.Jobs(engine.Models(), "", []evaluation.Data{data})
	if err != nil {
		t.Fatal(err)
	}
	options := evaluation.Options{Separator: "\n", Threshold: ops.Some(0.5), Truncate: encode.TruncateError}
	report, err := evaluation.Run(t.Context(), engine, jobs, options, &bulk.Progress{})
	if err != nil {
		t.Fatal(err)
	}
	for _, of := range report.Document() {
		for _, splits := range of {
			return splits["all"]
		}
	}
	t.Fatal("nothing was measured")
	return evaluation.Metrics{}
}

// TestEvalOfModelsThatCompare: pairs and samples are measured by the preference, which the golden pairs tell.
func TestEvalOfModelsThatCompare(t *testing.T) {
	for _, name := range []string{"pairrm", "rlhflow-pair", "gpm-llama"} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(families, name)
			data, err := os.ReadFile(filepath.Join(dir, "golden.jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			var pairs, samples []any
			hits := 0
			for line := range strings.Lines(string(data)) {
				var golden struct {
					Pair struct {
						Prompt           *string
						Chosen, Rejected string
					}
					Probability float64
				}
				if err := json.Unmarshal([]byte(line), &golden); err != nil {
					t.Fatal(err)
				}
				pair := golden.Pair
				if pair.Prompt == nil {
					continue
				}
				pairs = append(pairs, map[string]any{"prompt": pair.Prompt, "chosen": pair.Chosen, "rejected": pair.Rejected})
				samples = append(samples, map[string]any{
					"prompt": pair.Prompt, "responses": []string{pair.Rejected, pair.Chosen}, "correct": []bool{false, true},
				})
				if golden.Probability > 0.5 {
					hits++
				}
			}
			share := new(float64(hits) / float64(len(pairs)))
			if diff := cmp.Diff(evaluation.Metrics{Count: len(pairs), Accuracy: share}, evaluated(t, dir, evaluation.Pairs, pairs...)); diff != "" {
				t.Errorf("pairs: %s", diff)
			}
			want := evaluation.Metrics{Count: len(pairs), Accuracy: share, Sampler: new(0.5)}
			if diff := cmp.Diff(want, evaluated(t, dir, evaluation.BestOf, samples...)); diff != "" {
				t.Errorf("samples: %s", diff)
			}
		})
	}
}

// TestEvalOfModelsThatScore: the same rows of a reward model and, for the samples, of a process model and of one that
// compares; a row that fails is counted, and so is one that is more than one request may be.
func TestEvalOfModelsThatScore(t *testing.T) {
	pair := map[string]any{"prompt": "2+2?", "chosen": "4", "rejected": "5"}
	sample := map[string]any{"prompt": "2+2?", "responses": []string{"4", "5", "6"}, "correct": []bool{true, true, true}}
	long := map[string]any{"prompt": "2+2?", "responses": []string{strings.Repeat("4 ", 999), "5", "6"}, "correct": []bool{true, true, true}}
	over := models.DefaultBudget().Items + 1
	many := map[string]any{"prompt": "2+2?", "responses": slices.Repeat([]string{"4"}, over), "correct": slices.Repeat([]bool{true}, over)}
	bundles := filepath.Join("..", "models", "testdata", "bundles")
	if got := evaluated(t, filepath.Join(bundles, "qwen3-reward-packed"), evaluation.Pairs, pair); got.Count != 1 || got.Accuracy == nil {
		t.Errorf("pairs of a reward model: %+v", got)
	}
	for _, dir := range []string{
		filepath.Join(bundles, "qwen3-reward-packed"), filepath.Join(bundles, "qwen3-process-packed"), filepath.Join(families, "gpm-llama"),
	} {
		want := evaluation.Metrics{Count: 2, Failed: 2, Accuracy: new(1.0), Sampler: new(1.0)}
		if diff := cmp.Diff(want, evaluated(t, dir, evaluation.BestOf, sample, many, long, sample)); diff != "" {
			t.Errorf("%s: %s", dir, diff)
		}
	}
}

func TestCard(t *testing.T) {
	text, err := fs.ReadFile(builtin.Heldout, "heldout/expected.json")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the embedded models have no card yet")
	}
	if err != nil {
		t.Fatal(err)
	}
	if testing.Short() {
		t.Skip("it measures everything")
	}
	cmd := assay(t, "eval", "--json")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	var want, have any
	if err := errors.Join(json.Unmarshal(text, &want), json.Unmarshal(out, &have)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Error(diff)
	}
}

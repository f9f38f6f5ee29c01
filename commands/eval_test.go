package commands

import (
	"encoding/json"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/manifest"
)

// evaluated loads one bundle and measures it on rows.
func evaluated(t *testing.T, dir string, m measure, rows ...any) metrics {
	t.Helper()
	loaded, err := load(t.Context(), []models.Source{models.Dir(dir)}, models.Options{Runtime: runtimeFile(t), Tokens: 512}, slog.New(slog.DiscardHandler))
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
	data := dataset{m, file, func() (fs.File, error) { return os.Open(file) }}
	command := evalCommand{Separator: "\n", Threshold: 0.5, Truncate: encode.TruncateError}
	all, err := command.measure(t.Context(), engine, job{engine.Models()[0], data}, &progress{})
	if err != nil {
		t.Fatal(err)
	}
	return all.splits["all"].metrics()
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
			if diff := cmp.Diff(metrics{Count: len(pairs), Accuracy: share}, evaluated(t, dir, measurePairs, pairs...)); diff != "" {
				t.Errorf("pairs: %s", diff)
			}
			want := metrics{Count: len(pairs), Accuracy: share, Sampler: new(0.5)}
			if diff := cmp.Diff(want, evaluated(t, dir, measureBestOf, samples...)); diff != "" {
				t.Errorf("samples: %s", diff)
			}
		})
	}
}

// TestEvalOfModelsThatScore: the same rows of a reward model and, for the samples, of a process model; a row that fails is counted.
func TestEvalOfModelsThatScore(t *testing.T) {
	pair := map[string]any{"prompt": "2+2?", "chosen": "4", "rejected": "5"}
	sample := map[string]any{"prompt": "2+2?", "responses": []string{"4", "5", "6"}, "correct": []bool{true, true, true}}
	long := map[string]any{"prompt": "2+2?", "responses": []string{strings.Repeat("4 ", 999), "5", "6"}, "correct": []bool{true, true, true}}
	bundles := filepath.Join("..", "models", "testdata", "bundles")
	if got := evaluated(t, filepath.Join(bundles, "qwen3-reward-packed"), measurePairs, pair); got.Count != 1 || got.Accuracy == nil {
		t.Errorf("pairs of a reward model: %+v", got)
	}
	for _, dir := range []string{
		filepath.Join(bundles, "qwen3-reward-packed"), filepath.Join(bundles, "qwen3-process-packed"), filepath.Join(families, "gpm-llama"),
	} {
		want := metrics{Count: 1, Failed: 1, Accuracy: new(1.0), Sampler: new(1.0)}
		if diff := cmp.Diff(want, evaluated(t, dir, measureBestOf, sample, long)); diff != "" {
			t.Errorf("%s: %s", dir, diff)
		}
	}
}

// TestWhatAKindIsMeasuredFor names the files that each kind of model answers.
func TestWhatAKindIsMeasuredFor(t *testing.T) {
	for kind, want := range map[manifest.Kind][]measure{
		manifest.KindReward: {measurePairs, measureBestOf}, manifest.KindPair: {measurePairs, measureBestOf},
		manifest.KindPreference: {measurePairs, measureBestOf}, manifest.KindProcess: {measureSteps, measureBestOf},
	} {
		var have []measure
		for _, m := range []measure{measurePairs, measureSteps, measureBestOf} {
			if m.suits(kind) {
				have = append(have, m)
			}
		}
		if diff := cmp.Diff(want, have); diff != "" {
			t.Errorf("%s: %s", kind, diff)
		}
	}
}

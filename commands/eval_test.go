package commands

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/commands/bulk"
	"github.com/assay-rm/assay/commands/evaluation"
	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/builtin"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards/ops"
)

// evaluated loads one bundle and measures it on rows.
func evaluated(t *testing.T, dir, format string, rows ...any) evaluation.Short {
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
	data, err := evaluation.Inspect(t.Context(), file, format, func() (evaluation.File, error) { return os.Open(file) })
	if err != nil {
		t.Fatal(err)
	}
	jobs, err := evaluation.Jobs(engine.Models(), "", []*evaluation.Data{data})
	if err != nil {
		t.Fatal(err)
	}
	options := &evaluation.Options{Separator: "\n", Threshold: ops.Some(0.5), Truncate: encode.TruncateError}
	if err := evaluation.Run(t.Context(), engine, jobs, options, nil, &bulk.Progress{}); err != nil {
		t.Fatal(err)
	}
	for _, of := range evaluation.NewReport(jobs, 10, 1).Document() {
		for _, splits := range of {
			return splits["all"]
		}
	}
	t.Fatal("nothing was measured")
	return evaluation.Short{}
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
			if diff := cmp.Diff(evaluation.Short{Count: len(pairs), Accuracy: share}, evaluated(t, dir, "pairs", pairs...)); diff != "" {
				t.Errorf("pairs: %s", diff)
			}
			want := evaluation.Short{Count: len(pairs), Accuracy: share, Sampler: new(0.5)}
			if diff := cmp.Diff(want, evaluated(t, dir, "best-of", samples...)); diff != "" {
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
	if got := evaluated(t, filepath.Join(bundles, "qwen3-reward-packed"), "pairs", pair); got.Count != 1 || got.Accuracy == nil {
		t.Errorf("pairs of a reward model: %+v", got)
	}
	for _, dir := range []string{
		filepath.Join(bundles, "qwen3-reward-packed"), filepath.Join(bundles, "qwen3-process-packed"), filepath.Join(families, "gpm-llama"),
	} {
		want := evaluation.Short{Count: 2, Failed: 2, Accuracy: new(1.0), Sampler: new(1.0)}
		if diff := cmp.Diff(want, evaluated(t, dir, "best-of", sample, many, long, sample)); diff != "" {
			t.Errorf("%s: %s", dir, diff)
		}
	}
}

// TestKilledEvalGoesOn: the process is killed as soon as the journal has rows, again and again, and the report is that
// of a run that was let be.
func TestKilledEvalGoesOn(t *testing.T) {
	dir := t.TempDir()
	var text strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&text, "{\"prompt\": \"%d + 1?\", \"chosen\": \"%d\", \"rejected\": \"%d\"}\n", i, i+1, i+2)
	}
	rows := filepath.Join(dir, "rows.jsonl")
	if err := os.WriteFile(rows, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	bundle := filepath.Join("..", "models", "testdata", "bundles", "qwen3-reward-packed")
	eval := func(report string) *exec.Cmd {
		return assay(t, "eval", "--bundle", bundle, "--threads", "1", "--pairs", rows, "--draws", "100", "--report", filepath.Join(dir, report))
	}
	if out, err := eval("whole").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	journal := filepath.Join(dir, "parts.journal")
	kept := 0
	for range 3 {
		cmd := eval("parts")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for wait := time.Now(); time.Since(wait) < time.Minute; time.Sleep(time.Millisecond) {
			text, err := os.ReadFile(journal)
			if n := bytes.Count(text, []byte{'\n'}); err == nil && n > kept+100 {
				kept = n
				break
			}
		}
		if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
		cmd.Wait() //nolint:errcheck // it was killed
	}
	out, err := eval("parts").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "assay: going on behind the ") {
		t.Fatalf("%v: %s", err, out)
	}
	var reports [2]string
	for i, name := range []string{"whole", "parts"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		reports[i] = string(text)
	}
	if diff := cmp.Diff(reports[0], reports[1]); diff != "" || kept < 300 {
		t.Errorf("behind %d rows: %s", kept, diff)
	}
	if _, err := os.Stat(journal); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the journal is left: %v", err)
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
	cmd := assay(t, "eval", "--json", "--batch-tokens", "0")
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

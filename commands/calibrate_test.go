package commands

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/ops"
)

// TestCalibratedPreferences: a temperature of 2 halves the log-odds of every kind of preference, and nothing else; the
// golden pairs, which know none, still hold.
func TestCalibratedPreferences(t *testing.T) {
	for _, dir := range []string{
		filepath.Join(fixtures, "qwen3-reward-packed"), filepath.Join(families, "pairrm"), filepath.Join(families, "rlhflow-pair"), filepath.Join(families, "gpm-llama"),
	} {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			plain := answersOf(t, dir)
			cooled := filepath.Join(t.TempDir(), "bundle")
			if err := os.CopyFS(cooled, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(filepath.Join(cooled, manifest.File))
			if err != nil {
				t.Fatal(err)
			}
			text = append(text, "\ncalibration: {temperature: 2, pairs: 40, seed: 1, log_loss: {before: 1, after: 0.5, gain: [0.4, 0.6]}}\n"...)
			if err := os.WriteFile(filepath.Join(cooled, manifest.File), text, 0o600); err != nil {
				t.Fatal(err)
			}
			halved := answersOf(t, cooled)
			for i := range plain.Pairs {
				one, other := &plain.Pairs[i], &halved.Pairs[i]
				if one.Err != nil || other.Err != nil || other.Margin != one.Margin/2 || other.Probability != ops.Sigmoid(one.Margin/2) {
					t.Errorf("pair %d: %+v, and calibrated %+v", i, one, other)
				}
				if diff := cmp.Diff(one.Chosen, other.Chosen); diff != "" {
					t.Errorf("the score of pair %d changed: %s", i, diff)
				}
			}
			if last := halved.Transforms[len(halved.Transforms)-1]; !strings.HasSuffix(last, " / temperature 2") {
				t.Errorf("the last transform is %q", last)
			}
		})
	}
}

// answersOf holds a bundle to its golden pairs and asks it about some pairs.
func answersOf(t *testing.T, dir string) rewards.Answer {
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
	m := loaded.registry.All()[0]
	pairs, err := m.Golden()
	if err != nil || len(pairs) == 0 {
		t.Fatalf("%d golden pairs, %v", len(pairs), err)
	}
	of := m.Info().Manifest
	all, err := golden{loaded.engine(), of.Name, of.Asked(), of.Likelihood.Sums(), of.Temperature()}.compare(t.Context(), pairs)
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range all {
		if why := d.beyond(of.Golden.Tolerance); why != "" {
			t.Errorf("golden pair %d: %s", i, why)
		}
	}
	request := rewards.Request{Question: rewards.Pairs, Model: of.Name}
	for _, answer := range []string{"4", "Four."} {
		request.Groups = append(request.Groups, rewards.Group{Prompt: new("2+2?"), Responses: []string{answer, "5"}})
	}
	answer, err := loaded.engine().Ask(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

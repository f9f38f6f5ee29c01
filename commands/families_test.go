package commands

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/ops"
)

// families are bundles of every family of docs/MODELS.md, made by `make fixtures`; their golden pairs are those of the
// authors' code, or of a restatement of it, on a tiny random checkpoint.
const families = "../models/testdata/families"

// batchMates bounds what a score may move with its batch where the graph cannot rule it out: attention that is part of
// an encoder's own layers (docs/BUNDLE.md).
const batchMates = 1e-5

func movesWithMates(spec manifest.Manifest) bool {
	return strings.HasPrefix(spec.Source.Class, "Deberta")
}

// eachFamily gives a test every family's bundle, served, with its golden pairs.
func eachFamily(t *testing.T, test func(t *testing.T, engine *rewards.Engine, spec manifest.Manifest, pairs []models.Golden)) {
	t.Helper()
	eachServed(t, families, 45, test)
}

// eachServed is eachFamily for the bundles of any folder, of which there must be so many.
func eachServed(t *testing.T, dir string, least int, test func(t *testing.T, engine *rewards.Engine, spec manifest.Manifest, pairs []models.Golden)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*", manifest.File))
	if err != nil || len(files) < least {
		t.Fatalf("%d bundles in %s (%v), want %d or more", len(files), dir, err, least)
	}
	for _, file := range files {
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) {
			options := models.Options{Runtime: runtimeFile(t), Tokens: 512, Cache: 64 << 20}
			loaded, err := load(t.Context(), []models.Source{models.Dir(filepath.Dir(file))}, options)
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
			if err != nil || len(pairs) < 3 {
				t.Fatalf("%d golden pairs (%v), want 3 or more", len(pairs), err)
			}
			test(t, loaded.engine(), m.Info().Manifest, pairs)
		})
	}
}

// TestFamiliesEqualTheirAuthors: ids, places and scores of every family are the authors', and a score is the same alone
// and in one batch with the others.
func TestFamiliesEqualTheirAuthors(t *testing.T) {
	eachFamily(t, func(t *testing.T, engine *rewards.Engine, spec manifest.Manifest, pairs []models.Golden) {
		t.Helper()
		together, err := golden{engine, "", spec.Kind, spec.Likelihood.Sums(), 1}.compare(t.Context(), pairs)
		if err != nil {
			t.Fatal(err)
		}
		for i := range pairs {
			if why := together[i].beyond(1e-4); why != "" {
				t.Errorf("pair %d: %s", i+1, why)
			}
			alone, err := golden{engine, "", spec.Kind, spec.Likelihood.Sums(), 1}.compare(t.Context(), pairs[i:i+1])
			if err != nil {
				t.Fatal(err)
			}
			bound := 0.0
			if movesWithMates(spec) {
				bound = batchMates
			}
			moved := drift{have: alone[0].have, want: together[i].have}
			if !(moved.difference() <= bound) {
				t.Errorf("pair %d: %v alone, %v with the others", i+1, moved.have, moved.want)
			}
		}
	})
}

// TestHeadGraphsEqualPyTorch: the scores of heads that run on gorgonia are PyTorch's to 1e-5, and the same alone and
// together.
func TestHeadGraphsEqualPyTorch(t *testing.T) {
	eachServed(t, "../models/testdata/heads", 11, func(t *testing.T, engine *rewards.Engine, spec manifest.Manifest, pairs []models.Golden) {
		t.Helper()
		together, err := golden{engine, "", spec.Asked(), spec.Likelihood.Sums(), 1}.compare(t.Context(), pairs)
		if err != nil {
			t.Fatal(err)
		}
		for i := range pairs {
			if why := together[i].beyond(1e-5); why != "" {
				t.Errorf("pair %d: %s", i+1, why)
			}
			alone, err := golden{engine, "", spec.Asked(), spec.Likelihood.Sums(), 1}.compare(t.Context(), pairs[i:i+1])
			if err != nil {
				t.Fatal(err)
			}
			if moved := (drift{have: alone[0].have, want: together[i].have}); moved.difference() != 0 {
				t.Errorf("pair %d: %v alone, %v with the others", i+1, moved.have, moved.want)
			}
		}
	})
}

// TestLaterStepsChangeNoEarlierScore: an item cut after a step gives the steps that it keeps the same scores, to the
// bit.
func TestLaterStepsChangeNoEarlierScore(t *testing.T) {
	held := 0
	eachFamily(t, func(t *testing.T, engine *rewards.Engine, spec manifest.Manifest, pairs []models.Golden) {
		t.Helper()
		if spec.Kind != manifest.KindProcess {
			return
		}
		for i, pair := range pairs {
			fewest := spec.Steps.Skip + 1 // an item without a step that has a score is refused
			if len(pair.Item.Steps) <= fewest {
				continue
			}
			items := make([]encode.Item, 0, len(pair.Item.Steps))
			for kept := fewest; kept <= len(pair.Item.Steps); kept++ {
				item := *pair.Item
				item.Steps = slices.Clip(item.Steps[:kept])
				items = append(items, item)
			}
			answer, err := engine.Ask(t.Context(), rewards.Request{Question: rewards.Steps, Items: items})
			if err != nil {
				t.Fatal(err)
			}
			whole := answer.Steps[len(items)-1]
			for k, cut := range answer.Steps {
				kept := fewest + k
				if cut.Err != nil || whole.Err != nil || len(cut.Steps) != kept {
					t.Fatalf("pair %d cut to %d steps: %v, %d steps", i+1, kept, cut.Err, len(cut.Steps))
				}
				for step, score := range cut.Steps {
					if one, other := value(score.Score), value(whole.Steps[step].Score); math.Float64bits(one) != math.Float64bits(other) {
						t.Errorf("pair %d: step %d scores %v when cut to %d steps, and %v in the whole", i+1, step, one, kept, other)
					}
					held++
				}
			}
		}
	})
	if held < 100 {
		t.Errorf("%d scores were held, want 100 or more", held)
	}
}

// value is a step's score, NaN where it has none.
func value(score ops.Maybe) float64 {
	if !score.Known {
		return math.NaN()
	}
	return score.Value
}

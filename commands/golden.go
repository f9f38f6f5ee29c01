package commands

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/rewards"
)

// drift is how far one golden pair is from its reference.
type drift struct {
	problem *rewards.Problem // why the item has no score
	idAt    int              // index of the first id that differs; -1: none does
	have    []float64        // scores: one, or one per step
	want    []float64
}

// difference is the largest of the scores' absolute differences; infinite where their numbers differ.
func (d drift) difference() float64 {
	if len(d.have) != len(d.want) {
		return math.Inf(1)
	}
	worst := 0.0
	for i := range d.have {
		worst = max(worst, math.Abs(d.have[i]-d.want[i]))
	}
	return worst
}

// beyond says what is wrong with the pair, in words, or nothing.
func (d drift) beyond(tolerance float64) string {
	switch {
	case d.problem != nil:
		return fmt.Sprintf("%s: %s", d.problem.Code, d.problem.Detail)
	case d.idAt >= 0:
		return fmt.Sprintf("ids differ from the reference's at index %d", d.idAt)
	case len(d.have) != len(d.want):
		return fmt.Sprintf("%d scores, and the reference has %d", len(d.have), len(d.want))
	case !(d.difference() <= tolerance): // NaN is beyond too
		return fmt.Sprintf("score %.7g, and the reference's is %.7g: %.2g apart, tolerance %g", d.have, d.want, d.difference(), tolerance)
	}
	return ""
}

// worstDrift is the largest difference, and of which pair.
func worstDrift(all []drift) (worst float64, at int) {
	for i, d := range all {
		if difference := d.difference(); difference > worst {
			worst, at = difference, i
		}
	}
	return worst, at
}

// compareGolden runs the pairs' items through the engine's path, together in one request, and holds ids and scores to the
// reference's.
func compareGolden(ctx context.Context, engine *rewards.Engine, kind models.Kind, pairs []models.Golden) ([]drift, error) {
	items, all := make([]models.Item, len(pairs)), make([]drift, len(pairs))
	for i, pair := range pairs {
		items[i] = pair.Item
		if all[i].want = pair.Steps; pair.Score != nil {
			all[i].want = []float64{*pair.Score}
		}
	}
	tokenized, err := engine.Tokenize(ctx, rewards.TokenizeRequest{Items: items})
	if err != nil {
		return nil, err
	}
	for i, result := range tokenized.Results {
		all[i].idAt = firstDifference(result.IDs, pairs[i].IDs)
	}
	if kind == models.Process {
		answer, err := engine.Steps(ctx, rewards.StepsRequest{Items: items})
		if err != nil {
			return nil, err
		}
		for i, result := range answer.Results {
			all[i].problem = result.Error
			for _, step := range result.Steps {
				all[i].have = append(all[i].have, step.Score)
			}
		}
		return all, nil
	}
	answer, err := engine.Score(ctx, rewards.ScoreRequest{Items: items})
	if err != nil {
		return nil, err
	}
	for i, result := range answer.Results {
		if all[i].problem = result.Error; result.Score != nil {
			all[i].have = []float64{*result.Score}
		}
	}
	return all, nil
}

// firstDifference is the first index where the ids differ, -1 when they are equal.
func firstDifference(a, b []int64) int {
	if slices.Equal(a, b) {
		return -1
	}
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

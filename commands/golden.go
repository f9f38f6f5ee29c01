package commands

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
)

// drift is how far one golden pair is from its reference.
type drift struct {
	err  *failure.Error // why the item has no score
	ids  string         // how its ids or the positions read differ; empty: they do not
	have []float64      // scores: one, and by label, or one per step, or a probability; NaN where there is none
	want []float64
	// terms is how many numbers a score adds up, whose errors add up as their root: the tokens of a likelihood's sum; 0
	// counts as 1.
	terms int
}

// difference is the largest of the scores' differences, relative where the reference's is above 1 and divided by the
// root of the terms; infinite where their numbers differ, or one is missing.
func (d drift) difference() float64 {
	if len(d.have) != len(d.want) {
		return math.Inf(1)
	}
	worst := 0.0
	for i := range d.have {
		switch none := math.IsNaN(d.have[i]); {
		case none != math.IsNaN(d.want[i]):
			return math.Inf(1)
		case !none:
			worst = max(worst, math.Abs(d.have[i]-d.want[i])/max(1, math.Abs(d.want[i])))
		}
	}
	return worst / math.Sqrt(float64(max(1, d.terms)))
}

// beyond says what is wrong with the pair, in words, or nothing.
func (d drift) beyond(tolerance float64) string {
	switch {
	case d.err != nil:
		return fmt.Sprintf("%s: %s", d.err.Code, d.err.Detail)
	case d.ids != "":
		return d.ids
	case len(d.have) != len(d.want):
		return fmt.Sprintf("%d scores, and the reference has %d", len(d.have), len(d.want))
	case !(d.difference() <= tolerance): // NaN is beyond too
		return fmt.Sprintf("score %s, and the reference's is %s: %.2g apart (relative above 1), tolerance %g", few(d.have), few(d.want), d.difference(), tolerance)
	}
	return ""
}

// few shows scores, and of a vector its first numbers.
func few(scores []float64) string {
	if n := len(scores); n > 8 {
		return fmt.Sprintf("%.7g and %d numbers more", scores[:4], n-4)
	}
	return fmt.Sprintf("%.7g", scores)
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

// holdFirst scores the first golden pair of each model that has some, before anything else is answered.
func (r *running) holdFirst(ctx context.Context) error {
	for _, m := range r.opened {
		if err := holdGolden(ctx, r.engine(), m.Model); err != nil {
			return err
		}
	}
	return nil
}

// holdGolden scores the first golden pair of a model of the engine, where its bundle has some, and holds the ids of all
// to the reference's: what is wrong with a bundle's text, ids or graph then shows at once, and not in a run's rewards.
// `assay verify` scores all of them.
func holdGolden(ctx context.Context, engine *rewards.Engine, m *models.Model) error {
	pairs, err := m.Golden()
	if err != nil || len(pairs) == 0 {
		return err
	}
	info := m.Info()
	name := info.Manifest.Name
	var all []drift
	err = m.Guarded(ctx, func(ctx context.Context) (err error) {
		all, err = golden{engine, name, info.Manifest.Asked(), info.Manifest.Likelihood.Sums(), info.Manifest.Temperature()}.compareFirst(ctx, pairs)
		return err
	})
	if err != nil {
		return fmt.Errorf("the golden pairs of model %s: %w", name, err)
	}
	for i, d := range all {
		if why := d.beyond(info.Manifest.Golden.Tolerance); why != "" {
			return fmt.Errorf("model %s is not what its bundle says, see assay verify: golden pair %d: %s", name, i+1, why)
		}
	}
	return nil
}

// golden compares a model with the golden pairs of its bundle.
type golden struct {
	engine *rewards.Engine
	model  string
	kind   manifest.Kind
	summed bool // scores are sums over the tokens

	temperature float64 // which the references are without
}

// compare runs the pairs' items through the engine's path, together in one request, and holds ids, positions and scores
// to the reference's.
func (g golden) compare(ctx context.Context, pairs []models.Golden) ([]drift, error) {
	all := make([]drift, len(pairs))
	for i := range pairs {
		if g.summed {
			all[i].terms = len(pairs[i].IDs[0])
		}
	}
	if g.kind == manifest.KindFeatures { // which has no ids
		return all, g.compareScores(ctx, pairs, all)
	}
	if err := g.compareIDs(ctx, pairs, all); err != nil {
		return nil, err
	}
	switch g.kind {
	case manifest.KindProcess:
		return all, g.compareSteps(ctx, pairs, all)
	case manifest.KindPair, manifest.KindPreference:
		return all, g.comparePreferences(ctx, pairs, all)
	case manifest.KindChoice:
		return all, g.compareChoices(ctx, pairs, all)
	case manifest.KindEmbedding:
		return all, g.compareVectors(ctx, pairs, all)
	case manifest.KindReward, manifest.KindFeatures:
	}
	return all, g.compareScores(ctx, pairs, all)
}

// compareFirst is compare that scores the first pair alone.
func (g golden) compareFirst(ctx context.Context, pairs []models.Golden) ([]drift, error) {
	first, err := g.compare(ctx, pairs[:1])
	if err != nil || len(pairs) == 1 || g.kind == manifest.KindFeatures {
		return first, err
	}
	rest := make([]drift, len(pairs)-1)
	err = g.compareIDs(ctx, pairs[1:], rest)
	return append(first, rest...), err
}

func (g golden) compareIDs(ctx context.Context, pairs []models.Golden, all []drift) error {
	var items []encode.Item
	for i := range pairs {
		items = append(items, sequences(g.kind, &pairs[i])...)
	}
	tokenized, err := g.engine.Ask(ctx, rewards.Request{Question: rewards.Tokenize, Model: g.model, Items: items})
	if err != nil {
		return err
	}
	at := 0
	for i := range pairs {
		for _, want := range pairs[i].IDs {
			result := &tokenized.Tokenized[at]
			at++
			switch place := firstDifference(result.IDs, want); {
			case all[i].err != nil || all[i].ids != "":
			case result.Err != nil:
				all[i].err = result.Err
			case place >= 0:
				all[i].ids = fmt.Sprintf("ids differ from the reference's at index %d: from there %d, and the reference has %d",
					place, stretch(result.IDs, place), stretch(want, place))
			case pairs[i].Read != nil && result.Positions != nil && !slices.Equal(result.Positions, pairs[i].Read): // none are told of a graph that pools
				all[i].ids = fmt.Sprintf("positions %d are read, and the reference reads %d", result.Positions, pairs[i].Read)
			}
		}
	}
	return nil
}

// sequences are the items whose ids a golden pair tells.
func sequences(kind manifest.Kind, golden *models.Golden) []encode.Item {
	pair := golden.Pair
	switch {
	case pair == nil:
		return []encode.Item{*golden.Item}
	case kind == manifest.KindPair:
		one, other := before(pair), before(pair)
		one.First, one.Second, other.First, other.Second = &pair.Chosen, &pair.Rejected, &pair.Rejected, &pair.Chosen
		return []encode.Item{one, other}
	}
	var items []encode.Item
	for _, response := range []*string{&pair.Chosen, &pair.Rejected} {
		item := before(pair)
		if pair.Prompt != nil {
			item.Response = response
		} else {
			item.Messages = append(slices.Clip(pair.Messages), chat.Message{Role: "assistant", Content: *response})
		}
		items = append(items, item)
	}
	return items
}

// before is what stands before both responses of a pair.
func before(pair *models.GoldenPair) encode.Item {
	return encode.Item{
		Prompt: pair.Prompt, Messages: pair.Messages, Reference: pair.Reference, Principle: pair.Principle, User: pair.User,
	}
}

func (g golden) compareScores(ctx context.Context, pairs []models.Golden, all []drift) error {
	answer, err := g.engine.Ask(ctx, rewards.Request{Question: rewards.Score, Model: g.model, Items: goldenItems(pairs)})
	if err != nil {
		return err
	}
	for i := range answer.Results {
		d, result := &all[i], &answer.Results[i]
		d.want = []float64{*pairs[i].Score}
		if result.Err != nil {
			d.err = result.Err
			continue
		}
		d.have = []float64{result.Score}
		for _, label := range slices.Sorted(maps.Keys(pairs[i].Scores)) {
			have, ok := result.Scores[label]
			if !ok {
				have = math.NaN()
			}
			d.have, d.want = append(d.have, have), append(d.want, pairs[i].Scores[label])
		}
	}
	return nil
}

func goldenItems(pairs []models.Golden) []encode.Item {
	items := make([]encode.Item, len(pairs))
	for i := range pairs {
		items[i] = *pairs[i].Item
	}
	return items
}

func (g golden) compareSteps(ctx context.Context, pairs []models.Golden, all []drift) error {
	answer, err := g.engine.Ask(ctx, rewards.Request{Question: rewards.Steps, Model: g.model, Items: goldenItems(pairs)})
	if err != nil {
		return err
	}
	for i := range answer.Steps {
		all[i].err = answer.Steps[i].Err
		for _, step := range answer.Steps[i].Steps {
			have := step.Score.Value
			if !step.Score.Known {
				have = math.NaN()
			}
			all[i].have = append(all[i].have, have)
		}
		for _, score := range pairs[i].Steps {
			want := math.NaN()
			if score != nil {
				want = *score
			}
			all[i].want = append(all[i].want, want)
		}
	}
	return nil
}

func (g golden) comparePreferences(ctx context.Context, pairs []models.Golden, all []drift) error {
	request := rewards.Request{Question: rewards.Pairs, Model: g.model, Groups: make([]rewards.Group, len(pairs))}
	for i := range pairs {
		pair := pairs[i].Pair
		request.Groups[i] = rewards.Group{
			Prompt: pair.Prompt, Messages: pair.Messages, Reference: pair.Reference, Principle: pair.Principle, User: pair.User,
			Responses: []string{pair.Chosen, pair.Rejected},
		}
	}
	answer, err := g.engine.Ask(ctx, request)
	if err != nil {
		return err
	}
	for i := range answer.Pairs {
		all[i].want = []float64{*pairs[i].Probability}
		if result := &answer.Pairs[i]; result.Err != nil {
			all[i].err = result.Err
		} else if g.temperature == 1 {
			all[i].have = []float64{result.Probability}
		} else {
			all[i].have = []float64{ops.Sigmoid(result.Margin * g.temperature)}
		}
	}
	return nil
}

func (g golden) compareChoices(ctx context.Context, pairs []models.Golden, all []drift) error {
	answer, err := g.engine.Ask(ctx, rewards.Request{Question: rewards.Choose, Model: g.model, Items: goldenItems(pairs)})
	if err != nil {
		return err
	}
	for i := range answer.Choices {
		d, result := &all[i], &answer.Choices[i]
		d.want = append(slices.Clone(pairs[i].Logits), *pairs[i].LogSum)
		if d.err = result.Err; d.err != nil {
			continue
		}
		var tokens []int64
		for _, candidate := range result.Candidates {
			tokens, d.have = append(tokens, candidate.ID), append(d.have, candidate.Logit)
		}
		d.have = append(d.have, result.LogSum)
		if !slices.Equal(tokens, pairs[i].Tokens) {
			d.ids = fmt.Sprintf("the candidates are the tokens %d, and the reference's are %d", tokens, pairs[i].Tokens)
		}
	}
	return nil
}

func (g golden) compareVectors(ctx context.Context, pairs []models.Golden, all []drift) error {
	answer, err := g.engine.Ask(ctx, rewards.Request{Question: rewards.Embed, Model: g.model, Items: goldenItems(pairs)})
	if err != nil {
		return err
	}
	for i := range answer.Vectors {
		all[i].err, all[i].have, all[i].want = answer.Vectors[i].Err, answer.Vectors[i].Vector, pairs[i].Vector
	}
	return nil
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

// stretch is a few ids from that place on.
func stretch(ids []int64, from int) []int64 { return ids[from:min(from+8, len(ids))] }

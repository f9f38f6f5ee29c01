package rewards

import (
	"context"
	"slices"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/manifest"
)

// kind is what rewards knows of a kind of model: a new kind is a new row of the table, and nothing else asks for kinds.
type kind struct {
	of        manifest.Kind
	questions []Question // that it answers
	evaluator func(m *manifest.Manifest) evaluator
}

var kinds = []kind{
	{manifest.KindReward, []Question{Score, Rank, Compare, Pairs, Logprobs, Tokenize}, newHead},
	{manifest.KindFeatures, []Question{Score}, newHead},
	{manifest.KindProcess, []Question{Steps, Logprobs, Tokenize}, newSteps},
	{manifest.KindPair, []Question{Rank, Compare, Pairs, Tokenize}, newPairwise},
	{manifest.KindPreference, []Question{Rank, Compare, Pairs, Tokenize}, newPreference},
	{manifest.KindChoice, []Question{Choose, Tokenize}, newChoice},
	{manifest.KindEmbedding, []Question{Score, Rank, Embed, Tokenize}, newRelevance},
}

// evaluator is what the readings of a model mean, by its manifest.
type evaluator interface {
	// transforms names what lies between raw and score where a request asks for nothing else, in order.
	transforms() []string
	// recipe says how the model answers a request, or what of the request makes no sense under it.
	recipe(source Source, r *Request) (recipe, error)
}

// recipe is a reward: what must be read for a request, and what the answer is then.
type recipe interface {
	// needs lists what must be read of each source.
	needs() []need
	// answer makes the results of what was read, in the order of the needs.
	answer(ctx context.Context, read []gathered) (Answer, error)
}

// answerers lists the kinds of model that answer each question.
var answerers = func() map[Question][]manifest.Kind {
	of := map[Question][]manifest.Kind{}
	for _, k := range kinds {
		for _, q := range k.questions {
			of[q] = append(of[q], k.of)
		}
	}
	return of
}()

// allKinds lists the kinds of model that there are.
var allKinds = func() (all []manifest.Kind) {
	for _, k := range kinds {
		all = append(all, k.of)
	}
	return all
}()

// kindOf is the row of a model.
func kindOf(info *models.Info) *kind {
	asked := info.Manifest.Asked()
	return &kinds[slices.IndexFunc(kinds, func(k kind) bool { return k.of == asked })]
}

// words are the questions that a model of the kind answers, each by one name: pairs are a way to compare, and
// log-probabilities are of those whose rows are some.
func (k *kind) words(m *manifest.Manifest) []string {
	words := make([]string, 0, len(k.questions))
	for _, q := range k.questions {
		if q != Pairs && (q != Logprobs || m.Likelihood != nil) {
			words = append(words, string(q))
		}
	}
	return words
}

// recipeOf is how a source answers a request. What the model sees is told without its evaluator, and so are the rows of
// a likelihood.
func recipeOf(source Source, r *Request) (recipe, error) {
	if r.Question == Tokenize {
		return &tokenizing{source: source, request: r}, nil
	}
	if r.Question == Logprobs {
		return newSpoken(source, r)
	}
	info := source.Info()
	return kindOf(info).evaluator(&info.Manifest).recipe(source, r)
}

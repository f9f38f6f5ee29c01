package protocols

import (
	"slices"

	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards"
)

// answerer is who answers a call whose question follows from the model: a reward model is asked for scores, a process
// model for steps, and so on.
type answerer struct {
	question rewards.Question
	name     string             // to ask for; empty: the engine says who, or why it cannot
	model    *rewards.ModelInfo // nil: a recipe, or one that is not known before it answers
}

// questions of the kinds of model that can stand behind a route of another server.
var questions = map[manifest.Kind]rewards.Question{
	manifest.KindReward: rewards.Score, manifest.KindProcess: rewards.Steps,
	manifest.KindEmbedding: rewards.Embed, manifest.KindChoice: rewards.Choose,
}

// answerer finds who is meant by the name that a client gave, among models of some kinds, the likeliest first. Many
// clients send a path or a word of their own: where it is no name of ours, and one model alone is of those kinds, that
// one is meant. Without a name the first kind is meant that has a model, which must be its only one.
func (c *Call) answerer(given string, kinds ...manifest.Kind) answerer {
	models := c.Engine.Models()
	able, rank, same, of := 0, len(kinds), 0, -1 // same: models of the likeliest kind that is there, the first of which is of
	for i := range models {
		at := slices.Index(kinds, models[i].Manifest.Asked())
		if given != "" && models[i].Manifest.Name == given {
			at = max(at, 0) // a model of another kind refuses the question by saying which it answers
			return answerer{questions[kinds[at]], given, &models[i]}
		}
		if at < 0 {
			continue
		}
		able++
		switch {
		case at < rank:
			rank, same, of = at, 1, i
		case at == rank:
			same++
		}
	}
	switch {
	case given != "" && c.Engine.Serves(given): // a recipe
		rank = max(0, slices.Index(kinds, manifest.KindReward))
		return answerer{question: questions[kinds[rank]], name: given}
	case able == 1 || given == "" && same == 1:
		return answerer{questions[kinds[rank]], models[of].Manifest.Name, &models[of]}
	case rank == len(kinds):
		rank = 0
	}
	return answerer{question: questions[kinds[rank]], name: given}
}

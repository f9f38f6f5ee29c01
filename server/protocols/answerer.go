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

// Answerer finds who is meant by the name that a client gave, among models of some kinds. The first kind is that of a
// recipe, and of a name that nobody has. Many clients send a path or a word of their own: where it is no name of ours,
// and one model alone is of those kinds, that one is meant. Without a name, the one model of the first kind comes
// before those of the others.
func (c *Call) answerer(given string, kinds ...manifest.Kind) answerer {
	models := c.Engine.Models()
	able, first, of := 0, 0, -1
	for i := range models {
		kind := models[i].Manifest.Asked()
		if given != "" && models[i].Manifest.Name == given {
			if !slices.Contains(kinds, kind) {
				kind = kinds[0] // whose question it refuses by saying which it answers
			}
			return answerer{questions[kind], given, &models[i]}
		}
		switch {
		case kind == kinds[0]:
			if first++; first == 1 {
				of = i
			}
			able++
		case slices.Contains(kinds, kind):
			if able++; of < 0 {
				of = i
			}
		}
	}
	unknown := given == "" || !c.Engine.Serves(given)
	if unknown && able > 0 && (able == 1 || given == "" && first == 1) {
		return answerer{questions[models[of].Manifest.Asked()], models[of].Manifest.Name, &models[of]}
	}
	return answerer{question: questions[kinds[0]], name: given}
}

// modelOf is what is known of the model of a name; nil: it is a recipe's, or nobody's.
func modelOf(engine Engine, name string) *rewards.ModelInfo {
	models := engine.Models()
	if at := slices.IndexFunc(models, func(m rewards.ModelInfo) bool { return m.Manifest.Name == name }); at >= 0 {
		return &models[at]
	}
	return nil
}

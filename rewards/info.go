package rewards

import (
	"slices"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/rewards/recipes"
)

// ModelInfo is what can be known of a loaded model.
type ModelInfo struct {
	models.Info
	Answers    []string // the questions that it answers
	Transforms []string // what its manifest applies between raw and score, in order
}

// Models says what is loaded, in the registry's order.
func (e *Engine) Models() []ModelInfo {
	all := e.sources.all()
	infos := make([]ModelInfo, len(all))
	for i, source := range all {
		infos[i] = infoOf(source.Info())
	}
	return infos
}

func infoOf(info *models.Info) ModelInfo {
	k := kindOf(info)
	return ModelInfo{Info: *info, Answers: k.words(&info.Manifest), Transforms: k.evaluator(&info.Manifest).transforms()}
}

// By says what gave the answer, which may be served no longer; nil of a recipe.
func (a *Answer) By() *ModelInfo {
	if a.by == nil {
		return nil
	}
	info := infoOf(a.by)
	return &info
}

// Recipes says which recipes are served, in the order in which they were added.
func (e *Engine) Recipes() []recipes.Served { return slices.Clone(e.served) }

package server

import (
	"net/http"

	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/rewards/recipes"
	"github.com/assay-rm/assay/server/wire"
)

func (s *Server) recipes(x *exchange, _ *http.Request) error {
	infos := s.engine.Recipes()
	answer := wire.RecipesAnswer{Recipes: make([]wire.RecipeInfo, len(infos))}
	for i := range infos {
		answer.Recipes[i] = recipeInfo(&infos[i])
	}
	return writeJSON(x, http.StatusOK, answer)
}

// recipeInfo is what GET /v1/recipes says of a recipe.
func recipeInfo(info *recipes.Served) wire.RecipeInfo {
	form := wire.RecipeInfo{
		Name: info.Name, Paper: info.Paper, About: info.About, Digest: info.Digest, Score: info.Score, Steps: info.Steps, Example: recipeExample(info.Example),
		Params: make([]wire.RecipeParam, len(info.Params)), Readings: make([]wire.RecipeReading, len(info.Readings)),
		Values: make([]wire.RecipeValue, len(info.Values)),
	}
	for i := range info.Params {
		p := &info.Params[i]
		form.Params[i] = wire.RecipeParam{Name: p.Name, About: p.About, Default: p.Default.Pointer(), Min: limit(&p.Min), Max: limit(&p.Max)}
	}
	for i, of := range info.Readings {
		form.Readings[i] = wire.RecipeReading{Name: of.Name, Gives: string(of.Gives), Model: info.Models[i], Labels: of.Labels}
	}
	for i, of := range info.Values {
		form.Values[i] = wire.RecipeValue{Name: of.Name, Expression: of.Expression}
	}
	return form
}

func recipeExample(of *recipes.Example) *wire.RecipeExample {
	if of == nil {
		return nil
	}
	form := &wire.RecipeExample{Params: of.Params, Values: of.Values, Score: of.Score, Steps: of.Steps, Source: of.Source, Given: map[string]any{}}
	for name, given := range of.Given {
		switch {
		case given.Steps != nil:
			form.Given[name] = given.Steps
		case given.Labels != nil:
			form.Given[name] = given.Labels
		default:
			form.Given[name] = given.Number
		}
	}
	return form
}

// limit points to a limit, and is nil where it is infinite.
func limit(x *float64) *float64 {
	if !ops.Finite(*x) {
		return nil
	}
	return x
}

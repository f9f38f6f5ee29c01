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
		Name: info.Name, Paper: info.Paper, About: info.About, Digest: info.Digest, Answers: info.Answers(), Score: info.Score, Steps: info.Steps,
		Params: recipeParams(info.Params), Given: recipeParams(info.Given), Values: recipeValues(info.Values),
		Readings: make([]wire.RecipeReading, len(info.Readings)), Example: recipeExample(info.Recipe),
	}
	for i := range info.Readings {
		of := &info.Readings[i]
		form.Readings[i] = wire.RecipeReading{Name: of.Name, Gives: string(of.Gives), Model: info.Models[i], Labels: of.Labels, Several: of.Many()}
	}
	for i := range info.States {
		m := &info.States[i]
		form.States = append(form.States, wire.RecipeState{Name: m.Name, State: m.State, Kind: m.Spec.Kind, Key: m.Key, Vector: m.Vector, Missing: m.Missing, Update: m.Update})
	}
	if info.Group != nil {
		form.Group = &wire.RecipeGroup{Values: recipeValues(info.Group.Values), Score: info.Group.Score}
	}
	return form
}

func recipeParams(of []recipes.Param) []wire.RecipeParam {
	forms := make([]wire.RecipeParam, len(of))
	for i := range of {
		p := &of[i]
		forms[i] = wire.RecipeParam{Name: p.Name, Gives: string(p.Form), About: p.About, Min: limit(&p.Min), Max: limit(&p.Max), OneOf: p.OneOf}
		if p.Default != nil {
			forms[i].Default = given(*p.Default)
		}
	}
	return forms
}

func recipeValues(of []recipes.Value) []wire.RecipeValue {
	forms := make([]wire.RecipeValue, len(of))
	for i := range of {
		forms[i] = wire.RecipeValue{Name: of[i].Name, Expression: of[i].Expression}
	}
	return forms
}

func recipeExample(r *recipes.Recipe) *wire.RecipeExample {
	of := r.Example
	if of == nil {
		return nil
	}
	form := &wire.RecipeExample{
		Params: all(of.Params), Between: of.Between, Values: of.Values, Scores: of.Scores, Steps: of.Steps, Source: of.Source,
	}
	if r.Group == nil {
		form.Given, form.Score = all(of.Given), &of.Score
	}
	for _, member := range of.Group {
		form.Group = append(form.Group, all(member))
	}
	return form
}

func all(of map[string]recipes.Given) map[string]any {
	forms := make(map[string]any, len(of))
	for name, one := range of {
		forms[name] = given(one)
	}
	return forms
}

// given is the number, text, list or numbers by label that it is.
func given(of recipes.Given) any {
	switch {
	case of.Vector != nil:
		return of.Vector
	case of.Tokens.Rows != nil:
		return of.Tokens.Rows
	case of.Words != nil:
		return of.Words
	case of.Labels != nil:
		return of.Labels
	case of.Word != "":
		return of.Word
	}
	return of.Number
}

// limit points to a limit, and is nil where it is infinite.
func limit(x *float64) *float64 {
	if !ops.Finite(*x) {
		return nil
	}
	return x
}

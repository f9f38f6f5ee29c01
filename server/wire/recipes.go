package wire

// RecipesAnswer is the answer of GET /v1/recipes.
type RecipesAnswer struct {
	Recipes []RecipeInfo `json:"recipes" nullable:"false"`
}

// RecipeInfo is what can be known of a recipe that is served.
type RecipeInfo struct {
	Name     string          `json:"name" doc:"That requests give as model"`
	Paper    string          `json:"paper,omitempty" doc:"Title of the paper that it follows"`
	About    string          `json:"about,omitempty"`
	Digest   string          `json:"digest" doc:"sha256 of its file"`
	Params   []RecipeParam   `json:"params" nullable:"false" doc:"That a request may set"`
	Readings []RecipeReading `json:"readings" nullable:"false" doc:"What is read of each item"`
	Values   []RecipeValue   `json:"values" nullable:"false" doc:"Named expressions, in the order in which they are computed"`
	Score    string          `json:"score" doc:"The expression of the reward"`
	Steps    string          `json:"steps,omitempty" doc:"The expression of each step's own reward"`
	Example  *RecipeExample  `json:"example,omitempty" doc:"Given readings with the reward that somebody else computed; the recipe gives it to 1e-9"`
}

// RecipeParam is a number that a request may set.
type RecipeParam struct {
	Name    string   `json:"name"`
	About   string   `json:"about,omitempty"`
	Default *float64 `json:"default" doc:"null: every request must set it"`
	Min     *float64 `json:"min" doc:"null: there is no least value"`
	Max     *float64 `json:"max" doc:"null: there is no greatest value"`
}

// RecipeReading is what is read of one model.
type RecipeReading struct {
	Name   string   `json:"name"`
	Gives  string   `json:"gives" enum:"score,raw,labels,steps"`
	Model  string   `json:"model" doc:"That gives it"`
	Labels []string `json:"labels,omitempty" doc:"Of labels: those that the recipe uses"`
}

// RecipeValue is a named expression.
type RecipeValue struct {
	Name       string `json:"name"`
	Expression string `json:"expression"`
}

// RecipeExample is given readings with the reward that comes of them.
type RecipeExample struct {
	Params map[string]float64 `json:"params,omitempty"`
	Given  map[string]any     `json:"given" doc:"By reading: a number, numbers by label, or a list of numbers"`
	Values map[string]float64 `json:"values,omitempty"`
	Score  float64            `json:"score"`
	Steps  []float64          `json:"steps,omitempty"`
	Source string             `json:"source,omitempty" doc:"Who computed it"`
}

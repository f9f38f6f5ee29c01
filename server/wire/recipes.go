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
	Digest   string          `json:"digest" doc:"sha256 of its file; answers have one that its models are part of"`
	Answers  string          `json:"answers" doc:"The questions that it answers"`
	Params   []RecipeParam   `json:"params" nullable:"false" doc:"That a request may set"`
	Given    []RecipeParam   `json:"given" nullable:"false" doc:"That a request says of each item or response"`
	Readings []RecipeReading `json:"readings" nullable:"false" doc:"What is read of each item"`
	Values   []RecipeValue   `json:"values" nullable:"false" doc:"Named expressions, in the order in which they are computed"`
	Score    string          `json:"score,omitempty" doc:"The expression of an item's reward"`
	Steps    string          `json:"steps,omitempty" doc:"The expression of each step's own reward"`
	States   []RecipeState   `json:"states,omitempty" doc:"What is remembered between requests"`
	Group    *RecipeGroup    `json:"group,omitempty" doc:"Of a recipe that rewards the responses of a group by one another"`
	Example  *RecipeExample  `json:"example,omitempty" doc:"Given readings with the reward that somebody else computed; the recipe gives it to 1e-9"`
}

// RecipeState is a named state of a recipe.
type RecipeState struct {
	Name    string             `json:"name" doc:"In expressions"`
	State   string             `json:"state" doc:"Of GET /v1/state"`
	Kind    string             `json:"kind"`
	Key     string             `json:"key,omitempty" doc:"What of an item names its key: prompt, response, or a field of given"`
	Vector  string             `json:"vector,omitempty" doc:"The field of given, or the reading, that is asked about"`
	Missing map[string]float64 `json:"missing,omitempty" doc:"What a number is where the state does not know it"`
	Update  map[string]string  `json:"update,omitempty" doc:"Expressions, by constraint; of every kind but multipliers under the empty name"`
}

// RecipeGroup is how the responses of a group are rewarded.
type RecipeGroup struct {
	Values []RecipeValue `json:"values" nullable:"false" doc:"Of the group, in the order in which they are computed"`
	Score  string        `json:"score" doc:"The expression of the rewards, one for each response"`
}

// RecipeParam is what a request may set.
type RecipeParam struct {
	Name    string   `json:"name"`
	Gives   string   `json:"gives" enum:"number,word,vector,words"`
	About   string   `json:"about,omitempty"`
	Default any      `json:"default" doc:"null: every request must set it"`
	Min     *float64 `json:"min" doc:"null: there is no least value"`
	Max     *float64 `json:"max" doc:"null: there is no greatest value"`
	OneOf   []string `json:"one_of,omitempty" doc:"Of a word: those that there are"`
}

// RecipeReading is what is read of one model.
type RecipeReading struct {
	Name    string   `json:"name"`
	Gives   string   `json:"gives" enum:"score,raw,labels,steps,logprobs,candidates,embedding,tokens,preferences"`
	Model   string   `json:"model" doc:"That gives it"`
	Labels  []string `json:"labels,omitempty" doc:"Of labels and candidates: those that the recipe uses"`
	Several bool     `json:"several,omitempty" doc:"It reads several inputs of each item, and gives a number of each"`
}

// RecipeValue is a named expression.
type RecipeValue struct {
	Name       string `json:"name"`
	Expression string `json:"expression"`
}

// RecipeExample is given readings with the reward that comes of them, of one item or of a group.
type RecipeExample struct {
	Params  Settings               `json:"params,omitempty"`
	Given   map[string]any         `json:"given,omitempty" doc:"By reading or field: a number, a text, a list of either, the vectors of tokens, or numbers by label"`
	Group   []map[string]any       `json:"group,omitempty" doc:"The same of each response of a group"`
	Between map[string][][]float64 `json:"between,omitempty" doc:"By reading of preferences: a row and a column for each response"`
	Values  map[string]float64     `json:"values,omitempty"`
	Score   *float64               `json:"score,omitempty"`
	Scores  []float64              `json:"scores,omitempty" doc:"Of each response of a group"`
	Steps   []float64              `json:"steps,omitempty"`
	Source  string                 `json:"source,omitempty" doc:"Who computed it"`
}

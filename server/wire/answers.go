package wire

// Answering are the fields that every answer has.
type Answering struct {
	Model      string   `json:"model" doc:"Name of the model, or of the recipe, that answered"`
	Digest     string   `json:"digest" doc:"sha256 of the model's bundle's files; of a recipe, of its file's digest and those of its models"`
	Revision   int      `json:"revision" doc:"1 for what was served under the name first, and one more with each model that took a place since"`
	Transforms []string `json:"transforms" nullable:"false" doc:"What was applied between raw and score, in order; empty: score equals raw"`
	Usage      Usage    `json:"usage"`
	Timings    Timings  `json:"timings"`
	Ignored    []string `json:"ignored,omitempty" doc:"Fields of the items that were passed over, by name: what else a data set says of them"`
}

// Usage counts what a request took. Items that failed before they had tokens count as items only.
type Usage struct {
	Items    int `json:"items" doc:"Sequences read; a pair counts two"`
	Tokens   int `json:"tokens" doc:"Tokens of the sequences"`
	Computed int `json:"computed_tokens" doc:"Tokens computed for them: what sequences of a run share counts once, cached tokens not at all"`
	Failed   int `json:"failed,omitempty" doc:"Results that are an error; left out where none is"`
}

// Timings are in milliseconds.
type Timings struct {
	Queue float64 `json:"queue_ms" doc:"Longest wait of an item for its run"`
	Run   float64 `json:"run_ms" doc:"Longest run of an item"`
	Total float64 `json:"total_ms" doc:"From the request to its answer, tokenizing included"`
}

// Tokens counts the tokens of an item that has an answer. They stand in results, and a failed one has none.
type Tokens struct {
	Tokens    int `json:"tokens" required:"false" doc:"Tokens read"`
	Shared    int `json:"shared_tokens" required:"false" doc:"Leading tokens computed once together with other items"`
	Cached    int `json:"cached_tokens" required:"false" doc:"Leading tokens taken from the cache"`
	Truncated int `json:"truncated,omitempty" doc:"Tokens cut away, on request only"`
}

// ScoreAnswer has one result per item, in order.
type ScoreAnswer struct {
	Answering
	Activation string        `json:"activation" doc:"As asked"`
	Results    []ScoreResult `json:"results" nullable:"false"`
}

// ScoreResult is an item's score or its problem.
type ScoreResult struct {
	Score  *float64           `json:"score,omitempty" doc:"The raw output after the transforms"`
	Raw    *float64           `json:"raw,omitempty" doc:"The value before activations, mean and std; of a plain head the graph's output, untouched"`
	Scores map[string]float64 `json:"scores,omitempty" doc:"Score of each label, where the model has several"`
	Logits map[string]float64 `json:"logits,omitempty" doc:"Raw output of each label, where the model has several"`
	*Tokens
	Gradient map[string]float64 `json:"gradient,omitempty" doc:"The derivative of the score by each feature, where the request asks for it"`

	Components map[string]Component `json:"components,omitempty" doc:"Of a recipe: what each of its readings gave, those of an item without a score among them"`
	Values     map[string]float64   `json:"values,omitempty" doc:"Of a recipe: its named values that are numbers"`
	Vectors    map[string][]float64 `json:"vectors,omitempty" doc:"Of a recipe: its named values that are vectors, as a reward of each step or token"`

	*Tag
	Error *Problem `json:"error,omitempty" doc:"Why there is no score"`
}

// Component is what one reading of a recipe gave of an item, or its problem.
type Component struct {
	Model  string             `json:"model" doc:"That gave it"`
	Digest string             `json:"digest" doc:"sha256 of its bundle's files"`
	Score  *float64           `json:"score,omitempty" doc:"Of a reading of a reward model; of preferences the win rate"`
	Raw    *float64           `json:"raw,omitempty" doc:"The same before the model's transforms"`
	Scores map[string]float64 `json:"scores,omitempty" doc:"Of a reading of labels: the score of each; of candidates: the probability of each"`
	Steps  []float64          `json:"steps,omitempty" doc:"Of a reading of steps: the score of each that has one; of several inputs: the number of each; of logprobs: the log-probability of each token"`
	*Tokens
	Error *Problem `json:"error,omitempty" doc:"Why there is nothing"`
}

// RankAnswer has the ranking, and one result per response in the request's order.
type RankAnswer struct {
	Answering
	Activation string             `json:"activation" doc:"As asked"`
	Strategy   string             `json:"strategy" doc:"As asked"`
	Ranking    []Ranked           `json:"ranking" nullable:"false" doc:"Best first; responses that failed have no place"`
	Values     map[string]float64 `json:"values,omitempty" doc:"Of a recipe that rewards groups: its group's values that are numbers"`
	Best       *int               `json:"best" doc:"Index of the best response; null when every one failed"`
	Selected   Selected           `json:"selected" doc:"What the strategy selects"`
	Statistics *Statistics        `json:"statistics,omitempty" doc:"Of the scores, on request"`
	Responses  []ScoreResult      `json:"responses" nullable:"false" doc:"One per response, in the request's order"`
	*Tag
}

// Ranked is a place of a ranking.
type Ranked struct {
	Index int     `json:"index" doc:"Of the response in the request"`
	Score float64 `json:"score"`
}

// CompareAnswer has a matrix for responses, or a list for pairs. Preferences are made of raw rewards (of a likelihood
// times beta), as the model was trained, before mean and std.
type CompareAnswer struct {
	Answering
	Preference [][]*float64          `json:"preference,omitempty" doc:"Row i, column j: probability that response i is preferred to j; 0.5 on the diagonal; null where a response failed"`
	WinRate    []*float64            `json:"win_rate,omitempty" doc:"Mean of each row without the diagonal; null where the response, or every other, failed"`
	Aggregates map[string]Aggregated `json:"aggregates,omitempty" doc:"What else is made of the preferences, by name, on request"`
	Statistics *Statistics           `json:"statistics,omitempty" doc:"Of the responses' scores, on request"`
	Values     map[string]float64    `json:"values,omitempty" doc:"Of a recipe that rewards groups, of responses: its group's values that are numbers"`
	Responses  []ScoreResult         `json:"responses,omitempty" doc:"One per response, in the request's order"`
	Results    []PairResult          `json:"results,omitempty" doc:"One per pair, in the request's order"`
	*Tag
}

// PairResult is a pair's preference or its problem.
type PairResult struct {
	Probability *float64           `json:"probability,omitempty" doc:"That chosen is preferred to rejected"`
	Margin      *float64           `json:"margin,omitempty" doc:"Log-odds of the probability; of a reward model raw of chosen less raw of rejected, times beta where raw is a likelihood"`
	Chosen      *ScoreResult       `json:"chosen,omitempty"`
	Rejected    *ScoreResult       `json:"rejected,omitempty"`
	Values      map[string]float64 `json:"values,omitempty" doc:"Of a recipe that rewards groups: the pair's values that are numbers"`
	*Tag
	Error *Problem `json:"error,omitempty" doc:"Why there is no probability: the first problem of the two, and its side where it has one"`
}

// StepsAnswer has one result per item, in order.
type StepsAnswer struct {
	Answering
	Threshold *float64      `json:"threshold" doc:"That first_error went by: the request's, else 0.5 of probabilities and 0 of log-ratios; null of scores that have no scale"`
	Results   []StepsResult `json:"results" nullable:"false"`
}

// StepsResult is an item's steps or its problem. Failed items have an error only.
type StepsResult struct {
	Steps []StepScore `json:"steps,omitempty"`
	*Aggregate
	*Tokens
	*Tag
	Error *Problem `json:"error,omitempty" doc:"Why there are no steps"`
}

// StepScore is one step. Steps are scored in one causal pass, so a later step never changes an earlier one's score.
type StepScore struct {
	Score  *float64           `json:"score" doc:"The raw output after the manifest's activation; null of a step that the model does not score"`
	Raw    *float64           `json:"raw,omitempty" doc:"The graph's output for the label that means right, untouched; of several labels and of log-probabilities the sum"`
	Logits map[string]float64 `json:"logits,omitempty" doc:"Raw output of each label, where the model has several"`
	Token  int                `json:"token" doc:"Index of the token where the step is read"`
	End    *int               `json:"end,omitempty" doc:"Where the step ends, in characters (code points) of the response; of steps, of their concatenation"`
}

// Aggregate is what the scores of an item's steps come to. They stand in a result, and a failed one has none.
type Aggregate struct {
	Min        float64  `json:"min" required:"false"`
	Product    *float64 `json:"product" required:"false" doc:"Null where it overflows, which scores in [0, 1] never do"`
	Mean       float64  `json:"mean" required:"false"`
	Last       float64  `json:"last" required:"false"`
	FirstError *int     `json:"first_error" required:"false" doc:"Index of the first step below the threshold; null where there is none, or no threshold"`
}

// ChooseAnswer has one result per item, in order.
type ChooseAnswer struct {
	Answering
	Results []ChooseResult `json:"results" nullable:"false"`
}

// ChooseResult is which of an item's candidates follows its prompt, or its problem. Failed items have an error only.
type ChooseResult struct {
	Choice     *string     `json:"choice,omitempty" doc:"The candidate with the largest logit, the first of equal ones"`
	Candidates []Candidate `json:"candidates,omitempty" doc:"In the request's order"`
	LogSum     *float64    `json:"log_sum,omitempty" doc:"Logarithm of the sum of exp(logit) over the whole vocabulary: a candidate's log-probability there is logit - log_sum"`
	Share      *float64    `json:"share,omitempty" doc:"The candidates' share of the vocabulary's probability: near 0, the model would have said something else"`
	*Tokens
	*Tag
	Error *Problem `json:"error,omitempty" doc:"Why there is no choice"`
}

// Candidate is what the model gives one candidate.
type Candidate struct {
	Text        string  `json:"text"`
	ID          int64   `json:"id" doc:"Its token"`
	Logit       float64 `json:"logit" doc:"Next-token logit"`
	Probability float64 `json:"probability" doc:"Softmax of the logits over the item's candidates"`
}

// TokenizeAnswer has one result per item, in order.
type TokenizeAnswer struct {
	Model     string           `json:"model"`
	Digest    string           `json:"digest"`
	Revision  int              `json:"revision" doc:"As of every answer"`
	MaxTokens int              `json:"max_tokens" doc:"Longest item that the model accepts"`
	Results   []TokenizeResult `json:"results" nullable:"false"`
	TotalMS   float64          `json:"total_ms"`
	Ignored   []string         `json:"ignored,omitempty" doc:"Fields of the items that were passed over, by name"`
}

// TokenizeResult is what the model would see of an item, or its problem.
type TokenizeResult struct {
	Text      string  `json:"text,omitempty" doc:"The text that was tokenized, rendered; none for input_ids"`
	IDs       []int64 `json:"input_ids,omitempty"`
	Read      []int   `json:"read,omitempty" doc:"Indices of the tokens whose outputs are read; left out of a model whose graph pools"`
	Tokens    int     `json:"tokens,omitempty" doc:"Length of input_ids"`
	Truncated int     `json:"truncated,omitempty" doc:"Tokens cut away, on request only"`
	*Tag
	Error *Problem `json:"error,omitempty"`
}

package rewards

import (
	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/rewards/ranking"
	"github.com/assay-rm/assay/rewards/recipes"
)

// Question is a way to ask.
type Question string

// The questions. Score, Steps, Choose, Embed, Logprobs and Tokenize are asked about items, the others about groups of
// responses.
const (
	Score    Question = "score"      // how good is each item?
	Rank     Question = "rank"       // which of the responses to one prompt is best?
	Compare  Question = "compare"    // how surely is each response to one prompt preferred to each other one?
	Pairs    Question = "pairs"      // how surely is the first response of each pair preferred to the second?
	Steps    Question = "steps"      // which step of each item goes wrong?
	Choose   Question = "choose"     // which of some candidates follows the prompt of each item?
	Embed    Question = "embeddings" // what is the vector of each item?
	Logprobs Question = "logprobs"   // how likely is each token of the response of each item?
	Tokenize Question = "tokenize"   // what does the model see of each item?
)

// Request is one question to one model. Only what belongs to its question is looked at.
type Request struct {
	Question Question
	Caller   models.Caller     // who asks
	Model    string            // its name; empty: the one model that answers the question
	Kind     manifest.Kind     // of the model, where none is named; empty: any kind that answers the question
	Truncate encode.Truncation // what happens to an item that is too long; empty: it is refused

	Items  []encode.Item // score, steps, choose, embeddings, logprobs and tokenize: at least one
	Groups []Group       // rank and compare: one; pairs: one of two responses for each pair

	// Refused says why some items cannot be read, which whoever decoded the request found: those items fail alone. The
	// keys are indices of Items or, over all groups, of responses.
	Refused map[int]error

	Label      string                     // score, rank, compare and pairs: the label to go by; empty: the manifest's choice
	Activation string                     // score and rank: applied last; one of package manifest's, and none when empty
	Gradient   bool                       // score: beside each score, how it moves with each feature
	Places     int                        // rank: places that the ranking keeps; 0: all
	Params     map[string]recipes.Given   // of a recipe: those that are not to have their defaults
	Given      []map[string]recipes.Given // of a recipe: the fields of each item or, over all groups, of each response; nil: none has any
	Recipe     string                     // the text of a whole recipe, instead of Model
	Expect     string                     // the digest that the answer must have; empty: any
	Candidates []string                   // choose: of every item that has none of its own; each must be one token behind the prompt
	Tokens     []int64                    // choose: instead of all candidates, the tokens that may follow
	Threshold  ops.Maybe                  // steps: the first step that scores below is the first error; missing: the model's own, which fits its scale
	Choice     ranking.Choice             // rank: which responses are selected; its N is Places
	Statistics bool                       // rank and compare: beside the scores, what they are as a group
	Aggregates []ranking.Aggregate        // compare: what else is made of the preferences
	EloScale   ops.Maybe                  // compare: of the aggregate of that name; missing: 400
}

// compares tells whether the request is answered by how surely responses are preferred to each other.
func (r *Request) compares() bool {
	return r.Question == Compare || r.Question == Pairs || r.Question == Rank && r.Choice.Compares()
}

// Group is responses to one prompt, which is Prompt, the user's turn, or Messages, the conversation before the
// response.
type Group struct {
	Prompt    *string
	Messages  []chat.Message
	Reference *string   // of models whose template names it, an answer that is known to be good
	Principle *string   // of models whose template names it, what the responses are judged by
	User      []float64 // the user's vector, of models whose head takes one
	Separator *string   // of recipes over process models: it splits each response into steps
	Responses []string
}

// before is an item without its response: what all responses of the group share, whose memory they share too.
func (g *Group) before() encode.Item {
	return encode.Item{Prompt: g.Prompt, Messages: g.Messages, Reference: g.Reference, Principle: g.Principle, User: g.User, Separator: g.Separator}
}

// item is one response after the prompt.
func (g *Group) item(response int) encode.Item {
	item := g.before()
	item.Response = &g.Responses[response]
	return item
}

// pair is two responses after the prompt, for models that read both at once.
func (g *Group) pair(first, second int) encode.Item {
	item := g.before()
	item.First, item.Second = &g.Responses[first], &g.Responses[second]
	return item
}

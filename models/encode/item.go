package encode

import (
	"strings"

	"github.com/assay-rm/assay/models/chat"
)

// Item is one thing to read. It has exactly one form: messages; prompt, with response or steps beside it; text that is
// rendered already; input_ids; or features. Its JSON is that of requests and of golden files.
type Item struct {
	Messages  []chat.Message `json:"messages,omitempty" doc:"A conversation, rendered through the model's chat template"`
	Prompt    *string        `json:"prompt,omitempty" doc:"The user's turn; goes with response or steps"`
	Response  *string        `json:"response,omitempty" doc:"The assistant's turn"` // behind messages too, where several responses share them
	Text      *string        `json:"text,omitempty" doc:"Text that is rendered already, tokenized as it is"`
	InputIDs  TokenIDs       `json:"input_ids,omitempty" doc:"Token ids"`
	Steps     []string       `json:"steps,omitempty" doc:"The assistant's turn as a list of steps (process models)"`
	Separator *string        `json:"separator,omitempty" doc:"Splits the response into steps (process models)"`

	// Beside the conversation, for models whose template names them.
	Reference *string `json:"reference,omitempty" doc:"An answer that is known to be good"`
	Principle *string `json:"principle,omitempty" doc:"What the response is judged by"`

	Features Features   `json:"features,omitempty" doc:"Every feature of the model, by name (models that read features)"`
	User     UserVector `json:"user,omitempty" doc:"The user's vector (models whose head takes one)"`

	Candidates []string `json:"candidates,omitempty" doc:"What may follow the prompt (choice models)"`

	First  *string `json:"-"` // pair models: the response that is read first
	Second *string `json:"-"` // and the one that is read second

	Candidate   *string `json:"-"` // choice models: the one of the candidates that is read
	CandidateID *int64  `json:"-"` // instead of Candidate: its token

	Marks bool `json:"-"` // process models that tokenize steps apart: input_ids are read at every token of the separator

	EveryToken bool `json:"-"` // embedding models whose graph does not pool: every token is read, and not one by the pooling rule
}

// steps is how many steps the item has: those listed, or about as many as its separator makes.
func (i *Item) steps() int {
	switch {
	case i.Separator == nil || *i.Separator == "":
		return len(i.Steps)
	case i.Response != nil:
		return 1 + strings.Count(*i.Response, *i.Separator)
	case len(i.Messages) > 0:
		return 1 + strings.Count(i.Messages[len(i.Messages)-1].Content, *i.Separator)
	}
	return 0
}

// Truncation says what happens to an item that is longer than limits.max_tokens.
type Truncation string

// The truncations. Both cuts keep the BOS that the policy puts first, and the frame around a text. A cut that would
// remove the end of a step, or a position that is read, is refused.
const (
	TruncateError Truncation = "error" // refuse the item
	TruncateLeft  Truncation = "left"  // drop the oldest tokens
	TruncateRight Truncation = "right" // drop the newest tokens that are not the template's tail
)

// Encoded is an item as the model sees it.
type Encoded struct {
	Text string  // what was tokenized; empty for input_ids, segments and features
	IDs  []int64 // token ids, policies applied; of features the bits of each number, in the manifest's order

	// Positions are the tokens whose rows are read, ascending. A reward model reads one, by its pooling rule, and
	// before it the one in the prompt where the manifest asks for that. A process model reads one for each step that
	// has a score. A likelihood model reads every token that predicts one of the response's: from the one before
	// Response up to the last but one. A choice model reads the prompt's last, and the candidate follows it as the last
	// of IDs. Of an item with EveryToken it is all of them.
	Positions []int

	Response  int   // likelihood: the token at which the response begins
	Steps     []int // process: the token of each step, of skipped ones too
	Ends      []int // process, of steps or of a separator: the end of each step in characters of the response
	Tokens    int   // length of IDs; beside an error how many there were, as far as they were counted
	Truncated int   // tokens cut away

	User []float32 // the user's vector, for a head that takes one
}

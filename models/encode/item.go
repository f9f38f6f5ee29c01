package encode

import "github.com/assay-rm/assay/models/chat"

// Item is one thing to read, in exactly one form: messages; prompt with response (or with steps); text, rendered already;
// input_ids; or features. The JSON form is the wire's and that of golden files.
type Item struct {
	Messages  []chat.Message `json:"messages,omitempty" doc:"A conversation, rendered through the model's chat template"`
	Prompt    *string        `json:"prompt,omitempty" doc:"The user's turn; goes with response or steps"`
	Response  *string        `json:"response,omitempty" doc:"The assistant's turn"`
	Text      *string        `json:"text,omitempty" doc:"Text that is rendered already, tokenized as it is"`
	InputIDs  TokenIDs       `json:"input_ids,omitempty" doc:"Token ids"`
	Steps     []string       `json:"steps,omitempty" doc:"The assistant's turn as a list of steps (process models)"`
	Separator *string        `json:"separator,omitempty" doc:"Splits the response into steps (process models)"`

	Features Features   `json:"features,omitempty" doc:"Every feature of the model, by name (models that read features)"`
	User     UserVector `json:"user,omitempty" doc:"The user's vector (models whose head takes one)"`

	First  *string `json:"-"` // of a pair model: the response read first, after messages or prompt
	Second *string `json:"-"` // and the one read second
}

// LeastTokens is about the fewest tokens that an item can have: one for eight bytes of its text.
func (i *Item) LeastTokens() int {
	bytes := 8 * (len(i.InputIDs) + len(i.Features))
	for _, message := range i.Messages {
		bytes += len(message.Content)
	}
	for _, text := range []*string{i.Prompt, i.Response, i.Text, i.First, i.Second} {
		if text != nil {
			bytes += len(*text)
		}
	}
	for _, step := range i.Steps {
		bytes += len(step)
	}
	return max(1, bytes/8)
}

// Truncation says what happens to an item over the limit.
type Truncation string

// Truncations. Both cuts keep a required BOS; a cut never removes a step's end.
const (
	TruncateError Truncation = "error" // refuse the item
	TruncateLeft  Truncation = "left"  // drop the oldest tokens
	TruncateRight Truncation = "right" // drop the newest tokens that are not the template's tail
)

// Encoded is an item as the model sees it.
type Encoded struct {
	Text string  // what was tokenized; empty for input_ids, segments and features
	IDs  []int64 // token ids, policies applied; of features the bits of each number, in the manifest's order

	// Positions are the tokens whose rows are read, ascending. A reward model reads one, by its pooling rule, and before it
	// the one in the prompt where the manifest asks for that. A process model reads one for each step that has a score. A
	// likelihood model reads every token that predicts one of the response's: from the one before Response up to the last
	// but one.
	Positions []int

	Response  int   // likelihood: the token at which the response begins
	Steps     []int // process: the token of each step, of skipped ones too
	Ends      []int // process, of steps or of a separator: the end of each step in characters of the response
	Truncated int   // tokens cut away

	User []float32 // the user's vector, for a head that takes one
}

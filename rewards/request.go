package rewards

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/encode"
)

// Activation is what is applied to a reward last.
type Activation string

// Activations. The first is the default and leaves the logit alone.
const (
	ActivationNone    Activation = "none"
	ActivationSigmoid Activation = "sigmoid" // of each label on its own
	ActivationSoftmax Activation = "softmax" // over the labels; refused where there is only one
)

// MaxTimeout is the longest deadline that a request can ask for.
const MaxTimeout = time.Hour

// Common are the fields that every request has.
type Common struct {
	Model     string            `json:"model,omitempty" doc:"Name of the model; may be left out where one model answers this question" example:"arith-rm"`
	Truncate  encode.Truncation `json:"truncate,omitempty" enum:"error,left,right" default:"error" doc:"What happens to an item over the model's max_tokens: refuse it, drop its oldest tokens, or drop its newest before the template's tail"`
	TimeoutMS int64             `json:"timeout_ms,omitempty" minimum:"0" maximum:"3600000" doc:"Milliseconds after which items without an answer fail with deadline_exceeded; 0 waits as long as the client does"`
}

// Scoring are the fields that say how a reading becomes a score.
type Scoring struct {
	Activation Activation `json:"activation,omitempty" enum:"none,sigmoid,softmax" default:"none" doc:"Applied to the score last; raw is always beside it"`
	Label      string     `json:"label,omitempty" doc:"The label that score and raw show; the model's first when left out"`
}

// Answering are the fields that every answer has.
type Answering struct {
	Model      string   `json:"model" doc:"Name of the model that answered"`
	Digest     string   `json:"digest" doc:"sha256 of its bundle's files"`
	Transforms []string `json:"transforms" nullable:"false" doc:"What was applied between raw and score, in order; empty: score equals raw"`
	Usage      Usage    `json:"usage"`
	Timings    Timings  `json:"timings"`
}

// Account gives what every answer has.
func (a *Answering) Account() Answering { return *a }

// Usage counts what a request took. Items that failed before they had tokens count as items only.
type Usage struct {
	Items    int `json:"items" doc:"Sequences read; a pair counts two"`
	Tokens   int `json:"tokens" doc:"Tokens of the sequences"`
	Computed int `json:"computed_tokens" doc:"Tokens computed for them: what sequences of a run share counts once, cached tokens not at all"`
}

// Timings are in milliseconds.
type Timings struct {
	Queue float64 `json:"queue_ms" doc:"Longest wait of an item for its run"`
	Run   float64 `json:"run_ms" doc:"Longest run of an item"`
	Total float64 `json:"total_ms" doc:"From the request to its answer, tokenizing included"`
}

// Tokens counts the tokens of an item that has an answer.
type Tokens struct {
	Tokens    int `json:"tokens" doc:"Tokens read"`
	Shared    int `json:"shared_tokens" doc:"Leading tokens computed once together with other items"`
	Cached    int `json:"cached_tokens" doc:"Leading tokens taken from the cache"`
	Truncated int `json:"truncated,omitempty" doc:"Tokens cut away, on request only"`
}

func invalid(format string, args ...any) *Problem {
	return NewProblem(CodeInvalidField, format, args...)
}

// check proves the fields, with defaults filled in.
func (c *Common) check() error {
	if c.Truncate == "" {
		c.Truncate = encode.TruncateError
	}
	if err := oneOf("truncate", c.Truncate, encode.TruncateError, encode.TruncateLeft, encode.TruncateRight); err != nil {
		return err
	}
	if c.TimeoutMS < 0 || c.TimeoutMS > MaxTimeout.Milliseconds() {
		return invalid("timeout_ms: %d is not between 0 and %d", c.TimeoutMS, MaxTimeout.Milliseconds())
	}
	return nil
}

func (s *Scoring) check() error {
	if s.Activation == "" {
		s.Activation = ActivationNone
	}
	return oneOf("activation", s.Activation, ActivationNone, ActivationSigmoid, ActivationSoftmax)
}

func oneOf[T ~string](field string, value T, allowed ...T) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	words := make([]string, len(allowed))
	for i, word := range allowed {
		words[i] = string(word)
	}
	return invalid("%s: %q is none of %s", field, value, strings.Join(words, ", "))
}

// Prompted is what several responses answer: a prompt or the messages before the response.
type Prompted struct {
	Prompt   *string           `json:"prompt,omitempty" doc:"The user's turn; give this or messages"`
	Messages []chat.Message    `json:"messages,omitempty" doc:"The conversation before the response; give this or prompt"`
	User     encode.UserVector `json:"user,omitempty" doc:"The user's vector (models whose head takes one)"`
}

// Item gives the item of one response; that there is one prompt must have been checked.
func (p Prompted) Item(response string) encode.Item {
	if p.Prompt != nil {
		return encode.Item{Prompt: p.Prompt, Response: &response, User: p.User}
	}
	return encode.Item{Messages: append(slices.Clip(p.Messages), chat.Message{Role: "assistant", Content: response}), User: p.User}
}

// Check proves that there is exactly one form; the field is where the prompt stands in the request, "" at its top.
func (p Prompted) Check(field string) error {
	switch {
	case p.Prompt != nil && len(p.Messages) > 0:
		return invalid("%sprompt: given together with messages, and one of them is enough", field)
	case p.Prompt == nil && len(p.Messages) == 0:
		return invalid("%sprompt: is missing, and so is messages", field)
	case p.Prompt == nil && p.Messages[len(p.Messages)-1].Role == "assistant":
		last := fmt.Sprintf("%smessages[%d].role", field, len(p.Messages)-1)
		return invalid("%s: the last turn is the assistant's, but that turn is the response", last)
	}
	return nil
}

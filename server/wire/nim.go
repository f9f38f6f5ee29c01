package wire

import "github.com/go-json-experiment/json/jsontext"

// RewardChatRequest is what clients of NVIDIA's reward models send to chat completions: a conversation whose last turn
// is the response. Whatever else a client of OpenAI's API sends is passed over, but for what asks for another answer.
type RewardChatRequest struct {
	_        struct{}  `additionalProperties:"true"`
	Model    string    `json:"model,omitempty" nullable:"true"`
	Messages []Message `json:"messages" nullable:"false" minItems:"1" doc:"The conversation; its last turn is the assistant's, which is scored"`
	Stream   *bool     `json:"stream,omitempty" nullable:"true" doc:"Must be false: a reward is one answer"`
	N        *int      `json:"n,omitempty" nullable:"true" minimum:"1" maximum:"1" doc:"Must be 1: a reward is one answer"`
}

// RewardChatAnswer is a chat completion that tells rewards, as its content and as its log-probabilities.
type RewardChatAnswer struct {
	ID      string             `json:"id"`
	Object  string             `json:"object" enum:"chat.completion"`
	Created int64              `json:"created"`
	Model   string             `json:"model" doc:"That answered"`
	Digest  string             `json:"digest" doc:"sha256 of its bundle's files"`
	Choices []RewardChatChoice `json:"choices" nullable:"false" doc:"One"`
	Usage   ChatUsage          `json:"usage"`
}

// RewardChatChoice is the reward.
type RewardChatChoice struct {
	Index    int               `json:"index"`
	Message  RewardChatMessage `json:"message"`
	Logprobs struct {
		Content []RewardLogprob `json:"content" nullable:"false" doc:"One for each output of the model"`
	} `json:"logprobs"`
	Finish string `json:"finish_reason" enum:"stop"`
}

// RewardChatMessage has the reward as text.
type RewardChatMessage struct {
	Role    string `json:"role" enum:"assistant"`
	Content string `json:"content" doc:"name:value of each output of the model, with commas between them"`
}

// RewardLogprob is an output of the model where clients look for a token's log-probability.
type RewardLogprob struct {
	Token   string    `json:"token" doc:"The output's name"`
	Logprob float64   `json:"logprob" doc:"Its raw value, which is no log-probability"`
	Bytes   *[]int    `json:"bytes"`
	Top     []float64 `json:"top_logprobs" nullable:"false" doc:"Empty"`
}

// ChatUsage counts tokens as clients of OpenAI's API read them.
type ChatUsage struct {
	Prompt     int `json:"prompt_tokens"`
	Completion int `json:"completion_tokens"`
	Total      int `json:"total_tokens"`
}

// RankingRequest is what clients of NVIDIA's rerankers send.
type RankingRequest struct {
	_        struct{} `additionalProperties:"true"`
	Model    string   `json:"model,omitempty" nullable:"true"`
	Query    Passage  `json:"query" doc:"What the passages are to answer: the prompt"`
	Passages Passages `json:"passages" doc:"The responses"`
	Truncate string   `json:"truncate,omitempty" nullable:"true" enum:"NONE,START,END" doc:"NONE when left out: what is too long is refused"`
	TopK     *int     `json:"top_k,omitempty" nullable:"true" minimum:"1" doc:"Places that the answer keeps"`
	TopN     *int     `json:"top_n,omitempty" nullable:"true" minimum:"1" doc:"Another name of top_k"`
}

// RankingAnswer has the passages from the greatest logit to the smallest.
type RankingAnswer struct {
	ID       string      `json:"id"`
	Model    string      `json:"model" doc:"That answered"`
	Digest   string      `json:"digest" doc:"sha256 of its bundle's files"`
	Rankings []Ranking   `json:"rankings" nullable:"false" doc:"Best first"`
	Usage    RerankUsage `json:"usage"`
}

// Ranking is a passage's place.
type Ranking struct {
	Index int     `json:"index" doc:"Of the passage in the request"`
	Logit float64 `json:"logit" doc:"What POST /v1/score calls raw; of an embedding model the similarity"`
}

func (r *RewardChatRequest) decode(d *decoder) error { return object(d, &rewardChatForm, r) }
func (r *RankingRequest) decode(d *decoder) error    { return object(d, &rankingForm, r) }

var rewardChatForm = form[RewardChatRequest]{
	lenient: true,
	fields: []field[RewardChatRequest]{
		orNull("model", func(d *decoder, r *RewardChatRequest) error { return d.text(&r.Model) }),
		{"messages", true, func(d *decoder, r *RewardChatRequest) error { return d.messages(&r.Messages) }},
		orNull("stream", func(d *decoder, r *RewardChatRequest) error {
			if d.in.PeekKind() == jsontext.KindTrue {
				return d.invalid("a reward is one answer, which is not streamed")
			}
			return d.truth(&r.Stream)
		}),
		orNull("n", func(d *decoder, r *RewardChatRequest) error {
			if err := d.atLeast(&r.N, 1); err != nil || *r.N == 1 {
				return err
			}
			return d.invalid("a reward is one answer, and %d are asked for", *r.N)
		}),
	},
	check: func(d *decoder, r *RewardChatRequest) error { return d.some(len(r.Messages), "messages", "turn") },
}

var rankingForm = form[RankingRequest]{
	lenient: true,
	fields: []field[RankingRequest]{
		orNull("model", func(d *decoder, r *RankingRequest) error { return d.text(&r.Model) }),
		{"query", true, func(d *decoder, r *RankingRequest) error { return d.passage((*string)(&r.Query)) }},
		{"passages", true, func(d *decoder, r *RankingRequest) error { return d.passages(&r.Passages) }},
		orNull("truncate", func(d *decoder, r *RankingRequest) error { return d.word(&r.Truncate, "NONE", "START", "END") }),
		orNull("top_k", func(d *decoder, r *RankingRequest) error { return d.atLeast(&r.TopK, 1) }),
		orNull("top_n", func(d *decoder, r *RankingRequest) error { return d.atLeast(&r.TopN, 1) }),
	},
	check: func(d *decoder, r *RankingRequest) error { return d.some(len(r.Passages), "passages", "passage") },
}

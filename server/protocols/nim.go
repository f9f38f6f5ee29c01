package protocols

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/native"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// nim is NVIDIA's microservices: reward models behind OpenAI's chat completions, as camel-ai's NemotronRewardModel and
// NeMo Curator read them, and the rerankers of NeMo Retriever.
func nim() Protocol {
	return Protocol{
		Name: "nim", Tell: tellOpenAI,
		Routes: []Route{
			{
				Method: http.MethodPost, Path: "/v1/chat/completions", Summary: "NVIDIA's reward models: the reward of a conversation's last turn",
				Takes: wire.RewardChatRequest{}, Gives: wire.RewardChatAnswer{}, Ask: askRewardChat,
			},
			{Method: http.MethodPost, Path: "/chat/completions", Ask: askRewardChat},
			{
				Method: http.MethodPost, Path: "/v1/ranking", Summary: "NVIDIA's rerankers",
				Takes: wire.RankingRequest{}, Gives: wire.RankingAnswer{}, Ask: askRanking,
			},
			{Method: http.MethodPost, Path: "/v1/retrieval/{model}/reranking", Ask: askRanking},
			{Method: http.MethodPost, Path: "/v1/retrieval/{vendor}/{model}/reranking", Ask: askRanking},
			{
				Method: http.MethodGet, Path: "/v1/models/{model}", Summary: "What is loaded under a name, as clients of OpenAI's API ask",
				Gives: wire.ModelAnswer{}, Tell: tellModel,
			},
			{Method: http.MethodGet, Path: "/v1/health/ready", Open: true, Tell: health},
			{Method: http.MethodGet, Path: "/v1/health/live", Open: true, Tell: health},
		},
	}
}

// tellOpenAI tells a problem as OpenAI's API does.
func tellOpenAI(p *problem.Problem) Reply {
	return Reply{Status: p.Status, Body: wire.OpenAIProblem{Error: openAIError(p, p.Code)}}
}

// askRewardChat asks for the reward of the last turn, which must be the assistant's: a model would score a question
// too.
func askRewardChat(c *Call) (Asked, error) {
	var form wire.RewardChatRequest
	if err := c.Decode(&form); err != nil {
		return Asked{}, err
	}
	if last := form.Messages[len(form.Messages)-1].Role; last != "assistant" {
		return Asked{}, problem.New(failure.CodeInvalidField, "messages: the last turn is of %q, and must be the assistant's, which is what is scored", fault.Short(last))
	}
	request, err := native.ScoreRequest(&wire.ScoreRequest{Items: []wire.Item{{Messages: form.Messages}}})
	request.Model, request.Kind = c.Model(form.Model, rewards.Score), rewarding(c.Engine)
	return Asked{Request: request, Reply: func(given *rewards.Answer) (Reply, error) { return replyRewardChat(c, given) }}, err
}

// replyRewardChat tells the outputs of the model, in their order, as text and as log-probabilities: of the clients some
// read one, and some the other.
func replyRewardChat(c *Call, given *rewards.Answer) (Reply, error) {
	result := &given.Results[0]
	if result.Err != nil {
		return Reply{}, Failed(result.Err, "messages")
	}
	answer := wire.RewardChatAnswer{
		ID: "chatcmpl-" + c.ID, Object: "chat.completion", Created: time.Now().Unix(), Model: given.Model, Digest: given.Digest,
		Choices: make([]wire.RewardChatChoice, 1), Usage: wire.ChatUsage{Prompt: given.Usage.Tokens, Total: given.Usage.Tokens},
	}
	choice := &answer.Choices[0]
	choice.Message.Role, choice.Finish = "assistant", "stop"
	choice.Logprobs.Content = outputs(answererOf(c.Engine, given), result)
	var content strings.Builder
	for i := range choice.Logprobs.Content {
		if i > 0 {
			content.WriteByte(',')
		}
		of := &choice.Logprobs.Content[i]
		content.WriteString(of.Token + ":" + strconv.FormatFloat(of.Logprob, 'g', -1, 64))
	}
	choice.Message.Content = content.String()
	return Reply{Body: answer}, nil
}

// outputs are the raw outputs of a model by name; of one output, and of a recipe, the raw value, or the score where
// there is none, is the reward.
func outputs(of *rewards.ModelInfo, result *rewards.Result) []wire.RewardLogprob {
	if of == nil || len(result.Logits) < 2 {
		return []wire.RewardLogprob{{Token: "reward", Logprob: rawOf(result), Top: []float64{}}}
	}
	all := make([]wire.RewardLogprob, 0, len(result.Logits))
	for _, label := range of.Manifest.Graph.Labels {
		all = append(all, wire.RewardLogprob{Token: label, Logprob: result.Logits[label], Top: []float64{}})
	}
	return all
}

// askRanking asks which of the passages answers the query best. The path of some clients names the model.
func askRanking(c *Call) (Asked, error) {
	var form wire.RankingRequest
	if err := c.Decode(&form); err != nil {
		return Asked{}, err
	}
	if form.Model == "" {
		form.Model = c.Request.PathValue("model")
	}
	request := fitting(c, form.Model, string(form.Query), form.Passages, truncations[form.Truncate])
	return Asked{Request: request, Reply: func(given *rewards.Answer) (Reply, error) { return replyRanking(c, &form, given) }}, nil
}

func replyRanking(c *Call, form *wire.RankingRequest, given *rewards.Answer) (Reply, error) {
	order, err := relevances(given.Results, telling(c.Engine, given.Model, true), "passages")
	if err != nil {
		return Reply{}, err
	}
	for _, most := range []*int{form.TopK, form.TopN} {
		if most != nil && *most < len(order) {
			order = order[:*most]
		}
	}
	answer := wire.RankingAnswer{
		ID: "ranking-" + c.ID, Model: given.Model, Digest: given.Digest, Rankings: make([]wire.Ranking, len(order)),
		Usage: wire.RerankUsage{Prompt: given.Usage.Tokens, Total: given.Usage.Tokens},
	}
	for i, one := range order {
		answer.Rankings[i] = wire.Ranking{Index: one.index, Logit: one.value}
	}
	return Reply{Body: answer}, nil
}

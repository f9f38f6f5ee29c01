package protocols

import (
	"net/http"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/native"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// slime is slime's remote reward model (slime/rollout/rm_hub): one sample per request, and the whole answer is the
// reward, or with --reward-key an object that has it. Nothing in a request tells which, so that the URL says it.
func slime() Protocol {
	return Protocol{
		Name: "slime", Prefix: "/slime/", Tell: Problem,
		Routes: []Route{{
			Method: http.MethodPost, Path: "/slime", Summary: "slime's remote reward model: a number, or with ?object=true an object",
			Takes: wire.SlimeRequest{}, Gives: float64(0), Ask: askSlime,
		}},
	}
}

func askSlime(c *Call) (Asked, error) {
	var form wire.SlimeRequest
	if err := c.Decode(&form); err != nil {
		return Asked{}, err
	}
	given, err := options(c.Request.URL, "model", "truncate", "rendered", "label", "object")
	if err != nil {
		return Asked{}, err
	}
	whole, err := boolean(given, "object")
	if err != nil {
		return Asked{}, err
	}
	rendered, err := boolean(given, "rendered")
	if err != nil {
		return Asked{}, err
	}
	item, err := sampleOf(&form, rendered)
	if err != nil {
		return Asked{}, err
	}
	switch given.Get("label") {
	case "":
	case "reference":
		item.Reference = form.Label
	default:
		return Asked{}, problem.New(failure.CodeInvalidField, "label: in the URL may be reference alone")
	}
	request := rewards.Request{
		Question: rewards.Score, Kind: manifest.KindReward, Model: given.Get("model"), Truncate: encode.Truncation(given.Get("truncate")),
		Items: []encode.Item{item},
	}
	return Asked{Request: request, Reply: func(given *rewards.Answer) (Reply, error) { return replySlime(given, whole) }}, nil
}

// sampleOf is a sample as an item: a text that is rendered already, or a conversation that ends with the response.
func sampleOf(form *wire.SlimeRequest, rendered bool) (encode.Item, error) {
	switch {
	case rendered && form.Prompt.Text == nil:
		return encode.Item{}, problem.New(failure.CodeInvalidField, "prompt: is a conversation, and the URL says that it is rendered")
	case rendered:
		return encode.Item{Text: new(*form.Prompt.Text + *form.Response)}, nil
	case form.Prompt.Text != nil:
		return encode.Item{Prompt: form.Prompt.Text, Response: form.Response}, nil
	}
	item := native.Item(&wire.Item{Messages: form.Prompt.Messages})
	item.Messages = append(item.Messages, chat.Message{Role: "assistant", Content: *form.Response})
	return item, nil
}

func replySlime(given *rewards.Answer, whole bool) (Reply, error) {
	if err := failed(given, "response"); err != nil {
		return Reply{}, err
	}
	r := &given.Results[0]
	if !whole {
		return Reply{Body: r.Score}, nil
	}
	return Reply{Body: wire.SlimeAnswer{
		Score: r.Score, Raw: r.Raw.Pointer(), Tokens: r.Tokens.Tokens, Model: given.Model, Digest: given.Digest,
	}}, nil
}

package client

import (
	"slices"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/rewards/recipes"
	"github.com/assay-rm/assay/server/wire"
)

// Body gives the path and the body that ask the native API what the request asks: of items, of responses, or of pairs.
// Items that could not be read fail the request, with the first of their errors. The caller is not told: a token says
// it.
func Body(r *rewards.Request) (path string, form any, err error) {
	for _, i := range sorted(r.Refused) {
		return "", nil, r.Refused[i]
	}
	common := wire.Common{Model: r.Model, Truncate: string(r.Truncate), Params: settings(r.Params), Recipe: r.Recipe, Expect: r.Expect, OnError: "item"}
	scoring := wire.Scoring{Activation: r.Activation, Label: r.Label}
	switch r.Question { //nolint:exhaustive // the others are not asked so
	case rewards.Score:
		body := &wire.ScoreRequest{Common: common, Scoring: scoring, Items: items(r)}
		if r.Gradient {
			body.Explain = "gradient"
		}
		return "/v1/score", body, nil
	case rewards.Steps:
		return "/v1/steps", &wire.StepsRequest{Common: common, Items: items(r), Threshold: r.Threshold.Pointer()}, nil
	case rewards.Rank:
		of := &r.Groups[0]
		return "/v1/rank", &wire.RankRequest{
			Common: common, Scoring: scoring, Prompted: prompted(of), Responses: of.Responses, Given: all(r.Given), Selecting: wire.Selecting{
				Strategy: string(r.Choice.Strategy), N: r.Places, Share: r.Choice.Share.Pointer(), Seed: r.Choice.Seed, Power: r.Choice.Power.Pointer(),
				Answers: r.Choice.Answers, Statistics: r.Statistics,
			},
		}, nil
	case rewards.Compare:
		of := &r.Groups[0]
		return "/v1/compare", &wire.CompareRequest{
			Common: common, Label: r.Label, Prompted: prompted(of), Responses: of.Responses, Given: all(r.Given), Summing: summing(r),
		}, nil
	case rewards.Pairs:
		body := &wire.CompareRequest{Common: common, Label: r.Label, Summing: summing(r)}
		for i := range r.Groups {
			of := &r.Groups[i]
			pair := wire.Pair{Prompted: prompted(of), Chosen: &of.Responses[0], Rejected: &of.Responses[1]}
			if r.Given != nil {
				pair.Given = all(r.Given[2*i : 2*i+2])
			}
			body.Pairs = append(body.Pairs, pair)
		}
		return "/v1/compare", body, nil
	}
	return "", nil, failure.New(failure.CodeInvalidField, "%s: is not asked of a server elsewhere", r.Question)
}

// sorted are the keys of what was refused.
func sorted(of map[int]error) []int {
	keys := make([]int, 0, len(of))
	for i := range of {
		keys = append(keys, i)
	}
	slices.Sort(keys)
	return keys
}

func summing(r *rewards.Request) wire.Summing {
	s := wire.Summing{EloScale: r.EloScale.Pointer(), Statistics: r.Statistics}
	for _, name := range r.Aggregates {
		s.Aggregate = append(s.Aggregate, string(name))
	}
	return s
}

func prompted(of *rewards.Group) wire.Prompted {
	return wire.Prompted{
		Prompt: of.Prompt, Messages: messages(of.Messages), User: of.User, Reference: of.Reference, Principle: of.Principle, Separator: of.Separator,
	}
}

func items(r *rewards.Request) []wire.Item {
	of := make([]wire.Item, len(r.Items))
	for i := range r.Items {
		of[i] = item(&r.Items[i])
		if r.Given != nil {
			of[i].Given = settings(r.Given[i])
		}
	}
	return of
}

func item(of *encode.Item) wire.Item {
	return wire.Item{
		Messages: messages(of.Messages), Prompt: of.Prompt, Response: of.Response, Text: of.Text, InputIDs: of.InputIDs, Steps: of.Steps,
		Separator: of.Separator, Candidates: of.Candidates, Reference: of.Reference, Principle: of.Principle, Features: of.Features, User: of.User,
	}
}

func messages(of []chat.Message) []wire.Message {
	if of == nil {
		return nil
	}
	all := make([]wire.Message, len(of))
	for i := range of {
		all[i] = wire.Message{Role: of[i].Role, Content: wire.Content{Text: of[i].Content}}
		more := of[i].More
		if more == nil {
			continue
		}
		if more.Parts != nil {
			all[i].Content = wire.Content{Parts: more.Parts}
		}
		if more.Name != nil || more.ToolCallID != nil || more.Reasoning != nil || more.ToolCalls != nil {
			all[i].Further = &wire.Further{Name: more.Name, ToolCallID: more.ToolCallID, Reasoning: more.Reasoning, ToolCalls: more.ToolCalls}
		}
	}
	return all
}

// all are the settings of each item or response; nil: none has any.
func all(of []map[string]recipes.Given) []wire.Settings {
	if of == nil {
		return nil
	}
	each := make([]wire.Settings, len(of))
	for i := range of {
		if each[i] = settings(of[i]); each[i] == nil {
			each[i] = wire.Settings{}
		}
	}
	return each
}

func settings(of map[string]recipes.Given) wire.Settings {
	if of == nil {
		return nil
	}
	all := make(wire.Settings, len(of))
	for name, value := range of {
		switch {
		case value.Vector != nil:
			all[name] = value.Vector
		case value.Words != nil:
			all[name] = value.Words
		case value.Word != "" || value.Blank:
			all[name] = value.Word
		default:
			all[name] = value.Number
		}
	}
	return all
}

// maybe is the number of a pointer.
func maybe(x *float64) ops.Maybe {
	if x == nil {
		return ops.Maybe{}
	}
	return ops.Some(*x)
}

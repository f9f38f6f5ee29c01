// Package native is the forms of the native API as rewards knows them: it makes requests of what was decoded, and JSON
// of answers.
package native

import (
	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/rewards/recipes"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// ScoreRequest is the request of a score body.
func ScoreRequest(r *wire.ScoreRequest) (rewards.Request, error) {
	request := about(rewards.Score, &r.Common, r.Items)
	request.Activation, request.Label, request.Gradient = r.Activation, r.Label, r.Explain != ""
	return request, nil
}

// StepsRequest is the request of a steps body.
func StepsRequest(r *wire.StepsRequest) (rewards.Request, error) {
	request := about(rewards.Steps, &r.Common, r.Items)
	if r.Threshold != nil {
		request.Threshold = ops.Some(*r.Threshold)
	}
	return request, nil
}

// ChooseRequest is the request of a choose body.
func ChooseRequest(r *wire.ChooseRequest) (rewards.Request, error) {
	request := about(rewards.Choose, &r.Common, r.Items)
	request.Candidates = r.Candidates
	return request, nil
}

// TokenizeRequest is the request of a tokenize body, which may be one of score, of steps or of choose.
func TokenizeRequest(r *wire.TokenizeRequest) (rewards.Request, error) {
	request := about(rewards.Tokenize, &r.Common, r.Items)
	request.Activation = r.Activation
	return request, nil
}

// RankRequest is the request of a rank body.
func RankRequest(r *wire.RankRequest) (rewards.Request, error) {
	request := under(rewards.Rank, &r.Common)
	request.Activation, request.Label, request.Places, request.Given = r.Activation, r.Label, r.N, each(r.Given)
	request.Choice, request.Statistics = choice(&r.Selecting), r.Statistics
	request.Groups, request.Refused = []rewards.Group{Group(&r.Prompted, r.Responses)}, refused(r.Refused)
	return request, nil
}

// CompareRequest is the request of a compare body, whose responses, or whose pairs, are to be compared.
func CompareRequest(r *wire.CompareRequest) (rewards.Request, error) {
	request := under(rewards.Compare, &r.Common)
	request.Label = r.Label
	sums(&request, &r.Summing)
	if r.Pairs == nil {
		request.Groups, request.Refused = []rewards.Group{Group(&r.Prompted, r.Responses)}, refused(r.Refused)
		request.Given = each(r.Given)
		return request, nil
	}
	if r.Prompt != nil || r.Messages != nil || r.Reference != nil || r.Principle != nil || r.User != nil || r.Separator != nil || r.Responses != nil || r.Given != nil {
		return request, failure.New(failure.CodeInvalidField,
			"pairs: given together with prompt, messages, reference, principle, user, separator, responses or given, and each pair has its own")
	}
	request.Question, request.Groups = rewards.Pairs, make([]rewards.Group, len(r.Pairs))
	for i := range r.Pairs {
		group, why := pair(&r.Pairs[i])
		if request.Groups[i] = group; why != nil {
			refuse(&request, 2*i, why)
			refuse(&request, 2*i+1, why)
		}
		of := r.Pairs[i].Given
		if of == nil {
			continue
		}
		if len(of) != 2 {
			return request, failure.New(failure.CodeInvalidField, "pairs[%d].given: is of %d responses, and a pair has two", i, len(of))
		}
		if request.Given == nil {
			request.Given = make([]map[string]recipes.Given, 2*len(r.Pairs))
		}
		request.Given[2*i], request.Given[2*i+1] = settings(of[0]), settings(of[1])
	}
	return request, nil
}

// under is a request without its items.
func under(q rewards.Question, c *wire.Common) rewards.Request {
	return rewards.Request{Question: q, Model: c.Model, Truncate: encode.Truncation(c.Truncate), Params: settings(c.Params), Recipe: c.Recipe, Expect: c.Expect}
}

// about is a request about items, some of which may be refused.
func about(q rewards.Question, c *wire.Common, items []wire.Item) rewards.Request {
	request := under(q, c)
	Items(&request, items)
	return request
}

// Items puts items into a request; those that could not be read are refused in it.
func Items(r *rewards.Request, items []wire.Item) {
	r.Items = make([]encode.Item, len(items))
	for i := range items {
		if why := items[i].Err; why != nil {
			refuse(r, i, problem.Refused(why))
			continue
		}
		r.Items[i] = Item(&items[i])
		if items[i].Given != nil {
			if r.Given == nil {
				r.Given = make([]map[string]recipes.Given, len(items))
			}
			r.Given[i] = settings(items[i].Given)
		}
	}
}

func refuse(r *rewards.Request, item int, why error) {
	if r.Refused == nil {
		r.Refused = map[int]error{}
	}
	r.Refused[item] = why
}

// refused is why single responses could not be read.
func refused(of map[int]*wire.Error) map[int]error {
	if len(of) == 0 {
		return nil
	}
	all := make(map[int]error, len(of))
	for i, why := range of {
		all[i] = problem.Refused(why)
	}
	return all
}

// Item is one item, which was not refused.
func Item(i *wire.Item) encode.Item {
	return encode.Item{
		Messages: messages(i.Messages), Prompt: i.Prompt, Response: i.Response, Text: i.Text, InputIDs: i.InputIDs,
		Steps: i.Steps, Separator: i.Separator, Reference: i.Reference, Principle: i.Principle, Candidates: i.Candidates, Features: i.Features,
		User: i.User,
	}
}

// Group is responses to one prompt.
func Group(p *wire.Prompted, responses []string) rewards.Group {
	return rewards.Group{
		Prompt: p.Prompt, Messages: messages(p.Messages), Reference: p.Reference, Principle: p.Principle, User: p.User, Separator: p.Separator, Responses: responses,
	}
}

// pair is a group of two, or why it could not be read. A refused pair still is a group of two.
func pair(p *wire.Pair) (rewards.Group, error) {
	if p.Err != nil {
		return rewards.Group{Prompt: new(string), Responses: make([]string, 2)}, problem.Refused(p.Err)
	}
	return Group(&p.Prompted, []string{*p.Chosen, *p.Rejected}), nil
}

// settings are what a request gives by name.
func settings(of wire.Settings) map[string]recipes.Given {
	if of == nil {
		return nil
	}
	all := make(map[string]recipes.Given, len(of))
	for name, value := range of {
		var one recipes.Given
		switch x := value.(type) {
		case float64:
			one.Number = x
		case string:
			one.Word, one.Blank = x, x == ""
		case []float64:
			one.Vector = x
		case []string:
			one.Words = x
		}
		all[name] = one
	}
	return all
}

// each are the settings of every response.
func each(of []wire.Settings) []map[string]recipes.Given {
	if of == nil {
		return nil
	}
	all := make([]map[string]recipes.Given, len(of))
	for i := range of {
		all[i] = settings(of[i])
	}
	return all
}

func messages(of []wire.Message) []chat.Message {
	if of == nil {
		return nil
	}
	all := make([]chat.Message, len(of))
	for i := range of {
		all[i] = message(&of[i])
	}
	return all
}

func message(of *wire.Message) chat.Message {
	m := chat.Message{Role: of.Role, Content: of.Content.String()}
	if of.Further != nil {
		m.More = &chat.More{Name: of.Name, ToolCallID: of.ToolCallID, Reasoning: of.Reasoning, ToolCalls: of.ToolCalls}
		if of.Reasoning == nil {
			m.More.Reasoning = of.Thoughts
		}
	}
	if len(of.Content.Parts) > 0 {
		if m.More == nil {
			m.More = new(chat.More)
		}
		m.More.Parts = of.Content.Parts
	}
	return m
}

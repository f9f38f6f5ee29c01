package protocols

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// openAIDecisions is OpenAI's API of decisions (openai-python, resources/decisions.py), which vLLM speaks too. A
// question that failed is answered with a refusal, and its problem.
func openAIDecisions() Protocol {
	return Protocol{
		Name: "decisions", Tell: tellDecisions,
		Routes: []Route{{
			Method: http.MethodPost, Path: "/v1/decisions", Summary: "Typed questions about an input (OpenAI)",
			Takes: wire.DecisionsRequest{}, Gives: wire.DecisionsAnswer{}, Ask: askDecisions,
		}},
	}
}

func askDecisions(c *Call) (Asked, error) {
	var form wire.DecisionsRequest
	if err := c.Decode(&form); err != nil {
		return Asked{}, err
	}
	about, err := inputOf(form.Input)
	if err != nil {
		return Asked{}, err
	}
	decisions := make([]decision, len(form.Questions))
	for i := range form.Questions {
		decisions[i] = decisionOfQuestion(&form.Questions[i])
	}
	request, verdicts, err := decide(c, form.Model, about, decisions)
	return Asked{Request: request, Reply: func(given *rewards.Answer) (Reply, error) {
		return replyDecisions(form.Questions, decisions, verdicts(given), given), nil
	}}, err
}

// decisionOfQuestion is the decision that a question asks for.
func decisionOfQuestion(q *wire.DecisionsQuestion) decision {
	d := decision{}
	var err error
	if d.instructions, err = textOf(q.Instructions); err != nil {
		d.refused = problem.Of(err).Within("instructions")
	}
	switch q.Type {
	case "predicate":
		d.options = yesNo
	case "choice":
		d.kind = oneOf
		for _, choice := range q.Choices {
			d.options = append(d.options, option{plain(choice.Value), choice.Description})
		}
		d.check("choices")
	default:
		d.kind = graded
		for _, level := range q.Levels {
			d.options = append(d.options, option{level.Label, level.Description})
		}
		d.check("levels")
	}
	return d
}

// part is a piece of a message, or a whole turn, in OpenAI's forms.
type part struct {
	Type, Text, Refusal, Role string
	Content, JSON, Output     json.RawMessage
	Name, Arguments, Input    string
}

// textOf is a text, or parts of text one behind the other.
func textOf(raw json.RawMessage) (string, error) {
	if len(raw) > 0 && raw[0] == '"' {
		return plain(raw), nil
	}
	parts := make([]part, 0, 4)
	if len(raw) == 0 || json.Unmarshal(raw, &parts) != nil {
		return "", problem.New(failure.CodeInvalidField, "expected string or parts, got %.40s", raw)
	}
	if len(parts) == 1 && strings.HasSuffix(parts[0].Type, "text") {
		return parts[0].Text, nil
	}
	var all []string
	for i, p := range parts {
		switch p.Type {
		case "input_text", "output_text", "text":
			all = append(all, p.Text)
		case "input_json":
			all = append(all, plain(p.JSON))
		case "refusal":
			all = append(all, p.Refusal)
		default:
			return "", problem.New(failure.CodeInvalidField, "[%d].type: %q is none that a model here reads; input_text, input_json, output_text and refusal are",
				i, p.Type)
		}
	}
	return strings.Join(all, "\n"), nil
}

// inputOf is a text, or turns: a transcript for choice models, and for reward models a conversation, where the last
// turn is the assistant's.
func inputOf(raw json.RawMessage) (*subject, error) {
	if raw[0] == '"' {
		return &subject{text: plain(raw)}, nil
	}
	turns := make([]part, 0, 4) // encoding/json would grow it from nothing, several times
	if json.Unmarshal(raw, &turns) != nil || len(turns) == 0 {
		return nil, problem.New(failure.CodeInvalidField, "input: expected string or messages, got %.40s", raw)
	}
	var transcript strings.Builder
	messages := make([]chat.Message, 0, len(turns))
	for i, turn := range turns {
		role, says, err := turn.Role, "", error(nil)
		switch turn.Type {
		case "", "message":
			says, err = textOf(turn.Content)
		case "function_call", "custom_tool_call":
			role, says = "assistant", turn.Name+"("+turn.Arguments+turn.Input+")"
		case "function_call_output", "custom_tool_call_output":
			role = "tool"
			says, err = textOf(turn.Output)
		default:
			err = problem.New(failure.CodeInvalidField, "type: %q is none of message, function_call, function_call_output, custom_tool_call, custom_tool_call_output",
				turn.Type)
		}
		if err == nil && role == "" {
			err = problem.New(failure.CodeInvalidField, "role: is missing")
		}
		if err != nil {
			return nil, problem.Of(err).Within(fmt.Sprintf("input[%d]", i))
		}
		if i > 0 {
			transcript.WriteByte('\n')
		}
		transcript.WriteString(role)
		transcript.WriteString(": ")
		transcript.WriteString(says)
		messages = append(messages, chat.Message{Role: role, Content: says})
	}
	about := &subject{text: transcript.String()}
	if messages[len(messages)-1].Role == "assistant" {
		about.item = &encode.Item{Messages: messages}
	}
	return about, nil
}

func replyDecisions(questions []wire.DecisionsQuestion, decisions []decision, verdicts []verdict, given *rewards.Answer) Reply {
	answer := wire.DecisionsAnswer{Model: given.Model, Digest: given.Digest, Answers: make([]wire.Decision, len(verdicts))}
	answer.Usage.Input, answer.Usage.Total = given.Usage.Tokens, given.Usage.Tokens
	for i := range verdicts {
		q, d, v := &questions[i], &decisions[i], &verdicts[i]
		out := wire.Decision{Type: q.Type, Name: q.Name, Raw: v.raw.Pointer(), Mass: v.mass.Pointer()}
		switch confidence := 0.0; {
		case v.err != nil:
			why := problem.Item(v.err)
			out = wire.Decision{Type: "refusal", Name: q.Name, Error: &why}
		case d.kind == yesOrNo:
			out.Probability = &v.probabilities[0]
		case d.kind == oneOf:
			confidence = v.confidence(oneOf)
			out.Confidence, out.Choice = &confidence, q.Choices[v.best].Value
			for k, p := range v.probabilities {
				out.Probabilities = append(out.Probabilities, wire.DecisionProbability{Value: q.Choices[k].Value, Probability: p})
			}
		default:
			confidence = v.confidence(graded)
			score := v.score()
			out.Confidence, out.Score = &confidence, &score
			for k, p := range v.probabilities {
				out.Probabilities = append(out.Probabilities, wire.DecisionProbability{
					Value: json.RawMessage(strconv.Itoa(k)), Label: q.Levels[k].Label, Probability: p,
				})
			}
		}
		answer.Answers[i] = out
	}
	return Reply{Body: answer}
}

func tellDecisions(p *problem.Problem) Reply {
	type detail struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    string  `json:"code"`
	}
	kind := "invalid_request_error"
	if p.Status >= http.StatusInternalServerError {
		kind = "server_error"
	}
	return Reply{Status: p.Status, Body: struct {
		Error detail `json:"error"`
	}{detail{p.Detail, kind, nil, p.Code}}}
}

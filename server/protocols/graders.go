package protocols

import (
	"net/http"
	"slices"
	"strings"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/server/wire"
)

// graders are the graders of OpenAI's API for fine-tuning. A score_model grader asks a judge by a prompt of its own; a
// reward model reads a conversation and no such prompt, so that the grader must hold the conversation, or name the two
// texts of one.
func graders() Protocol {
	const path = "/v1/fine_tuning/alpha/graders/"
	return Protocol{Name: "graders", Tell: tellOpenAI, Routes: []Route{
		{Method: http.MethodPost, Path: path + "run", Summary: "OpenAI's graders: the reward of a sample", Takes: wire.GraderRequest{}, Gives: wire.GraderRun{}, Ask: askGrader},
		{Method: http.MethodPost, Path: path + "validate", Summary: "OpenAI's graders: whether one can be run", Takes: wire.GraderRequest{}, Tell: tellGrader},
	}}
}

// tellGrader gives a grader back that can be run.
func tellGrader(c *Call) (Reply, error) {
	var form wire.GraderRequest
	if err := c.Decode(&form); err != nil {
		return Reply{}, err
	}
	if err := graderFits(&form.Grader); err != nil {
		return Reply{}, err
	}
	same := wire.Without(c.Body, func(name string) bool { return name != "grader" })
	same[len(same)-1] = '}' // in the place of the comma
	return Reply{Header: http.Header{"Content-Type": {"application/json"}}, Body: same}, nil
}

// graderFits refuses what cannot be run, whatever the sample.
func graderFits(g *wire.Grader) error {
	switch g.Type {
	case "score_model":
		turns, is := g.Input.([]wire.GraderTurn)
		switch {
		case !is || len(turns) == 0:
			return invalid("grader.input: must be a list of turns, at least one")
		case len(g.Range) != 0 && (len(g.Range) != 2 || g.Range[0] >= g.Range[1]):
			return invalid("grader.range: is %v, and must be two numbers, the lower first", g.Range)
		}
		if turns[len(turns)-1].Role == "assistant" {
			return nil
		}
		if _, one := graderPrompt(turns); !one || !graderSays(turns, graderSample) {
			return invalid("grader.input: a reward model reads a conversation, and no judge's prompt: end with the assistant's turn, " +
				"such as {{sample.output_text}}, or name {{sample.output_text}} and one {{item.…}}, which is the prompt then")
		}
		return nil
	case "string_check":
		if _, is := g.Input.(string); !is {
			return invalid("grader.input: must be a text")
		}
		if !slices.Contains([]string{"eq", "ne", "like", "ilike"}, g.Operation) {
			return invalid("grader.operation: %q is none of eq, ne, like and ilike", fault.Short(g.Operation))
		}
		return nil
	}
	return invalid("grader.type: %q cannot be run here; score_model and string_check can", fault.Short(g.Type))
}

// askGrader runs a grader.
func askGrader(c *Call) (Asked, error) {
	var form wire.GraderRequest
	if err := c.Decode(&form); err != nil {
		return Asked{}, err
	}
	g := &form.Grader
	if err := graderFits(g); err != nil {
		return Asked{}, err
	}
	of, err := newGraderValues(&form)
	if err != nil {
		return Asked{}, err
	}
	if g.Type == "string_check" {
		return checkString(g, of)
	}
	turns, _ := g.Input.([]wire.GraderTurn)
	item := encode.Item{}
	if turns[len(turns)-1].Role == "assistant" {
		item.Messages = make([]chat.Message, len(turns))
		for i := range turns {
			role := turns[i].Role
			if role == "developer" {
				role = "system"
			}
			text, _ := turns[i].Content.(string)
			item.Messages[i] = chat.Message{Role: role, Content: of.fill(text)}
		}
	} else {
		prompt, _ := graderPrompt(turns)
		item.Prompt, item.Response = new(of.fill("{{"+prompt+"}}")), &form.Sample
	}
	if of.err != nil {
		return Asked{}, of.err
	}
	return Asked{
		Request: rewards.Request{Question: rewards.Score, Model: c.Model(g.Model, rewards.Score), Items: []encode.Item{item}},
		Reply:   func(given *rewards.Answer) (Reply, error) { return replyGrader(g, given) },
	}, nil
}

// replyGrader gives the reward of a score_model grader. One outside of the grader's range is refused: it would have to
// be cut, and a trainer would not know.
func replyGrader(g *wire.Grader, given *rewards.Answer) (Reply, error) {
	result := &given.Results[0]
	if result.Err != nil {
		return Reply{}, Failed(result.Err, "model_sample")
	}
	reward := rawOf(result)
	if len(g.Range) == 2 && (reward < g.Range[0] || reward > g.Range[1]) {
		return Reply{}, invalid("grader.range: the reward is %v, outside of %v; leave range out, or ask for a recipe that keeps to it", reward, g.Range)
	}
	run := graderRun(g, reward)
	if parts := components(result); parts != nil {
		run.Parts = parts
	}
	run.Metadata.Tokens, run.Metadata.Model, run.Metadata.Digest = &given.Usage.Tokens, given.Model, given.Digest
	run.Metadata.Seconds, run.Tokens[given.Model] = given.Usage.Total.Seconds(), given.Usage.Tokens
	return Reply{Body: run}, nil
}

func graderRun(g *wire.Grader, reward float64) wire.GraderRun {
	return wire.GraderRun{
		Reward: reward, Parts: map[string]float64{}, Tokens: map[string]int{},
		Metadata: wire.GraderMetadata{Name: g.Name, Type: g.Type, Scores: map[string]float64{g.Name: reward}},
	}
}

// checkString answers a string_check, which no model is asked about: 1 where it holds, and 0 where it does not.
func checkString(g *wire.Grader, of *graderValues) (Asked, error) {
	text, _ := g.Input.(string)
	input, reference := of.fill(text), of.fill(g.Reference)
	holds := false
	switch g.Operation {
	case "eq":
		holds = input == reference
	case "ne":
		holds = input != reference
	case "like":
		holds = strings.Contains(input, reference)
	case "ilike":
		holds = strings.Contains(strings.ToLower(input), strings.ToLower(reference))
	}
	reward := 0.0
	if holds {
		reward = 1
	}
	reply := func(*rewards.Answer) (Reply, error) { return Reply{Body: graderRun(g, reward)}, nil }
	return Asked{Known: &rewards.Answer{}, Reply: reply}, of.err
}

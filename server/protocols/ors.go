package protocols

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/wire"
)

// ors is an environment of the Open Reward Standard that scores groups: a trainer sends the rollouts of one task and
// gets a reward for each. The calls around a session are answered and nothing is kept of one, so a candidate must begin
// with the turns of its task.
func ors() Protocol {
	of := Protocol{Name: "ors", Tell: tellFastAPI}
	for _, env := range []string{"/{env}", ""} {
		tools := Route{Method: http.MethodGet, Path: env + "/tools", Gives: wire.ORSTools{}, Tell: tellORSTools}
		group := Route{Method: http.MethodPost, Path: env + "/score_group", Takes: wire.ORSGroup{}, Ask: askORS}
		if env != "" {
			tools.Summary, group.Summary = "Open Reward Standard: what an environment does", "Open Reward Standard: the reward of each of a group's rollouts"
		}
		of.Routes = append(of.Routes, tools, group)
	}
	for _, path := range []string{"/create", "/ping", "/delete", "/delete_session"} {
		of.Routes = append(of.Routes, Route{Method: http.MethodPost, Path: path, Tell: tellORSSession})
	}
	of.Routes = append(of.Routes, Route{Method: http.MethodPost, Path: "/create_session", Tell: func(c *Call) (Reply, error) { return orsEvents(c.ID, nil), nil }})
	return of
}

func tellORSTools(*Call) (Reply, error) {
	return Reply{Body: wire.ORSTools{Tools: []string{}, ScoreGroup: true, Blocks: []string{"text", "reasoning"}}}, nil
}

func tellORSSession(c *Call) (Reply, error) {
	return Reply{Body: wire.ORSSession{ID: c.Request.Header.Get("X-Session-ID"), Status: "ok"}}, nil
}

// orsChunk is how many bytes of an answer an event has at most.
const orsChunk = 2048

// orsEvents is an answer as a stream of events: a task's name, the pieces of the answer, and its end.
func orsEvents(id string, answer []byte) Reply {
	body := append(make([]byte, 0, len(answer)+128), "event: task_id\ndata: "+id+"\n\n"...)
	for len(answer) > orsChunk {
		at := orsChunk
		for answer[at]&0xC0 == 0x80 || answer[at] == ' ' { // not inside a character, nor before a space, which clients drop
			at--
		}
		body = append(append(append(body, "event: chunk\ndata: "...), answer[:at]...), "\n\n"...)
		answer = answer[at:]
	}
	body = append(append(append(body, "event: end\ndata: "...), answer...), "\n\n"...)
	return Reply{Header: http.Header{"Content-Type": {"text/event-stream"}, "Cache-Control": {"no-cache"}}, Body: body}
}

// askORS ranks the responses of a group that share all turns before them, which every model that compares or rewards
// can; and scores the conversations of another group, one by one.
func askORS(c *Call) (Asked, error) {
	var form wire.ORSGroup
	if err := c.Decode(&form); err != nil {
		return Asked{}, err
	}
	env := c.Request.PathValue("env")
	if env == "" {
		deployed := c.Request.Header.Get("X-Deployment")
		env = deployed[strings.LastIndexByte(deployed, '/')+1:]
	}
	model := cmp.Or(c.Request.URL.Query().Get("model"), env)
	all := make([][]chat.Message, len(form.Candidates))
	for i := range form.Candidates {
		var err error
		if all[i], err = orsTurns(i, form.Candidates[i].Messages); err != nil {
			return Asked{}, err
		}
	}
	id := c.ID
	asked := Asked{Reply: func(given *rewards.Answer) (Reply, error) { return replyORS(id, given) }}
	if before, responses := orsShared(all); before != nil {
		asked.Request = rewards.Request{Question: rewards.Rank, Model: c.Model(model, rewards.Rank), Groups: []rewards.Group{{Messages: before, Responses: responses}}}
		return asked, nil
	}
	asked.Request = rewards.Request{Question: rewards.Score, Model: c.Model(model, rewards.Score), Items: make([]encode.Item, len(all))}
	for i := range all {
		asked.Items[i].Messages = all[i]
	}
	return asked, nil
}

// orsTurns is the conversation of a candidate.
func orsTurns(candidate int, of []wire.ORSTurn) ([]chat.Message, error) {
	if len(of) < 2 || of[len(of)-1].Role != "assistant" {
		return nil, failure.New(fault.CodeItem,
			"candidates[%d].messages: must hold the turns of the task, and the assistant's last: nothing is kept of a session's task", candidate)
	}
	turns := make([]chat.Message, len(of))
	for i := range of {
		turns[i].Role = of[i].Role
		for k := range of[i].Blocks {
			switch block := &of[i].Blocks[k]; block.Type {
			case "", "text":
				turns[i].Content += block.Text
			case "reasoning":
			default:
				return nil, failure.New(fault.CodeItem, "candidates[%d].messages[%d].blocks[%d]: is a %s, and a reward model reads texts only",
					candidate, i, k, fault.Short(block.Type))
			}
		}
	}
	return turns, nil
}

// orsShared is the turns that all candidates share and the response of each; nil where they share not all before it.
func orsShared(all [][]chat.Message) (before []chat.Message, responses []string) {
	last := len(all[0]) - 1
	responses = make([]string, len(all))
	for i, turns := range all {
		if len(turns) != last+1 || !slices.EqualFunc(turns[:last], all[0][:last], func(a, b chat.Message) bool { return a.Role == b.Role && a.Content == b.Content }) {
			return nil, nil
		}
		responses[i] = turns[last].Content
	}
	return all[0][:last], responses
}

// replyORS gives the rewards. A group is scored whole or not at all, as the judges of this standard do: one candidate
// that failed refuses it.
func replyORS(id string, given *rewards.Answer) (Reply, error) {
	answer := wire.ORSScores{Scores: make([]wire.ORSScore, len(given.Results))}
	for i := range given.Results {
		result := &given.Results[i]
		if result.Err != nil {
			return Reply{}, Failed(result.Err, fmt.Sprintf("candidates[%d]", i))
		}
		answer.Scores[i] = wire.ORSScore{Reward: rawOf(result), Metadata: wire.ORSMetadata{
			Model: given.Model, Digest: given.Digest, Raw: result.Raw.Pointer(), Components: components(result),
		}}
	}
	text, err := json.Marshal(&answer)
	return orsEvents(id, text), err
}

package protocols

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// gym is a resources server of NeMo Gym, whose rewards NeMo-RL trains on: an agent posts the row of its dataset with
// the policy's response to /verify, and gets all of it back with a reward. There are no sessions, since a verdict needs
// nothing but its row; so rollouts may be verified again at any time.
func gym() Protocol {
	return Protocol{Name: "gym", Tell: tellFastAPI, Routes: []Route{
		{Method: http.MethodPost, Path: "/verify", Summary: "NeMo Gym: the reward of a rollout", Takes: wire.GymVerify{}, Gives: wire.GymVerified{}, Ask: askGym},
		{Method: http.MethodPost, Path: "/seed_session", Summary: "NeMo Gym: begins a rollout", Takes: wire.GymNothing{}, Gives: wire.GymNothing{}, Tell: tellGymSession},
		{
			Method: http.MethodPost, Path: "/aggregate_metrics", Summary: "NeMo Gym: what the rewards of rollouts look like",
			Takes: wire.GymVerifiedRows{}, Gives: wire.GymMetrics{}, Tell: tellGymMetrics,
		},
		{Method: http.MethodGet, Path: "/reverify_mode", Summary: "NeMo Gym: whether rollouts may be verified again", Gives: "", Tell: tellGymMode},
	}}
}

// tellFastAPI gives a problem as servers that are written with FastAPI do.
func tellFastAPI(p *problem.Problem) Reply {
	return Reply{Status: p.Status, Body: wire.FastAPIError{Detail: p.Detail}}
}

func tellGymSession(*Call) (Reply, error) { return Reply{Body: wire.GymNothing{}}, nil }
func tellGymMode(*Call) (Reply, error)    { return Reply{Body: "stateless"}, nil }

// gymOwn tells the members of a row that the answer gives, whatever the row has under these names.
func gymOwn(name string) bool {
	switch name {
	case "reward", "reward_components", "reward_model", "reward_digest", "mask_sample":
		return true
	}
	return strings.HasPrefix(name, "_ng_failure_")
}

// askGym asks for the reward of a rollout, under the model that the URL or the row names.
func askGym(c *Call) (Asked, error) {
	var form wire.GymVerify
	if err := c.Decode(&form); err != nil {
		return Asked{}, err
	}
	model := form.Model
	if named := c.Request.URL.Query().Get("model"); named != "" {
		model = named
	}
	asked := Asked{Request: rewards.Request{Question: rewards.Score, Model: c.Model(model, rewards.Score), Items: make([]encode.Item, 1)}}
	messages, why := gymMessages(&form)
	if asked.Items[0].Messages = messages; why != nil {
		asked.Refused = map[int]error{0: why}
	}
	hasConfig := false
	row := wire.Without(c.Body, func(name string) bool {
		hasConfig = hasConfig || name == "instance_config"
		return gymOwn(name)
	})
	asked.Reply = func(given *rewards.Answer) (Reply, error) { return replyGym(given, row, hasConfig) }
	return asked, nil
}

// gymMessages is the conversation of a rollout: the turns that the policy was given, and its response. Reasoning is
// passed over, as chat templates do.
func gymMessages(form *wire.GymVerify) ([]chat.Message, error) {
	var all []chat.Message
	if form.Create.Instructions != "" {
		all = append(all, chat.Message{Role: "system", Content: form.Create.Instructions})
	}
	switch input := form.Create.Input.(type) {
	case string:
		all = append(all, chat.Message{Role: "user", Content: input})
	case []wire.GymTurn:
		for i := range input {
			turn := &input[i]
			switch turn.Type {
			case "", "message":
				role := turn.Role
				if role == "developer" {
					role = "system"
				}
				content, _ := turn.Content.(string)
				all = append(all, chat.Message{Role: role, Content: content})
			case "reasoning":
			default:
				return nil, gymUnread(fmt.Sprintf("responses_create_params.input[%d]", i), turn)
			}
		}
	}
	var said strings.Builder
	turns := 0
	for i := range form.Response.Output {
		turn := &form.Response.Output[i]
		switch turn.Type {
		case "", "message":
			content, _ := turn.Content.(string)
			said.WriteString(content)
			turns++
		case "reasoning":
		default:
			return nil, gymUnread(fmt.Sprintf("response.output[%d]", i), turn)
		}
	}
	if turns == 0 {
		return nil, failure.New(fault.CodeItem, "response.output: has no message")
	}
	return append(all, chat.Message{Role: "assistant", Content: said.String()}), nil
}

func gymUnread(at string, turn *wire.GymTurn) error {
	return failure.New(fault.CodeItem, "%s: is a %s, and a reward model reads messages only", at, fault.Short(turn.Type))
}

// replyGym gives the row back with its reward. A rollout that has none is marked as Gym's own judges mark theirs: the
// reward is 0, and the class of the failure tells collectors to put the row aside and trainers to leave it out.
func replyGym(given *rewards.Answer, row []byte, hasConfig bool) (Reply, error) {
	result := &given.Results[0]
	verified := wire.GymVerified{Model: given.Model, Digest: given.Digest}
	if err := result.Err; err != nil {
		verified.Failure, verified.Why, verified.Mask = "judge_failed", err.Code+": "+err.Detail, true
		if problem.Of(err).Status < http.StatusInternalServerError {
			verified.Failure, verified.Terminal = "verifier_error", true
		}
		if !hasConfig {
			verified.Config = &wire.GymMaskConfig{Mask: true}
		}
	} else {
		verified.Reward, verified.Components = rawOf(result), components(result)
	}
	own, err := json.Marshal(&verified)
	if err != nil {
		return Reply{}, err
	}
	return Reply{Header: http.Header{"Content-Type": {"application/json"}}, Body: append(row, own[1:]...)}, nil
}

// components are the parts of a reward by name: the readings of a recipe, or the labels of a model that has several.
// Nil where it has none.
func components(r *rewards.Result) map[string]float64 {
	if r.Parts == nil {
		return r.Logits
	}
	all := map[string]float64{}
	for i := range r.Parts {
		if of := &r.Parts[i]; of.Err == nil && of.Score.Known {
			all[of.Name] = of.Score.Value
		}
	}
	return all
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"
)

// assayTarget asks POST /v1/score with text items. timeout is the deadline of a request in milliseconds, 0 for none.
// The server has one reward model.
func assayTarget(base string, timeout int) Target {
	type item struct {
		Text string `json:"text"`
	}
	type request struct {
		Activation string `json:"activation"`
		Timeout    int    `json:"timeout_ms,omitempty"`
		Items      []item `json:"items"`
	}
	return Target{
		Name: "assay",
		URL:  base + "/v1/score",
		Encode: func(texts []string) ([]byte, error) {
			items := make([]item, len(texts))
			for i, text := range texts {
				items[i] = item{text}
			}
			return json.Marshal(request{Activation: "none", Timeout: timeout, Items: items})
		},
		Decode: decodeScores,
	}
}

func decodeScores(body []byte) ([]Answer, error) {
	var got struct {
		Results []struct {
			Score  *float64        `json:"score"`
			Tokens int             `json:"tokens"`
			Shared int             `json:"shared_tokens"`
			Cached int             `json:"cached_tokens"`
			Error  json.RawMessage `json:"error"`
		} `json:"results"`
	}
	if err := json.Unmarshal(body, &got); err != nil {
		return nil, err
	}
	if len(got.Results) == 0 {
		return nil, errors.New("no results")
	}
	answers := make([]Answer, len(got.Results))
	for i, r := range got.Results {
		if r.Score == nil {
			return nil, fmt.Errorf("item %d: no score: %s", i, r.Error)
		}
		answers[i] = Answer{Score: *r.Score, Tokens: r.Tokens, Spared: max(r.Shared, r.Cached)}
	}
	return answers, nil
}

// Solution is an item of POST /v1/steps.
type Solution struct {
	Prompt string   `json:"prompt"`
	Steps  []string `json:"steps"`
}

// stepsRequest asks for the step scores of some solutions.
func stepsRequest(base string, solutions []Solution) (Request, error) {
	body, err := json.Marshal(map[string]any{"items": solutions})
	return Request{URL: base + "/v1/steps", Body: body}, err
}

// Judged is an answer of POST /v1/steps: the raw and the final score of every step of every item, in order, and the
// tokens of the items with how many of them were computed.
type Judged struct {
	Scores   []float64
	Tokens   int
	Computed int
}

func decodeSteps(body []byte) (Judged, error) {
	var got struct {
		Usage struct {
			Tokens   int `json:"tokens"`
			Computed int `json:"computed_tokens"`
		} `json:"usage"`
		Results []struct {
			Steps []struct{ Score, Raw *float64 }
			Error json.RawMessage
		} `json:"results"`
	}
	if err := json.Unmarshal(body, &got); err != nil {
		return Judged{}, err
	}
	judged := Judged{Tokens: got.Usage.Tokens, Computed: got.Usage.Computed}
	for i, r := range got.Results {
		if len(r.Steps) == 0 {
			return Judged{}, fmt.Errorf("item %d: no steps: %s", i, r.Error)
		}
		for k, step := range r.Steps {
			if step.Score == nil || step.Raw == nil {
				return Judged{}, fmt.Errorf("item %d: step %d: no score", i, k)
			}
			judged.Scores = append(judged.Scores, *step.Score, *step.Raw)
		}
	}
	return judged, nil
}

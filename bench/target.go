package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/url"
	"strings"
)

// A Target is a server under measurement: where it listens and how it is asked for the score of one text.
type Target struct {
	Name   string
	URL    string
	Encode func(text string) ([]byte, error)
	Decode func(body []byte) (Answer, error)
}

// Answer is what a server says about one text. Tokens is 0 where its protocol does not tell.
type Answer struct {
	Score  float64
	Tokens int // of the text
	Spared int // leading tokens that were computed together with another request's, or taken from a cache
}

// assayTarget asks POST /v1/score with one text item. model may be empty where the server has one reward model.
func assayTarget(base, model string) (Target, error) {
	address, err := loopback(base, "/v1/score")
	type item struct {
		Text string `json:"text"`
	}
	type request struct {
		Model      string `json:"model,omitempty"`
		Activation string `json:"activation"`
		Items      []item `json:"items"`
	}
	return Target{
		Name: "assay",
		URL:  address,
		Encode: func(text string) ([]byte, error) {
			return json.Marshal(request{Model: model, Activation: "none", Items: []item{{text}}})
		},
		Decode: decodeAssay,
	}, err
}

func decodeAssay(body []byte) (Answer, error) {
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
		return Answer{}, err
	}
	if len(got.Results) != 1 {
		return Answer{}, fmt.Errorf("%d results for one item", len(got.Results))
	}
	result := got.Results[0]
	if result.Score == nil {
		return Answer{}, fmt.Errorf("no score: %s", result.Error)
	}
	return Answer{Score: *result.Score, Tokens: result.Tokens, Spared: max(result.Shared, result.Cached)}, finite(*result.Score)
}

// rivalTarget asks by OpenRLHF's remote reward contract. base is the server's address or that of its route.
func rivalTarget(base string) (Target, error) {
	address, err := loopback(base, "/get_reward")
	type request struct {
		Query []string `json:"query"`
	}
	return Target{
		Name:   "rival",
		URL:    address,
		Encode: func(text string) ([]byte, error) { return json.Marshal(request{Query: []string{text}}) },
		Decode: func(body []byte) (Answer, error) {
			var got struct {
				Rewards []float64 `json:"rewards"`
			}
			if err := json.Unmarshal(body, &got); err != nil {
				return Answer{}, err
			}
			if len(got.Rewards) != 1 {
				return Answer{}, fmt.Errorf("%d rewards for one query", len(got.Rewards))
			}
			return Answer{Score: got.Rewards[0]}, finite(got.Rewards[0])
		},
	}, err
}

func finite(score float64) error {
	if math.IsNaN(score) || math.IsInf(score, 0) {
		return errors.New("score is not finite")
	}
	return nil
}

// loopback gives the address of a route under base, which must be on this machine: a benchmark is no tool to load others'.
func loopback(base, route string) (string, error) {
	u, err := url.Parse(base)
	if err != nil {
		return "", err
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme != "http" || (u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())) {
		return "", fmt.Errorf("%q: want http:// and a loopback address", base)
	}
	return strings.TrimSuffix(strings.TrimSuffix(u.String(), "/"), route) + route, nil
}

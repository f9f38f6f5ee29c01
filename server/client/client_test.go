package client

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/rewards/ops/games"
	"github.com/assay-rm/assay/rewards/ops/groups"
	"github.com/assay-rm/assay/rewards/ranking"
	"github.com/assay-rm/assay/rewards/recipes"
	"github.com/assay-rm/assay/server/native"
	"github.com/assay-rm/assay/server/wire"
)

var turns = []chat.Message{
	{Role: "system", Content: "a\nb", More: &chat.More{Parts: []string{"a", "b"}}},
	{Role: "user", Content: "q", More: &chat.More{Name: new("n")}},
	{Role: "assistant", Content: "", More: &chat.More{ToolCalls: json.RawMessage(`[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]`)}},
	{Role: "tool", Content: "r", More: &chat.More{ToolCallID: new("1")}},
	{Role: "assistant", Content: "é", More: &chat.More{Reasoning: new("thought")}},
}

var given = map[string]recipes.Given{
	"number": {Number: 0.1}, "word": {Word: "w"}, "blank": {Blank: true}, "vector": {Vector: []float64{1, -0.5}}, "words": {Words: []string{"a", ""}},
}

func requests() []rewards.Request {
	group := rewards.Group{Messages: turns, Reference: new("r"), Principle: new("p"), User: []float64{1, 2}, Separator: new("\n"), Responses: []string{"a", "b"}}
	plain := rewards.Group{Prompt: new("p"), Responses: []string{"a", ""}}
	return []rewards.Request{
		{Question: rewards.Score, Model: "m", Truncate: encode.TruncateLeft, Activation: "sigmoid", Label: "l", Gradient: true, Expect: "sha256:x", Items: []encode.Item{
			{Messages: turns},
			{Prompt: new("p"), Response: new("")},
			{Text: new("t")},
			{InputIDs: encode.TokenIDs{1, 2}},
			{Features: encode.Features{"a": 1.5}},
			{Prompt: new("p"), Response: new("r"), Reference: new("r"), Principle: new("p"), User: encode.UserVector{0.5}},
		}},
		{Question: rewards.Score, Params: given, Items: []encode.Item{{Text: new("a")}, {Text: new("b")}}, Given: []map[string]recipes.Given{given, nil}},
		{Question: rewards.Steps, Threshold: ops.Some(0.25), Items: []encode.Item{{Prompt: new("p"), Steps: []string{"a", "b"}}, {Prompt: new("p"), Response: new("a\n"), Separator: new("\n")}}},
		{Question: rewards.Rank, Groups: []rewards.Group{group}, Places: 1, Statistics: true, Choice: ranking.Choice{Strategy: ranking.Majority, Answers: []string{"1", ""}}},
		{Question: rewards.Rank, Groups: []rewards.Group{plain}, Recipe: "r", Choice: ranking.Choice{Strategy: "best_random", Seed: new(int64(7))}},
		{Question: rewards.Rank, Groups: []rewards.Group{plain}, Choice: ranking.Choice{Strategy: "top_share", Share: ops.Some(0.5)}},
		{Question: rewards.Compare, Label: "l", Groups: []rewards.Group{group}, Statistics: true, Aggregates: []ranking.Aggregate{"elo", "nash"}, EloScale: ops.Some(100)},
		{Question: rewards.Pairs, Groups: []rewards.Group{plain, group}, Given: []map[string]recipes.Given{given, given, given, given}},
	}
}

// TestABodyAsksTheSame: what the server makes of the body is the request that the body was made of.
func TestABodyAsksTheSame(t *testing.T) {
	for _, want := range requests() {
		_, form, err := Body(&want)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(form)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decoded(want.Question, text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		for i := range got.Given {
			if len(got.Given[i]) == 0 {
				got.Given[i] = nil
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	refused := rewards.Request{Question: rewards.Score, Items: make([]encode.Item, 2), Refused: map[int]error{1: errors.New("second"), 0: errors.New("first")}}
	if _, _, err := Body(&refused); err == nil || err.Error() != "first" {
		t.Errorf("items that cannot be read: %v", err)
	}
	if _, _, err := Body(&rewards.Request{Question: rewards.Embed}); failure.Of(err).Code != failure.CodeInvalidField {
		t.Errorf("another question: %v", err)
	}
}

func decoded(question rewards.Question, text []byte) (rewards.Request, error) {
	switch question { //nolint:exhaustive // those of the test
	case rewards.Score:
		return decode(text, new(wire.ScoreRequest), native.ScoreRequest)
	case rewards.Steps:
		return decode(text, new(wire.StepsRequest), native.StepsRequest)
	case rewards.Rank:
		return decode(text, new(wire.RankRequest), native.RankRequest)
	}
	return decode(text, new(wire.CompareRequest), native.CompareRequest)
}

func decode[F wire.Form](text []byte, form F, request func(F) (rewards.Request, error)) (rewards.Request, error) {
	if err := wire.DecodeBody(text, form, wire.Limits{}); err != nil {
		return rewards.Request{}, err
	}
	return request(form)
}

// TestAnAnswerSaysTheSame: what is read of the body of an answer makes that body again, byte by byte.
func TestAnAnswerSaysTheSame(t *testing.T) {
	long := failure.New("too_long", "the item has 9 tokens")
	read := rewards.Tokens{Tokens: 9, Shared: 4, Cached: 2, Truncated: 1}
	full := rewards.Result{
		Score: 0.1, Raw: ops.Some(-0.3), Scores: map[string]float64{"a": 1e-300}, Logits: map[string]float64{"a": 2}, Gradient: map[string]float64{"x": 3},
		Values: map[string]float64{"v": 4}, Vectors: map[string][]float64{"w": {5, 6}}, Tokens: read,
		Parts: []rewards.Part{{Name: "r", Model: "m", Digest: "d", Score: ops.Some(1), Raw: ops.Some(2), Scores: map[string]float64{"a": 1}, Steps: []float64{1}, Tokens: read}, {Name: "s", Err: long}},
	}
	none := rewards.Result{Err: long}
	matrix := ops.NewMatrix(2, 2)
	matrix.Row(0)[1] = ops.Some(0.75)
	describe := ranking.Describe([]ops.Maybe{ops.Some(1), {}, ops.Some(3)})
	for _, test := range []struct {
		form   func(a *rewards.Answer) any
		answer rewards.Answer
	}{
		{scored, rewards.Answer{Question: rewards.Score, Activation: "none", Results: []rewards.Result{full, none, {Score: 0, Raw: ops.Some(0)}}}},
		{stepped, rewards.Answer{Question: rewards.Steps, Threshold: ops.Some(0.5), Steps: []rewards.StepsResult{
			{Min: 0.1, Mean: 0.2, Last: 0.3, Product: ops.Some(0.4), FirstError: 1, Tokens: read, Steps: []rewards.Step{
				{Score: ops.Some(0.5), Raw: ops.Some(1), Logits: map[string]float64{"a": 1}, Token: 3, End: 4}, {Token: 5, End: -1},
			}},
			{FirstError: -1, Tokens: read},
			{Err: long},
		}}},
		{ranks, rewards.Answer{
			Question: rewards.Rank, Activation: "sigmoid", Strategy: ranking.Tournament, Results: []rewards.Result{none, full}, Ranking: []int{1}, Statistics: &describe,
			Values: []map[string]float64{{"v": 1}}, Selection: ranking.Selection{
				Picks: []ranking.Pick{{Index: 1, Weight: 1}}, Votes: []groups.Ballot{{Key: "4", Weight: 2, Members: []int{1}}},
				Bracket: &games.Bracket{Games: []games.Comparison{{First: 0, Second: 1}, {First: 1, Second: 0, FirstWon: true}}, Agrees: true},
			},
		}},
		{ranks, rewards.Answer{Question: rewards.Rank, Results: []rewards.Result{none}, Statistics: &ranking.Statistics{Err: long}, Selection: ranking.Selection{Err: long}}},
		{compares, rewards.Answer{
			Question: rewards.Compare, Preference: matrix, WinRates: []ops.Maybe{ops.Some(0.75), {}}, Results: []rewards.Result{full, none}, Statistics: &describe,
			Aggregates: []ranking.Aggregated{{Of: "copeland", Values: []ops.Maybe{ops.Some(1), {}}}, {Of: "elo", Err: long}}, Values: []map[string]float64{{"v": 1}},
		}},
		{compares, rewards.Answer{Question: rewards.Pairs, Pairs: []rewards.PairResult{
			{Probability: 0.5, Chosen: &full, Rejected: &full}, {Probability: 0.75, Margin: 1}, {Err: long, Chosen: &full, Rejected: &none},
		}}},
	} {
		test.answer.Model, test.answer.Digest, test.answer.Transforms = "m", "sha256:d", []string{"sigmoid"}
		test.answer.Usage = rewards.Usage{Items: 3, Tokens: 18, Computed: 12, Queue: 1500 * time.Microsecond, Run: time.Millisecond, Total: 3001 * time.Microsecond}
		want, err := json.Marshal(test.form(&test.answer))
		if err != nil {
			t.Fatal(err)
		}
		back, err := Answer(test.answer.Question, want)
		if err != nil {
			t.Fatalf("%s: %v", want, err)
		}
		got, err := json.Marshal(test.form(&back))
		if diff := cmp.Diff(string(want), string(got)); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	}
}

func scored(a *rewards.Answer) any   { return native.ScoreAnswer(a) }
func stepped(a *rewards.Answer) any  { return native.StepsAnswer(a) }
func ranks(a *rewards.Answer) any    { return native.RankAnswer(a) }
func compares(a *rewards.Answer) any { return native.CompareAnswer(a) }

const answer = `{"model":"m","digest":"d","transforms":[],"results":[{"score":1,"raw":1}]}`

func problemOf(status int, code, header string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if header != "" {
			w.Header().Set("Retry-After", header)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"code":"` + code + `","detail":"why"}`))
	}
}

// TestWhatPassesIsAskedAgain: a server that is busy or breaks off is asked until it answers; one that refuses is not.
func TestWhatPassesIsAskedAgain(t *testing.T) {
	one := rewards.Request{Question: rewards.Score, Items: []encode.Item{{Text: new(strings.Repeat("t", zstdFrom))}}}
	for _, test := range []struct {
		name    string
		first   http.HandlerFunc
		code    string // of the error; empty: the second try is answered
		waiting string
	}{
		{"full", problemOf(429, failure.CodeQueueFull, ""), "", ""},
		{"stopping", problemOf(503, failure.CodeClosed, "0"), "", ""},
		{"a proxy", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, "", ""},
		{"broken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, "", ""},
		{"a forward that failed", problemOf(500, fault.CodeRun, ""), fault.CodeRun, ""},
		{"cut", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "", ""},
		{"a deadline of an item", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"digest":"d","results":[{"error":{"code":"deadline_exceeded"}}]}`))
		}, "", ""},
		{"over the budget", problemOf(413, "over_budget", ""), "over_budget", ""},
		{"no token", problemOf(401, "unauthorized", ""), CodeUnreachable, ""},
		{"another server", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }, CodeUnreachable, ""},
		{"too late", problemOf(429, failure.CodeQueueFull, "3600"), CodeUnreachable, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var tries atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if tries.Add(1) == 1 {
					test.first(w, r)
					return
				}
				plain, err := zstd.NewReader(r.Body)
				if err == nil {
					defer plain.Close()
					err = json.NewDecoder(plain).Decode(&struct{ Items *[]struct{ Text string } }{})
				}
				if err != nil || r.URL.Path != "/base/v1/score" || r.Header.Get("Authorization") != "Bearer secret" {
					t.Errorf("%v: %s %v", err, r.URL, r.Header)
				}
				_, _ = w.Write([]byte(answer))
			}))
			defer server.Close()
			c, err := New(Options{URL: server.URL + "/base", Token: "secret", Flight: 2, GiveUp: 20 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close() //nolint:errcheck // a test's own
			given, err := c.Ask(t.Context(), one)
			if test.code == "" {
				if err != nil || len(given.Results) != 1 || given.Results[0].Score != 1 || tries.Load() != 2 {
					t.Errorf("%v after %d tries: %+v", err, tries.Load(), given)
				}
				return
			}
			if failure.Of(err).Code != test.code || tries.Load() != 1 {
				t.Errorf("%v after %d tries", err, tries.Load())
			}
		})
	}
}

func TestAURLIsOfAServer(t *testing.T) {
	for _, text := range []string{"", "host:80", "ftp://host", "http://", "/v1", "http://%zz"} {
		if _, err := New(Options{URL: text}); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

package native

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/rewards/ops/games"
	"github.com/assay-rm/assay/rewards/ops/groups"
	"github.com/assay-rm/assay/rewards/ranking"
	"github.com/assay-rm/assay/rewards/tokenwise"
	"github.com/assay-rm/assay/server/wire"
)

// read decodes a body and makes its request.
func read[Q any, P interface {
	*Q
	wire.Form
}](body string, request func(P) (rewards.Request, error)) (rewards.Request, error) {
	var form Q
	if err := wire.DecodeBody([]byte(body), P(&form), wire.Limits{}); err != nil {
		return rewards.Request{}, err
	}
	return request(&form)
}

// TestEveryFieldReachesItsRequest: what a body says, the engine is asked.
func TestEveryFieldReachesItsRequest(t *testing.T) {
	turns := []chat.Message{{Role: "user", Content: "q"}}
	for _, test := range []struct {
		name string
		read func(body string) (rewards.Request, error)
		body string
		want rewards.Request
	}{
		{
			"score", func(b string) (rewards.Request, error) { return read(b, ScoreRequest) },
			`{"model":"m","truncate":"left","activation":"sigmoid","label":"l","explain":"gradient","timeout_ms":5,"items":[
				{"messages":[{"role":"user","content":["a","b"]},{"role":"assistant","content":[],"reasoning":"r","name":"n"},
					{"role":"assistant","content":null,"tool_calls":[1],"reasoning_content":"s"},{"role":"tool","content":"4","tool_call_id":"c"}]},
				{"prompt":"p","response":"r","reference":"k","principle":"c","user":[0.5]},{"messages":[{"role":"user","content":"q"}],"separator":"s"},
				{"text":"t"},{"input_ids":[1,2]},{"features":{"a":1}},{"prompt":"p","steps":["a"]}]}`,
			rewards.Request{
				Question: rewards.Score, Model: "m", Truncate: "left", Activation: "sigmoid", Label: "l", Gradient: true,
				Items: []encode.Item{
					{Messages: []chat.Message{
						{Role: "user", Content: "a\nb", More: &chat.More{Parts: []string{"a", "b"}}},
						{Role: "assistant", More: &chat.More{Reasoning: new("r"), Name: new("n")}},
						{Role: "assistant", More: &chat.More{Reasoning: new("s"), ToolCalls: json.RawMessage("[1]")}},
						{Role: "tool", Content: "4", More: &chat.More{ToolCallID: new("c")}},
					}},
					{Prompt: new("p"), Response: new("r"), Reference: new("k"), Principle: new("c"), User: []float64{0.5}},
					{Messages: turns, Separator: new("s")},
					{Text: new("t")},
					{InputIDs: []int64{1, 2}},
					{Features: map[string]float64{"a": 1}},
					{Prompt: new("p"), Steps: []string{"a"}},
				},
			},
		},
		{
			"steps", func(b string) (rewards.Request, error) { return read(b, StepsRequest) },
			`{"threshold":0,"items":[{"text":"t"}]}`,
			rewards.Request{Question: rewards.Steps, Threshold: ops.Some(0), Items: []encode.Item{{Text: new("t")}}},
		},
		{
			"logprobs", func(b string) (rewards.Request, error) { return read(b, LogprobsRequest) },
			`{"model":"m","truncate":"left","items":[{"prompt":"p","response":"r"}]}`,
			rewards.Request{Question: rewards.Logprobs, Model: "m", Truncate: "left", Items: []encode.Item{{Prompt: new("p"), Response: new("r")}}},
		},
		{
			"tokenize", func(b string) (rewards.Request, error) { return read(b, TokenizeRequest) },
			`{"truncate":"right","threshold":0.5,"items":[{"text":"t"}]}`,
			rewards.Request{Question: rewards.Tokenize, Truncate: "right", Items: []encode.Item{{Text: new("t")}}},
		},
		{
			"rank", func(b string) (rewards.Request, error) { return read(b, RankRequest) },
			`{"prompt":"p","reference":"k","principle":"c","user":[1],"responses":["a","b"],"n":1,"activation":"softmax","label":"l","strategy":"best_of_n"}`,
			rewards.Request{
				Question: rewards.Rank, Activation: "softmax", Label: "l", Places: 1, Choice: ranking.Choice{Strategy: ranking.BestOfN},
				Groups: []rewards.Group{{Prompt: new("p"), Reference: new("k"), Principle: new("c"), User: []float64{1}, Responses: []string{"a", "b"}}},
			},
		},
		{
			"compare", func(b string) (rewards.Request, error) { return read(b, CompareRequest) },
			`{"messages":[{"role":"user","content":"q"}],"responses":["a","b"],"label":"l"}`,
			rewards.Request{Question: rewards.Compare, Label: "l", Groups: []rewards.Group{{Messages: turns, Responses: []string{"a", "b"}}}},
		},
		{
			"selected", func(b string) (rewards.Request, error) { return read(b, RankRequest) },
			`{"prompt":"p","responses":["a","b"],"strategy":"majority","share":0.5,"seed":7,"power":1,"answers":["4",""],"statistics":true}`,
			rewards.Request{
				Question: rewards.Rank, Groups: []rewards.Group{{Prompt: new("p"), Responses: []string{"a", "b"}}}, Statistics: true,
				Choice: ranking.Choice{
					Strategy: ranking.Majority, Share: ops.Some(0.5), Seed: new(int64(7)), Power: ops.Some(1), Answers: []string{"4", ""},
				},
			},
		},
		{
			"aggregated", func(b string) (rewards.Request, error) { return read(b, CompareRequest) },
			`{"prompt":"p","responses":["a","b"],"aggregate":["elo","nash"],"elo_scale":500,"statistics":true}`,
			rewards.Request{
				Question: rewards.Compare, Groups: []rewards.Group{{Prompt: new("p"), Responses: []string{"a", "b"}}}, Statistics: true,
				Aggregates: []ranking.Aggregate{"elo", "nash"}, EloScale: ops.Some(500),
			},
		},
		{
			"pairs", func(b string) (rewards.Request, error) { return read(b, CompareRequest) },
			`{"pairs":[{"prompt":"p","reference":"k","chosen":"a","rejected":"b"}]}`,
			rewards.Request{Question: rewards.Pairs, Groups: []rewards.Group{{Prompt: new("p"), Reference: new("k"), Responses: []string{"a", "b"}}}},
		},
	} {
		got, err := test.read(test.body)
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// TestWhatSpoilsAnItemRefusesItAlone: the item, the response, or both sides of the pair.
func TestWhatSpoilsAnItemRefusesItAlone(t *testing.T) {
	const half = `"\ud800"`
	for name, test := range map[string]struct {
		read    func() (rewards.Request, error)
		refused []int
	}{
		"item": {func() (rewards.Request, error) {
			return read(`{"items":[{"text":"a"},{"text":`+half+`},{"text":"b"}]}`, ScoreRequest)
		}, []int{1}},
		"ranked": {func() (rewards.Request, error) {
			return read(`{"prompt":"p","responses":[`+half+`,"a"]}`, RankRequest)
		}, []int{0}},
		"compared": {func() (rewards.Request, error) {
			return read(`{"prompt":"p","responses":["a","b",`+half+`]}`, CompareRequest)
		}, []int{2}},
		"pair": {func() (rewards.Request, error) {
			return read(`{"pairs":[{"prompt":"p","chosen":"a","rejected":"b"},{"prompt":"p","chosen":`+half+`,"rejected":"b"}]}`, CompareRequest)
		}, []int{2, 3}},
	} {
		request, err := test.read()
		if err != nil || len(request.Refused) != len(test.refused) {
			t.Errorf("%s: %v, %v", name, request.Refused, err)
		}
		for _, at := range test.refused {
			if of := failure.Of(request.Refused[at]); of == nil || of.Code != "bad_item" || !strings.Contains(of.Detail, "surrogate") {
				t.Errorf("%s: %d is refused by %+v", name, at, of)
			}
		}
	}
}

func TestPairsStandAlone(t *testing.T) {
	for _, beside := range []string{`"prompt":"p"`, `"messages":[]`, `"user":[1]`, `"reference":""`, `"principle":"c"`, `"responses":["a","b"]`} {
		_, err := read(`{`+beside+`,"pairs":[{"prompt":"p","chosen":"a","rejected":"b"}]}`, CompareRequest)
		if of := failure.Of(err); of == nil || of.Code != failure.CodeInvalidField || !strings.HasPrefix(of.Detail, "pairs: given together") {
			t.Errorf("%s: %v", beside, err)
		}
	}
}

// TestAnswersAsJSON holds every form of a result to its text.
func TestAnswersAsJSON(t *testing.T) {
	long := failure.New(fault.CodeTooLong, "the item has 9 tokens")
	const failed = `{"error":{"code":"too_long","status":413,"title":"The item is too long","detail":"the item has 9 tokens"}}`
	tokens := rewards.Tokens{Tokens: 9, Shared: 4, Cached: 2}
	cut := rewards.Tokens{Tokens: 9, Truncated: 3}
	head := `"model":"m","digest":"d","revision":3,"transforms":["softmax"],"usage":{"items":2,"tokens":18,"computed_tokens":12},` +
		`"timings":{"queue_ms":0.5,"run_ms":2,"total_ms":3.25},`
	oneFailed := strings.Replace(head, `"computed_tokens":12`, `"computed_tokens":12,"failed":1`, 1)
	answer := func(q rewards.Question, change func(a *rewards.Answer)) *rewards.Answer {
		a := &rewards.Answer{
			Question: q, Model: "m", Digest: "d", Revision: 3, MaxTokens: 7, Transforms: []string{"softmax"}, Activation: "none", Threshold: ops.Some(0.5),
			Usage: rewards.Usage{
				Items: 2, Tokens: 18, Computed: 12, Queue: 500 * time.Microsecond, Run: 2 * time.Millisecond, Total: 3250 * time.Microsecond,
			},
		}
		change(a)
		return a
	}
	several := rewards.Result{
		Score: 0.25, Raw: ops.Some(1.5), Tokens: cut, Gradient: map[string]float64{"x": 2},
		Scores: map[string]float64{"b": 2, "a": 1}, Logits: map[string]float64{"a": 3, "b": 4},
	}
	const severalText = `{"score":0.25,"raw":1.5,"scores":{"a":1,"b":2},"logits":{"a":3,"b":4},` +
		`"tokens":9,"shared_tokens":0,"cached_tokens":0,"truncated":3,"gradient":{"x":2}}`
	one := rewards.Result{Score: 3, Raw: ops.Some(3), Tokens: tokens}
	const oneText = `{"score":3,"raw":3,"tokens":9,"shared_tokens":4,"cached_tokens":2}`
	matrix := ops.NewMatrix(2, 2)
	matrix.Row(0)[0] = ops.Some(0.5)
	for _, test := range []struct {
		form any
		want string
	}{
		{
			ScoreAnswer(answer(rewards.Score, func(a *rewards.Answer) { a.Results = []rewards.Result{several, {Err: long}} })),
			`{` + oneFailed + `"activation":"none","results":[` + severalText + `,` + failed + `]}`,
		},
		{
			RankAnswer(answer(rewards.Rank, func(a *rewards.Answer) {
				a.Results, a.Ranking, a.Strategy = []rewards.Result{{Err: long}, one}, []int{1}, ranking.BestOfN
				a.Selection = ranking.Selection{Picks: []ranking.Pick{{Index: 1, Weight: 1}}}
			})),
			`{` + oneFailed + `"activation":"none","strategy":"best_of_n","ranking":[{"index":1,"score":3}],"best":1,` +
				`"selected":{"picks":[{"index":1,"weight":1}]},"responses":[` + failed + `,` + oneText + `]}`,
		},
		{
			RankAnswer(answer(rewards.Rank, func(a *rewards.Answer) {
				a.Results, a.Strategy = []rewards.Result{{Err: long}}, ranking.Majority
				a.Selection.Votes = []groups.Ballot{}
				a.Statistics = new(ranking.Describe([]ops.Maybe{{}}))
			})),
			`{` + oneFailed + `"activation":"none","strategy":"majority","ranking":[],"best":null,"selected":{"picks":[],"votes":[]},` +
				`"statistics":{"count":0,"mean":null,"deviation":null,"constant":true,"leave_one_out":[null],"normalized":[null],"ranks":[null]},` +
				`"responses":[` + failed + `]}`,
		},
		{
			selected(&ranking.Selection{
				Picks: []ranking.Pick{{Index: 2, Weight: 0.5}, {Index: 0, Weight: 0.5}},
				Votes: []groups.Ballot{{Key: "4", Weight: 2, Members: []int{0, 2}}, {Key: "5", Weight: 1, Members: []int{1}}},
			}),
			`{"picks":[{"index":2,"weight":0.5},{"index":0,"weight":0.5}],"answer":"4",` +
				`"votes":[{"answer":"4","weight":2,"indices":[0,2]},{"answer":"5","weight":1,"indices":[1]}]}`,
		},
		{
			selected(&ranking.Selection{Bracket: &games.Bracket{Games: []games.Comparison{{First: 0, Second: 1}, {First: 1, Second: 0, FirstWon: true}}, Agrees: true}}),
			`{"picks":[],"games":[{"first":0,"second":1,"winner":1},{"first":1,"second":0,"winner":1}],"agrees":true}`,
		},
		{selected(&ranking.Selection{Err: long}), failed},
		{statistics(&ranking.Statistics{Err: long}), failed},
		{
			aggregates([]ranking.Aggregated{{Of: "elo", Err: long}, {Of: "copeland", Values: []ops.Maybe{{}, ops.Some(1)}}}),
			`{"copeland":{"values":[null,1]},"elo":` + failed + `}`,
		},
		{CompareAnswer(answer(rewards.Compare, func(a *rewards.Answer) {
			a.Preference, a.WinRates, a.Results = matrix, []ops.Maybe{ops.Some(0.75), {}}, []rewards.Result{{Score: 0.75}, {Err: long}}
		})), `{` + oneFailed + `"preference":[[0.5,null],[null,null]],"win_rate":[0.75,null],"responses":[{"score":0.75},` + failed + `]}`},
		{CompareAnswer(answer(rewards.Pairs, func(a *rewards.Answer) {
			a.Pairs = []rewards.PairResult{
				{Probability: 0.5, Chosen: &one, Rejected: &one}, {Probability: 0.75, Margin: 1}, {Err: long, Chosen: &one, Rejected: &rewards.Result{Err: long}},
			}
		})), `{` + oneFailed + `"results":[{"probability":0.5,"margin":0,"chosen":` + oneText + `,"rejected":` + oneText + `},` +
			`{"probability":0.75,"margin":1},{"chosen":` + oneText + `,"rejected":` + failed + `,` + failed[1:] + `]}`},
		{StepsAnswer(answer(rewards.Steps, func(a *rewards.Answer) {
			a.Steps = []rewards.StepsResult{
				{Min: 0.5, Mean: 0.75, Last: 1, FirstError: -1, Tokens: tokens, Steps: []rewards.Step{
					{Token: 3, End: -1}, {Score: ops.Some(0), Raw: ops.Some(-1), Logits: map[string]float64{"a": 1}, Token: 5, End: 0},
				}},
				{Product: ops.Some(0.5), FirstError: 0, Tokens: tokens, Steps: []rewards.Step{}},
				{Err: long},
			}
		})), `{` + oneFailed + `"threshold":0.5,"results":[{"steps":[{"score":null,"token":3},{"score":0,"raw":-1,"logits":{"a":1},"token":5,"end":0}],` +
			`"min":0.5,"product":null,"mean":0.75,"last":1,"first_error":null,"tokens":9,"shared_tokens":4,"cached_tokens":2},` +
			`{"min":0,"product":0.5,"mean":0,"last":0,"first_error":0,"tokens":9,"shared_tokens":4,"cached_tokens":2},` + failed + `]}`},
		{LogprobsAnswer(answer(rewards.Logprobs, func(a *rewards.Answer) {
			alone := tokenwise.Of([][]float64{{-1}, {-0.5}}, []int64{7, 8}, []string{"", "é"})
			beside := tokenwise.Of([][]float64{{-1, -3}}, []int64{7}, []string{"a"})
			alone.Read, beside.Read = tokenwise.Read(tokens), tokenwise.Read(cut)
			a.Logprobs = []tokenwise.Result{alone, beside, {Err: long}}
		})), `{` + oneFailed + `"results":[{"logprobs":[{"id":7,"text":"","end":0,"logprob":-1},{"id":8,"text":"é","end":1,"logprob":-0.5}],"count":2,` +
			`"policy":{"sum":-1.5,"mean":-0.75},"tokens":9,"shared_tokens":4,"cached_tokens":2},` +
			`{"logprobs":[{"id":7,"text":"a","end":1,"logprob":-1,"reference":-3,"difference":2}],"count":1,"policy":{"sum":-1,"mean":-1},` +
			`"reference":{"sum":-3,"mean":-3},"difference":{"sum":2,"mean":2},"tokens":9,"shared_tokens":0,"cached_tokens":0,"truncated":3},` + failed + `]}`},
		{TokenizeAnswer(answer(rewards.Tokenize, func(a *rewards.Answer) {
			a.Tokenized = slices.Grow(a.Tokenized, 2)[:2]
			a.Tokenized[0].Encoded, a.Tokenized[1].Err = encode.Encoded{Text: "t", IDs: []int64{5, 6}, Positions: []int{1}, Truncated: 1}, long
		})), `{"model":"m","digest":"d","revision":3,"max_tokens":7,"results":[{"text":"t","input_ids":[5,6],"read":[1],"tokens":2,"truncated":1},` + failed + `],"total_ms":3.25}`},
	} {
		got, err := json.Marshal(test.form)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, string(got)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// TestAnEmptyWordIsAWord: what a request gives as an empty text is no number.
func TestAnEmptyWordIsAWord(t *testing.T) {
	request, err := ScoreRequest(&wire.ScoreRequest{Items: []wire.Item{{Given: wire.Settings{"empty": "", "number": 0.0}}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := request.Given[0]; !got["empty"].Blank || got["number"].Blank {
		t.Errorf("%+v", got)
	}
}

package server

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/problem"
)

// strange is a protocol that no other knows: its paths name the model, its bodies are plain text, and its problems one
// line.
func strange(*Server) *protocol {
	return &protocol{
		prefix: "/v9/",
		problem: func(x *exchange, p *problem.Problem) {
			x.Header().Set("Content-Type", "text/strange")
			x.WriteHeader(p.Status)
			_, _ = io.WriteString(x, "oh: "+p.Code)
		},
		routes: []route{
			{
				"POST", "/v9/models/{model}/infer", "", false,
				&codec{
					accepts: func(http.Header) error { return nil },
					decode: func(_ *exchange, r *http.Request, body []byte) (asked, error) {
						if len(body) == 0 {
							return asked{}, problem.New(failure.CodeInvalidField, "nothing")
						}
						request := rewards.Request{Question: rewards.Score, Model: r.PathValue("model")}
						for word := range strings.FieldsSeq(string(body)) {
							request.Items = append(request.Items, encode.Item{Text: new(word)})
						}
						return asked{Request: request, encode: func(x *exchange, given *rewards.Answer) error {
							_, err := io.WriteString(x, "model "+given.Model)
							return err
						}}, nil
					},
				}, nil, nil, nil,
			},
			{"GET", "/v9/models/{model}", "", true, nil, func(x *exchange, r *http.Request) error {
				_, err := io.WriteString(x, "about "+r.PathValue("model"))
				return err
			}, nil, nil},
		},
	}
}

// TestAProtocolGetsEveryProblemOfItsRoutes, in its own form: of the token, the method, a path under its prefix, the
// body, the cap, its decoder, the engine and a panic; and no other protocol hears of them.
func TestAProtocolGetsEveryProblemOfItsRoutes(t *testing.T) {
	engine := &fakeEngine{score: func(_ context.Context, request rewards.Request) (rewards.Answer, error) {
		switch request.Model {
		case "panics":
			panic("oh")
		case "full":
			return rewards.Answer{}, &models.QueueFullError{Items: 9, MaxItems: 9}
		}
		a := fakeAnswer(fakeResults(len(request.Items)))
		a.Model = request.Model
		return a, nil
	}}
	s, err := speaking(engine, Options{Tokens: []Token{{Token: "s3cret"}}, MaxBody: 20, MaxItems: 2}, strange)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		method, path, body, token string
		status                    int
		answer                    string
	}{
		{"POST", "/v9/models/m/infer", "a b", "s3cret", 200, "model m"},
		{"POST", "/v9/models/a%2Fb/infer", "a b", "s3cret", 200, "model a/b"},
		{"GET", "/v9/models/m", "", "", 200, "about m"},
		{"POST", "/v9/models/m/infer", "a", "", 401, "oh: unauthorized"},
		{"PUT", "/v9/models/m/infer", "a", "s3cret", 405, "oh: method_not_allowed"},
		{"POST", "/v9/models/m", "a", "s3cret", 405, "oh: method_not_allowed"},
		{"POST", "/v9/models/m/nothing", "a", "", 404, "oh: not_found"},
		{"GET", "/v9/", "", "", 404, "oh: not_found"},
		{"GET", "/v9", "", "", 404, "oh: not_found"},
		{"POST", "/v9/models/m/infer", "", "s3cret", 422, "oh: invalid_field"},
		{"POST", "/v9/models/m/infer", "a b c", "s3cret", 413, "oh: too_many_items"},
		{"POST", "/v9/models/m/infer", strings.Repeat("a", 21), "s3cret", 413, "oh: body_too_large"},
		{"POST", "/v9/models/full/infer", "a", "s3cret", 429, "oh: queue_full"},
		{"POST", "/v9/models/panics/infer", "a", "s3cret", 500, "oh: internal"},
	} {
		got := do(t, s, test.method, test.path, test.body, "Authorization", "Bearer "+test.token)
		if got.status != test.status || string(got.body) != test.answer {
			t.Errorf("%s %s %q: %d %s, want %d %s", test.method, test.path, test.body, got.status, got.body, test.status, test.answer)
		}
	}
	full := do(t, s, "POST", "/v9/models/full/infer", "a", "Authorization", "Bearer s3cret")
	if full.header.Get("Retry-After") != "1" || full.header.Get("X-Request-Id") == "" {
		t.Errorf("headers %v", full.header)
	}
	if body := string(do(t, s, "GET", "/metrics", "", "Authorization", "Bearer s3cret").body); !strings.Contains(body, `route="/v9/models/{model}/infer",status="200"} 2`) {
		t.Errorf("the route's pattern is not in the metrics")
	}
	for _, path := range []string{"/v1/nothing", "/v99/models/m", "/v9/../v1/models", "/v1/./models", "/v1//nothing"} {
		if p := refusal(t, do(t, s, "GET", path, "")); p.Code != problem.CodeNotFound {
			t.Errorf("%s: %+v", path, p)
		}
	}
}

// TestResultsAreCountedAsTheyAreGiven: a pair is one, a response is one however many sequences it took, and what was
// tokenized has no score.
func TestResultsAreCountedAsTheyAreGiven(t *testing.T) {
	failed := failure.New(fault.CodeTooLong, "x")
	engine := &fakeEngine{}
	s := newServer(t, engine, Options{})
	engine.score = func(context.Context, rewards.Request) (rewards.Answer, error) {
		return rewards.Answer{Question: rewards.Pairs, Model: "m", Usage: rewards.Usage{Items: 4}, Pairs: []rewards.PairResult{{Err: failed}, {}}}, nil
	}
	do(t, s, "POST", "/v1/compare", `{"pairs":[{"prompt":"p","chosen":"a","rejected":"b"},{"prompt":"p","chosen":"a","rejected":"b"}]}`)
	engine.score = func(context.Context, rewards.Request) (rewards.Answer, error) {
		return rewards.Answer{Question: rewards.Compare, Model: "pair", Usage: rewards.Usage{Items: 6}, Results: fakeResults(3)}, nil
	}
	do(t, s, "POST", "/v1/compare", `{"prompt":"p","responses":["a","b","c"]}`)
	engine.score = nil
	do(t, s, "POST", "/v1/tokenize", `{"items":[{"text":"a"},{"text":"b"}]}`)
	body := scrape(t, s)
	for _, line := range []string{
		`assay_items_total{model="m",outcome="failed"} 1`, `assay_items_total{model="m",outcome="scored"} 1`,
		`assay_items_total{model="pair",outcome="failed"} 0`, `assay_items_total{model="pair",outcome="scored"} 3`,
		`assay_items_total{model="fake-rm",outcome="tokenized"} 2`,
	} {
		if !strings.Contains(body, line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
	if strings.Contains(body, `assay_items_total{model="fake-rm",outcome="scored"}`) {
		t.Error("what was tokenized counts as scored")
	}
}

// TestNothingAClientSentComesBackWhole: neither in an answer nor in the log, wherever it stood.
func TestNothingAClientSentComesBackWhole(t *testing.T) {
	long := strings.Repeat("a", 4000)
	log := &lines{}
	engine := &fakeEngine{score: func(_ context.Context, request rewards.Request) (rewards.Answer, error) {
		if request.Model != "" {
			return rewards.Answer{}, &fault.Error{Code: fault.CodeModel, Detail: "no model is named " + request.Model}
		}
		why := failure.New(fault.CodeItem, "%s", *request.Items[0].Text)
		return fakeAnswer([]rewards.Result{{Err: why}}), nil
	}}
	s := newServer(t, engine, Options{Logger: debugLog(log)})
	const echo = 100 // characters of one value; of a sentence that the engine made of several, longestDetail
	for _, test := range []struct {
		method, path, body string
		header             []string
	}{
		{"GET", "/" + long, "", nil},
		{long, "/v1/score", "", nil},
		{"POST", "/v1/score", oneItem, []string{"Content-Type", long}},
		{"POST", "/v1/score", oneItem, []string{"Content-Encoding", long}},
		{"POST", "/v1/score", oneItem, []string{"X-Request-Id", long}},
		{"POST", "/v1/score", `{"` + long + `":1}`, nil},
		{"POST", "/v1/score", `{"items":"` + long + `"}`, nil},
		{"POST", "/v1/score", `{"items":[{"text":1` + strings.Repeat("0", 4000) + `}]}`, nil},
		{"POST", "/v1/score", long, nil},
		{"POST", "/v1/score", `{"model":"` + long + `","items":[{"text":"a"}]}`, nil},
		{"POST", "/v1/score", `{"items":[{"text":"` + strings.Repeat("é", 2000) + `"}]}`, nil},
		{"POST", "/get_reward?model=" + long, `{"query":["a"]}`, nil},
		{"POST", "/get_reward?" + long + "=1", `{"query":["a"]}`, nil},
		{"POST", "/get_reward?" + long + "=1&" + long + "=2", `{"query":["a"]}`, nil},
	} {
		got := do(t, s, test.method, test.path, test.body, test.header...)
		answer, _ := json.Marshal(got.header)
		limit := longestDetail + 320 // what stands around it
		if !strings.Contains(test.path+test.body, "model") && !strings.Contains(test.body, "é") {
			limit = 600
			if strings.Contains(string(answer)+string(got.body)+log.String(), strings.Repeat("a", echo)) {
				t.Errorf("%.60s %.60s %.60s is repeated", test.method, test.path, test.body)
			}
		}
		if len(got.body) > limit || strings.Contains(log.String(), strings.Repeat("a", longestDetail)) {
			t.Errorf("%.60s %.60s %.60s: %s %s", test.method, test.path, test.body, answer, got.body)
		}
	}
}

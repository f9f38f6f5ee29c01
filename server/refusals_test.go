package server

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

const oneItem = `{"items":[{"text":"a"}]}`

func TestRequestsThatCannotBeRead(t *testing.T) {
	nothing := &rewards.Engine{} // has no model; what reaches it is refused before it looks for one
	s := newServer(t, &fakeEngine{score: nothing.Ask}, Options{MaxBody: 300, MaxItems: 3})
	for _, test := range []struct {
		path, body string
		status     int
		code       string
		detail     string // its head
	}{
		{"/v1/score", `{"items":[{"text":"a"}],"x":1}`, 422, "unknown_field", `x: unknown field`},
		{"/v1/score", `{"items":[{"text":"a"},{"txt":"b"}]}`, 422, "unknown_field", `items[1].txt: unknown field; if text is meant`},
		{"/v1/score", `{"items":[{"text":"a"},{"text":5}]}`, 422, "invalid_field", `items[1].text: expected string, got 5`},
		{"/v1/score", `{"items":[{"input_ids":[1,2.5]}]}`, 422, "invalid_field", `items[0].input_ids[1]: expected integer, got 2.5`},
		{"/v1/score", `{"items":[{"input_ids":[1,null]}]}`, 422, "invalid_field", `items[0].input_ids[1]: expected integer, got null`},
		{"/v1/score", `{"items":[{"input_ids":[1e30]}]}`, 422, "invalid_field", `items[0].input_ids[0]: expected integer, got 1e30`},
		{"/v1/score", `{"items":[null]}`, 422, "invalid_field", `items[0]: expected object, got null`},
		{"/v1/score", `{"items":"a"}`, 422, "invalid_field", `items: expected array, got "a"`},
		{"/v1/score", `{"items":[]}`, 422, "invalid_field", `items: must hold at least one item`},
		{"/v1/score", `{"items":null}`, 422, "invalid_field", `items: `},
		{"/v1/score", `{}`, 422, "invalid_field", `items: must hold`},
		{"/v1/score", `[]`, 422, "invalid_field", `body: expected object`},
		{"/v1/score", `null`, 422, "invalid_field", `body: expected object, got null`},
		{"/v1/rank", `{"messages":[{"role":"user"}],"responses":["a"]}`, 422, "invalid_field", `messages[0].content: is null or left out`},
		{"/v1/rank", `{"messages":[{"role":"user","content":null}],"responses":["a"]}`, 422, "invalid_field", `messages[0].content: is null or left out`},
		{"/v1/score", `{"items":[{"messages":[{"role":"","content":"a"}]}]}`, 422, "invalid_field", `items[0].messages[0].role: `},
		{"/v1/score", `{"items":[{"text":"a"}],"timeout_ms":1.5}`, 422, "invalid_field", `timeout_ms: expected integer, got 1.5`},
		{"/v1/rank", `{"prompt":"p","responses":["a",null]}`, 422, "invalid_field", `responses[1]: expected string, got null`},
		{"/v1/compare", `{"pairs":[{"prompt":"p","chosen":null,"rejected":"b"}]}`, 422, "invalid_field", `pairs[0].chosen: expected string, got null`},
		{"/v1/steps", `{"items":[{"prompt":"p","steps":["a",7]}]}`, 422, "invalid_field", `items[0].steps[1]: expected string, got 7`},
		{"/v1/steps", `{"items":[{"prompt":"p","steps":"a"}]}`, 422, "invalid_field", `items[0].steps: expected array, got "a"`},
		{"/v1/score", `{"items":[{"text":"a"}]`, 400, "bad_json", `the body ends inside`},
		{"/v1/score", `{"items":[{"text":"a"}]} {}`, 400, "bad_json", `the body goes on after its JSON value, at byte 26`},
		{"/v1/score", `nonsense`, 400, "bad_json", `at byte 2: invalid character`},
		{"/v1/score", ` `, 400, "bad_json", `the body is empty`},
		{"/v1/score", "{\"items\":[{\"text\":\"a\"}],\"model\":\"\xff\"}", 400, "bad_json", `model: is not Unicode: bytes that are not UTF-8`},
		{"/v1/score", `{"items":[{"text":"` + strings.Repeat("a", 300) + `"}]}`, 413, "body_too_large", `the body has 323 bytes, and the cap is 300`},
		{"/v1/score", `{"items":[{"text":"a"},{"text":"a"},{"text":"a"},{"text":"a"}]}`, 413, "too_many_items", `items: more than 3, the limit of a request`},
		{"/v1/rank", `{"prompt":"p","responses":["a","a","a","a"]}`, 413, "too_many_items", ``},
		{"/v1/compare", `{"pairs":[{"prompt":"p","chosen":"a","rejected":"b"},{"prompt":"p","chosen":"a","rejected":"b"}]}`, 413, "too_many_items", ``},
		{"/get_reward", `{"query":["a","a","a","a"]}`, 413, "too_many_items", ``},
		{"/v1/nothing", oneItem, 404, "not_found", `no route has the path "/v1/nothing"`},
	} {
		t.Run(fault.Short(test.path+" "+test.body), func(t *testing.T) {
			p := refusal(t, do(t, s, "POST", test.path, test.body))
			if p.Status != test.status || p.Code != test.code || !strings.HasPrefix(p.Detail, test.detail) {
				t.Errorf("%d %s %q, want %d %s %q", p.Status, p.Code, p.Detail, test.status, test.code, test.detail)
			}
		})
	}
}

func TestMethodsAndMediaTypes(t *testing.T) {
	s := newServer(t, &fakeEngine{}, Options{})
	response := do(t, s, "GET", "/v1/score", "")
	if p := refusal(t, response); p.Code != problem.CodeMethodNotAllowed || response.header.Get("Allow") != "POST" {
		t.Errorf("%+v, Allow %q", p, response.header.Get("Allow"))
	}
	response = do(t, s, "DELETE", "/v1/models", "")
	if p := refusal(t, response); p.Status != 405 || response.header.Get("Allow") != "GET, HEAD" {
		t.Errorf("%+v, Allow %q", p, response.header.Get("Allow"))
	}
	for media, status := range map[string]int{
		"": 415, "text/plain": 415, "application/x-www-form-urlencoded": 415, "application/json; charset=latin1": 415, ";": 415,
		"application/json": 200, "application/json; charset=utf-8": 200, "Application/JSON;charset=UTF-8": 200,
	} {
		response := do(t, s, "POST", "/v1/score", oneItem, "Content-Type", media)
		if response.status != status {
			t.Errorf("content type %q gives %d, want %d", media, response.status, status)
		}
		if status == 415 {
			if p := refusal(t, response); p.Code != problem.CodeMediaType {
				t.Errorf("%+v", p)
			}
		}
	}
}

func TestBodyWithoutALengthIsCapped(t *testing.T) {
	s := newServer(t, &fakeEngine{}, Options{MaxBody: 10})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/score", io.MultiReader(strings.NewReader(oneItem)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	p := refusal(t, serve(s, r))
	if p.Code != problem.CodeBodyTooLarge || p.Detail != "the body has more bytes than the cap of 10" {
		t.Errorf("%+v", p)
	}
}

func TestEngineErrors(t *testing.T) {
	for _, test := range []struct {
		err    error
		status int
		code   string
		retry  string
	}{
		{&models.QueueFullError{Items: 9, MaxItems: 9, RetryAfter: 1500 * time.Millisecond}, 429, "queue_full", "2"},
		{&models.QueueFullError{Items: 9, MaxItems: 9}, 429, "queue_full", "1"},
		{fmt.Errorf("submit: %w", models.ErrClosed), 503, "shutting_down", ""},
		{&fault.Error{Code: fault.CodeModel, Detail: "no model is named x"}, 404, "unknown_model", ""},
		{context.Canceled, 499, "client_gone", ""},
		{io.ErrUnexpectedEOF, 500, "internal", ""},
	} {
		engine := &fakeEngine{score: func(context.Context, rewards.Request) (rewards.Answer, error) {
			return rewards.Answer{}, test.err
		}}
		for path, body := range map[string]string{"/v1/score": oneItem, "/get_reward": `{"query":["a"]}`} {
			response := do(t, newServer(t, engine, Options{}), "POST", path, body)
			if p := refusal(t, response); p.Status != test.status || p.Code != test.code || response.header.Get("Retry-After") != test.retry {
				t.Errorf("%s: %+v, Retry-After %q; want %+v", path, p, response.header.Get("Retry-After"), test)
			}
		}
	}
}

func TestStatusOfAnAnswerWhoseItemsAllFailed(t *testing.T) {
	long, late := failure.New(fault.CodeTooLong, "x"), failure.New(failure.CodeDeadline, "x")
	fine := fakeResults(1)[0]
	for _, test := range []struct {
		results []rewards.Result
		status  int
	}{
		{[]rewards.Result{{Err: long}, {Err: long}}, 413},
		{[]rewards.Result{{Err: late}}, 504},
		{[]rewards.Result{{Err: long}, {Err: late}}, 200},
		{[]rewards.Result{{Err: long}, fine}, 200},
	} {
		engine := &fakeEngine{score: func(context.Context, rewards.Request) (rewards.Answer, error) {
			return fakeAnswer(test.results), nil
		}}
		response := do(t, newServer(t, engine, Options{}), "POST", "/v1/score", oneItem)
		if response.status != test.status || response.header.Get("Content-Type") != "application/json" {
			t.Errorf("%d %s, want %d", response.status, response.header.Get("Content-Type"), test.status)
		}
		if got := decoded[wire.ScoreAnswer](t, response); len(got.Results) != len(test.results) {
			t.Errorf("the body changed: %+v", got)
		}
	}
}

func TestAnAnswerThatCannotBeEncodedIsAFault(t *testing.T) {
	nan := fakeResults(1)
	nan[0].Score = math.NaN()
	engine := &fakeEngine{score: func(context.Context, rewards.Request) (rewards.Answer, error) {
		return fakeAnswer(nan), nil
	}}
	if p := refusal(t, do(t, newServer(t, engine, Options{}), "POST", "/v1/score", oneItem)); p.Code != failure.CodeInternal {
		t.Errorf("%+v", p)
	}
}

func TestAPanicIsAProblem(t *testing.T) {
	engine := &fakeEngine{score: func(context.Context, rewards.Request) (rewards.Answer, error) { panic("secret") }}
	p := refusal(t, do(t, newServer(t, engine, Options{}), "POST", "/v1/score", oneItem))
	if p.Status != 500 || p.Code != failure.CodeInternal || strings.Contains(p.Detail, "secret") {
		t.Errorf("%+v", p)
	}
}

// TestRefusalsAreLoggedTogether: under overload a line for every refusal would cost more than the refusal.
func TestRefusalsAreLoggedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &lines{}
		engine := &fakeEngine{score: func(context.Context, rewards.Request) (rewards.Answer, error) {
			return rewards.Answer{}, &models.QueueFullError{Items: 9, MaxItems: 9}
		}}
		s := newServer(t, engine, Options{Logger: slog.New(slog.NewTextHandler(log, nil))})
		for range 25 {
			do(t, s, "POST", "/v1/score", oneItem)
			time.Sleep(time.Second)
		}
		if n := strings.Count(log.String(), "\n"); n != 3 || strings.Count(log.String(), "refused=10") != 2 {
			t.Errorf("%d lines of 25 refusals in 25 seconds:\n%s", n, log)
		}
	})
}

// TestFaultsOfItemsAreOneLine: however many items of a request a broken forward took with it, the log has one line of
// them.
func TestFaultsOfItemsAreOneLine(t *testing.T) {
	log := &lines{}
	results := make([]rewards.Result, 4096)
	for i := range results {
		results[i] = rewards.Result{Err: failure.Of(&fault.Error{Code: fault.CodeRun, Detail: "the forward failed", Err: io.ErrNoProgress})}
	}
	engine := &fakeEngine{score: func(context.Context, rewards.Request) (rewards.Answer, error) {
		return fakeAnswer(results), nil
	}}
	s := newServer(t, engine, Options{Logger: slog.New(slog.NewTextHandler(log, nil))})
	for path, body := range map[string]string{"/v1/score": oneItem, "/get_reward": `{"query":["a"]}`} {
		before := strings.Count(log.String(), "level=ERROR")
		do(t, s, "POST", path, body)
		if n := strings.Count(log.String(), "level=ERROR") - before; n != 1 || !strings.Contains(log.String(), "times=4096") {
			t.Errorf("%s: %d lines:\n%.2000s", path, n, log)
		}
	}
}

// TestRetryAfterIsBounded, however long the queue is.
func TestRetryAfterIsBounded(t *testing.T) {
	for wait, want := range map[time.Duration]string{time.Millisecond: "1", 59500 * time.Millisecond: "60", 9 * time.Hour: "60"} {
		engine := &fakeEngine{score: func(context.Context, rewards.Request) (rewards.Answer, error) {
			return rewards.Answer{}, &models.QueueFullError{Items: 9, MaxItems: 9, RetryAfter: wait}
		}}
		if got := do(t, newServer(t, engine, Options{}), "POST", "/v1/score", oneItem).header.Get("Retry-After"); got != want {
			t.Errorf("a wait of %s: Retry-After %s, want %s", wait, got, want)
		}
	}
}

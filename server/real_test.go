package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/server/wire"
)

// realServer serves tiny bundles of the models' tests until the test ends.
func realServer(tb testing.TB, names ...string) *Server {
	tb.Helper()
	all := make([]*models.Model, len(names))
	for i, name := range names {
		m, err := models.Open(tb.Context(), models.Dir(filepath.Join("..", "models", "testdata", "bundles", name)), models.Options{Cache: 64 << 20})
		if err != nil {
			tb.Fatal(err)
		}
		all[i] = m
		var running sync.WaitGroup
		running.Go(func() {
			if err := m.Run(context.WithoutCancel(tb.Context())); err != nil {
				tb.Error(err)
			}
		})
		tb.Cleanup(func() {
			m.Close()
			running.Wait()
		})
	}
	registry, err := models.NewRegistry(all...)
	if err != nil {
		tb.Fatal(err)
	}
	return newServer(tb, served{rewards.New(registry), registry}, Options{})
}

// quoted is a text as JSON.
func quoted(t *testing.T, text string) string {
	t.Helper()
	out, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestOpenRLHFGetsTheScoresOfTheNativeRoute(t *testing.T) {
	s := realServer(t, "llama-reward-packed")
	texts := []string{"12 + 30 = 42", "<s>12 + 30 = 41", "é😀 and a longer text than the others"}
	var queries, items []string
	for _, text := range texts {
		queries = append(queries, quoted(t, text))
		items = append(items, `{"text":`+quoted(t, text)+`}`)
	}
	foreign := do(t, s, "POST", "/get_reward", `{"query":[`+strings.Join(queries, ",")+`],"prompts":["",null,""],"labels":[null,"a",{}]}`)
	native := do(t, s, "POST", "/v1/score", `{"items":[`+strings.Join(items, ",")+`]}`)
	rewarded, scored := decoded[wire.OpenRLHFAnswer](t, foreign), decoded[wire.ScoreAnswer](t, native)
	var want []float64
	for _, r := range scored.Results {
		want = append(want, *r.Score)
	}
	if diff := cmp.Diff(want, rewarded.Rewards); diff != "" || !cmp.Equal(rewarded.Scores, rewarded.Rewards) {
		t.Errorf("rewards (-native +openrlhf):\n%s", diff)
	}
	long := quoted(t, strings.Repeat("12 + 30 = 42. ", 100))
	if p := refusal(t, do(t, s, "POST", "/get_reward", `{"query":["a",`+long+`]}`)); p.Code != fault.CodeTooLong || !strings.HasPrefix(p.Detail, "query[1]: the item has ") {
		t.Errorf("%+v", p)
	}
	cut := decoded[wire.OpenRLHFAnswer](t, do(t, s, "POST", "/get_reward?truncate=right", `{"query":["a",`+long+`]}`))
	if got := cut.ExtraLogs["truncated"]; len(got) != 2 || got[0] != 0 || got[1] == 0 {
		t.Errorf("truncated %v", got)
	}
}

func TestEveryRouteOverRealModels(t *testing.T) {
	s := realServer(t, "qwen2-reward-packed", "qwen3-process-padded")
	for _, test := range []struct {
		path, body string
		status     int
		words      []string // in the answer
	}{
		{"/v1/score", `{"items":[{"messages":[{"role":"user","content":"2+2?"},{"role":"assistant","content":""}]}]}`, 200, []string{`"score":`, `"raw":`}},
		{"/v1/score", `{"items":[{"text":"a"},{"input_ids":[400]}]}`, 200, []string{`"score":`, `"id_out_of_range"`}},
		{"/v1/score", `{"items":[{"input_ids":[400]},{"input_ids":[-1]}]}`, 422, []string{`"results":`, `"id_out_of_range"`}},
		{"/v1/score", `{"model":"x","items":[{"text":"a"}]}`, 404, []string{`"unknown_model"`, "qwen2-reward-packed"}},
		{"/v1/score", `{"model":"qwen3-process-padded","items":[{"text":"a"}]}`, 422, []string{`"wrong_kind"`, "answers steps"}},
		{"/v1/score", `{"activation":"softmax","items":[{"text":"a"}]}`, 422, []string{`"bad_activation"`}},
		{"/v1/rank", `{"prompt":"2+2?","responses":["4","5"]}`, 200, []string{`"ranking":[{"index":`, `"best":`}},
		{"/v1/compare", `{"prompt":"2+2?","responses":["4","5"]}`, 200, []string{`"preference":[[0.5,`, `"win_rate":[`}},
		{"/v1/compare", `{"pairs":[{"prompt":"2+2?","chosen":"4","rejected":"5"}]}`, 200, []string{`"probability":`, `"margin":`}},
		{"/v1/steps", `{"items":[{"prompt":"2+2?","steps":["2+2","=4"]}]}`, 200, []string{`"steps":[{"score":`, `"first_error":`, `"softmax","label right"`}},
		{"/v1/steps", `{"items":[{"prompt":"2+2?","response":"2+2\n=4","separator":"\n"}]}`, 200, []string{`"end":3`, `"end":6`}},
		{"/v1/steps", `{"items":[{"prompt":"2+2?","response":"2+2"}]}`, 422, []string{`"no_separator"`}},
		{"/v1/tokenize", `{"model":"qwen2-reward-packed","items":[{"text":"a"}]}`, 200, []string{`"input_ids":[`, `"max_tokens":320`}},
		{"/v1/tokenize", `{"model":"qwen3-process-padded","threshold":0.5,"items":[{"prompt":"2+2?","steps":["4"]}]}`, 200, []string{"extra_0", `"read":[`}},
	} {
		got := do(t, s, "POST", test.path, test.body)
		if got.status != test.status {
			t.Errorf("%s %s: %d %s", test.path, test.body, got.status, got.body)
		}
		for _, word := range test.words {
			if !strings.Contains(string(got.body), word) {
				t.Errorf("%s %s: no %s in %s", test.path, test.body, word, got.body)
			}
		}
	}
	if got := do(t, s, "GET", "/readyz", ""); got.status != http.StatusOK {
		t.Errorf("readyz: %d %s", got.status, got.body)
	}
	if got := decoded[wire.ModelsAnswer](t, do(t, s, "GET", "/v1/models", "")); len(got.Models) != 2 || got.Models[1].Separator != "<extra_0>" {
		t.Errorf("%+v", got)
	}
}

func TestConcurrentRequestsGetTheirOwnScores(t *testing.T) {
	s := realServer(t, "qwen2-reward-packed")
	score := func(i int) float64 {
		body := fmt.Sprintf(`{"items":[{"prompt":"What is %d + 1?","response":"%d"}]}`, i%7, i%5)
		got := decoded[wire.ScoreAnswer](t, do(t, s, "POST", "/v1/score", body))
		return *got.Results[0].Score
	}
	var alone [35]float64
	for i := range alone {
		alone[i] = score(i)
	}
	var clients sync.WaitGroup
	for c := range 8 {
		clients.Go(func() {
			for i := range alone {
				at := (i*3 + c) % len(alone)
				if got := score(at); got != alone[at] {
					t.Errorf("item %d scores %v among others, %v alone", at, got, alone[at])
				}
			}
		})
	}
	clients.Wait()
}

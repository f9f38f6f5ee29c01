package commands

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/assay-rm/assay/commands/bulk"
	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/recipes"
	"github.com/assay-rm/assay/server"
	"github.com/assay-rm/assay/server/wire"
)

// willing answers everything that it can be asked; items that are refused have their errors.
type willing struct{}

func (willing) Ask(_ context.Context, r rewards.Request) (rewards.Answer, error) {
	n := len(r.Items)
	for _, group := range r.Groups {
		n += len(group.Responses)
	}
	answer := rewards.Answer{Question: r.Question, Results: make([]rewards.Result, n)}
	for i, why := range r.Refused {
		answer.Results[i].Err = failure.Of(why)
	}
	if r.Question == rewards.Pairs {
		answer.Pairs, answer.Results = []rewards.PairResult{{Err: answer.Results[0].Err}}, nil
	}
	return answer, nil
}

func (willing) Models() []rewards.ModelInfo                           { return nil }
func (willing) Recipes() []recipes.Served                             { return nil }
func (willing) Stats() []models.Stats                                 { return nil }
func (willing) Pieces(string, string, []int64) ([]encode.Piece, bool) { return nil, false }
func (willing) Decode(string, []int64, bool) (string, error)          { return "", nil }
func (willing) Probe(context.Context, string) error                   { return nil }

// readable tells whether a line can be read.
func readable(text string, form wire.Form) bool {
	lines, err := bulk.NewReader(strings.NewReader(text)).Chunk(1)
	return (err == nil || errors.Is(err, io.EOF)) && len(lines) == 1 && fits(&lines[0], form)
}

func fits(line *bulk.Line, form wire.Form) bool {
	_, why := line.Sample(form)
	return why == nil
}

// TestALineIsRefusedAsABodyIs: whatever the server refuses to read, the offline commands do too, and they read whatever
// it reads.
func TestALineIsRefusedAsABodyIs(t *testing.T) {
	s, err := server.New(willing{}, server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	served := func(path, body string) bool {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		return w.Code == http.StatusOK
	}
	for text, good := range map[string]bool{
		`{"prompt": "p", "response": "r"}`: true, `{"messages": [{"role": "user", "content": ""}]}`: true, `{"text": "\ud83d\ude00 é"}`: true,
		`{"input_ids": [1, 2], "user": [0.5]}`: true, `{"features": {"a": 1e-3}}`: true, `{}`: true, ` {"text": "is it null?"} `: true,
		`{"text": "a", "id": 7, "metadata": {"a": [null]}}`: true, `{"text": "a", "data_source": {"x": 1}}`: true, `{"text": "a", "tools": []}`: true,
		`{"messages": [{"role": "user", "content": ["a", {"type": "text", "text": "b"}], "refusal": null}]}`: true,

		`{"text": "a", "id": 1.5}`: false, `{"text": "a", "promt": "b"}`: false, `{"text": "a", "tools": [1]}`: false, `{"text": "a", "activation": "none"}`: false,
		`{"messages": [{"role": "user", "content": [{"type": "image"}]}]}`: false,

		`{"prompt": "p", "response": "\ud800"}`: false, "{\"text\": \"\xff\"}": false, `{"messages": [{"role": "user"}, {"role": "assistant", "content": "42"}]}`: false,
		`{"messages": [{"role": "user", "content": null}]}`: false, `{"messages": [{"role": "", "content": "a"}]}`: false, `{"messages": null}`: false,
		`{"prompt": null}`: false, `{"prompt": 1}`: false, `{"Prompt": "p"}`: false, `{"promt": "p"}`: false, `{"text": "a", "text": "b"}`: false,
		`{"input_ids": [1, null]}`: false, `{"input_ids": [1e30]}`: false, `{"input_ids": [1.5]}`: false, `{"input_ids": null}`: false,
		`{"user": [null]}`: false, `{"features": {"a": null}}`: false, `{"features": {"a": 1, "a": 2}}`: false, `{"steps": [null]}`: false,
		`[]`: false, `null`: false, `"a"`: false, `{"text": "a"`: false, `{"text": "a"} x`: false, `{]`: false, `{"text": "a",}`: false,
	} {
		read := readable(strings.TrimSpace(text), new(wire.Item))
		if body := `{"items":[` + text + `]}`; read != good || served("/v1/score", body) != good {
			t.Errorf("%s is read: %v, and by the server: %v; want %v", text, read, served("/v1/score", body), good)
		}
	}
	for text, good := range map[string]bool{
		`{"prompt": "p", "responses": ["a", "b"]}`: true, `{"prompt": "p", "responses": ["a", "b"], "id": 1, "metadata": null}`: true, `{"prompt": "p", "responses": ["a", "b"], "user": [1]}`: true,

		`{"prompt": "p", "responses": ["a", null]}`: false, `{"prompt": "p", "responses": "a"}`: false, `{"prompt": "p", "Responses": ["a", "b"]}`: false,
		`{"prompt": "p", "responses": ["a", "b"], "responses": ["c", "d"]}`: false, `{"messages": [{"role": "user"}], "responses": ["a", "b"]}`: false,
		`{"prompt": "p", "responses": ["a", "b"], "x": 1}`: false, `{"prompt": "\ud800", "responses": ["a", "b"]}`: false,
	} {
		ranked := readable(text, new(wire.RankLine))
		compared := readable(text, new(wire.CompareLine))
		if ranked != good || compared != good || served("/v1/rank", text) != good || served("/v1/compare", text) != good {
			t.Errorf("%s is read to be ranked: %v, compared: %v, ranked by the server: %v, compared by it: %v; want %v",
				text, ranked, compared, served("/v1/rank", text), served("/v1/compare", text), good)
		}
	}
	for text, good := range map[string]bool{
		`{"prompt": "p", "chosen": "a", "rejected": "b"}`: true, `{"prompt": "p", "chosen": "a", "rejected": "b", "margin": 1, "id": "x"}`: true,

		`{"prompt": "p", "chosen": null, "rejected": "b"}`: false, `{"prompt": "p", "chosen": "a", "rejected": "\udc00"}`: false,
		`{"prompt": "p", "chosen": "a", "chosen": "b", "rejected": "b"}`: false, `{"prompt": "p", "chosen": "a", "REJECTED": "b"}`: false,
	} {
		read := readable(text, new(wire.CompareLine))
		if read != good || served("/v1/compare", `{"pairs":[`+text+`]}`) != good {
			t.Errorf("%s is read: %v, and by the server: %v; want %v", text, read, served("/v1/compare", `{"pairs":[`+text+`]}`), good)
		}
	}
}

package server

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/assay-rm/assay/rewards"
)

// FuzzBody holds every route that takes a body to two promises: no body is a fault of the server, and what the quick
// decoder accepts keeps to the schema.
func FuzzBody(f *testing.F) {
	for _, body := range []string{
		oneItem, `{"items":[{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":""}]}]}`,
		`{"items":[{"input_ids":[1,2,3]}],"truncate":"left","timeout_ms":5}`, `{"items":[{"prompt":"p","steps":["a","b"]}],"threshold":0.5}`,
		`{"prompt":"p","responses":["a","b"],"n":1}`, `{"pairs":[{"prompt":"p","chosen":"a","rejected":"b"}]}`, `{"query":["a",null]}`,
		`{"items":[{"text":null}]}`, `{"ITEMS":[{"Text":"a"}]}`, `{"items":[{"text":"a","text":5}]}`, "{\"items\":[{\"text\":\"\\ud800\"}]}", `[]`, ``, `{"a":`,
	} {
		f.Add([]byte(body))
	}
	engine := &fakeEngine{}
	s := newServer(f, engine, Options{MaxBody: 10 << 10})
	var asked any
	engine.score = func(_ context.Context, request rewards.ScoreRequest) (rewards.ScoreAnswer, error) {
		asked = request
		return rewards.ScoreAnswer{Answering: fakeAnswering, Results: fakeResults(len(request.Items))}, nil
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, route := range table(s) {
			if route.method != http.MethodPost {
				continue
			}
			asked = nil
			r := httptest.NewRequestWithContext(t.Context(), route.method, route.path, bytes.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			response := serve(s, r)
			if response.status >= 500 {
				t.Fatalf("%s: %d %s", route.path, response.status, response.body)
			}
			if response.status != http.StatusOK {
				problem(t, response)
				continue
			}
			request, ok := asked.(rewards.ScoreRequest)
			if !ok || route.path != "/v1/score" {
				continue
			}
			if err := s.schemas.check(body, &request); err != nil && len(request.Items) > 0 && !enumOnly(err) && !duplicated(body) {
				t.Fatalf("%s accepts %q, and its schema does not: %v", route.path, body, err)
			}
		}
	})
}

// enumOnly tells whether the schema refuses what the engine would: a word of a list, or a number out of range.
func enumOnly(err error) bool {
	return strings.Contains(err.Error(), "one of") || strings.Contains(err.Error(), "number <=") || strings.Contains(err.Error(), "number >=")
}

// duplicated tells whether a body gives a key twice; the decoder takes both in turn and the schema sees the last.
func duplicated(body []byte) bool {
	decoder := json.NewDecoder(bytes.NewReader(body))
	var keys []map[string]bool
	var inKey []bool // an object whose next token is a key
	for {
		token, err := decoder.Token()
		if err != nil {
			return false
		}
		top := len(inKey) - 1
		if delim, ok := token.(json.Delim); ok {
			switch delim {
			case '{', '[':
				if top >= 0 {
					inKey[top] = keys[top] != nil
				}
				var of map[string]bool
				if delim == '{' {
					of = map[string]bool{}
				}
				keys, inKey = append(keys, of), append(inKey, delim == '{')
			default:
				keys, inKey = keys[:top], inKey[:top]
			}
			continue
		}
		if top < 0 || keys[top] == nil {
			continue
		}
		if !inKey[top] {
			inKey[top] = true
			continue
		}
		key, _ := token.(string)
		if key = strings.ToLower(key); keys[top][key] {
			return true
		}
		keys[top][key], inKey[top] = true, false
	}
}

func TestTextIsNeverReplaced(t *testing.T) {
	for body, good := range map[string]bool{
		`"a"`: true, `"\ud83d\ude00"`: true, `"\uD83D\uDE00 \u00e9"`: true, `"\\ud800"`: true, `"\\\\ud800"`: true, "\"é😀\"": true,
		`"\ud83d"`: false, `"\ud83dx"`: false, `"\ude00"`: false, `"\ude00\ud83d"`: false, `"\ud83d\ud83d\ude00"`: false,
		`"\\\ud800"`: false, `"\ud83d\u0041"`: false, "\"\xff\"": false, `\ud8`: true, `\ud83d\ude0`: false,
	} {
		if err := unicodeOnly([]byte(body)); (err == nil) != good {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestOpenAPI(t *testing.T) {
	s := newServer(t, &fakeEngine{}, Options{Version: "1.2.3"})
	var document struct {
		OpenAPI    string                               `json:"openapi"`
		Info       struct{ Version string }             `json:"info"`
		Paths      map[string]map[string]map[string]any `json:"paths"`
		Components struct{ Schemas map[string]any }     `json:"components"`
	}
	body := do(t, s, "GET", "/openapi.json", "").body
	if err := json.Unmarshal(body, &document); err != nil {
		t.Fatal(err)
	}
	if document.OpenAPI != "3.1.0" || document.Info.Version != "1.2.3" {
		t.Errorf("openapi %q, version %q", document.OpenAPI, document.Info.Version)
	}
	for _, route := range table(s) {
		if _, ok := document.Paths[route.path][strings.ToLower(route.method)]; ok != (route.summary != "") {
			t.Errorf("%s %s is described: %v", route.method, route.path, ok)
		}
	}
	for part := range strings.SplitSeq(string(body), `"$ref":"#/components/schemas/`) {
		name, _, _ := strings.Cut(part, `"`)
		if _, ok := document.Components.Schemas[name]; !ok && name != "{" && !strings.HasPrefix(part, "{") {
			t.Errorf("schema %q is missing", name)
		}
	}
}

func BenchmarkScoreOneItem(b *testing.B) {
	s := newServer(b, &fakeEngine{}, Options{})
	const body = `{"model":"fake-rm","items":[{"messages":[{"role":"user","content":"What is 12 + 30?"},{"role":"assistant","content":"The answer is 42."}]}]}`
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/v1/score", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if w.Code != 200 {
			b.Fatal(w.Body)
		}
	}
}

package server

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzBody holds every route that takes a body to a promise: no body is a fault of the server.
func FuzzBody(f *testing.F) {
	for _, body := range []string{
		oneItem, `{"items":[{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":""}]}]}`,
		`{"items":[{"input_ids":[1,2,3]}],"truncate":"left","timeout_ms":5}`, `{"items":[{"prompt":"p","steps":["a","b"]}],"threshold":0.5}`,
		`{"prompt":"p","responses":["a","b"],"n":1}`, `{"pairs":[{"prompt":"p","chosen":"a","rejected":"b"}]}`, `{"query":["a",null]}`,
		`{"items":[{"text":null}]}`, `{"ITEMS":[{"Text":"a"}]}`, `{"items":[{"text":"a","text":5}]}`, "{\"items\":[{\"text\":\"\\ud800\"}]}", `[]`, ``, `{"a":`,
		`{"query":"q","documents":["d"],"texts":["t"],"passages":["p"],"inputs":"a","input":"a","messages":[{"role":"assistant","content":"a"}]}`,
		`{"inputs":[["a"],["b","c"]],"ids":[[1]],"instances":[{"inputs":{"source_sentence":"a","sentences":["b"]}}],"query":{"text":"q"},"documents":"d"}`,
		`{"kind":"running"}`, `{"updates":[{"values":[1]}]}`, `{"queries":[{"key":"a"}]}`, `{"spec":{"kind":"labels"},"cells":[{"key":"a","value":{"count":1}}]}`,
		`{"input":["a"],"use_activation":true}`, `{"input":[[1]],"encoding_format":"bytes"}`, `{"text_1":"a","text_2":["b"]}`, `{"query":[1],"items":[[2]],"label_token_ids":[3]}`,
	} {
		f.Add([]byte(body))
	}
	s := newServer(f, &fakeEngine{}, Options{MaxBody: 10 << 10, State: newStates(f)})
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, route := range table(s) {
			if route.method != http.MethodPost {
				continue
			}
			r := httptest.NewRequestWithContext(t.Context(), route.method, strings.ReplaceAll(route.path, "{name}", "past"), bytes.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			response := serve(s, r)
			if response.status >= 500 {
				t.Fatalf("%s: %d %s", route.path, response.status, response.body)
			}
			switch {
			case response.status == http.StatusOK:
			case response.header.Get("Content-Type") == "application/problem+json":
				refusal(t, response)
			case !json.Valid(response.body) || len(response.body) < 3:
				t.Fatalf("%s: %d %q", route.path, response.status, response.body)
			}
		}
	})
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
	described := map[string]bool{}
	for _, route := range table(s) { // several protocols may have one path, of which the first has the say
		if name := route.method + " " + route.path; !described[name] {
			_, later := described[name]
			described[name] = !later && route.summary != ""
		}
	}
	for name, want := range described {
		method, path, _ := strings.Cut(name, " ")
		if _, ok := document.Paths[path][strings.ToLower(method)]; ok != want {
			t.Errorf("%s is described: %v", name, ok)
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

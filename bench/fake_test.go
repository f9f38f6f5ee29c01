package main

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// fakeIdeal takes 2048/budget seconds for any round, and says a token is a word. Its packed graph's scores are off by
// so much.
type fakeIdeal struct {
	texts []string
	off   float64
}

func (f *fakeIdeal) Load(texts []string) ([]int, error) {
	f.texts = texts
	var tokens []int
	for _, text := range texts {
		tokens = append(tokens, len(strings.Fields(text)))
	}
	return tokens, nil
}

func (f *fakeIdeal) Run(way string) (IdealPass, error) {
	var graph string
	var budget float64
	if _, err := fmt.Sscan(way, &graph, &budget); err != nil {
		return IdealPass{}, err
	}
	pass := IdealPass{Seconds: 2048 / budget}
	for _, text := range f.texts {
		score := fakeScore(text)
		if !isPadded(way) {
			score += f.off
		}
		pass.Scores = append(pass.Scores, score)
	}
	return pass, nil
}

func (f *fakeIdeal) Single(_ string, i int) (IdealPass, error) {
	return IdealPass{Seconds: 0.5, Scores: []float64{fakeScore(f.texts[i])}}, nil
}

// fakeScore is the score that the fakes give a text.
func fakeScore(text string) float64 {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(text))
	return float64(hash.Sum32())/(1<<31) - 1
}

// fakeAssay answers score and steps, each score off by the error given.
func fakeAssay(t *testing.T, off float64) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/score", func(w http.ResponseWriter, r *http.Request) {
		var request struct {
			Activation string
			Items      []struct{ Text string }
		}
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil || len(request.Items) == 0 || request.Activation != "none" {
			http.Error(w, "want items, raw", http.StatusBadRequest)
			return
		}
		var results []string
		for _, item := range request.Items {
			tokens := len(strings.Fields(item.Text))
			results = append(results, fmt.Sprintf(`{"score": %g, "tokens": %d, "shared_tokens": %d, "cached_tokens": 1}`, fakeScore(item.Text)+off, tokens, tokens/2))
		}
		_, _ = fmt.Fprintf(w, `{"model": "fake", "results": [%s]}`, strings.Join(results, ","))
	})
	mux.HandleFunc("GET /v1/models", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, `{"models": [{"name": "fake", "digest": "sha256:12"}]}`)
	})
	mux.HandleFunc("POST /v1/steps", func(w http.ResponseWriter, r *http.Request) {
		var request struct{ Items []Solution }
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
			http.Error(w, "want items", http.StatusBadRequest)
			return
		}
		var results []string
		for _, item := range request.Items {
			var steps []string
			for _, step := range item.Steps {
				steps = append(steps, fmt.Sprintf(`{"score": %g, "raw": 1.5, "token": 4}`, fakeScore(step)+off))
			}
			results = append(results, fmt.Sprintf(`{"steps": [%s]}`, strings.Join(steps, ",")))
		}
		_, _ = fmt.Fprintf(w, `{"usage": {"tokens": 100, "computed_tokens": 25}, "results": [%s]}`, strings.Join(results, ","))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// fakeBench is a run against fakes whose scores are off by so much, in the servers given.
func fakeBench(t *testing.T, given map[string]float64) *bench {
	t.Helper()
	client := NewClient(16)
	t.Cleanup(client.Close)
	b := &bench{
		Settings: Settings{Rounds: 2, Clients: 16, Seed: 1, Tolerance: 1e-4, Soak: 1},
		ideal:    &fakeIdeal{}, ways: []string{"padded 512", "padded 2048", "packed 1024"}, client: client, servers: servers{}, progress: t.Logf,
	}
	for name, off := range given {
		b.servers[name] = Server{URL: fakeAssay(t, off)}
	}
	if err := b.calibrate(); err != nil {
		t.Fatal(err)
	}
	return b
}

// scenario finds one by name.
func scenario(t *testing.T, name string) Scenario {
	t.Helper()
	chosen, err := choose(scenarios(), name)
	if err != nil {
		t.Fatal(err)
	}
	return chosen[0]
}

package main

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// fakeScore is the score that the fakes give a text.
func fakeScore(text string) float64 {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(text))
	return float64(hash.Sum32())/(1<<31) - 1
}

// fakeServer answers both protocols, each score off by the error given.
func fakeServer(t *testing.T, off float64) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/score", func(w http.ResponseWriter, r *http.Request) {
		var request struct {
			Activation string
			Items      []struct{ Text string }
		}
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil || len(request.Items) != 1 || request.Activation != "none" {
			http.Error(w, "want one item, raw", http.StatusBadRequest)
			return
		}
		text := request.Items[0].Text
		tokens := len(strings.Fields(text))
		_, _ = fmt.Fprintf(w, `{"model": "fake", "results": [{"score": %g, "tokens": %d, "shared_tokens": %d, "cached_tokens": 1}]}`,
			fakeScore(text)+off, tokens, tokens/2)
	})
	mux.HandleFunc("POST /get_reward", func(w http.ResponseWriter, r *http.Request) {
		var request struct{ Query []string }
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil || len(request.Query) != 1 {
			http.Error(w, "want one query", http.StatusBadRequest)
			return
		}
		_, _ = fmt.Fprintf(w, `{"rewards": [%g]}`, fakeScore(request.Query[0])+off)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

func bothTargets(t *testing.T, url string) []Target {
	t.Helper()
	targets, err := options{url: url, rival: url}.targets()
	if err != nil {
		t.Fatal(err)
	}
	return targets
}

func TestClientAnswersAreInTheOrderOfTheTexts(t *testing.T) {
	t.Parallel()
	client := NewClient(8)
	defer client.Close()
	texts := loads[1].Texts(1, 1, 1)
	for _, target := range bothTargets(t, fakeServer(t, 0).URL) {
		pass, err := client.Run(t.Context(), target, texts)
		if err != nil {
			t.Fatal(err)
		}
		var want []float64
		var tokens []int
		for _, text := range texts {
			want, tokens = append(want, fakeScore(text)), append(tokens, len(strings.Fields(text)))
		}
		checked, err := Check(target, pass, want, tokens, 1e-6)
		if err != nil || checked.Wrong != 0 || pass.Seconds <= 0 {
			t.Errorf("%s: %+v in %g s, %v", target.Name, checked, pass.Seconds, err)
		}
		want[5] += 0.5
		if checked, err := Check(target, pass, want, tokens, 1e-6); err != nil || checked.Wrong != 1 {
			t.Errorf("%s: one wrong score gave %+v, %v", target.Name, checked, err)
		}
		tokens[3]++
		if _, err := Check(target, pass, want, tokens, 1e-6); target.Name == "assay" && (err == nil || !strings.Contains(err.Error(), "text 3")) {
			t.Errorf("another token count: %v, want an error that names text 3", err)
		}
	}
}

func TestClientStopsAtTheFirstRefusal(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		http.Error(w, "queue is full", http.StatusTooManyRequests)
	}))
	defer server.Close()
	client := NewClient(2)
	defer client.Close()
	target, err := assayTarget(server.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Run(t.Context(), target, loads[0].Texts(1, 1, 1))
	if err == nil || !strings.Contains(err.Error(), "429") || !strings.Contains(err.Error(), "queue is full") {
		t.Errorf("error %v, want status and words of the refusal", err)
	}
	if asked.Load() > 4 {
		t.Errorf("%d requests after the first was refused", asked.Load())
	}
}

func TestUnusableAnswers(t *testing.T) {
	t.Parallel()
	target, err := assayTarget("http://[::1]:9", "m")
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{
		``, `{}`, `{"results": []}`, `{"results": [{"error": {"code": "too_long"}}]}`, `{"results": [{"score": null}]}`,
	} {
		if got, err := target.Decode([]byte(body)); err == nil {
			t.Errorf("%s was read as %+v", body, got)
		}
	}
	if finite(1) != nil || finite(1/fakeZero) == nil {
		t.Error("an infinite score passed, or a finite one did not")
	}
}

var fakeZero float64

func TestTargetsAreOnThisMachine(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"http://example.com", "http://10.0.0.1:8080", "https://127.0.0.1", "127.0.0.1:8080", ""} {
		if _, err := assayTarget(url, ""); err == nil {
			t.Errorf("%q was accepted", url)
		}
	}
	for _, url := range []string{"http://localhost:1", "http://127.0.0.1:1/", "http://127.0.0.1:1/get_reward"} {
		if target, err := rivalTarget(url); err != nil || strings.Count(target.URL, "/get_reward") != 1 {
			t.Errorf("%q: %q, %v", url, target.URL, err)
		}
	}
}

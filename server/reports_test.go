package server

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestRoutesOfOthersNameOurs: trainers and tools that ask at a path that no protocol has learn from the 404 what to
// ask.
func TestRoutesOfOthersNameOurs(t *testing.T) {
	s := newServer(t, &fakeEngine{}, Options{})
	for path, body := range map[string]string{
		"/rm":         `{"prompt": "p", "response": "r", "label": "l"}`,
		"/get_scores": `{"texts": ["a", "b"]}`,
	} {
		p := refusal(t, do(t, s, "POST", path, body))
		if p.Status != http.StatusNotFound || !strings.Contains(p.Detail, path) || !strings.Contains(p.Detail, "POST /v1/score") ||
			!strings.Contains(p.Detail, "POST /v1/rank") {
			t.Errorf("%s: %+v", path, p)
		}
	}
}

// TestTheClientOfTheAPIPageRaises runs the page's Python client: it gives the scores in order, and where an item has
// failed it raises with what that item says, although the status is 200.
func TestTheClientOfTheAPIPageRaises(t *testing.T) {
	page, err := os.ReadFile("../docs/API.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```python\n(.*?)```").FindSubmatch(page)
	if found == nil {
		t.Fatal("docs/API.md has no client in Python")
	}
	server := httptest.NewServer(realServer(t, "llama-reward-packed").Handler())
	defer server.Close()
	run := func(items string) (string, error) {
		script := string(found[1]) + "\nprint(scores('" + server.URL + "', " + items + "))\n"
		out, err := exec.CommandContext(t.Context(), "python3", "-c", script).CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	good, err := run(`[{"text": "12 + 30 = 42"}, {"text": "12 + 30 = 41"}]`)
	if err != nil || !regexp.MustCompile(`^\[-?[0-9.]+, -?[0-9.]+\]$`).MatchString(good) {
		t.Errorf("two good items give %s, %v", good, err)
	}
	bad, err := run(`[{"text": "12 + 30 = 42"}, {"text": "12 + 30 = 42. " * 100}, {"text": ""}]`)
	if err == nil || !strings.Contains(bad, "RuntimeError: item 1: the item has ") {
		t.Errorf("a batch with an item that is too long gives %s, %v", bad, err)
	}
}

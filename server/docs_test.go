package server

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/server/wire"
)

// TestExamplesOfTheAPIPage sends every request of docs/API.md through its route.
func TestExamplesOfTheAPIPage(t *testing.T) {
	page, err := os.ReadFile("../docs/API.md")
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(t, &fakeEngine{}, Options{})
	sent := map[string]bool{}
	for _, example := range regexp.MustCompile("(?s)```json request (\\S+)\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		response := do(t, s, "POST", example[1], example[2])
		if response.status != http.StatusOK {
			t.Errorf("%s: %d %s", example[1], response.status, response.body)
		}
		sent[example[1]] = true
	}
	for _, route := range s.table() {
		if route.method == "POST" && !sent[route.path] {
			t.Errorf("docs/API.md has no example of %s", route.path)
		}
		if route.summary != "" && !strings.Contains(string(page), route.method+" "+route.path) {
			t.Errorf("docs/API.md does not name %s %s", route.method, route.path)
		}
	}
}

func TestPageIsSelfContained(t *testing.T) {
	s := newServer(t, &fakeEngine{}, Options{})
	for _, path := range []string{"/docs", "/docs/docs.js", "/docs/docs.css", "/docs/problems.json"} {
		response := do(t, s, "GET", path, "")
		if response.status != http.StatusOK || len(response.body) == 0 {
			t.Fatalf("%s: %d", path, response.status)
		}
		if regexp.MustCompile(`(https?:)?//[a-z]+\.[a-z]`).Match(response.body) {
			t.Errorf("%s refers to another host", path)
		}
	}
}

// TestLimitsOfTheAPIPage holds the page's table of limits to the defaults.
func TestLimitsOfTheAPIPage(t *testing.T) {
	page, err := os.ReadFile("../docs/API.md")
	if err != nil {
		t.Fatal(err)
	}
	budget := models.DefaultBudget()
	for _, row := range []string{
		fmt.Sprintf("| bytes of a body | %d MiB |", DefaultMaxBody>>20),
		fmt.Sprintf("| items of a request (a pair counts two) | %d |", budget.Items),
		fmt.Sprintf("| text of all items of a request | %d MiB |", budget.Text>>20),
		fmt.Sprintf("| tokens of all items of a request | %d |", budget.Tokens),
		fmt.Sprintf("| steps of all items of a request | %d |", budget.Steps),
		fmt.Sprintf("| numbers of an answer | %d |", budget.Cells),
		fmt.Sprintf("| text of an item, once it is rendered | %d MiB |", encode.MaxText>>20),
		fmt.Sprintf("| deadline of a request | %d ms at most, none by default |", wire.MaxTimeout),
		fmt.Sprintf("| headers of a request | %d KiB, %.0f s |", maxHeaders>>10, DefaultHeader.Seconds()),
		fmt.Sprintf("| requests in flight on an HTTP/2 connection | %d; more wait at the client |", maxStreams),
		fmt.Sprintf("| reading a body | %.0f s |", DefaultBody.Seconds()),
		fmt.Sprintf("| writing an answer | %.0f s |", DefaultWrite.Seconds()),
		fmt.Sprintf("| idle connection | %.0f s |", DefaultIdle.Seconds()),
		fmt.Sprintf("| readiness probe of a model | %.0f s, at most one a second |", DefaultProbe.Seconds()),
		fmt.Sprintf("| run that counts as stuck | %.0f s |", DefaultStuckAfter.Seconds()),
		fmt.Sprintf("| drain after the stop signal | %.0f s |", DefaultDrainTimeout.Seconds()),
		fmt.Sprintf("| sequences of a request to a pair model (N·(N − 1) for N responses) | %d |", budget.Items),
		fmt.Sprintf("| items waiting for a model | %d |", models.DefaultMaxItems),
		fmt.Sprintf("| tokens waiting for a model | %d |", models.DefaultMaxTokens),
	} {
		if !strings.Contains(string(page), row) {
			t.Errorf("docs/API.md lacks %q", row)
		}
	}
}

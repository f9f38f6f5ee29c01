package server

import (
	"fmt"
	"math"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/server/runs"
	"github.com/assay-rm/assay/server/web"
	"github.com/assay-rm/assay/server/wire"
)

// TestExamplesOfThePages sends every request of docs/API.md and docs/PROTOCOLS.md through its route.
func TestExamplesOfThePages(t *testing.T) {
	s := newServer(t, &fakeEngine{}, Options{State: newStates(t), Jobs: newJobs(t), Loader: &fakeLoader{}})
	isJobs := func(r route) bool { return strings.HasPrefix(r.path, "/v1/jobs") }
	native, ofJobs := slices.DeleteFunc(slices.Clone(s.native.routes), isJobs), s.jobRoutes()
	examplesOf(t, s, "docs/API.md", native)
	examplesOf(t, s, "docs/JOBS.md", ofJobs)
	examplesOf(t, s, "docs/PROTOCOLS.md", table(s)[len(s.native.routes):])
}

// examplesOf holds a page to the routes that it must name, each with an example where it takes a body. Routes without a
// summary are other paths of one that has it.
func examplesOf(t *testing.T, s *Server, name string, routes []route) {
	t.Helper()
	page, err := os.ReadFile("../" + name)
	if err != nil {
		t.Fatal(err)
	}
	sent := map[string]bool{}
	named := regexp.MustCompile(`^(/v1/state/|/v[12]/models/)[a-z0-9-]+`) // an example has a name where its route has one in braces
	for _, example := range regexp.MustCompile("(?s)```json(l?) request (\\S+)\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		asked, header, want := example[2], []string{}, http.StatusOK
		if example[1] != "" { // a job
			header, want = []string{"Content-Type", "application/jsonl"}, http.StatusAccepted
		}
		response := do(t, s, "POST", asked, example[3], header...)
		if response.status != want {
			t.Errorf("%s: %d %s", asked, response.status, response.body)
		}
		path, _, _ := strings.Cut(asked, "?")
		if env, is := strings.CutSuffix(path, "/score_group"); is && env != "" {
			path = "/{}/score_group"
		}
		sent[named.ReplaceAllString(path, "$1{}")] = true
	}
	for _, route := range routes {
		if route.summary != "" && route.method == "POST" && !strings.HasSuffix(route.path, "/cancel") && !sent[regexp.MustCompile(`{\w+}`).ReplaceAllString(route.path, "{}")] {
			t.Errorf("%s has no example of %s", name, route.path)
		}
		if route.summary != "" && !strings.Contains(string(page), route.method+" "+route.path) {
			t.Errorf("%s does not name %s %s", name, route.method, route.path)
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

// TestThePageIsForBrowsers: GET / is the page for who asks for HTML, and stays what other servers answer there for who
// does not. Its files need no token, and a browser is held to them alone.
func TestThePageIsForBrowsers(t *testing.T) {
	tokens := []Token{{Token: "s3cret"}}
	const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	for _, test := range []struct {
		name      string
		protocols []string
		accept    string
		media     string
	}{
		{"a browser", nil, browser, "text/html; charset=utf-8"},
		{"a program", nil, "*/*", "application/json"},
		{"a program that says nothing", nil, "", "application/json"},
		{"a browser, where no other server is spoken for", []string{}, browser, "text/html; charset=utf-8"},
		{"a program, where no other server is spoken for", []string{}, "*/*", "text/html; charset=utf-8"},
	} {
		s := newServer(t, &fakeEngine{}, Options{Tokens: tokens, Protocols: test.protocols})
		for _, method := range []string{"GET", "HEAD"} {
			got := do(t, s, method, "/", "", "Accept", test.accept)
			if got.status != http.StatusOK || got.header.Get("Content-Type") != test.media {
				t.Errorf("%s: %s: %d %s", test.name, method, got.status, got.header.Get("Content-Type"))
			}
		}
	}
	s := newServer(t, &fakeEngine{}, Options{Tokens: tokens})
	for name, file := range web.Files() {
		path := web.Parts + name
		if name == web.Document {
			path = web.Root
		}
		got := do(t, s, "GET", path, "", "Accept", browser)
		if got.status != http.StatusOK || got.header.Get("Content-Type") != file.Media || string(got.body) != string(file.Content) {
			t.Errorf("%s: %d %s", path, got.status, got.header.Get("Content-Type"))
		}
		if policy := got.header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: %s", path, policy)
		}
	}
	if got := do(t, s, "GET", "/web/none.js", ""); got.status != http.StatusNotFound {
		t.Errorf("a part that there is not: %d %s", got.status, got.body)
	}
}

// TestLimitsOfTheAPIPage holds the page's table of limits to the defaults.
func TestLimitsOfTheAPIPage(t *testing.T) {
	page, err := os.ReadFile("../docs/API.md")
	if err != nil {
		t.Fatal(err)
	}
	of, budget := DefaultOptions(), models.DefaultBudget()
	for _, row := range []string{
		fmt.Sprintf("| bytes of a body | %d MiB, as it is sent and as it is decoded |", of.MaxBody>>20),
		fmt.Sprintf("| items of a request (a pair counts two, a candidate one) | %d |", of.MaxItems),
		fmt.Sprintf("and 64 bytes for each turn | %d MiB |", budget.Text>>20),
		fmt.Sprintf("| tokens of all items of a request | %d |", budget.Tokens),
		fmt.Sprintf("| steps of all items of a request | %d |", budget.Steps),
		fmt.Sprintf("| %d, so that %.0f responses are compared two by two at most |", budget.Cells, math.Sqrt(float64(budget.Cells))),
		fmt.Sprintf("| tokens of responses of a request for log-probabilities | %d, or %d with a reference: three or five", budget.Cells/3, budget.Cells/5),
		fmt.Sprintf("| parts of the content of a message | %d |", wire.DefaultParts),
		fmt.Sprintf("| columns that the items of a request may have beside their fields | %d names of 80 bytes;", wire.DefaultColumns),
		fmt.Sprintf("| `id` of an item, a response, a text or a group, as JSON writes it | %d bytes;", wire.DefaultID),
		fmt.Sprintf("| `metadata` of one of them | %d KiB;", wire.DefaultMetadata>>10),
		fmt.Sprintf("| `metadata` of all items of a request | %d MiB;", wire.DefaultKept>>20),
		fmt.Sprintf("| lists and objects within each other, where nothing looks into them | %d;", wire.DefaultDepth),
		fmt.Sprintf("| deadline of a request | %d ms at most, none by default |", wire.MaxTimeout),
		fmt.Sprintf("| headers of a request | %d KiB, %.0f s |", maxHeaders>>10, of.HeaderTimeout.Seconds()),
		fmt.Sprintf("| requests in flight on an HTTP/2 connection | %d; more wait at the client |", maxStreams),
		fmt.Sprintf("| window of a zstd body | %d MiB |", zstdWindow>>20),
		fmt.Sprintf("| connections | %d, or fewer where the process may open few files |", of.MaxConnections),
		fmt.Sprintf("| reading a request | %.0f s, its body included |", of.BodyTimeout.Seconds()),
		fmt.Sprintf("| reading a body that is refused | %.0f s, or what a body may take where that is less |", linger.Seconds()),
		fmt.Sprintf("| `Retry-After` | %.0f s |", longestRetry.Seconds()),
		fmt.Sprintf("| value of a client that an error or the log repeats | 80 characters; a sentence %d bytes |", longestDetail),
		fmt.Sprintf("| `X-Request-Id` of a client | %d characters |", longestID),
		fmt.Sprintf("| `X-Assay-Run` | %d letters, digits and `-_.:`; another is refused (`invalid_field`) |", longestID),
		fmt.Sprintf("| runs that are kept | %d of all callers;", runs.DefaultRuns),
		fmt.Sprintf("| a run that nobody names | forgotten after %.0f h, and with the process |", runs.DefaultIdle.Hours()),
		fmt.Sprintf("| components of a run; digests of models of a run | %d; %d |", runs.DefaultComponents, runs.DefaultModels),
		fmt.Sprintf("| memory of the runs | 32 KiB for each component, %d MiB for all |", runs.DefaultRuns*(runs.DefaultComponents+1)*32>>10),
		fmt.Sprintf("| runs in `/metrics` | the latest %d, of each the first %d components |", scrapedRuns, scrapedComponents),
		fmt.Sprintf("of which one scrape has at most %d.", scrapedRuns*4*(1+scrapedComponents)),
		fmt.Sprintf("| writing an answer | %.0f s |", of.WriteTimeout.Seconds()),
		fmt.Sprintf("| idle connection | %.0f s |", of.IdleTimeout.Seconds()),
		fmt.Sprintf("| readiness probe of a model | %.0f s, at most one a second |", of.ProbeTimeout.Seconds()),
		fmt.Sprintf("| run that counts as stuck | %.0f s |", of.StuckAfter.Seconds()),
		fmt.Sprintf("| drain after the stop signal | %.0f s, and as long again for a forward to end |", of.DrainTimeout.Seconds()),
		fmt.Sprintf("| sequences of a request to a pair model (N·(N − 1) for N responses) | %d |", budget.Items),
		fmt.Sprintf("| items waiting for a model | %d |", models.DefaultMaxItems),
		fmt.Sprintf("| tokens waiting for a model | %d |", models.DefaultMaxTokens),
	} {
		if !strings.Contains(string(page), row) {
			t.Errorf("docs/API.md lacks %q", row)
		}
	}
}

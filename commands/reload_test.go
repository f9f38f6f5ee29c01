package commands

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// revision writes a bundle named m into a folder: that of a fixture whose weights, all of which are external data, are
// multiplied by a factor. Its golden pairs are left out unless it is to be held to them.
func revision(t *testing.T, folder string, factor float32, golden bool) {
	t.Helper()
	from := filepath.Join(fixtures, "qwen3-reward-packed-external")
	if err := os.MkdirAll(folder, 0o750); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(from, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		switch entry.Name() {
		case "assay.yaml":
			content = regexp.MustCompile(`(?m)^name: .*$`).ReplaceAll(content, []byte("name: m"))
			if !golden {
				content = regexp.MustCompile(`(?m)^golden: .*$`).ReplaceAll(content, nil)
			}
		case "model.onnx_data":
			for at := 0; at+4 <= len(content); at += 4 {
				value := math.Float32frombits(binary.LittleEndian.Uint32(content[at:]))
				binary.LittleEndian.PutUint32(content[at:], math.Float32bits(factor*value))
			}
		}
		into := filepath.Join(folder, entry.Name())
		if err := os.WriteFile(into+".new", content, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(into+".new", into); err != nil {
			t.Fatal(err)
		}
	}
}

// told is what an answer says of one item and of who answered.
type told struct {
	Digest   string `json:"digest"`
	Revision int    `json:"revision"`
	Results  []struct {
		Score float64 `json:"score"`
	} `json:"results"`
}

// askFor scores a text, and holds what the headers say to what the body says.
func askFor(ctx context.Context, url, text string) (told, error) {
	var got told
	status, header, body, err := send(ctx, http.MethodPost, url+"/v1/score", fmt.Sprintf(`{"model":"m","items":[{"text":%q}]}`, text))
	if err != nil {
		return got, err
	}
	if status != http.StatusOK {
		return got, fmt.Errorf("status %d: %s", status, body)
	}
	if err := json.Unmarshal(body, &got); err != nil {
		return got, err
	}
	if header.Get("X-Assay-Digest") != got.Digest || header.Get("X-Assay-Revision") != strconv.Itoa(got.Revision) || header.Get("X-Assay-Model") != "m" {
		return got, fmt.Errorf("the headers are %v, and the body %s", header, body)
	}
	return got, nil
}

func send(ctx context.Context, method, url, body string) (status int, header http.Header, answer []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return 0, nil, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, nil, err
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	answer, err = io.ReadAll(response.Body)
	return response.StatusCode, response.Header, answer, err
}

// loaded asks for a bundle to be loaded, and gives what the answer says.
func (s *served) load(t *testing.T, body string) (loaded struct {
	Digest, Before string
	Revision       int
	Changed        bool
},
) {
	t.Helper()
	status, _, answer, err := send(t.Context(), http.MethodPost, s.url+"/v1/models/m", body)
	if err != nil || status != http.StatusOK {
		t.Fatalf("%s: %d %s %v", body, status, answer, err)
	}
	if err := json.Unmarshal(answer, &loaded); err != nil {
		t.Fatal(err)
	}
	return loaded
}

// resident is how many bytes of memory the server's process has.
func (s *served) resident(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	var pages, resident int64
	if _, err := fmt.Fscan(bytes.NewReader(text), &pages, &resident); err != nil {
		t.Fatal(err)
	}
	return resident * int64(os.Getpagesize())
}

// answered is how many items forwards have answered under the model's name, as the metrics say.
func (s *served) answered(t *testing.T) (items float64) {
	t.Helper()
	_, _, body, err := send(t.Context(), http.MethodGet, s.url+"/metrics", "")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^assay_run_items_total\{model="m"\} (\S+)$`).FindSubmatch(body)
	if found == nil {
		t.Fatalf("the metrics have no assay_run_items_total: %.500s", body)
	}
	if items, err = strconv.ParseFloat(string(found[1]), 64); err != nil {
		t.Fatal(err)
	}
	return items
}

// reloads is how many times the test of reloads under load changes the model: 30, or as many as ASSAY_RELOADS says.
func reloads(t *testing.T) int {
	t.Helper()
	text := os.Getenv("ASSAY_RELOADS")
	if text == "" {
		return 30
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestReloadsUnderLoad alternates two revisions of a model while clients ask: no request fails, each answer has the
// digest of one of the two and the score, to the bit, that this one gives when nothing else happens, the counters of
// the metrics never fall, and the memory of the process stays what it was after the first ten.
//
//	ASSAY_RELOADS=1000 go test ./commands -run TestReloadsUnderLoad -v -timeout 30m
func TestReloadsUnderLoad(t *testing.T) {
	dir := t.TempDir()
	revision(t, filepath.Join(dir, ".one"), 1, false)
	revision(t, filepath.Join(dir, ".two"), 1.05, false)
	revision(t, filepath.Join(dir, "m"), 1, false)
	s := serve(t, "--no-builtin", "--models", dir)

	texts := []string{"12 + 30 = 42", "a", "the quick brown fox jumps over the lazy dog", "12 + 30 = 43, since 12 + 30 is odd"}
	want := map[string]map[string]float64{} // by digest, the score of each text
	for _, folder := range []string{".two", ".one"} {
		digest := s.load(t, fmt.Sprintf(`{"bundle":%q}`, folder)).Digest
		want[digest] = map[string]float64{}
		for _, text := range texts {
			got, err := askFor(t.Context(), s.url, text)
			if err != nil || got.Digest != digest {
				t.Fatalf("%+v %v, of digest %s", got, err, digest)
			}
			want[digest][text] = got.Results[0].Score
		}
	}
	if len(want) != 2 {
		t.Fatalf("the two revisions are one: %v", want)
	}

	ctx, stop := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	var asked atomic.Int64
	var mu sync.Mutex
	seen := map[string]int{}
	for client := range 4 {
		clients.Go(func() {
			for n := client; ctx.Err() == nil; n++ {
				text := texts[n%len(texts)]
				got, err := askFor(context.WithoutCancel(ctx), s.url, text)
				if err != nil {
					t.Error(err)
					return
				}
				if score, known := want[got.Digest][text]; !known || score != got.Results[0].Score {
					t.Errorf("%q under %s: %v, and it should be %v", text, got.Digest, got.Results[0].Score, score)
					return
				}
				asked.Add(1)
				mu.Lock()
				seen[got.Digest]++
				mu.Unlock()
			}
		})
	}
	const settled = 10
	var before int64
	counted := 0.0
	all := reloads(t)
	for n := range all {
		if n == settled {
			before = s.resident(t)
		}
		folder := []string{".two", ".one"}[n%2]
		if got := s.load(t, fmt.Sprintf(`{"bundle":%q}`, folder)); !got.Changed || got.Digest == got.Before || got.Revision != n+4 {
			t.Errorf("reload %d: %+v", n, got)
		}
		if now := s.answered(t); now < counted {
			t.Errorf("reload %d: the forwards have answered %v items, and %v before", n, now, counted)
		} else {
			counted = now
		}
		if n%100 == 99 {
			t.Logf("%d reloads: %d MiB", n+1, s.resident(t)>>20)
		}
	}
	after := s.resident(t)
	stop()
	clients.Wait()
	t.Logf("%d reloads, %d requests, %v; resident %d MiB after %d reloads and %d MiB after all", all, asked.Load(), seen, before>>20, settled, after>>20)
	if len(seen) != 2 {
		t.Errorf("answers have the digests %v", seen)
	}
	if growth := after - before; growth > 48<<20 {
		t.Errorf("the process grew by %d MiB from %d MiB after %d reloads", growth>>20, before>>20, settled)
	}
	s.stop(t, syscall.SIGTERM)
}

// until asks until what is asked holds, or a generous time is over.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it does not come: %s", what)
		}
	}
}

// refusedLoad asks for what cannot be, and gives the problem.
func (s *served) refusedLoad(t *testing.T, method, path, body string) (status int, problem struct{ Code, Detail string }) {
	t.Helper()
	status, _, answer, err := send(t.Context(), method, s.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(answer, &problem); err != nil {
		t.Fatalf("%d %s: %v", status, answer, err)
	}
	return status, problem
}

// TestLoadsThatAreRefused: whatever is wrong with a bundle, the model that is served stays, and the sentence says what
// is wrong.
func TestLoadsThatAreRefused(t *testing.T) {
	dir := t.TempDir()
	revision(t, filepath.Join(dir, "m"), 1, true)
	revision(t, filepath.Join(dir, ".drifts"), 1.05, true)
	revision(t, filepath.Join(dir, ".nan"), float32(math.NaN()), false)
	revision(t, filepath.Join(dir, ".other"), 1.05, false)
	revision(t, filepath.Join(dir, ".cut"), 1.05, false)
	rename := filepath.Join(dir, ".other", "assay.yaml")
	text, err := os.ReadFile(rename)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(rename, bytes.Replace(text, []byte("name: m\n"), []byte("name: n\n"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(dir, ".cut", "model.onnx_data"), 1000); err != nil {
		t.Fatal(err)
	}
	s := serve(t, "--no-builtin", "--models", dir)
	before, err := askFor(t.Context(), s.url, "12 + 30 = 42")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		method, path, body string
		status             int
		code, detail       string
	}{
		{"POST", "/v1/models/m", `{"bundle":".drifts"}`, 422, "bad_bundle", "golden pair 1: score"},
		{"POST", "/v1/models/m", `{"bundle":".nan"}`, 422, "bad_bundle", "NaN"},
		{"POST", "/v1/models/m", `{"bundle":".cut"}`, 422, "bad_bundle", "ONNX Runtime refuses it"},
		{"POST", "/v1/models/m", `{"bundle":".other"}`, 422, "invalid_field", `has the model "n", and this is the path of "m"`},
		{"POST", "/v1/models/m", `{"bundle":"../m"}`, 422, "invalid_field", `bundle: "../m" is no name of a folder`},
		{"POST", "/v1/models/m", `{"bundle":"none"}`, 404, "unknown_model", `the server's folder of bundles has no "none"`},
		{"POST", "/v1/models/none", ``, 404, "unknown_model", `the server's folder of bundles has no "none"`},
		{"POST", "/v1/models/m", `{"expect_digest":"sha256:0"}`, 409, "digest_differs", `expect_digest: is "sha256:0", and bundle`},
		{"POST", "/v1/models/m", `{"bundel":"m"}`, 422, "unknown_field", "bundel"},
		{"DELETE", "/v1/models/none", ``, 404, "unknown_model", `no model is named "none"`},
	} {
		status, problem := s.refusedLoad(t, test.method, test.path, test.body)
		if status != test.status || problem.Code != test.code || !strings.Contains(problem.Detail, test.detail) || len(problem.Detail) > 600 {
			t.Errorf("%s %s %s: %d %+v", test.method, test.path, test.body, status, problem)
		}
		if after, err := askFor(t.Context(), s.url, "12 + 30 = 42"); err != nil || after.Digest != before.Digest || after.Results[0] != before.Results[0] || after.Revision != 1 {
			t.Errorf("after %s: %+v %v", test.body, after, err)
		}
	}
	if again := s.load(t, ""); again.Changed || again.Digest != before.Digest || again.Revision != 1 {
		t.Errorf("the same bundle: %+v", again)
	}
	s.stop(t, syscall.SIGTERM)
}

// TestFolderOfBundlesIsFollowed: a bundle that comes is served, one that changes is served anew, one that is wrong
// leaves the old one where it is, and one that goes is not served any more; SIGHUP does the same at once.
func TestFolderOfBundlesIsFollowed(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, "--no-builtin", "--models", dir)
	if status := get(t, s.url+"/readyz", ""); status != http.StatusServiceUnavailable {
		t.Errorf("a server without a model is ready: %d", status)
	}
	digest := func() string {
		got, err := askFor(t.Context(), s.url, "12 + 30 = 42")
		if err != nil {
			return ""
		}
		return got.Digest
	}
	m := filepath.Join(dir, "m")
	revision(t, m, 1, false)
	until(t, "a bundle that came is served", func() bool { return digest() != "" })
	first := digest()
	revision(t, m, 1.05, false)
	until(t, "a bundle that changed is served anew", func() bool { return digest() != first })
	second := digest()
	if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil { // nothing has changed
		t.Fatal(err)
	}
	revision(t, m, 1.1, false)
	if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	until(t, "a signal serves it anew", func() bool { return digest() != second })
	third := digest()
	revision(t, m, float32(math.NaN()), false)
	if status, problem := s.refusedLoad(t, "POST", "/v1/models/m", ""); status != 422 || digest() != third {
		t.Errorf("a bundle that is wrong: %d %+v", status, problem)
	}
	revision(t, filepath.Join(dir, "twin"), 1.2, false) // of a model that is served from elsewhere
	if err := os.RemoveAll(m); err != nil {
		t.Fatal(err)
	}
	until(t, "the bundle of a folder that is gone makes room for its twin", func() bool { is := digest(); return is != "" && is != third })
	s.stop(t, syscall.SIGTERM)
}

// TestUnloadGivesMemoryBack: a model that is unloaded is known to nobody, and what it took is the system's again.
func TestUnloadGivesMemoryBack(t *testing.T) {
	dir := t.TempDir()
	revision(t, filepath.Join(dir, "m"), 1, false)
	s := serve(t, "--models", dir)
	if status, _, body, err := send(t.Context(), http.MethodDelete, s.url+"/v1/models/m", ""); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s %v", status, body, err)
	}
	if status, problem := s.refusedLoad(t, "POST", "/v1/score", `{"model":"m","items":[{"text":"a"}]}`); status != 404 || problem.Code != "unknown_model" {
		t.Errorf("%d %+v", status, problem)
	}
	if status := get(t, s.url+"/readyz", ""); status != http.StatusOK {
		t.Errorf("readyz: %d", status)
	}
	again := func() {
		for range 3 {
			s.load(t, `{"bundle":"m"}`)
			if status, _, body, err := send(t.Context(), http.MethodDelete, s.url+"/v1/models/m", ""); err != nil || status != http.StatusOK {
				t.Fatalf("%d %s %v", status, body, err)
			}
		}
	}
	again() // what the C library and the race detector keep of the first
	before := s.resident(t)
	again()
	if growth := s.resident(t) - before; growth > 32<<20 {
		t.Errorf("the process grew by %d MiB", growth>>20)
	}
	s.stop(t, syscall.SIGTERM)
}

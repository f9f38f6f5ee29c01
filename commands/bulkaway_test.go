package commands

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// writeLines writes JSON lines into a file of a new directory.
func writeLines(t *testing.T, n int, line func(i int) string) string {
	t.Helper()
	var text strings.Builder
	for i := range n {
		text.WriteString(line(i) + "\n")
	}
	name := filepath.Join(t.TempDir(), "in.jsonl")
	if err := os.WriteFile(name, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// answered runs a command over a file and gives its result. Rows that fail are no failure here.
func answered(t *testing.T, in string, args ...string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out.jsonl")
	cmd := assay(t, append(args, "--in", in, "--out", out)...)
	said, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() > statusFailed {
		t.Fatalf("%v: %s", err, said)
	}
	result, err := os.ReadFile(out)
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	return result
}

// TestAServerElsewhereGivesTheSameBytes: of every question, rows that fail among them, and although the server is
// killed in the middle and comes back.
func TestAServerElsewhereGivesTheSameBytes(t *testing.T) {
	bundles := []string{"--bundle", filepath.Join(fixtures, "qwen3-reward-packed"), "--bundle", filepath.Join(fixtures, "qwen3-process-packed")}
	long := strings.Repeat("0123456789 ", 99)
	for _, test := range []struct {
		command []string
		line    func(i int) string
	}{
		{[]string{"score"}, func(i int) string {
			return fmt.Sprintf(`{"prompt":"What is %d + 1?","response":%q,"id":%d}`, i%50, []string{"1", "2", long}[i%9%3], i)
		}},
		{[]string{"rank", "--strategy", "majority", "--statistics"}, func(i int) string {
			return fmt.Sprintf(`{"prompt":"What is %d + 1?","responses":["%d","2",%q],"answers":["1","","1"]}`, i%50, i%50+1, []string{"x", long}[i%2])
		}},
		{[]string{"compare", "--aggregate", "elo"}, func(i int) string {
			return []string{`{"prompt":"p","chosen":"a","rejected":"b","other":1}`, `{"prompt":"p","responses":["a","b","c"]}`, `{"prompt":"p","responses":["a"]}`}[i%3]
		}},
		{[]string{"steps", "--threshold", "0.3"}, func(i int) string {
			return fmt.Sprintf(`{"prompt":"2 + %d?","steps":["2 + 3 = 5","5 - 1 = 4"]}`, i%20)
		}},
	} {
		t.Run(test.command[0], func(t *testing.T) {
			in := writeLines(t, 600, test.line)
			want := answered(t, in, append(test.command, bundles...)...)
			s := serve(t, append(bundles, "--no-builtin", "--max-items", "700")...)
			address := strings.TrimPrefix(s.url, "http://")
			out := filepath.Join(t.TempDir(), "out.jsonl")
			cmd := assay(t, append(test.command, "--url", s.url, "--in", in, "--out", out)...)
			said := &bytes.Buffer{}
			cmd.Stderr = said
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if err := waitFor(filepath.Join(out+".part", "plan.json"), `"digest"`); err != nil {
				t.Log(err) // it has ended already
			}
			if err := s.cmd.Process.Signal(syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			_ = s.cmd.Wait()
			serve(t, append(bundles, "--no-builtin", "--listen", address)...)
			_ = cmd.Wait()
			if got, err := os.ReadFile(out); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%v: a server's result differs from that of the same models here; %s", err, said)
			}
		})
	}
}

// waitFor waits until a file says something.
func waitFor(name, text string) error {
	for range 2000 {
		if said, err := os.ReadFile(name); err == nil && strings.Contains(string(said), text) {
			return nil
		}
		time.Sleep(5 * time.Millisecond)
	}
	return fmt.Errorf("%s never said %s", name, text)
}

// TestARecordIsAskedAgain: what came by any protocol is recorded and has the same bits again; what was changed is told;
// and without texts nothing is asked.
func TestARecordIsAskedAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "records")
	bundles := []string{
		"--bundle", filepath.Join(fixtures, "qwen3-reward-packed"), "--bundle", filepath.Join(fixtures, "qwen3-process-packed"),
		"--bundle", filepath.Join(fixtures, "../heads/judge"),
	}
	ask := func(s *served) (asked int) {
		for _, one := range [][2]string{
			{"/v1/score", `{"model":"qwen3-reward-packed","activation":"sigmoid","items":[{"prompt":"a","response":"b","id":"x"},{"prompt":"a","response":"\ud800"},{"prompt":"a"}]}`},
			{"/v1/score", `{"model":"judge","explain":"gradient","label":"honesty","items":[{"features":{"length":1,"citations":2,"age_days":3,"readability":0.5,"spam":0}}]}`},
			{"/v1/score", `{"recipe":"recipe: 1\nname: twice\nreadings: {r: {gives: score, model: qwen3-reward-packed}}\nscore: 2 * r\n","items":[{"prompt":"a","response":"b"}]}`},
			{"/v1/rank", `{"model":"qwen3-reward-packed","prompt":"a","responses":["b","c","\ud800"],"statistics":true}`},
			{"/v1/rank", `{"model":"qwen3-reward-packed","prompt":"a","responses":["b","c"],"strategy":"weighted_vote","answers":["1","2"]}`},
			{"/v1/compare", `{"model":"qwen3-reward-packed","messages":[{"role":"user","content":["a","b"]}],"responses":["b","c"],"aggregate":["nash"]}`},
			{"/v1/compare", `{"model":"qwen3-reward-packed","pairs":[{"prompt":"a","chosen":"b","rejected":"c"}]}`},
			{"/v1/steps", `{"items":[{"prompt":"a","steps":["b","c"]}],"threshold":0.3}`},
			{"/rerank", `{"query":"q","texts":["a","b"]}`},
			{"/v1/rerank", `{"model":"qwen3-reward-packed","query":"q","documents":["a","b"]}`},
			{"/score", `{"model":"qwen3-reward-packed","text_1":"q","text_2":["a","b"]}`},
			{"/pooling", `{"model":"qwen3-reward-packed","input":"abc"}`},
			{"/predict", `{"inputs":"abc"}`},
			{"/v2/models/qwen3-reward-packed/infer", `{"inputs":[{"name":"sentences","datatype":"BYTES","shape":[1],"data":["abc"]}]}`},
		} {
			response, err := http.Post(s.url+one[0], "application/json", strings.NewReader(one[1])) //nolint:noctx // a test's own
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			response.Body.Close() //nolint:errcheck // read
			if err != nil || response.StatusCode != http.StatusOK {
				t.Errorf("%s: %d %s", one[0], response.StatusCode, body)
				continue
			}
			asked++
		}
		return asked
	}
	s := serve(t, append(bundles, "--no-builtin", "--record", dir, "--allow-anonymous")...)
	n := ask(s)
	s.stop(t, os.Interrupt)
	verify := func() (string, error) {
		said, err := assay(t, append([]string{"score", "--verify", dir}, bundles...)...).CombinedOutput()
		return string(said), err
	}
	said, err := verify()
	if want := fmt.Sprintf("the same bits of %d recorded answers\n", n-1); err != nil || !strings.Contains(said, want) ||
		!strings.Contains(said, fmt.Sprintf("1 of %d records do not have all texts", n)) {
		t.Fatalf("%v: %s", err, said)
	}
	gone, err := assay(t, "score", "--verify", dir, "--url", "http://127.0.0.1:1", "--give-up", "300ms").CombinedOutput()
	if err == nil || !strings.Contains(string(gone), "unreachable: 127.0.0.1:1 did not answer within 300ms") || strings.Contains(string(gone), "differ") {
		t.Errorf("a server that is gone: %v: %s", err, gone)
	}
	bundles = append(bundles[2:], "--bundle", filepath.Join(fixtures, "qwen2-reward-packed"))
	if said, err = verify(); err == nil || !strings.Contains(said, `is refused now: unknown_model: no model is named "qwen3-reward-packed"`) {
		t.Errorf("without the model: %v: %s", err, said)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	bundles = append(bundles, "--bundle", filepath.Join(fixtures, "qwen3-reward-packed"))
	s = serve(t, append(bundles, "--no-builtin", "--record", dir, "--no-record-texts")...)
	if status := get(t, s.url+"/metrics", ""); status != http.StatusOK {
		t.Error(status)
	}
	response, err := http.Post(s.url+"/v1/score", "application/json", strings.NewReader(`{"model":"judge","items":[{"features":{"length":1,"citations":2,"age_days":3,"readability":0.5,"spam":0}}]}`)) //nolint:noctx // a test's own
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatal(err, response)
	}
	response.Body.Close() //nolint:errcheck // not read
	s.stop(t, os.Interrupt)
	if said, err = verify(); err != nil || !strings.Contains(said, "1 of 1 records do not have all texts") {
		t.Errorf("without texts: %v: %s", err, said)
	}
}

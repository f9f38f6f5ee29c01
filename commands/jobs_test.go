package commands

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// scoreJob is a job of so many rows, some of which cannot be read or are too long.
func scoreJob(rows int) []byte {
	var body bytes.Buffer
	body.WriteString(`{"question": "score", "activation": "sigmoid"}` + "\n")
	for i := range rows {
		switch {
		case i%97 == 13:
			fmt.Fprintf(&body, `{"id": %d, "prompt": "no response"}`+"\n", i)
		case i%101 == 7:
			body.WriteString("{not JSON\n")
		case i%103 == 5:
			fmt.Fprintf(&body, `{"id": %d, "prompt": "long", "response": %q}`+"\n", i, strings.Repeat("word ", 5000))
		default:
			fmt.Fprintf(&body, `{"id": %d, "prompt": "What is %d + %d?", "response": "It is %d.", "metadata": {"n": %d}}`+"\n", i, i%977, i%59, i%997, i)
		}
	}
	return body.Bytes()
}

// rankJob is a job of so many rows of four responses.
func rankJob(rows int) []byte {
	var body bytes.Buffer
	body.WriteString(`{"question": "rank", "statistics": true}` + "\n")
	for i := range rows {
		fmt.Fprintf(&body, `{"id": "r%d", "prompt": "What is %d + %d?", "responses": ["%d", "It is %d.", "%d!", "I do not know."]}`+"\n", i, i, i%7, i, i+3, i%7)
	}
	return body.Bytes()
}

// keptJob is what the tests read of a job.
type keptJob struct {
	ID, Status         string
	Rows, Done, Failed int
}

func call(t *testing.T, method, url string, body []byte, header ...string) (int, []byte, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close() //nolint:errcheck // it is read
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, text, err
}

// post sends a job until the server has taken it; it may be killed meanwhile.
func post(t *testing.T, url, key string, body []byte) (keptJob, error) {
	t.Helper()
	var j keptJob
	status, text, err := call(t, http.MethodPost, url+"/v1/jobs", body, "Content-Type", "application/x-ndjson", "Idempotency-Key", key)
	if err == nil && status != http.StatusAccepted && status != http.StatusOK {
		err = fmt.Errorf("%d %s", status, text)
	}
	if err == nil {
		err = json.Unmarshal(text, &j)
	}
	return j, err
}

// postAll gives those jobs that the server took.
func postAll(t *testing.T, url string, bodies map[string][]byte) map[string]keptJob {
	t.Helper()
	all := map[string]keptJob{}
	for key, body := range bodies {
		if j, err := post(t, url, key, body); err == nil {
			all[key] = j
		}
	}
	return all
}

func ask(t *testing.T, url, id string) (j keptJob) {
	t.Helper()
	status, text, err := call(t, http.MethodGet, url+"/v1/jobs/"+id, nil)
	for err == nil && status == http.StatusServiceUnavailable {
		time.Sleep(100 * time.Millisecond)
		status, text, err = call(t, http.MethodGet, url+"/v1/jobs/"+id, nil)
	}
	if err != nil || status != http.StatusOK {
		t.Fatalf("%d %s %v", status, text, err)
	}
	if err := json.Unmarshal(text, &j); err != nil {
		t.Fatal(err)
	}
	return j
}

// followed is the whole result of a job, when it is there. While the store does not answer, as when a server of its
// cluster has just stopped, it is asked for again.
func followed(t *testing.T, url, id string) []byte {
	t.Helper()
	for {
		status, text, err := call(t, http.MethodGet, url+"/v1/jobs/"+id+"/result?follow=true", nil)
		switch {
		case err == nil && status == http.StatusOK:
			return text
		case err == nil && status != http.StatusServiceUnavailable || t.Context().Err() != nil:
			t.Fatalf("%d %.300s %v", status, text, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// complete fails unless each row is in a result, once and in order.
func complete(t *testing.T, result []byte, rows int) {
	t.Helper()
	lines := bytes.Split(bytes.TrimSuffix(result, []byte("\n")), []byte("\n"))
	if len(lines) != rows {
		t.Fatalf("%d lines of %d rows", len(lines), rows)
	}
	for i, line := range lines {
		if !bytes.HasPrefix(line, fmt.Appendf(nil, `{"row":%d,`, i)) {
			t.Fatalf("line %d is %.200s", i, line)
		}
	}
}

var jobModel = []string{"--no-builtin", "--bundle", filepath.Join(fixtures, "qwen3-reward-packed"), "--log-level", "error"}

func serveJobs(t *testing.T, where string) *served {
	t.Helper()
	return serve(t, append([]string{"--jobs", where}, jobModel...)...)
}

func (s *served) kill(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = s.cmd.Wait() // it says that it was killed
}

// TestAJobOutlivesKills: a server that is killed at random moments, while it starts, takes jobs and computes them, or
// is told to stop, and is started again each time, gives in the end what one gives that nobody disturbs, byte for byte.
func TestAJobOutlivesKills(t *testing.T) {
	n := kills(t)
	bodies := map[string][]byte{"scores": scoreJob(1000 + 800*n), "ranks": rankJob(50 + 50*n)}
	calm := serveJobs(t, t.TempDir())
	began := time.Now()
	want := map[string][]byte{}
	for key, body := range bodies {
		j, err := post(t, calm.url, key, body)
		if err != nil {
			t.Fatal(err)
		}
		want[key] = followed(t, calm.url, j.ID)
		complete(t, want[key], j.Rows)
	}
	undisturbed := time.Since(began)
	calm.stop(t, syscall.SIGTERM)

	dir, ids := t.TempDir(), map[string]string{}
	middle := 0
	for killed := range n {
		if killed%5 == 4 {
			killStarting(t, dir)
			continue
		}
		s := serveJobs(t, dir)
		posted := make(chan map[string]keptJob, 1)
		go func() { posted <- postAll(t, s.url, bodies) }()
		time.Sleep(rand.N(undisturbed / time.Duration(n)))
		if killed%5 == 3 { // in order: what is in work goes back into the queue, and the process says that all is well
			s.stop(t, syscall.SIGTERM)
		} else {
			s.kill(t)
		}
		for key, j := range <-posted {
			ids[key] = j.ID
			if 0 < j.Done && j.Done < j.Rows {
				middle++
			}
		}
	}
	s := serveJobs(t, dir)
	for key, body := range bodies {
		j, err := post(t, s.url, key, body) // the same job, if it was taken before
		if err != nil || ids[key] != "" && ids[key] != j.ID {
			t.Fatalf("%s: %v, %s and before %s", key, err, j.ID, ids[key])
		}
		t.Logf("%s: %d of %d rows were done after the kills", key, j.Done, j.Rows)
		if 0 < j.Done && j.Done < j.Rows {
			middle++
		}
		got := followed(t, s.url, j.ID)
		complete(t, got, j.Rows)
		if !bytes.Equal(got, want[key]) {
			t.Errorf("%s: the result is another than that of a run that nobody disturbed", key)
		}
		if after := ask(t, s.url, j.ID); after.Status != "done" || after.Done != after.Rows {
			t.Errorf("%+v", after)
		}
	}
	if middle == 0 {
		t.Error("no kill came while a job was computed")
	}
	s.stop(t, syscall.SIGTERM)
	t.Logf("%d kills; a job was found begun and not ended %d times; undisturbed both take %s", n, middle, undisturbed)
}

// killStarting kills a server while it starts.
func killStarting(t *testing.T, dir string) {
	t.Helper()
	cmd := assay(t, append([]string{"serve", "--listen", "127.0.0.1:0", "--jobs", dir}, jobModel...)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(rand.N(time.Second))
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // it says that it was killed
}

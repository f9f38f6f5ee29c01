package server

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/jobs"
	"github.com/assay-rm/assay/server/wire"
)

// newJobs opens a store of jobs.
func newJobs(tb testing.TB, limits ...jobs.Limits) *jobs.Store {
	tb.Helper()
	store, err := jobs.Open(tb.Context(), tb.TempDir(), append(limits, jobs.Limits{})[0], slog.New(slog.DiscardHandler))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := store.Close(); err != nil {
			tb.Error(err)
		}
	})
	return store
}

// computing has a server compute jobs until the test ends.
func computing(t *testing.T, s *Server) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	wait := s.computeJobs(ctx)
	t.Cleanup(func() { stop(); wait() })
}

// sendsJob sends a job of those lines.
func sendsJob(tb testing.TB, s *Server, body string, header ...string) reply {
	tb.Helper()
	return do(tb, s, "POST", "/v1/jobs", body, append([]string{"Content-Type", "application/x-ndjson"}, header...)...)
}

// taken is a job that was sent and taken.
func taken(tb testing.TB, s *Server, body string, header ...string) wire.JobAnswer {
	tb.Helper()
	got := sendsJob(tb, s, body, header...)
	if got.status != 202 && got.status != 200 {
		tb.Fatalf("%d %s", got.status, got.body)
	}
	return decoded[wire.JobAnswer](tb, got)
}

// results are the lines of a result that is followed to its end.
func results(tb testing.TB, s *Server, id string, header ...string) []map[string]any {
	tb.Helper()
	got := do(tb, s, "GET", "/v1/jobs/"+id+"/result?follow=true", "", header...)
	if got.status != 200 || got.header.Get("Content-Type") != "application/x-ndjson" {
		tb.Fatalf("%d %s", got.status, got.body)
	}
	return linesOf(tb, got.body)
}

func linesOf(tb testing.TB, text []byte) (all []map[string]any) {
	tb.Helper()
	for line := range bytes.Lines(text) {
		var one map[string]any
		if err := json.Unmarshal(line, &one); err != nil {
			tb.Fatalf("%v in %s", err, line)
		}
		all = append(all, one)
	}
	return all
}

// TestAJobSaysWhatTheRoutesSay: a row's result is the route's, but for what is not the same each time.
func TestAJobSaysWhatTheRoutesSay(t *testing.T) {
	s := newServer(t, embeddedServer(t).engine, Options{Jobs: newJobs(t)})
	computing(t, s)
	items := []string{
		`{"id": 1, "prompt": "What is 12 + 30?", "response": "12 + 30 = 42", "metadata": {"a": [1]}}`,
		`{"prompt": "12 + 30?"}`,
		`{"id": "x", "messages": [{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": "4"}], "data_source": "gsm"}`,
	}
	groups := []string{
		`{"id": "g", "prompt": "What is 12 + 30?", "responses": ["41", "42", "43"], "tags": [{"id": 1}, {"id": 2}, {"id": 3}]}`,
		`{"prompt": "What is 2 + 2?", "responses": ["4", "5"]}`,
	}
	pairs := []string{`{"id": 7, "prompt": "What is 12 + 30?", "chosen": "42", "rejected": "41"}`}
	for _, test := range []struct{ name, question, head, path, with string }{
		{"score", "score", `, "activation": "sigmoid"`, "/v1/score", `{"activation": "sigmoid", "items": [%s]}`},
		{"steps", "steps", `, "threshold": 0.25`, "/v1/steps", `{"threshold": 0.25, "items": [%s]}`},
		{"rank", "rank", `, "statistics": true, "n": 1`, "/v1/rank", `{"statistics": true, "n": 1, %s`},
		{"compare", "compare", `, "aggregate": ["elo"]`, "/v1/compare", `{"aggregate": ["elo"], %s`},
		{"pairs", "compare", ``, "/v1/compare", `{"pairs": [%s]}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			rows := items
			switch test.name {
			case "steps":
				rows = []string{`{"prompt": "(2 + 3) * 4?", "steps": ["2 + 3 = 5. ", "5 * 4 = 21."]}`, `{"prompt": "p", "response": "a"}`}
			case "rank", "compare":
				rows = groups
			case "pairs":
				rows = pairs
			}
			job := taken(t, s, fmt.Sprintf(`{"question": %q%s}`, test.question, test.head)+"\n"+strings.Join(rows, "\n")+"\n\n")
			got := results(t, s, job.ID)
			if len(got) != len(rows) {
				t.Fatalf("%d lines of %d rows", len(got), len(rows))
			}
			for i, row := range rows {
				if strings.HasSuffix(test.with, "%s") {
					row = row[1:]
				}
				direct := do(t, s, "POST", test.path, fmt.Sprintf(test.with, row))
				want := asMap(t, direct.body)
				if of, is := want["results"].([]any); is {
					want, _ = of[0].(map[string]any)
				}
				same(t, fmt.Sprintf("row %d", i), got[i], want)
			}
		})
	}
}

func asMap(tb testing.TB, text []byte) (of map[string]any) {
	tb.Helper()
	if err := json.Unmarshal(text, &of); err != nil {
		tb.Fatalf("%v in %s", err, text)
	}
	return of
}

// same holds what a line says to what a route said, but for the fields that either alone has.
func same(t *testing.T, where string, got, want map[string]any) {
	t.Helper()
	for _, left := range []string{"row"} {
		delete(got, left)
	}
	for _, left := range []string{"model", "digest", "revision", "transforms", "usage", "timings", "ignored", "activation", "strategy"} {
		delete(want, left)
	}
	if g, w := plainJSON(t, got), plainJSON(t, want); g != w {
		t.Errorf("%s:\n got %s\nwant %s", where, g, w)
	}
}

// plainJSON writes a value without what a job leaves out.
func plainJSON(t *testing.T, value any) string {
	t.Helper()
	var strip func(any)
	strip = func(value any) {
		switch of := value.(type) {
		case map[string]any:
			delete(of, "shared_tokens")
			delete(of, "cached_tokens")
			for _, one := range of {
				strip(one)
			}
		case []any:
			for _, one := range of {
				strip(one)
			}
		}
	}
	strip(value)
	return asJSON(t, value)
}

func TestJobsAreRefused(t *testing.T) {
	const ok = `{"prompt": "p", "response": "r"}`
	s := newServer(t, &fakeEngine{}, Options{
		Jobs:   newJobs(t, jobs.Limits{Rows: 3, Bytes: 400, Row: 100, Head: 90}),
		Tokens: []Token{{Token: "a", Name: "a"}, {Token: "b", Name: "b", Rate: 1}},
	})
	as := []string{"Authorization", "Bearer a"}
	for _, test := range []struct {
		name, body, code, says string
		header                 []string
	}{
		{"no question", "{}\n" + ok, "invalid_field", "question", nil},
		{"another question", `{"question": "choose"}` + "\n" + ok, "invalid_field", "question", nil},
		{"a field of another question", `{"question": "score", "threshold": 1}` + "\n" + ok, "invalid_field", "threshold", nil},
		{"an unknown field", `{"question": "score", "items": []}` + "\n" + ok, "unknown_field", "items", nil},
		{"no row", `{"question": "score"}` + "\n\n", "invalid_field", "no row", nil},
		{"nothing", "\n\n", "bad_json", "empty", nil},
		{"an unknown model", `{"question": "score", "model": "nobody"}` + "\n" + ok, "unknown_model", "nobody", nil},
		{"a recipe of its own", `{"question": "score", "recipe": "x"}` + "\n" + ok, "forbidden", "recipes=own", nil},
		{"too many rows", `{"question": "score"}` + strings.Repeat("\n"+ok, 4), "body_too_large", "cap of 3", nil},
		{"a long row", `{"question": "score"}` + "\n" + strings.Repeat("x", 103), "body_too_large", "100", nil},
		{"a long first line", `{"question": "score", "label": "` + strings.Repeat("x", 60) + `"}` + "\n" + ok, "body_too_large", "line 1: has 94 bytes, and the first line of a job, which says what is asked, may have 90", nil},
		{"too many bytes", `{"question": "score"}` + "\n" + strings.Repeat(" ", 400), "body_too_large", "400", nil},
		{"another type", `{"question": "score"}` + "\n" + ok, "unsupported_media_type", "application/x-ndjson", []string{"Content-Type", "application/json"}},
		{"no gzip", `{"question": "score"}` + "\n" + ok, "bad_body", "gzip", []string{"Content-Encoding", "gzip"}},
		{"a bad key", `{"question": "score"}` + "\n" + ok, "invalid_field", "Idempotency-Key", []string{"Idempotency-Key", "a b"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := sendsJob(t, s, test.body, append(as, test.header...)...)
			if p := refusal(t, got); p.Code != test.code || !strings.Contains(p.Detail, test.says) {
				t.Errorf("%+v", p)
			}
		})
	}
	if got := decoded[wire.JobsAnswer](t, do(t, s, "GET", "/v1/jobs", "", as...)); len(got.Jobs) > 0 {
		t.Errorf("what was refused is kept: %+v", got)
	}
	none := newServer(t, &fakeEngine{}, Options{})
	for _, path := range []string{"/v1/jobs", "/v1/jobs/x", "/v1/jobs/x/result"} {
		if p := refusal(t, do(t, none, "GET", path, "")); p.Code != "unknown_job" || !strings.Contains(p.Detail, "--jobs") {
			t.Errorf("%s without jobs: %+v", path, p)
		}
	}
}

// TestCallersSeeTheirOwnJobs and nobody else's, whether their tokens have names or not.
func TestCallersSeeTheirOwnJobs(t *testing.T) {
	for name, tokens := range map[string][]Token{"named": {{Token: "a", Name: "a"}, {Token: "b", Name: "b"}}, "nameless": {{Token: "a"}, {Token: "b"}}} {
		t.Run(name, func(t *testing.T) { seeTheirOwn(t, tokens) })
	}
}

func seeTheirOwn(t *testing.T, tokens []Token) {
	t.Helper()
	s := newServer(t, &fakeEngine{}, Options{Jobs: newJobs(t), Tokens: tokens})
	computing(t, s)
	a, b := []string{"Authorization", "Bearer a", "Idempotency-Key", "same"}, []string{"Authorization", "Bearer b", "Idempotency-Key", "same"}
	const body = `{"question": "score"}` + "\n" + `{"prompt": "p", "response": "r"}`
	one, two := taken(t, s, body, a...), taken(t, s, body, b...)
	if one.ID == two.ID {
		t.Fatal("two callers have one job")
	}
	if again := taken(t, s, body, a...); again.ID != one.ID {
		t.Errorf("sent again it is %s, and before %s", again.ID, one.ID)
	}
	if p := refusal(t, sendsJob(t, s, body+"\n{}", a...)); p.Code != "job_conflict" {
		t.Errorf("%+v", p)
	}
	results(t, s, one.ID, a...)
	for _, of := range []struct{ method, path string }{
		{"GET", "/v1/jobs/" + one.ID}, {"GET", "/v1/jobs/" + one.ID + "/result"}, {"POST", "/v1/jobs/" + one.ID + "/cancel"}, {"DELETE", "/v1/jobs/" + one.ID},
	} {
		if p := refusal(t, do(t, s, of.method, of.path, "", b...)); p.Code != "unknown_job" {
			t.Errorf("%s %s: %+v", of.method, of.path, p)
		}
	}
	if got := decoded[wire.JobsAnswer](t, do(t, s, "GET", "/v1/jobs", "", b...)); len(got.Jobs) != 1 || got.Jobs[0].ID != two.ID {
		t.Errorf("%+v", got)
	}
	if got := do(t, s, "DELETE", "/v1/jobs/"+one.ID, "", a...); got.status != 200 {
		t.Errorf("%d %s", got.status, got.body)
	}
	if p := refusal(t, do(t, s, "GET", "/v1/jobs/"+one.ID, "", a...)); p.Code != "unknown_job" {
		t.Errorf("%+v", p)
	}
}

// TestAResultInParts: a job that is stopped keeps what is computed, and a result goes on from any row.
func TestAResultInParts(t *testing.T) {
	blocked := make(chan struct{})
	engine := &fakeEngine{}
	engine.score = func(ctx context.Context, r rewards.Request) (rewards.Answer, error) {
		if len(r.Items) < jobItems { // the last chunk
			select {
			case <-blocked:
			case <-ctx.Done():
				return rewards.Answer{}, ctx.Err()
			}
		}
		return fakeAnswer(fakeResults(len(r.Items))), nil
	}
	s := newServer(t, engine, Options{Jobs: newJobs(t)})
	computing(t, s)
	body := `{"question": "score"}` + strings.Repeat("\n"+`{"prompt": "p", "response": "r"}`, 2*jobItems+10)
	stopped, whole := taken(t, s, body), taken(t, s, body)
	waitFor(t, s, stopped.ID, func(j wire.JobAnswer) bool { return j.Done == 2*jobItems })
	if p := refusal(t, do(t, s, "GET", "/v1/jobs/"+stopped.ID+"/result", "")); p.Code != "job_unfinished" || !strings.Contains(p.Detail, "512 of its 522") {
		t.Errorf("%+v", p)
	}
	if got := decoded[wire.JobAnswer](t, do(t, s, "POST", "/v1/jobs/"+stopped.ID+"/cancel", "")); got.Status != "cancelled" || got.Expires == nil {
		t.Errorf("%+v", got)
	}
	if got := linesOf(t, do(t, s, "GET", "/v1/jobs/"+stopped.ID+"/result?partial=true&from=300", "").body); len(got) != 212 || got[0]["row"] != 300.0 {
		t.Errorf("%d lines", len(got))
	}
	close(blocked)
	results(t, s, whole.ID)
	for _, from := range []int{0, 1, 255, 256, 257, 511, 512, 521, 522} {
		got := do(t, s, "GET", "/v1/jobs/"+whole.ID+"/result?from="+strconv.Itoa(from), "")
		all := linesOf(t, got.body)
		if got.status != 200 || len(all) != 522-from || len(all) > 0 && all[0]["row"] != float64(from) {
			t.Errorf("from %d: %d, %d lines", from, got.status, len(all))
		}
	}
	for _, query := range []string{"from=523", "from=-1", "from=x", "follow=2", "follow=true&partial=true", "else=1"} {
		if got := do(t, s, "GET", "/v1/jobs/"+whole.ID+"/result?"+query, ""); got.status != 422 {
			t.Errorf("%s: %d %s", query, got.status, got.body)
		}
	}
	metrics := string(do(t, s, "GET", "/metrics", "").body)
	for _, line := range []string{`assay_jobs{status="cancelled"} 1`, `assay_jobs{status="done"} 1`, `assay_jobs_waiting_rows 0`, `assay_job_rows_total{outcome="failed"} 0`} {
		if !strings.Contains(metrics, line+"\n") {
			t.Errorf("the metrics lack %s", line)
		}
	}
}

func waitFor(t *testing.T, s *Server, id string, is func(wire.JobAnswer) bool) wire.JobAnswer {
	t.Helper()
	for {
		job := decoded[wire.JobAnswer](t, do(t, s, "GET", "/v1/jobs/"+id, ""))
		if is(job) {
			return job
		}
		select {
		case <-t.Context().Done():
			t.Fatalf("%+v", job)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// TestAJobIsOfOneModel: where the model is another one after the first rows, the job fails and says so.
func TestAJobIsOfOneModel(t *testing.T) {
	var asked atomic.Int64
	engine := &fakeEngine{score: func(_ context.Context, r rewards.Request) (rewards.Answer, error) {
		a := fakeAnswer(fakeResults(len(r.Items)))
		if asked.Add(1) > 1 {
			a.Digest = "sha256:1"
		}
		return a, nil
	}}
	s := newServer(t, engine, Options{Jobs: newJobs(t)})
	job := taken(t, s, `{"question": "score"}`+strings.Repeat("\n"+`{"prompt": "p", "response": "r"}`, 3*jobItems))
	computing(t, s)
	job = waitFor(t, s, job.ID, func(j wire.JobAnswer) bool { return j.Status == "failed" || j.Status == "done" })
	if job.Failure == nil || job.Failure.Code != "digest_differs" || job.Failure.Status != 409 {
		t.Errorf("%+v", job)
	}
}

// TestAForwardThatFails is tried again, and is the result only of the rows that fail by themselves too, whether it
// fails one row or all that were asked with it.
func TestAForwardThatFails(t *testing.T) {
	failed := failure.New(fault.CodeRun, "the forward failed")
	for name, test := range map[string]struct {
		bad   func(try, items int, of string) bool
		whole bool // what fails is the request
		rows  int  // that have an error in the end
		most  int  // of tries with all rows
	}{
		"for now, of rows":      {func(try, _ int, of string) bool { return try < 3 && of == "1" }, false, 0, 3},
		"for now, of all":       {func(try, _ int, _ string) bool { return try < 3 }, true, 0, 3},
		"of one row":            {func(_, _ int, of string) bool { return of == "1" }, false, 1, runTries},
		"of all, with one row":  {func(_, _ int, of string) bool { return of == "1" }, true, 1, runTries},
		"only with other rows":  {func(_, items int, of string) bool { return items > 1 && of != "2" }, false, 0, runTries},
		"of more than one item": {func(_, items int, _ string) bool { return items > 1 }, true, 0, runTries},
	} {
		t.Run(name, func(t *testing.T) {
			var tries atomic.Int64
			engine := &fakeEngine{score: func(_ context.Context, r rewards.Request) (rewards.Answer, error) {
				if len(r.Items) == 3 {
					tries.Add(1)
				}
				results := fakeResults(len(r.Items))
				for i := range r.Items {
					if !test.bad(int(tries.Load()), len(r.Items), *r.Items[i].Prompt) {
						continue
					}
					if test.whole {
						return rewards.Answer{}, failed
					}
					results[i] = rewards.Result{Err: failed}
				}
				return fakeAnswer(results), nil
			}}
			s := newServer(t, engine, Options{Jobs: newJobs(t)})
			work := jobWork{s}
			task := &jobs.Task{Job: &jobs.Job{}, Head: []byte(`{"question": "score"}`)}
			for i := range 3 {
				task.Rows = append(task.Rows, fmt.Appendf(nil, `{"prompt": "%d", "response": "r"}`, i))
			}
			var answer jobs.Answer
			err := error(failed)
			for err != nil && task.Try < 2*runTries {
				task.Try++
				answer, err = work.Answer(t.Context(), task)
			}
			if err != nil || answer.Failure != nil || answer.Failed != test.rows || tries.Load() != int64(test.most) {
				t.Fatalf("%v, %+v after %d tries", err, answer, tries.Load())
			}
			for i, line := range linesOf(t, answer.Text) {
				if _, bad := line["error"]; bad != (i == 1 && test.rows == 1) || line["row"] != float64(i) {
					t.Errorf("row %d: %v", i, line)
				}
			}
		})
	}
}

// TestAnEncodedJob is the same as a plain one.
func TestAnEncodedJob(t *testing.T) {
	s := newServer(t, &fakeEngine{}, Options{Jobs: newJobs(t)})
	body := `{"question": "score"}` + strings.Repeat("\r\n"+`{"prompt": "p", "response": "r"}`, 100)
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	if _, err := w.Write([]byte(body)); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	send := func(body []byte, header ...string) reply {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/v1/jobs", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/jsonl")
		r.Header.Set("Idempotency-Key", "k")
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		return serve(s, r)
	}
	if got := send(zipped.Bytes(), "Content-Encoding", "gzip"); got.status != 202 || got.header.Get("Location") == "" {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if got := send([]byte(body)); got.status != 200 {
		t.Errorf("%d %s", got.status, got.body)
	}
	for name, broken := range map[string][]byte{"short": zipped.Bytes()[:zipped.Len()-9], "long": append(zipped.Bytes(), "more"...)} {
		if p := refusal(t, send(broken, "Content-Encoding", "gzip")); p.Code != "bad_body" {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

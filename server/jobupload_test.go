package server

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/server/wire"
)

// reading is a route that reads a body piece by piece, and does nothing with it.
func reading(s *Server) *protocol {
	handle := func(x *exchange, r *http.Request) error {
		in, closeBody, err := s.bodies.stream(x, r, 1<<30, s.options.BodyTimeout)
		if err != nil {
			return err
		}
		defer closeBody()
		if _, err := io.Copy(io.Discard, in); err != nil {
			return bodyError(r.Context(), err)
		}
		return writeJSON(x, http.StatusOK, "all")
	}
	return &protocol{prefix: "/reads/", problem: s.native.problem, routes: []route{{"POST", "/reads/all", "", true, nil, handle, nil, nil}}}
}

// TestALongBodyTakesItsTime: a body that is read piece by piece has the time of a whole other body for each MiB, and no
// more.
func TestALongBodyTakesItsTime(t *testing.T) {
	for _, test := range []struct {
		pause  time.Duration // between two MiB
		parts  int           // of the three that the body has
		status int
	}{
		{50 * time.Second, 3, 200},
		{50 * time.Second, 2, 408},
		{130 * time.Second, 3, 408},
	} {
		t.Run(fmt.Sprintf("%d parts, %s", test.parts, test.pause), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, err := speaking(&fakeEngine{}, Options{BodyTimeout: time.Minute}, reading)
				if err != nil {
					t.Fatal(err)
				}
				in := pipes{accepted: make(chan net.Conn), closed: make(chan struct{})}
				ctx, stop := context.WithCancel(t.Context())
				served := make(chan error, 1)
				go func() { served <- s.Serve(ctx, &in) }()
				conn := in.dial()
				var writing sync.WaitGroup
				writing.Go(func() {
					_, _ = fmt.Fprintf(conn, "POST /reads/all HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n", 3<<20)
					for i := range test.parts {
						if i > 0 {
							time.Sleep(test.pause)
						}
						_, _ = io.WriteString(conn, strings.Repeat("x", 1<<20)) // what is refused is read no further
					}
				})
				got := listen(t, conn)
				if fmt.Sprint(statuses(t, got.text)) != fmt.Sprintf("[%d]", test.status) || got.answered > 4*time.Minute {
					t.Errorf("%v after %s, and not %d", statuses(t, got.text), got.answered, test.status)
				}
				writing.Wait()
				stop()
				if err := <-served; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestAResultThatIsCut: who follows a job that is cancelled, or whose server stops, sees that the result is not whole.
func TestAResultThatIsCut(t *testing.T) {
	for _, how := range []string{"cancelled", "stopped"} {
		t.Run(how, func(t *testing.T) {
			s := newServer(t, &fakeEngine{score: func(ctx context.Context, r rewards.Request) (rewards.Answer, error) {
				if len(r.Items) < jobItems { // the second chunk is never answered
					<-ctx.Done()
					return rewards.Answer{}, ctx.Err()
				}
				return fakeAnswer(fakeResults(len(r.Items))), nil
			}}, Options{Jobs: newJobs(t)})
			url, client, stop := started(t, s)
			id := taken(t, s, `{"question": "score"}`+strings.Repeat("\n"+`{"prompt": "p", "response": "r"}`, jobItems+1)).ID
			waitFor(t, s, id, func(j wire.JobAnswer) bool { return j.Done == jobItems })
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/v1/jobs/"+id+"/result?follow=true", nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close() //nolint:errcheck // it is read
			if how == "cancelled" {
				do(t, s, "POST", "/v1/jobs/"+id+"/cancel", "")
			} else {
				go func() { _ = stop() }()
			}
			text, err := io.ReadAll(response.Body)
			if rows := strings.Count(string(text), "\n"); err == nil || rows > jobItems {
				t.Errorf("%d rows, %v", rows, err)
			}
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// timed notes how many writes there were under no deadline, and in what order deadlines were set and taken away.
type timed struct {
	*httptest.ResponseRecorder
	deadline time.Time
	untimed  int
	waited   chan struct{} // is closed when the deadline is taken away behind a write
}

func (w *timed) SetWriteDeadline(to time.Time) error {
	if w.deadline = to; to.IsZero() && w.Body.Len() > 0 {
		close(w.waited)
	}
	return nil
}

func (w *timed) Write(p []byte) (int, error) {
	if w.deadline.IsZero() {
		w.untimed++
	}
	return w.ResponseRecorder.Write(p)
}

// TestNoDeadlineBetweenChunks: a result that is followed has no deadline while its next rows are computed, which may
// take longer than a client has to take an answer, and every write has one.
func TestNoDeadlineBetweenChunks(t *testing.T) {
	w := &timed{ResponseRecorder: httptest.NewRecorder(), waited: make(chan struct{})}
	s := newServer(t, &fakeEngine{score: func(ctx context.Context, r rewards.Request) (rewards.Answer, error) {
		if len(r.Items) < jobItems { // the second chunk is there only after its client has waited for it
			select {
			case <-w.waited:
			case <-ctx.Done():
				return rewards.Answer{}, ctx.Err()
			}
		}
		return fakeAnswer(fakeResults(len(r.Items))), nil
	}}, Options{Jobs: newJobs(t)})
	computing(t, s)
	id := taken(t, s, `{"question": "score"}`+strings.Repeat("\n"+`{"prompt": "p", "response": "r"}`, jobItems+1)).ID
	s.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/v1/jobs/"+id+"/result?follow=true", nil))
	if rows := strings.Count(w.Body.String(), "\n"); rows != jobItems+1 || w.untimed > 0 || w.deadline.IsZero() {
		t.Errorf("%d rows, %d writes without a deadline, and the last deadline is %s", rows, w.untimed, w.deadline)
	}
}

package server

import (
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"
)

// TestConnectionsAge: a connection is kept until it is as old as it may be, its next answer is its last, and the
// request after that has a new one; on HTTP/1.1 and on HTTP/2.
func TestConnectionsAge(t *testing.T) {
	for name, two := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, &fakeEngine{}, Options{MaxAge: time.Minute, IdleTimeout: time.Hour}, func(t *bubble) {
				client, dials := ageingClient(t, two)
				defer client.CloseIdleConnections()
				for _, step := range []struct {
					wait  time.Duration
					dials int // in all, when the answer has come
				}{{0, 1}, {53 * time.Second, 1}, {14 * time.Second, 1}, {0, 2}, {30 * time.Second, 2}} {
					time.Sleep(step.wait)
					if status := fetch(t.T, client); status != http.StatusOK || *dials != step.dials {
						t.Fatalf("status %d after %d connections, want %d", status, *dials, step.dials)
					}
					time.Sleep(time.Millisecond) // a GOAWAY comes behind the answer
				}
			})
		})
	}
}

// TestConnectionsMayLiveForEver: without a limit no connection ends while it is used.
func TestConnectionsMayLiveForEver(t *testing.T) {
	inBubble(t, &fakeEngine{}, Options{IdleTimeout: 48 * time.Hour}, func(t *bubble) {
		client, dials := ageingClient(t, false)
		defer client.CloseIdleConnections()
		for range 3 {
			if status := fetch(t.T, client); status != http.StatusOK || *dials != 1 {
				t.Fatalf("status %d after %d connections", status, *dials)
			}
			time.Sleep(24 * time.Hour)
		}
	})
}

// TestAgesDiffer: connections that were opened together do not end together, and none more than a tenth off.
func TestAgesDiffer(t *testing.T) {
	s := newServer(t, &fakeEngine{}, Options{MaxAge: time.Hour})
	var ends []time.Duration
	for range 200 {
		began := time.Now()
		at, _ := s.ageing(t.Context(), nil).Value(retires{}).(time.Time)
		ends = append(ends, at.Sub(began))
	}
	least, most := slices.Min(ends), slices.Max(ends)
	if least < 54*time.Minute || most > 66*time.Minute+time.Second || most-least < 6*time.Minute {
		t.Errorf("connections end between %v and %v", least, most)
	}
}

// ageingClient is a client of one protocol, and how many connections it has made.
func ageingClient(t *bubble, two bool) (client *http.Client, dials *int) {
	dials = new(int)
	var protocols http.Protocols
	protocols.SetHTTP1(!two)
	protocols.SetUnencryptedHTTP2(two)
	return &http.Client{Transport: &http.Transport{
		Protocols: &protocols,
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			*dials++
			return t.dial(), nil
		},
	}}, dials
}

func fetch(t *testing.T, client *http.Client) int {
	t.Helper()
	answer, err := client.Get("http://x/healthz") //nolint:noctx // the test's bubble ends it
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode
}

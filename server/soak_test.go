package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/server/wire"
)

const (
	soakRequests = 20_000
	soakClients  = 64
	soakDistinct = 500 // different items, so that each is asked for often, beside ever other batch mates
)

// soak posts single-item requests and holds each to its one outcome.
type soak struct {
	*testing.T
	client *http.Client
	url    string

	next                       atomic.Int64
	scored, refused, abandoned atomic.Int64
	scores                     [soakDistinct]atomic.Pointer[float64]
}

// TestSoak: 20,000 single-item requests of 64 clients, 1 % cancelled and 1 % invalid. Every one is answered once, an
// item's score is the same whatever ran beside it, and neither goroutines nor memory stay behind.
func TestSoak(t *testing.T) {
	s := embeddedServer(t)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, listener) }()
	transport := &http.Transport{MaxIdleConnsPerHost: soakClients}
	k := &soak{T: t, client: &http.Client{Transport: transport}, url: "http://" + listener.Addr().String() + "/v1/score"}

	k.run(soakRequests / 10) // everything has its size now
	goroutines, heap := runtime.NumGoroutine(), heapInUse()
	k.run(soakRequests)
	if grown := int64(heapInUse()) - int64(heap); grown > 16<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	transport.CloseIdleConnections()
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if now := runtime.NumGoroutine(); now > goroutines {
		t.Errorf("%d goroutines after the load, %d during it", now, goroutines)
	}
	total := k.scored.Load() + k.refused.Load() + k.abandoned.Load()
	if total != soakRequests || k.refused.Load() != soakRequests/100 || k.abandoned.Load() > soakRequests/100 {
		t.Errorf("%d outcomes of %d requests: %d scored, %d refused, %d abandoned",
			total, soakRequests, k.scored.Load(), k.refused.Load(), k.abandoned.Load())
	}
	for _, stats := range s.engine.Stats() {
		if stats.Items != 0 || stats.Running != 0 {
			t.Errorf("%s: %d items wait and %d run after the load", stats.Model, stats.Items, stats.Running)
		}
	}
}

// heapInUse collects garbage first.
func heapInUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// run posts n requests and counts their outcomes from zero.
func (k *soak) run(n int64) {
	k.next.Store(0)
	k.scored.Store(0)
	k.refused.Store(0)
	k.abandoned.Store(0)
	var clients sync.WaitGroup
	for range soakClients {
		clients.Go(func() {
			for i := k.next.Add(1); i <= n; i = k.next.Add(1) {
				k.request(i)
			}
		})
	}
	clients.Wait()
}

// request posts the i-th request: one in a hundred is cancelled at once, one is invalid.
func (k *soak) request(i int64) {
	ctx, cancel := context.WithCancel(k.Context())
	defer cancel()
	which := i % soakDistinct
	body := fmt.Sprintf(`{"items":[{"prompt":"What is %d + %d?","response":"%d + %d = %d. The answer is %d."}]}`,
		which, which/7, which, which/7, which+which/7, which+which/7)
	switch i % 100 {
	case 1:
		body = `{"items":[{"prompt":"What is 1 + 1?"}]}`
	case 2:
		go cancel()
	}
	status, answer, err := k.post(ctx, body)
	switch {
	case i%100 == 2 && errors.Is(err, context.Canceled):
		k.abandoned.Add(1)
	case err != nil:
		k.Errorf("request %d: %v", i, err)
	case i%100 == 1:
		k.refused.Add(1)
		if len(answer.Results) != 1 || answer.Results[0].Error == nil || answer.Results[0].Error.Code != fault.CodeItem || status != 422 {
			k.Errorf("request %d: status %d, %+v", i, status, answer.Results)
		}
	case status != http.StatusOK || len(answer.Results) != 1 || answer.Results[0].Score == nil:
		k.Errorf("request %d: status %d, %+v", i, status, answer.Results)
	default:
		k.scored.Add(1)
		score := answer.Results[0].Score
		if !k.scores[which].CompareAndSwap(nil, score) && *k.scores[which].Load() != *score {
			k.Errorf("request %d: score %v, and %v before", i, *score, *k.scores[which].Load())
		}
	}
}

func (k *soak) post(ctx context.Context, body string) (status int, answer wire.ScoreAnswer, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, k.url, bytes.NewBufferString(body))
	if err != nil {
		return 0, answer, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := k.client.Do(request)
	if err != nil {
		return 0, answer, err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return response.StatusCode, answer, err
	}
	return response.StatusCode, answer, json.Unmarshal(data, &answer)
}

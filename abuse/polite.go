package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// client asks as an honest client does. Each request has a connection of its own, so that none is left open.
type client struct {
	address, token string
}

const politeTime = 30 * time.Second

// do asks once and gives the whole answer.
func (c client) do(ctx context.Context, method, path, body string) (status int, answer []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, politeTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, "http://"+c.address+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, nil, err
	}
	request.Close = true
	request.Header.Set("Content-Type", "application/json")
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close() //nolint:errcheck // read to its end: nothing is left to fail
	answer, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	return response.StatusCode, answer, err
}

// scores asks both embedded models and gives the bits of what they answer.
func (c client) scores(ctx context.Context) ([]uint64, error) {
	type step struct{ Raw float64 }
	var bits []uint64
	for _, question := range []struct{ path, body string }{
		{
			"/v1/score",
			`{"model":"arith-rm","items":[{"prompt":"12 + 30?","response":"It is 42."},{"text":"12 + 30 = 43"}]}`,
		},
		{"/v1/steps", `{"items":[{"prompt":"What is 12 + 30 - 2?","steps":["12 + 30 = 42","42 - 2 = 41"]}]}`},
	} {
		status, answer, err := c.do(ctx, http.MethodPost, question.path, question.body)
		var got struct {
			Results []struct {
				Raw   *float64
				Steps []step
			}
		}
		if err == nil {
			err = json.Unmarshal(answer, &got)
		}
		if err != nil || status != http.StatusOK {
			return nil, fmt.Errorf("%s: status %d: %.200s: %w", question.path, status, answer, err)
		}
		at := bits
		for _, result := range got.Results {
			if result.Raw != nil {
				at = append(at, math.Float64bits(*result.Raw))
			}
			for _, step := range result.Steps {
				at = append(at, math.Float64bits(step.Raw))
			}
		}
		bits = at
	}
	if len(bits) != 4 {
		return nil, errors.New("an honest request got no score")
	}
	return bits, nil
}

// looks is how often a calm server is asked for its goroutines. Those that gather its metrics are counted with the
// others: none to five of them, so that a single look may find fewer than any later one.
const looks = 11

// usualGoroutines gives the median of several looks.
func (c client) usualGoroutines(ctx context.Context) (_ int, err error) {
	var seen [looks]int
	for i := range seen {
		if seen[i], err = c.goroutines(ctx); err != nil {
			return 0, err
		}
	}
	slices.Sort(seen[:])
	return seen[looks/2], nil
}

// goroutines asks the server how many it has.
func (c client) goroutines(ctx context.Context) (int, error) {
	status, answer, err := c.do(ctx, http.MethodGet, "/metrics", "")
	if err != nil || status != http.StatusOK {
		return 0, fmt.Errorf("/metrics: status %d: %w", status, err)
	}
	return metric(answer, "go_goroutines")
}

// metric finds a figure without labels among Prometheus metrics.
func metric(text []byte, name string) (int, error) {
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, name+" "); found {
			return strconv.Atoi(strings.TrimSpace(value))
		}
	}
	return 0, fmt.Errorf("/metrics has no %s", name)
}

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// maxAnswer bounds the bytes read of one answer.
const maxAnswer = 1 << 20

// Client is a closed loop: so many workers, each with one request in flight on a connection that is kept alive.
type Client struct {
	http    *http.Client
	workers int
}

// NewClient makes a client; Close frees its connections.
func NewClient(workers int) *Client {
	transport := &http.Transport{MaxIdleConnsPerHost: workers, MaxConnsPerHost: workers, DisableCompression: true}
	return &Client{http: &http.Client{Transport: transport, Timeout: 2 * time.Minute}, workers: workers}
}

// Close frees the idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Pass is one run over a round's texts. Bodies and Latencies are in the order of the texts.
type Pass struct {
	Seconds   float64
	Latencies []time.Duration
	Bodies    [][]byte
}

// Run sends every text once and waits for every answer. The clock covers that alone: requests are encoded before it starts
// and answers decoded after it stops. The first failure, or an answer that is not 200, ends the pass.
func (c *Client) Run(ctx context.Context, target Target, texts []string) (Pass, error) {
	requests := make([][]byte, len(texts))
	for i, text := range texts {
		body, err := target.Encode(text)
		if err != nil {
			return Pass{}, fmt.Errorf("%s: text %d: %w", target.Name, i, err)
		}
		requests[i] = body
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	pass := Pass{Latencies: make([]time.Duration, len(texts)), Bodies: make([][]byte, len(texts))}
	var next atomic.Int64
	var wait sync.WaitGroup
	start := time.Now()
	for range c.workers {
		wait.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(requests) {
					return
				}
				sent := time.Now()
				body, err := c.post(ctx, target.URL, requests[i])
				if err != nil {
					cancel(fmt.Errorf("%s: text %d: %w", target.Name, i, err))
					return
				}
				pass.Latencies[i], pass.Bodies[i] = time.Since(sent), body
			}
		})
	}
	wait.Wait()
	pass.Seconds = time.Since(start).Seconds()
	return pass, context.Cause(ctx)
}

func (c *Client) post(ctx context.Context, url string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }() // read to its end: nothing is left to fail
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d: %.300s", response.StatusCode, answer)
	}
	return answer, nil
}

// Checked is what the answers of a pass amount to.
type Checked struct {
	Spared int     // leading tokens shared with another request or cached; 0 where the protocol does not tell
	Wrong  int     // answers further from the padded graph's score than the tolerance
	Worst  float64 // the greatest such distance
}

// Check decodes a pass's answers and compares them with the padded graph's scores; a distance is in units of max(1, |score|).
// An answer that cannot be read, or that counts other tokens than the ideal did, is an error: the comparison is void.
func Check(target Target, pass Pass, want []float64, tokens []int, tolerance float64) (Checked, error) {
	var sum Checked
	for i, body := range pass.Bodies {
		got, err := target.Decode(body)
		if err != nil {
			return sum, fmt.Errorf("%s: text %d: %w", target.Name, i, err)
		}
		if got.Tokens != 0 && got.Tokens != tokens[i] {
			return sum, fmt.Errorf("%s: text %d: %d tokens, the ideal has %d", target.Name, i, got.Tokens, tokens[i])
		}
		distance := math.Abs(got.Score-want[i]) / max(1, math.Abs(want[i]))
		sum.Worst = max(sum.Worst, distance)
		sum.Spared += got.Spared
		if distance > tolerance {
			sum.Wrong++
		}
	}
	return sum, nil
}

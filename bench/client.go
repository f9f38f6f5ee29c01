package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// maxAnswer bounds the bytes read of one answer.
const maxAnswer = 16 << 20

// Request is one POST, encoded before any clock starts.
type Request struct {
	URL   string
	Body  []byte
	Token string // of the caller; empty: none
}

// Reply is what came of a request. Latency runs from when the request was due until its answer was read; in a closed
// loop it is due when it is sent. Done is when that was, since the load began. Err is set where no whole answer came;
// Status is 0 then.
type Reply struct {
	Status  int
	Body    []byte
	Err     error
	Latency time.Duration
	Done    time.Duration
}

// failure is why the reply is no plain success, or nil.
func (r Reply) failure() error {
	if r.Err != nil {
		return r.Err
	}
	if r.Status != http.StatusOK {
		return fmt.Errorf("status %d: %.300s", r.Status, r.Body)
	}
	return nil
}

// poster sends one request and reads its answer; Latency and Done are its caller's to set.
type poster func(ctx context.Context, request Request) Reply

// Client sends requests over HTTP. It may be used by many at once.
type Client struct{ http *http.Client }

// NewClient makes a client that keeps up to so many connections alive, or none: then each request opens its own. Close
// frees them.
func NewClient(kept int) *Client {
	transport := &http.Transport{
		MaxIdleConnsPerHost: kept, IdleConnTimeout: time.Minute, DisableKeepAlives: kept == 0, DisableCompression: true,
	}
	return &Client{http: &http.Client{Transport: transport, Timeout: 5 * time.Minute}}
}

// Close frees the idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Post is a poster.
func (c *Client) Post(ctx context.Context, request Request) Reply {
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, request.URL, bytes.NewReader(request.Body))
	if err != nil {
		return Reply{Err: err}
	}
	post.Header.Set("Content-Type", "application/json")
	if request.Token != "" {
		post.Header.Set("Authorization", "Bearer "+request.Token)
	}
	response, err := c.http.Do(post)
	if err != nil {
		return Reply{Err: err}
	}
	defer func() { _ = response.Body.Close() }() // read to its end: nothing is left to fail
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return Reply{Err: err}
	}
	return Reply{Status: response.StatusCode, Body: body}
}

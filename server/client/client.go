// Package client asks the native API of a server elsewhere: an engine whose questions are HTTP requests.
//
//	Body     the engine's request → the path and the body that ask it
//	Answer   the body of an answer → the engine's answer
//	Client   both, over HTTP; what passes is asked again
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// CodeUnreachable is of a request that the server did not answer in time, however often it was asked, or that it does
// not let this client ask. Every other request would fail as well.
const CodeUnreachable = "unreachable"

// Options are those of a client.
type Options struct {
	URL    string        // of the server, as http://host:8080
	Token  string        // of the caller; empty: none
	Flight int           // connections that are kept
	GiveUp time.Duration // how long one request is asked again and again
}

// Client asks one server. It is safe for concurrent use.
type Client struct {
	options Options
	base    *url.URL
	http    *http.Client
	zstd    *zstd.Encoder
}

// New makes a client. It asks nothing yet.
func New(options Options) (*Client, error) {
	base, err := url.Parse(options.URL)
	if err != nil || (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" {
		return nil, fmt.Errorf("%q is no URL of a server, as http://127.0.0.1:8080 is", options.URL)
	}
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(max(1, options.Flight)))
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: options.Flight, MaxConnsPerHost: options.Flight,
		IdleConnTimeout: time.Minute, TLSHandshakeTimeout: 10 * time.Second,
	}
	return &Client{options, base, &http.Client{Transport: transport}, encoder}, nil
}

// Close closes the connections that are kept.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return c.zstd.Close()
}

// Bodies: those from zstdFrom on are sent as zstd, and of an answer no more is read than maxAnswer.
const (
	zstdFrom  = 16 << 10
	maxAnswer = 512 << 20
)

// What is waited before a request is asked again, where the server does not say: twice as long each time.
const (
	firstWait = 250 * time.Millisecond
	lastWait  = 15 * time.Second
)

// Ask answers a request as [rewards.Engine] does. A server that is busy, stopping, or not there is asked again until
// the time is over in which the client gives up; then the error has CodeUnreachable. A forward that failed there is an
// error with its own code, as an engine's is: only who asks knows what else to ask, to tell whether the request is at
// fault.
func (c *Client) Ask(ctx context.Context, request rewards.Request) (rewards.Answer, error) {
	path, form, err := Body(&request)
	if err != nil {
		return rewards.Answer{}, err
	}
	body, err := json.Marshal(form)
	if err != nil {
		return rewards.Answer{}, err
	}
	until := time.Now().Add(c.options.GiveUp)
	for wait := firstWait; ; wait = min(2*wait, lastWait) {
		answer, err := c.once(ctx, request.Question, path, body)
		var again *passing
		if !errors.As(err, &again) {
			return answer, err
		}
		pause := max(again.after, wait/2+rand.N(wait/2+1)) //nolint:gosec // so that clients do not come back together
		if time.Now().Add(pause).After(until) {
			return answer, failure.New(CodeUnreachable, "%s did not answer within %s; at last: %s", c.base.Host, c.options.GiveUp, again.why)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return answer, ctx.Err()
		}
	}
}

// passing is why a request may be answered when it is asked again, and how long the server wants that to be later.
type passing struct {
	why   string
	after time.Duration
}

func (p *passing) Error() string { return p.why }

// once asks once.
func (c *Client) once(ctx context.Context, question rewards.Question, path string, body []byte) (rewards.Answer, error) {
	attempt, cancel := context.WithTimeout(ctx, c.options.GiveUp)
	defer cancel()
	request, err := http.NewRequestWithContext(attempt, http.MethodPost, c.base.JoinPath(path).String(), nil)
	if err != nil {
		return rewards.Answer{}, err
	}
	c.fill(request, body)
	response, err := c.http.Do(request)
	if err == nil {
		defer response.Body.Close() //nolint:errcheck // it was only read
		body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	}
	switch {
	case ctx.Err() != nil:
		return rewards.Answer{}, ctx.Err()
	case err != nil:
		return rewards.Answer{}, &passing{why: err.Error()}
	case len(body) > maxAnswer:
		return rewards.Answer{}, failure.New(CodeUnreachable, "the answer has more than %d MiB", maxAnswer>>20)
	case response.StatusCode != http.StatusOK:
		return rewards.Answer{}, refused(response, body)
	}
	answer, err := Answer(question, body)
	if err != nil {
		return answer, failure.New(CodeUnreachable, "%s answers what no server of Assay does: %v", c.base.Host, err)
	}
	for err := range answer.Errors() {
		if err != nil && passes(err.Code) {
			return answer, &passing{why: err.Detail, after: err.RetryAfter}
		}
	}
	return answer, nil
}

// fill gives a request its headers and its body.
func (c *Client) fill(request *http.Request, body []byte) {
	request.Header.Set("Content-Type", "application/json")
	if c.options.Token != "" {
		request.Header.Set("Authorization", "Bearer "+c.options.Token)
	}
	if len(body) >= zstdFrom {
		body = c.zstd.EncodeAll(body, nil)
		request.Header.Set("Content-Encoding", "zstd")
	}
	request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	request.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
}

// refused is the error of an answer with a status that is not 200.
func refused(response *http.Response, body []byte) error {
	var of wire.ProblemDetails
	foreign := json.Unmarshal(body, &of) != nil || of.Code == ""
	if foreign {
		of.Code, of.Detail = CodeUnreachable, fmt.Sprintf("status %s, and no problem of Assay's", response.Status)
	}
	switch status := response.StatusCode; {
	case foreign && status == http.StatusInternalServerError: // of what lies between, or of a server that broke off
		return &passing{why: of.Detail}
	case status == http.StatusTooManyRequests, status == http.StatusBadGateway, status == http.StatusServiceUnavailable,
		status == http.StatusGatewayTimeout, status == http.StatusRequestTimeout, passes(of.Code):
		seconds, _ := strconv.Atoi(strings.TrimSpace(response.Header.Get("Retry-After"))) // none where it is no number
		return &passing{of.Detail, min(time.Duration(max(0, seconds))*time.Second, time.Hour)}
	case of.Code == problem.CodeUnauthorized, of.Code == problem.CodeForbidden, of.Code == problem.CodeNotFound, of.Code == problem.CodeMethodNotAllowed:
		return failure.New(CodeUnreachable, "%s: %s", of.Code, of.Detail)
	}
	return failure.New(of.Code, "%s", of.Detail)
}

// passes tells the problems that are of a moment, and not of what is asked.
func passes(code string) bool {
	switch code {
	case failure.CodeQueueFull, failure.CodeClosed, failure.CodeDeadline, failure.CodeClientGone, problem.CodeRateLimited,
		problem.CodeBodiesFull, problem.CodeNotReady, problem.CodeBodyTimeout:
		return true
	}
	return false
}

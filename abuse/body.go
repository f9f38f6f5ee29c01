package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// hostile is a request that no honest client sends: small to send and dear to answer, or meant to be misread.
type hostile struct {
	name   string
	method string // empty: POST
	path   string
	header []string      // lines beside Host; a Content-Type or a length among them replaces the usual one
	body   func() []byte // nil: none
	want   []int         // lawful statuses; nil: any that does not put the fault on the server
	brief  bool          // the answer is one problem, which shows little of what was sent
	times  int           // so many requests side by side, each with a body of its own; 0: one
	long   bool          // left out of the short form
	told   int64         // bytes that docs/API.md lets the answer have; 0: what every answer may have
}

// asked is a hostile body that a server may answer or refuse.
func asked(path, name string, body func() []byte) hostile {
	return hostile{name: name, path: path, body: body}
}

// refused is one that no server can answer, whoever asks and however often.
func refused(path, name string, body func() []byte) hostile {
	return hostile{name: name, path: path, body: body, want: refusal}
}

// briefly is one whose refusal shows little of it.
func briefly(path, name string, body func() []byte) hostile {
	return hostile{name: name, path: path, body: body, want: refusal, brief: true}
}

// inLongForm leaves it out of the short form.
func (h hostile) inLongForm() hostile {
	h.long = true
	return h
}

// tellsAll says that its answer may be larger than others, and by how much.
func (h hostile) tellsAll(bytes int64) hostile {
	h.told = bytes
	return h
}

// orLate says that it may also be refused because its time is over.
func (h hostile) orLate() hostile {
	h.want = append([]int{504}, refusal...)
	return h
}

// atOnce sends so many side by side.
func (h hostile) atOnce(times int) hostile {
	h.times = times
	return h
}

// refusal are the statuses of what is refused.
var refusal = []int{400, 404, 413, 415, 422, 431}

// hostileBodies lists all of them.
func hostileBodies() []hostile { return slices.Concat(longTexts(), badJSON(), badHTTP()) }

// bodyTime bounds the wait for an answer, in the short and in the long form.
const bodyTime = 60 * time.Second

// ask sends the attack to a server and waits for its answers.
func (h hostile) ask(ctx context.Context, address string) outcome {
	answers := make(chan outcome)
	times := max(1, h.times)
	for range times {
		var body []byte
		if h.body != nil {
			body = h.body()
		}
		head := h.head(len(body))
		go func() { answers <- exchange(ctx, address, head, body) }()
	}
	var all outcome
	for i := range times {
		one := <-answers
		all.sent += one.sent
		all.answer = max(all.answer, one.answer)
		all.took = max(all.took, one.took)
		if i == 0 || one.broken != "" || one.status > all.status {
			all.status, all.broken = one.status, one.broken
		}
	}
	return all
}

// head is the request's lines up to its body.
func (h hostile) head(length int) []byte {
	method := h.method
	if method == "" {
		method = http.MethodPost
	}
	var head strings.Builder
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: abuse\r\n", method, h.path)
	own := strings.Join(h.header, "\n") + "\n"
	if !strings.Contains(own, "Content-Type:") {
		head.WriteString("Content-Type: application/json\r\n")
	}
	if h.body != nil && !strings.Contains(own, "Content-Length:") && !strings.Contains(own, "Transfer-Encoding:") {
		fmt.Fprintf(&head, "Content-Length: %d\r\n", length)
	}
	for _, line := range h.header {
		head.WriteString(line + "\r\n")
	}
	head.WriteString("\r\n")
	return []byte(head.String())
}

// exchange sends one request on a connection of its own and reads the answer while it sends, since a refusal may come
// early.
func exchange(ctx context.Context, address string, head, body []byte) outcome {
	begun := time.Now()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return outcome{broken: err.Error()}
	}
	_ = conn.SetDeadline(begun.Add(bodyTime))
	var sent atomic.Int64
	wrote := make(chan struct{})
	go func() {
		defer close(wrote)
		for _, part := range [][]byte{head, body} {
			n, err := io.Copy(conn, bytes.NewReader(part))
			sent.Add(n)
			if err != nil {
				return // the server has refused, and its answer says why
			}
		}
	}()
	status, size, err := readAnswer(conn)
	took := time.Since(begun)
	conn.Close() //nolint:errcheck,gosec // nothing is lost
	<-wrote
	o := outcome{sent: sent.Load(), took: took, status: status, answer: size}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		o.broken = fmt.Sprintf("none after %s", bodyTime)
	case err != nil:
		o.broken = err.Error()
	}
	return o
}

// readAnswer reads one answer to its end and gives its size.
func readAnswer(conn io.Reader) (status int, size int64, err error) {
	counted := &counter{Reader: conn}
	answer, err := http.ReadResponse(bufio.NewReader(counted), nil)
	if err != nil {
		return 0, counted.n, err
	}
	defer answer.Body.Close() //nolint:errcheck // nothing is lost
	_, err = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, counted.n, err
}

// counter counts what is read through it.
type counter struct {
	io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}

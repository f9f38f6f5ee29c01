package server

import (
	"bytes"
	"errors"
	"mime"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// decode reads a JSON body into a request.
func (s *Server) decode(w http.ResponseWriter, r *http.Request, request wire.Form) error {
	return s.readBody(w, r, func(body []byte) error {
		return wire.DecodeBody(body, request, wire.Limits{Items: s.options.MaxItems})
	})
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// recycle keeps a buffer for the next request, unless one large request would pin its memory.
func recycle(buffer *bytes.Buffer) {
	if buffer.Cap() <= 1<<20 {
		buffer.Reset()
		buffers.Put(buffer)
	}
}

// readBody reads a JSON body of at most the cap and lends it to use, which must not keep it.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request, use func(body []byte) error) error {
	if err := jsonType(r.Header.Get("Content-Type")); err != nil {
		return err
	}
	if r.ContentLength > s.options.MaxBody {
		return problem.New(problem.CodeBodyTooLarge, "the body has %d bytes, and the cap is %d", r.ContentLength, s.options.MaxBody)
	}
	buffer, _ := buffers.Get().(*bytes.Buffer)
	defer recycle(buffer)
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(s.options.BodyTimeout))
	_, err := buffer.ReadFrom(http.MaxBytesReader(w, r.Body, s.options.MaxBody))
	_ = control.SetReadDeadline(time.Time{}) // left in place it would end the request's context while it waits for its answer
	if err != nil {
		return bodyProblem(err, s.options)
	}
	return use(buffer.Bytes())
}

func bodyProblem(err error, options Options) error {
	var large *http.MaxBytesError
	var network net.Error
	switch {
	case errors.As(err, &large):
		return problem.New(problem.CodeBodyTooLarge, "the body has more bytes than the cap of %d", large.Limit)
	case errors.As(err, &network) && network.Timeout():
		return problem.New(problem.CodeBodyTimeout, "the body was not there after %s", options.BodyTimeout)
	}
	return problem.New(failure.CodeClientGone, "the connection broke inside the body")
}

func jsonType(header string) error {
	if header == "application/json" {
		return nil
	}
	if header == "" {
		return problem.New(problem.CodeMediaType, "Content-Type is missing, and must be application/json")
	}
	media, parameters, err := mime.ParseMediaType(header)
	charset := strings.ToLower(parameters["charset"])
	if err != nil || media != "application/json" || (charset != "" && charset != "utf-8") {
		return problem.New(problem.CodeMediaType, "Content-Type is %q, and must be application/json in UTF-8", fault.Short(header))
	}
	return nil
}

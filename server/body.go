package server

import (
	"bytes"
	"errors"
	"mime"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/rewards"
)

// bodies reads the bodies of requests, and keeps the memory of short ones for the next.
type bodies struct {
	most    int64 // bytes of one
	buffers sync.Pool
}

func newBodies(most int64) *bodies {
	return &bodies{most: most, buffers: sync.Pool{New: func() any { return new(bytes.Buffer) }}}
}

// read reads a whole body. The buffer must be released when nothing needs it any more.
func (b *bodies) read(x *exchange, r *http.Request) (*bytes.Buffer, error) {
	if r.ContentLength > b.most {
		return nil, rewards.NewProblem(rewards.CodeBodyTooLarge, "the body has %d bytes, and the cap is %d", r.ContentLength, b.most)
	}
	body := b.buffer()
	if _, err := body.ReadFrom(http.MaxBytesReader(x.ResponseWriter, r.Body, b.most)); err != nil {
		b.release(body)
		return nil, bodyProblem(err)
	}
	return body, nil
}

func (b *bodies) buffer() *bytes.Buffer {
	buffer, _ := b.buffers.Get().(*bytes.Buffer)
	return buffer
}

// release takes a buffer back, unless keeping it would pin the memory of one large request.
func (b *bodies) release(buffer *bytes.Buffer) {
	if buffer.Cap() <= 1<<20 {
		buffer.Reset()
		b.buffers.Put(buffer)
	}
}

func bodyProblem(err error) *rewards.Problem {
	var large *http.MaxBytesError
	var network net.Error
	switch {
	case errors.As(err, &large):
		return rewards.NewProblem(rewards.CodeBodyTooLarge, "the body has more bytes than the cap of %d", large.Limit)
	case errors.As(err, &network) && network.Timeout():
		return rewards.NewProblem(rewards.CodeBodyTimeout, "the body had not ended when its time was over")
	}
	return rewards.NewProblem(rewards.CodeClientGone, "the connection broke inside the body")
}

// jsonType refuses a body that is not JSON by its Content-Type.
func jsonType(header string) error {
	if header == "application/json" {
		return nil
	}
	if header == "" {
		return rewards.NewProblem(rewards.CodeMediaType, "Content-Type is missing, and must be application/json")
	}
	media, parameters, err := mime.ParseMediaType(header)
	charset := strings.ToLower(parameters["charset"])
	if err != nil || media != "application/json" || (charset != "" && charset != "utf-8") {
		return rewards.NewProblem(rewards.CodeMediaType, "Content-Type is %q, and must be application/json in UTF-8", models.Short(header))
	}
	return nil
}

package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/problem"
)

// bodies reads the bodies of requests, and keeps the memory of short ones for the next.
type bodies struct {
	most    int64 // bytes of one, as it is sent and as it is decoded
	buffers sync.Pool
	decoder *decoder
	room    *room
}

func newBodies(most int64) *bodies {
	return &bodies{most: most, buffers: sync.Pool{New: func() any { return new(bytes.Buffer) }}, decoder: newDecoder(most), room: newRoom(most)}
}

// read reads a whole body, and undoes its Content-Encoding. The buffer must be released when nothing needs it any more.
// A body is read before it is decoded, so that a client that sends slowly holds nothing but what it has sent.
func (b *bodies) read(x *exchange, r *http.Request) (*bytes.Buffer, error) {
	encoding, err := contentEncoding(r.Header)
	if err != nil {
		x.Header().Set("Accept-Encoding", "gzip, deflate, zstd")
		return nil, err
	}
	if r.ContentLength > b.most {
		return nil, problem.New(problem.CodeBodyTooLarge, "the body has %d bytes, and the cap is %d", r.ContentLength, b.most)
	}
	body := b.buffer()
	// MaxBytesReader gets net/http's own writer, which then leaves a client that goes on sending the time to see the
	// answer.
	if _, err := body.ReadFrom(http.MaxBytesReader(x.ResponseWriter, r.Body, b.most)); err != nil {
		b.release(body)
		return nil, bodyProblem(r.Context(), err)
	}
	if encoding == "" {
		return body, nil
	}
	defer b.release(body)
	plain := b.buffer()
	if err := b.decoder.decode(r.Context(), encoding, body.Bytes(), plain); err != nil {
		b.release(plain)
		return nil, err
	}
	return plain, nil
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

// bodyProblem explains why a body could not be read. net/http ends the request's context when the connection broke, so
// that what is left is a body that is not framed as its headers say.
func bodyProblem(ctx context.Context, err error) *problem.Problem {
	var large *http.MaxBytesError
	var network net.Error
	switch {
	case errors.As(err, &large):
		return problem.New(problem.CodeBodyTooLarge, "the body has more bytes than the cap of %d", large.Limit)
	case errors.As(err, &network) && network.Timeout():
		return problem.New(problem.CodeBodyTimeout, "the body had not ended when its time was over")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return problem.New(problem.CodeBadBody, "the connection ended before the body did")
	case ctx.Err() != nil:
		return problem.New(failure.CodeClientGone, "the connection broke inside the body")
	}
	return problem.New(problem.CodeBadBody, "the body is not framed as its headers say: %s", fault.Short(err.Error()))
}

// contentEncoding is how a body is encoded: gzip, deflate, zstd, or "" for not at all. One that is encoded twice is
// refused.
func contentEncoding(header http.Header) (string, error) {
	given := strings.Join(header.Values("Content-Encoding"), ", ")
	switch strings.ToLower(strings.TrimSpace(given)) {
	case "", "identity":
		return "", nil
	case "gzip", "x-gzip":
		return "gzip", nil
	case "deflate", "zstd":
		return strings.ToLower(strings.TrimSpace(given)), nil
	}
	return "", problem.New(problem.CodeMediaType, "Content-Encoding is %q, and may be gzip, deflate or zstd", fault.Short(given))
}

// jsonType refuses a body that is not JSON by its Content-Type.
func jsonType(headers http.Header) error {
	header := headers.Get("Content-Type")
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

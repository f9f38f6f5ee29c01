package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"

	"github.com/assay-rm/assay/server/problem"
)

// zstdWindow is how far back a zstd body may refer. RFC 9659 asks of HTTP that nobody need more.
const zstdWindow = 8 << 20

// decoder undoes the encodings of bodies. It decodes as many at once as there are processors; more wait.
type decoder struct {
	most   int64                 // bytes of a decoded body
	places chan struct{}         // a place for each body that is being decoded
	idle   map[string]*sync.Pool // of streams, by encoding
}

// stream is what the decoders of both libraries have in common.
type stream interface {
	io.Reader
	Reset(from io.Reader) error
}

func newDecoder(most int64) *decoder {
	return &decoder{most: most, places: make(chan struct{}, runtime.GOMAXPROCS(0)), idle: map[string]*sync.Pool{
		"gzip":    {New: func() any { return new(gzip.Reader) }},
		"deflate": {New: func() any { return new(inflater) }},
		"zstd":    {New: newZstd},
	}}
}

// newZstd makes a decoder that owns no goroutine, and that decodes piece by piece whatever it is given.
func newZstd() any {
	stream, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(zstdWindow), zstd.WithDecodeBuffersBelow(0))
	if err != nil {
		panic(err) // the options are constants
	}
	return stream
}

// inflater undoes deflate, which is in zlib's wrapping (RFC 9110). zlib makes a reader only of a body that has begun.
type inflater struct{ stream io.ReadCloser }

func (i *inflater) Reset(from io.Reader) (err error) {
	if i.stream == nil {
		i.stream, err = zlib.NewReader(from)
		return err
	}
	return i.stream.(zlib.Resetter).Reset(from, nil)
}

func (i *inflater) Read(into []byte) (int, error) { return i.stream.Read(into) }

var (
	errEndsEarly = errors.New("it ends too early")
	errGoesOn    = errors.New("it goes on after its end")
)

// decode appends the decoded body to into. It holds to the cap whatever the encoded body promises: a bomb is refused
// after as many bytes as any other body may have.
func (d *decoder) decode(ctx context.Context, encoding string, body []byte, into *bytes.Buffer) error {
	select {
	case d.places <- struct{}{}:
		defer func() { <-d.places }()
	case <-ctx.Done():
		return ctx.Err()
	}
	from, _ := d.idle[encoding].Get().(stream)
	defer func() {
		_ = from.Reset(bytes.NewReader(nil)) // lets go of the body
		d.idle[encoding].Put(from)
	}()
	source := bytes.NewReader(body)
	err := from.Reset(source)
	if err == nil {
		_, err = into.ReadFrom(io.LimitReader(from, d.most+1))
	}
	if err == nil && source.Len() > 0 && int64(into.Len()) <= d.most {
		err = errGoesOn
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errEndsEarly
	}
	switch {
	case int64(into.Len()) > d.most:
		return problem.New(problem.CodeBodyTooLarge, "the body has more bytes than the cap of %d once it is decoded", d.most)
	case err != nil:
		return problem.New(problem.CodeBadBody, "the body is not %s: %v", encoding, err)
	}
	return nil
}

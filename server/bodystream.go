package server

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/assay-rm/assay/server/problem"
)

// stream opens a body that is read piece by piece, and undoes its Content-Encoding. It may have that many bytes, as it
// is sent and as it is decoded. The client has as much time for each part of it as for a whole other body.
func (b *bodies) stream(x *exchange, r *http.Request, most int64, each time.Duration) (*bufio.Reader, func(), error) {
	encoding, err := contentEncoding(r.Header)
	if err != nil {
		x.Header().Set("Accept-Encoding", "gzip, deflate, zstd")
		return nil, nil, err
	}
	if r.ContentLength > most {
		return nil, nil, problem.New(problem.CodeBodyTooLarge, "the body has %d bytes, and the cap is %d", r.ContentLength, most)
	}
	sent := bufio.NewReaderSize(&paced{
		in:      http.MaxBytesReader(x.ResponseWriter, r.Body, most),
		control: http.NewResponseController(x.ResponseWriter), each: each,
	}, 64<<10)
	if encoding == "" {
		return sent, func() {}, nil
	}
	of, _ := b.decoder.idle[encoding].Get().(stream)
	giveBack := func() {
		_ = of.Reset(bytes.NewReader(nil)) // lets go of the body
		b.decoder.idle[encoding].Put(of)
	}
	if err := of.Reset(sent); err != nil {
		giveBack()
		return nil, nil, undecodable(encoding, err)
	}
	plain := &decoding{of, sent, encoding}
	return bufio.NewReaderSize(http.MaxBytesReader(nil, io.NopCloser(plain), most), 64<<10), giveBack, nil
}

// paced gives a client the time of a whole body for every part of a long one.
type paced struct {
	in      io.Reader
	control *http.ResponseController
	each    time.Duration
	left    int // bytes of the part
}

func (p *paced) Read(into []byte) (int, error) {
	if p.left <= 0 {
		_ = p.control.SetReadDeadline(time.Now().Add(p.each)) // one without deadlines is a test's
		p.left = uploadPace
	}
	n, err := p.in.Read(into)
	p.left -= n
	if err != nil {
		_ = p.control.SetReadDeadline(time.Time{}) // the body has ended, and the deadline with it
	}
	return n, err
}

// decoding is a body that is decoded. What cannot be is told as the problem that it is, and so is what follows it.
type decoding struct {
	of       io.Reader
	sent     *bufio.Reader
	encoding string
}

func (d *decoding) Read(into []byte) (int, error) {
	n, err := d.of.Read(into)
	if errors.Is(err, io.EOF) {
		if _, after := d.sent.Peek(1); after == nil {
			return n, undecodable(d.encoding, errGoesOn)
		}
		return n, io.EOF
	}
	if err != nil {
		return n, undecodable(d.encoding, err)
	}
	return n, nil
}

// undecodable is the problem of a body that is not encoded as it says, or the error of its connection.
func undecodable(encoding string, err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		err = errEndsEarly
	}
	_, large := errors.AsType[*http.MaxBytesError](err)
	_, network := errors.AsType[net.Error](err)
	if large || network {
		return err
	}
	return problem.New(problem.CodeBadBody, "the body is not %s: %v", encoding, err)
}

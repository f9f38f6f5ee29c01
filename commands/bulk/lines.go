package bulk

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

const (
	maxLine   = 32 << 20 // bytes of a line; a longer one fails
	maxChunk  = 8 << 20  // bytes of the lines of a chunk; a chunk has one line at least
	readAhead = 1 << 16
)

// Line is one line that is not blank, by its number from 1. A line without text has a problem.
type Line struct {
	Number int
	text   []byte
	err    *failure.Error
}

// Source gives lines, chunk by chunk.
type Source interface {
	// Chunk gives the next lines, at most n. At the end the error is io.EOF, beside the last lines.
	Chunk(n int) ([]Line, error)
	// Done is how many bytes of the file are read.
	Done() int64
}

// Reader reads lines in bounded memory.
type Reader struct {
	in     *bufio.Reader
	number int   // of the last line read
	bytes  int64 // read so far
}

// NewReader reads from a stream, which its owner closes.
func NewReader(in io.Reader) *Reader {
	return &Reader{in: bufio.NewReaderSize(in, readAhead)}
}

// Done is how many bytes are read.
func (r *Reader) Done() int64 { return r.bytes }

// Chunk gives the next lines, at most n. It is shorter when reading on would wait for more input, so that a program
// that writes a line and waits for its answer gets it. At the end of the input the error is io.EOF, beside the last
// lines.
func (r *Reader) Chunk(n int) ([]Line, error) {
	var lines []Line
	for size := 0; len(lines) < n && size < maxChunk; {
		if len(lines) > 0 && r.in.Buffered() == 0 {
			return lines, nil
		}
		next, err := r.next()
		if len(next.text) > 0 || next.err != nil {
			lines = append(lines, next)
			size += len(next.text)
		}
		if err != nil {
			return lines, err
		}
	}
	return lines, nil
}

// next gives one line; a blank one has neither text nor problem.
func (r *Reader) next() (Line, error) {
	r.number++
	var text []byte
	long := false
	for {
		part, err := r.in.ReadSlice('\n')
		r.bytes += int64(len(part))
		if long = long || len(text)+len(part) > maxLine; !long {
			text = append(text, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && !errors.Is(err, io.EOF):
			return Line{}, err
		case long:
			long := failure.New(problem.CodeBodyTooLarge, "the line has more than %d MiB", maxLine>>20)
			return Line{Number: r.number, err: long}, err
		}
		return Line{Number: r.number, text: bytes.TrimSpace(text)}, err
	}
}

// Text is what the line says, without the white space around it; nil where it has a problem.
func (l *Line) Text() []byte { return l.text }

// Set makes the line say another text, or have a problem instead of one.
func (l *Line) Set(text []byte, err *failure.Error) { l.text, l.err = text, err }

// Decode reads the line as the server reads a body: whatever the one refuses, the other does too.
func (l *Line) Decode(into wire.Form) *failure.Error {
	if l.err != nil {
		return l.err
	}
	return refused(wire.DecodeLine(l.text, into, wire.Limits{}))
}

// Sample is Decode for a line that may have more columns than the form: it names those that it passed over.
func (l *Line) Sample(into wire.Form) (ignored []string, why *failure.Error) {
	if l.err != nil {
		return nil, l.err
	}
	ignored, err := wire.DecodeSample(l.text, into, wire.Limits{})
	return ignored, refused(err)
}

func refused(err error) *failure.Error {
	if why, ok := errors.AsType[*wire.Error](err); ok {
		return problem.Refused(why)
	}
	return nil
}

// Form is what a line is decoded into.
type Form[Q any] interface {
	*Q
	wire.Form
}

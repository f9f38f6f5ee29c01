package commands

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

// line is one line that is not blank, by its number from 1. A line without text has a problem.
type line struct {
	number  int
	text    []byte
	problem *failure.Error
}

// lineReader reads lines in bounded memory.
type lineReader struct {
	in     *bufio.Reader
	number int   // of the last line read
	bytes  int64 // read so far
}

func newLineReader(in io.Reader) *lineReader {
	return &lineReader{in: bufio.NewReaderSize(in, readAhead)}
}

// chunk gives the next lines, at most n. It is shorter when reading on would wait for more input, so that a program that
// writes a line and waits for its answer gets it. At the end of the input the error is io.EOF, beside the last lines.
func (r *lineReader) chunk(n int) ([]line, error) {
	var lines []line
	for size := 0; len(lines) < n && size < maxChunk; {
		if len(lines) > 0 && r.in.Buffered() == 0 {
			return lines, nil
		}
		next, err := r.next()
		if len(next.text) > 0 || next.problem != nil {
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
func (r *lineReader) next() (line, error) {
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
			return line{}, err
		case long:
			long := failure.New(problem.CodeBodyTooLarge, "the line has more than %s", size(maxLine))
			return line{number: r.number, problem: long}, err
		}
		return line{number: r.number, text: bytes.TrimSpace(text)}, err
	}
}

// decode reads the line as the server reads a body: whatever the one refuses, the other does too.
func (l *line) decode(into wire.Form) *failure.Error {
	if l.problem != nil {
		return l.problem
	}
	if refused, ok := errors.AsType[*wire.Error](wire.DecodeLine(l.text, into, wire.Limits{})); ok {
		return problem.Refused(refused)
	}
	return nil
}

// form is what a line is decoded into.
type form[Q any] interface {
	*Q
	wire.Form
}

package commands

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
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
	lenient bool // unknown fields are left alone
	problem *rewards.Problem
}

// lineReader reads lines in bounded memory.
type lineReader struct {
	in      *bufio.Reader
	lenient bool  // unknown fields are left alone
	number  int   // of the last line read
	bytes   int64 // read so far
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
			problem := rewards.NewProblem(rewards.CodeBodyTooLarge, "the line has more than %s", size(maxLine))
			return line{number: r.number, problem: problem}, err
		}
		return line{number: r.number, text: bytes.TrimSpace(text), lenient: r.lenient}, err
	}
}

// decode reads one JSON value strictly: an unknown field, a wrong type or a second value is a problem, as it is to the server.
func (l *line) decode(into any) *rewards.Problem {
	if l.problem != nil {
		return l.problem
	}
	if !utf8.Valid(l.text) {
		return rewards.NewProblem(rewards.CodeBadJSON, "the line is not UTF-8")
	}
	decoder := json.NewDecoder(bytes.NewReader(l.text))
	if !l.lenient {
		decoder.DisallowUnknownFields()
	}
	if err := decoder.Decode(into); err != nil {
		return jsonProblem(err)
	}
	if rest := bytes.TrimSpace(l.text[decoder.InputOffset():]); len(rest) > 0 {
		return rewards.NewProblem(rewards.CodeBadJSON, "the line goes on after its JSON value, at byte %d", decoder.InputOffset()+1)
	}
	if asked, ok := into.(checked); ok {
		return asked.check()
	}
	return nil
}

// checked is what a line is decoded into, when it knows more than its fields' types.
type checked interface{ check() *rewards.Problem }

func jsonProblem(err error) *rewards.Problem {
	var wrong *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	var failure *fault.Error // of a list that holds a null
	switch {
	case errors.As(err, &failure):
		return rewards.NewProblem(rewards.CodeInvalidField, "%s", failure.Detail)
	case errors.As(err, &wrong) && wrong.Field == "":
		return rewards.NewProblem(rewards.CodeInvalidField, "the line holds no object but one %s", wrong.Value)
	case errors.As(err, &wrong):
		return rewards.NewProblem(rewards.CodeInvalidField, "%s: a %s is not a value of this field", wrong.Field, wrong.Value)
	case errors.As(err, &syntax):
		return rewards.NewProblem(rewards.CodeBadJSON, "at byte %d: %s", syntax.Offset, syntax)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return rewards.NewProblem(rewards.CodeBadJSON, "the line ends inside its JSON value")
	}
	if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return rewards.NewProblem(rewards.CodeUnknownField, "%s: unknown field", strings.Trim(field, `"`))
	}
	return rewards.NewProblem(rewards.CodeBadJSON, "%s", err)
}

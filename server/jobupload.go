package server

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/server/jobs"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

const (
	uploadRoom = 16 << 20 // bytes of the memory for bodies that a job takes while it arrives, however long it is
	uploadPace = 1 << 20  // bytes of a job's body for which there is the time of a whole other body
)

// idempotencyKey is a client's own name for a job.
const idempotencyKey = "Idempotency-Key"

// sendJob takes a job: its first line says what is asked, and every other line that is not blank is a row. Nothing of
// it is computed before all of it is there.
func (s *Server) sendJob(of *jobs.Store, x *exchange, r *http.Request) error {
	if err := linesType(r.Header); err != nil {
		return err
	}
	key := r.Header.Get(idempotencyKey)
	if key != "" && !plain(key) {
		return problem.New(wire.CodeInvalidField, "%s: must be of 1 to %d letters, digits and -_.:, and is %q", idempotencyKey, longestID, fault.Short(key))
	}
	if err := x.caller.mayAsk(time.Now()); err != nil {
		return err
	}
	giveBack, err := s.bodies.room.take(x, r, min(uploadRoom, s.bodies.room.each))
	if err != nil {
		return err
	}
	defer giveBack()
	in, closeBody, err := s.bodies.stream(x, r, of.Limits().Bytes, s.options.BodyTimeout)
	if err != nil {
		return err
	}
	defer closeBody()
	body := &jobLines{in: in, most: of.Limits().Row}
	head, err := body.next()
	if errors.Is(err, io.EOF) {
		return problem.New(wire.CodeBadJSON, "the body is empty")
	}
	if err != nil {
		return bodyError(r.Context(), err)
	}
	head = bytes.Clone(head)
	var form wire.JobRequest
	if err := s.decode(head, &form); err != nil {
		return problem.Of(err).Within("line 1")
	}
	if err := s.mayJob(x, &form); err != nil {
		return err
	}
	intake, err := of.Begin(r.Context(), &jobs.Asked{Caller: x.caller.owner, Key: key, Question: form.Question, Head: head, Chunk: chunkOf(form.Question)})
	if err != nil {
		return err
	}
	return receive(of, x, r, intake, body)
}

// receive takes the rows of a job, and answers when all are there.
func receive(of *jobs.Store, x *exchange, r *http.Request, intake *jobs.Intake, body *jobLines) error {
	ctx := r.Context()
	defer func() { intake.Abort(context.WithoutCancel(ctx)) }()
	for {
		row, err := body.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return bodyError(ctx, err)
		}
		if err := intake.Row(ctx, row); err != nil {
			return err
		}
	}
	job, fresh, err := intake.Commit(ctx)
	if err != nil {
		return err
	}
	x.Header().Set("Location", "/v1/jobs/"+job.ID)
	status := http.StatusAccepted
	if !fresh {
		status = http.StatusOK
	}
	return writeJSON(x, status, jobAnswer(of, &job, time.Now()))
}

// linesType refuses a body that is not JSON lines by its Content-Type.
func linesType(headers http.Header) error {
	header := headers.Get("Content-Type")
	media, _, err := mime.ParseMediaType(header)
	if err == nil && (media == "application/x-ndjson" || media == "application/jsonl") {
		return nil
	}
	if header == "" {
		return problem.New(problem.CodeMediaType, "Content-Type is missing, and must be application/x-ndjson or application/jsonl")
	}
	return problem.New(problem.CodeMediaType, "Content-Type is %q, and must be application/x-ndjson or application/jsonl", fault.Short(header))
}

// jobLines reads the lines of a body that are not blank, without the white space around them.
type jobLines struct {
	in   *bufio.Reader
	most int // bytes of a line
	text []byte
	rows int
}

// next gives a line, which is valid until the next one.
func (l *jobLines) next() ([]byte, error) {
	for {
		l.text = l.text[:0]
		err := bufio.ErrBufferFull
		for errors.Is(err, bufio.ErrBufferFull) {
			var part []byte
			part, err = l.in.ReadSlice('\n')
			if l.text = append(l.text, part...); len(l.text) > l.most+2 {
				return nil, problem.New(problem.CodeBodyTooLarge, "line %d: has more than %d bytes, the cap of a line of a job", l.rows+1, l.most)
			}
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		l.rows++
		if line := bytes.TrimSpace(l.text); len(line) > 0 {
			return line, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// bodyError is why a body could not be read on.
func bodyError(ctx context.Context, err error) error {
	if _, is := errors.AsType[*problem.Problem](err); is {
		return err
	}
	return bodyProblem(ctx, err)
}

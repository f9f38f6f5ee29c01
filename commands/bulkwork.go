package commands

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/assay-rm/assay/commands/bulk"
	"github.com/assay-rm/assay/commands/bulk/job"
	"github.com/assay-rm/assay/commands/bulk/tables"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/order"
	"github.com/assay-rm/assay/server/wire"
)

// terms are what a command says of the rows of files, beside what it asks of lines.
type terms[Q any] struct {
	command string
	options map[string]string // by flag, what changes the answers, beside what all commands have
	columns []tables.Column   // of its records, beside those that all have
	most    int               // rows that are asked at once
	key     func(*Q) order.Key
	tag     func(*Q) **wire.Tag
}

// scaled is a command that answers the rows of files too.
type scaled[Q, R any] interface {
	bulk.View[Q, R]
	terms() terms[Q]
}

// work answers the rows of files as a command answers lines.
type work[Q, R any, P bulk.Form[Q]] struct {
	engine *pinned
	view   bulk.View[Q, R]
	terms  terms[Q]
	files  []tables.File

	alone    sync.RWMutex      // held alone by who asks rows again whose forward failed
	answered atomic.Pointer[Q] // a row that was answered in this run; nil: none was yet

	mu      sync.Mutex
	ignored map[string]bool // columns that were passed over
}

// asked is a row that was read.
type asked[Q any] struct {
	question Q
	tag      *wire.Tag
}

func (w *work[Q, R, P]) Read(row tables.Row) job.Question {
	q := job.Question{Row: row}
	o := bulk.Outcome[Q, R]{Number: int(row.Number)}
	var of asked[Q]
	o.Ignored, o.Err = row.Sample(P(&of.question))
	w.pass(o.Ignored)
	if o.Err != nil {
		o.Refused = true
		record, err := w.record(w.writing(), &row, nil, o)
		if err != nil {
			panic(err) // an error is text, which can be written into memory
		}
		q.Record = &record
		return q
	}
	tag := w.terms.tag(&of.question)
	of.tag, *tag = *tag, nil
	q.Key, q.Asked = w.terms.key(&of.question), of
	return q
}

// pass remembers columns that are passed over.
func (w *work[Q, R, P]) pass(columns []string) {
	if len(columns) == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range columns {
		if w.ignored == nil {
			w.ignored = map[string]bool{}
		}
		if len(w.ignored) < mostColumns {
			w.ignored[name] = true
		}
	}
}

// mostColumns is how many columns are told of that were passed over.
const mostColumns = 64

func (w *work[Q, R, P]) Ask(ctx context.Context, questions []job.Question) ([]job.Record, error) {
	outcomes := make([]bulk.Outcome[Q, R], len(questions))
	pointers := make([]*bulk.Outcome[Q, R], len(questions))
	for i := range questions {
		of, _ := questions[i].Asked.(asked[Q])
		outcomes[i] = bulk.Outcome[Q, R]{Number: int(questions[i].Row.Number), Asked: of.question}
		pointers[i] = &outcomes[i]
	}
	w.alone.RLock()
	err := w.ask(ctx, pointers)
	w.alone.RUnlock()
	if failed := stillBroken(pointers); err == nil && len(failed) > 0 {
		err = w.mend(ctx, failed)
	}
	if err != nil {
		return nil, err
	}
	records, lines := make([]job.Record, len(questions)), w.writing()
	for i := range outcomes {
		if err := errorOf(&outcomes[i], passing); err != nil {
			return nil, fmt.Errorf("row %d: %w", outcomes[i].Number, err)
		}
		of, _ := questions[i].Asked.(asked[Q])
		var err error
		if records[i], err = w.record(lines, &questions[i].Row, of.tag, outcomes[i]); err != nil {
			return nil, err
		}
	}
	return records, nil
}

// writing writes the lines of the command, one after the other.
type writing[Q, R any] struct {
	line   bytes.Buffer
	writer *bulk.Writer[Q, R]
}

func (w *work[Q, R, P]) writing() *writing[Q, R] {
	to := &writing[Q, R]{}
	to.writer = bulk.NewWriter(&to.line, true, w.view)
	return to
}

// alone is what every answer says of what its item shared with others in its batch, when that is taken out.
var alone = []byte(`,"shared_tokens":0,"cached_tokens":0`)

// record is the JSON line of the command, with the place of the row and what comes back of it at its front, and without
// what depends on the batch.
func (w *work[Q, R, P]) record(to *writing[Q, R], row *tables.Row, tag *wire.Tag, o bulk.Outcome[Q, R]) (job.Record, error) {
	o.Number, o.Ignored = 0, nil
	to.line.Reset()
	if err := errors.Join(to.writer.Write(o), to.writer.Flush()); err != nil {
		return job.Record{}, err
	}
	rest := bytes.TrimPrefix(bytes.TrimSpace(to.line.Bytes()), []byte(`{"line":0`))
	head := struct {
		Row  int64  `json:"row"`
		File string `json:"file,omitempty"`
		Line int    `json:"line,omitempty"`
		*wire.Tag
	}{Row: row.Number, Tag: tag}
	if len(w.files) > 1 {
		head.File, head.Line = w.files[row.File].Path, row.Line.Number
	}
	var front bytes.Buffer
	encoder := json.NewEncoder(&front)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(head); err != nil {
		return job.Record{}, err
	}
	text := append(bytes.TrimSuffix(front.Bytes(), []byte("}\n")), bytes.ReplaceAll(rest, alone, nil)...)
	return job.Record{Row: row.Number, Text: text, Failed: o.Err != nil}, nil
}

// pinned asks an engine and holds it to the digest of its first answer, which the run keeps: so no run has scores of
// two models. It takes out of answers what depends on the batch.
type pinned struct {
	engine bulk.Engine
	dir    *job.Directory
	tokens atomic.Int64 // of all answers

	first  sync.Mutex // held by who asks while no digest is known
	digest atomic.Pointer[string]
}

func newPinned(engine bulk.Engine, dir *job.Directory) *pinned {
	p := &pinned{engine: engine, dir: dir}
	if digest := dir.Digest(); digest != "" {
		p.digest.Store(&digest)
	}
	return p
}

// Ask is that of [rewards.Engine].
func (p *pinned) Ask(ctx context.Context, request rewards.Request) (rewards.Answer, error) {
	if p.digest.Load() == nil {
		p.first.Lock()
		if p.digest.Load() == nil {
			defer p.first.Unlock()
			answer, err := p.ask(ctx, request)
			if err != nil {
				return answer, err
			}
			if err := p.dir.Answered(answer.Model, answer.Digest); err != nil {
				return answer, err
			}
			p.digest.Store(&answer.Digest)
			return answer, nil
		}
		p.first.Unlock()
	}
	request.Expect = *p.digest.Load()
	answer, err := p.ask(ctx, request)
	if why := failure.Of(err); why != nil && why.Code == failure.CodeDigest {
		return answer, failure.New(failure.CodeDigest, "what answers is not what the run was begun with: %s", why.Detail)
	}
	return answer, err
}

func (p *pinned) ask(ctx context.Context, request rewards.Request) (rewards.Answer, error) {
	answer, err := p.engine.Ask(ctx, request)
	p.tokens.Add(int64(answer.Usage.Tokens))
	forget := func(t *rewards.Tokens) { t.Shared, t.Cached = 0, 0 }
	result := func(r *rewards.Result) {
		forget(&r.Tokens)
		for i := range r.Parts {
			forget(&r.Parts[i].Tokens)
		}
	}
	for i := range answer.Results {
		result(&answer.Results[i])
	}
	for i := range answer.Steps {
		forget(&answer.Steps[i].Tokens)
	}
	for i := range answer.Pairs {
		for _, side := range []*rewards.Result{answer.Pairs[i].Chosen, answer.Pairs[i].Rejected} {
			if side != nil {
				result(side)
			}
		}
	}
	return answer, err
}

package bulk

import (
	"encoding/json"
	"errors"
	"io"

	"github.com/assay-rm/assay/commands/page"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/native"
	"github.com/assay-rm/assay/server/wire"
)

// View shows a command's answers: as JSON lines, or as a table for people.
type View[Q, R any] interface {
	Question[Q, R]
	Record(number int, answer R) any // the JSON line
	Header() string
	Show(p *page.Page, number int, asked Q, answer R)
}

// Writer writes outcomes in the form that was asked for, and counts them.
type Writer[Q, R any] struct {
	page    *page.Page
	encoder *json.Encoder // nil: a table
	view    View[Q, R]

	Lines  int
	Failed int // of Lines
}

// NewWriter writes outcomes as the view shows them. Its owner flushes it.
func NewWriter[Q, R any](out io.Writer, asJSON bool, v View[Q, R]) *Writer[Q, R] {
	w := &Writer[Q, R]{page: page.New(out), view: v}
	if asJSON {
		w.encoder = json.NewEncoder(w.page)
		w.encoder.SetEscapeHTML(false)
	}
	return w
}

// Write writes one outcome. The outcomes of a file come in its order.
func (w *Writer[Q, R]) Write(o Outcome[Q, R]) error {
	if w.Lines++; o.Err != nil {
		w.Failed++
	}
	switch {
	case w.encoder != nil && o.Refused:
		return w.encoder.Encode(failedLine{o.Number, native.Error(o.Err)})
	case w.encoder != nil:
		return w.encoder.Encode(w.view.Record(o.Number, o.Answer))
	}
	if w.Lines == 1 {
		w.page.Line("%s", w.view.Header())
	}
	if o.Refused {
		ShowError(w.page, o.Number, o.Err)
	} else {
		w.view.Show(w.page, o.Number, o.Asked, o.Answer)
	}
	return nil
}

// failedLine is the JSON line of a line that was not asked.
type failedLine struct {
	Line  int           `json:"line"`
	Error *wire.Problem `json:"error"`
}

// ShowError writes why a line failed.
func ShowError(p *page.Page, number int, err *failure.Error) {
	p.Line("%6d  %s: %s", number, err.Code, page.OneLine(err.Detail, 200))
}

// Flush writes what is not written yet.
func (w *Writer[Q, R]) Flush() error { return w.page.Flush() }

// Explained gives an error's cause, which is kept from clients but not from who runs the command.
func Explained(err error) error {
	var known *failure.Error
	if errors.As(err, &known) && known.Cause != nil {
		return known.Cause
	}
	return err
}

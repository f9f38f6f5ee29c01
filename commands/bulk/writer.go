package bulk

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"

	"github.com/assay-rm/assay/commands/page"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/native"
	"github.com/assay-rm/assay/server/wire"
)

// View shows a command's answers: as JSON lines, or as a table for people.
type View[Q, R any] interface {
	Question[Q, R]
	Record(of Outcome[Q, R]) any // the JSON line
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

	ignored map[string]bool // columns of lines that were passed over
}

// Head is what the JSON line of every outcome begins with.
type Head struct {
	Line    int      `json:"line"`
	Ignored []string `json:"ignored,omitempty"` // columns that were passed over
}

// Head is the beginning of the outcome's JSON line.
func (o *Outcome[Q, R]) Head() Head { return Head{o.Number, o.Ignored} }

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
	for _, name := range o.Ignored {
		if w.ignored == nil {
			w.ignored = map[string]bool{}
		}
		if len(w.ignored) < mostIgnored {
			w.ignored[name] = true
		}
	}
	switch {
	case w.encoder != nil && o.Refused:
		return w.encoder.Encode(failedLine{o.Number, native.Error(o.Err)})
	case w.encoder != nil:
		return w.encoder.Encode(w.view.Record(o))
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

// mostIgnored is how many columns are told of a whole file.
const mostIgnored = 64

// Ignored are the columns that were passed over in some line, in the order of their names: the first 64 that came.
func (w *Writer[Q, R]) Ignored() []string { return slices.Sorted(maps.Keys(w.ignored)) }

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

package tables

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/assay-rm/assay/commands/bulk"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/problem"
)

// maxRow is how many bytes a row may have as JSON, as one of the other formats may.
const maxRow = 32 << 20

// arrowFile reads the rows of an Arrow file, batch by batch.
type arrowFile struct {
	file   *os.File
	size   int64
	in     *ipc.FileReader
	names  []string
	places []int // of the columns that are read
	next   int   // batch
	batch  arrow.RecordBatch
	row    int64 // of the batch, that comes next
	number int64 // of the last row
}

func openArrow(file *os.File, columns *Columns) (opened source, err error) {
	defer recovered(&err)
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	in, err := ipc.NewFileReader(file)
	if err != nil {
		return nil, fmt.Errorf("the Arrow file cannot be read: %w", err)
	}
	a := &arrowFile{file: file, size: info.Size(), in: in}
	all := make([]string, in.Schema().NumFields())
	for i, field := range in.Schema().Fields() {
		all[i] = field.Name
	}
	if a.names, err = columns.read(all); err != nil {
		return nil, err
	}
	for _, name := range a.names {
		a.places = append(a.places, slices.Index(all, name))
	}
	return a, nil
}

// recovered turns a panic of the library on a broken file into an error.
func recovered(err *error) {
	if broken := recover(); broken != nil {
		*err = fmt.Errorf("the Arrow file cannot be read: %v", broken)
	}
}

func (a *arrowFile) Close() error {
	a.drop()
	return errors.Join(a.in.Close(), a.file.Close())
}

func (a *arrowFile) drop() {
	if a.batch != nil {
		a.batch.Release()
		a.batch = nil
	}
}

// Number is that of the last row that was read or passed over.
func (a *arrowFile) Number() int64 { return a.number }

// Done is the share of the batches that are begun, in bytes.
func (a *arrowFile) Done() int64 {
	return int64(float64(a.size) * float64(a.next) / float64(max(1, a.in.NumRecords())))
}

// left loads the next batch where one is needed, and tells how many of its rows are left.
func (a *arrowFile) left() (int64, error) {
	for a.batch == nil || a.row == a.batch.NumRows() {
		a.drop()
		if a.next == a.in.NumRecords() {
			return 0, io.EOF
		}
		batch, err := a.in.RecordBatchAt(a.next)
		if err != nil {
			return 0, fmt.Errorf("batch %d: %w", a.next, err)
		}
		a.batch, a.row = batch, 0
		a.next++
	}
	return a.batch.NumRows() - a.row, nil
}

// Skip passes over so many rows.
func (a *arrowFile) Skip(n int64) (err error) {
	defer recovered(&err)
	for n > 0 {
		left, err := a.left()
		if err != nil {
			return err
		}
		passed := min(left, n)
		a.row += passed
		a.number += passed
		n -= passed
	}
	return nil
}

// Chunk gives the next rows.
func (a *arrowFile) Chunk(n int) (lines []bulk.Line, err error) {
	defer recovered(&err)
	for len(lines) < n {
		if _, err := a.left(); err != nil {
			return lines, err
		}
		lines = append(lines, a.line())
	}
	return lines, nil
}

// line is a row as JSON.
func (a *arrowFile) line() bulk.Line {
	object := make(map[string]any, len(a.names))
	for i, name := range a.names {
		if column := a.batch.Column(a.places[i]); column.IsValid(int(a.row)) {
			object[name] = column.GetOneForMarshal(int(a.row))
		}
	}
	a.row++
	a.number++
	line := bulk.Line{Number: int(a.number)}
	text, err := json.Marshal(object)
	switch {
	case err != nil:
		line.Set(nil, failure.New(failure.CodeInvalidField, "the row cannot be written as JSON: %v", err))
	case len(text) > maxRow:
		line.Set(nil, failure.New(problem.CodeBodyTooLarge, "the row has more than %d MiB", maxRow>>20))
	default:
		line.Set(text, nil)
	}
	return line
}

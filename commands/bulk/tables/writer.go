package tables

import (
	"bufio"
	"errors"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Writer writes records to a file. The same records always make the same bytes.
type Writer struct {
	file *os.File
	to   records
}

// records is one format.
type records interface {
	write(record []byte) error
	end() error
}

// Create makes a file, whose format goes by the name as: so it can be written under another name before it has its own.
// The columns are those of Parquet and Arrow; JSON lines have whatever the records have.
func Create(name, as string, columns []Column) (*Writer, error) {
	format, err := formatOf(as)
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644) //nolint:gosec // a result, for whom the umask lets
	if err != nil {
		return nil, err
	}
	to, err := func() (records, error) {
		switch format.rows {
		case "parquet":
			return newParquet(file, columns), nil
		case "arrow":
			return newArrow(file, columns)
		}
		return newLines(file, format.compression)
	}()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &Writer{file, to}, nil
}

// Write writes one record, a JSON object without a line end.
func (w *Writer) Write(record []byte) error { return w.to.write(record) }

// Close ends the file. Without an error all of it is on the disk.
func (w *Writer) Close() error {
	if err := w.to.end(); err != nil {
		return errors.Join(err, w.file.Close())
	}
	return errors.Join(w.file.Sync(), w.file.Close())
}

// Discard gives up the file, which its owner removes.
func (w *Writer) Discard() error { return w.file.Close() }

// lineRecords are JSON lines.
type lineRecords struct {
	out   *bufio.Writer
	inner io.Closer // the compression; nil: none
}

func newLines(file *os.File, compression string) (records, error) {
	switch compression {
	case "gzip":
		inner := gzip.NewWriter(file)
		return &lineRecords{bufio.NewWriterSize(inner, 1<<16), inner}, nil
	case "zstd":
		inner, err := zstd.NewWriter(file, zstd.WithEncoderConcurrency(1))
		return &lineRecords{bufio.NewWriterSize(inner, 1<<16), inner}, err
	}
	return &lineRecords{out: bufio.NewWriterSize(file, 1<<16)}, nil
}

func (l *lineRecords) write(record []byte) error {
	if _, err := l.out.Write(record); err != nil {
		return err
	}
	return l.out.WriteByte('\n')
}

func (l *lineRecords) end() error {
	if err := l.out.Flush(); err != nil || l.inner == nil {
		return err
	}
	return l.inner.Close()
}

// group is how many rows a row group of Parquet, or a batch of Arrow, has.
const group = 1 << 16

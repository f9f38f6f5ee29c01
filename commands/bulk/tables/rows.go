package tables

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/assay-rm/assay/commands/bulk"
)

// Row is one row that is there: its line has the object, numbered as in its file. Blank lines are no rows.
type Row struct {
	Number int64 // over all files, from 1
	File   int   // index of its file
	bulk.Line
}

// Rows reads the rows of files, in bounded memory: of JSON lines one after the other, of Parquet some pages of each
// column, of Arrow one batch of the file.
type Rows struct {
	files   []File
	columns *Columns
	number  int64 // of the last row
	file    int   // that is read
	source  source
	lines   []bulk.Line // that are read, and not given yet
	end     error       // after those lines
	before  int64       // bytes of the files that are read
}

// source gives the rows of one file.
type source interface {
	bulk.Source
	io.Closer
}

// skipper is a source that need not read what it passes over.
type skipper interface {
	Skip(n int64) error
}

// chunk is how many lines are read ahead at once.
const chunk = 64

// Read reads files. The columns say what their columns are called.
func Read(files []File, columns *Columns) *Rows { return &Rows{files: files, columns: columns} }

// Next gives the next row. The error is io.EOF after the last one, and names the file else.
func (r *Rows) Next() (Row, error) {
	for len(r.lines) == 0 {
		if err := r.more(); err != nil {
			return Row{}, err
		}
	}
	row := Row{Number: r.number + 1, File: r.file, Line: r.lines[0]}
	r.lines = r.lines[1:]
	r.number++
	if text := row.Text(); text != nil {
		row.Set(r.columns.rename(text), nil)
	}
	return row, nil
}

// more reads some lines, which may be none.
func (r *Rows) more() error {
	if r.file == len(r.files) {
		return io.EOF
	}
	if r.source == nil {
		source, err := open(r.files[r.file].Path, r.columns)
		if err != nil {
			return fmt.Errorf("%s: %w", r.files[r.file].Path, err)
		}
		r.source, r.end = source, nil
	}
	if r.end == nil {
		r.lines, r.end = r.source.Chunk(chunk)
		if len(r.lines) > 0 {
			return nil
		}
	}
	if r.end == nil {
		return nil
	}
	if !errors.Is(r.end, io.EOF) {
		return fmt.Errorf("%s: %w", r.files[r.file].Path, r.end)
	}
	r.before += r.files[r.file].Size
	r.file++
	return r.Close()
}

// Skip passes over so many rows. The error is io.EOF where there are fewer.
func (r *Rows) Skip(n int64) error {
	for n > 0 {
		if from, ok := r.source.(skipper); ok && len(r.lines) == 0 && r.end == nil {
			before := numberOf(r.source)
			err := from.Skip(n)
			passed := numberOf(r.source) - before
			r.number += passed
			n -= passed
			if err == nil {
				continue
			}
			if !errors.Is(err, io.EOF) {
				return fmt.Errorf("%s: %w", r.files[r.file].Path, err)
			}
			r.end = io.EOF
		}
		if len(r.lines) == 0 {
			if err := r.more(); err != nil {
				return err
			}
		}
		passed := min(int64(len(r.lines)), n)
		r.lines = r.lines[passed:]
		r.number += passed
		n -= passed
	}
	return nil
}

// numberOf is the number of the last row that was read of a file.
func numberOf(of source) int64 {
	if numbered, ok := of.(interface{ Number() int64 }); ok {
		return numbered.Number()
	}
	return 0
}

// Done is how many bytes of the files are read.
func (r *Rows) Done() int64 {
	if r.source == nil {
		return r.before
	}
	return r.before + r.source.Done()
}

// Close closes the file that is read.
func (r *Rows) Close() error {
	if r.source == nil {
		return nil
	}
	err := r.source.Close()
	r.source = nil
	return err
}

// open opens one file.
func open(name string, columns *Columns) (source, error) {
	format, err := formatOf(name)
	if err != nil {
		return nil, err
	}
	in, err := os.Open(filepath.Clean(name))
	if err != nil {
		return nil, err
	}
	opened, err := func() (source, error) {
		switch format.rows {
		case "parquet":
			return openParquet(in, columns)
		case "arrow":
			return openArrow(in, columns)
		}
		return openLines(in, format.compression)
	}()
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	return opened, nil
}

// lines are those of a file that may be compressed.
type lines struct {
	*bulk.Reader
	from  *counted
	close func()
}

// counted counts what is read of a file.
type counted struct {
	*os.File
	done int64
}

func (c *counted) Read(into []byte) (int, error) {
	n, err := c.File.Read(into)
	c.done += int64(n)
	return n, err
}

func (l *lines) Done() int64 { return l.from.done }

func (l *lines) Close() error {
	if l.close != nil {
		l.close()
	}
	return l.from.Close()
}

func openLines(file *os.File, compression string) (source, error) {
	from := &counted{File: file}
	switch compression {
	case "gzip":
		plain, err := gzip.NewReader(from)
		if errors.Is(err, io.EOF) {
			return nil, errors.New("the file is empty, and no gzip")
		}
		if err != nil {
			return nil, err
		}
		return &lines{Reader: bulk.NewReader(plain), from: from}, nil
	case "zstd":
		plain, err := zstd.NewReader(from, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(zstdWindow))
		if err != nil {
			return nil, err
		}
		return &lines{bulk.NewReader(plain), from, plain.Close}, nil
	}
	return &lines{Reader: bulk.NewReader(from), from: from}, nil
}

// zstdWindow is how far back a file may refer: what `zstd --long` makes without being told more.
const zstdWindow = 128 << 20

// parquetFile is a Parquet file with its owner.
type parquetFile struct {
	*bulk.Parquet
	file *os.File
}

func (p *parquetFile) Close() error { return p.file.Close() }

func openParquet(file *os.File, columns *Columns) (source, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	all, err := bulk.NewParquet(file, info.Size(), nil)
	if err != nil {
		return nil, err
	}
	names, err := columns.read(all.Columns())
	if err != nil {
		return nil, err
	}
	some, err := bulk.NewParquet(file, info.Size(), names)
	if err != nil {
		return nil, err
	}
	return &parquetFile{some, file}, nil
}

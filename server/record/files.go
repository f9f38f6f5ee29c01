package record

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/zstd"
)

// files are those of a directory, the newest of which is written.
type files struct {
	dir     string
	most    int64 // bytes of all
	each    int64 // bytes of one
	written *atomic.Int64
	failed  time.Time // when a write failed

	file   *os.File // nil: the next write begins one
	out    *zstd.Encoder
	number int
	size   int64 // compressed bytes of the file
	dirty  bool  // there are lines that are not brought to the disk
}

// pattern matches the files of records; their names sort by time.
const pattern = "assay-*.jsonl.zst"

// Write takes the compressed bytes.
func (f *files) Write(bytes []byte) (int, error) {
	n, err := f.file.Write(bytes)
	f.size += int64(n)
	f.written.Add(int64(n))
	return n, err
}

// write writes one line. After an error the file is given up, and the next line begins another.
func (f *files) write(line []byte) (err error) {
	defer func() {
		if err != nil {
			f.abandon()
		}
	}()
	if f.file == nil {
		if err := f.begin(); err != nil {
			return err
		}
	}
	if _, err := f.out.Write(line); err != nil {
		return err
	}
	f.dirty = true
	if f.size >= f.each {
		return f.end()
	}
	return nil
}

// begin makes room for a file and begins it.
func (f *files) begin() error {
	if err := f.makeRoom(); err != nil {
		return err
	}
	f.number++
	name := fmt.Sprintf("assay-%s-%06d.jsonl.zst", time.Now().UTC().Format("20060102T150405.000000Z"), f.number)
	file, err := os.OpenFile(filepath.Join(f.dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	f.file, f.size = file, 0
	if f.out == nil {
		f.out, err = zstd.NewWriter(f, zstd.WithEncoderConcurrency(1))
		return err
	}
	f.out.Reset(f)
	return nil
}

// makeRoom removes the oldest files, so that there is room for one more.
func (f *files) makeRoom() error {
	names, err := filepath.Glob(filepath.Join(f.dir, pattern))
	if err != nil {
		return err
	}
	slices.Sort(names)
	sizes, all := make([]int64, len(names)), int64(0)
	for i, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			return err
		}
		sizes[i] = info.Size()
		all += sizes[i]
	}
	for i, name := range names {
		if all+f.each <= f.most {
			break
		}
		if err := os.Remove(name); err != nil {
			return err
		}
		all -= sizes[i]
	}
	return nil
}

// flush brings the lines so far to the disk's cache, where another process reads them.
func (f *files) flush() error {
	if f.file == nil || !f.dirty {
		return nil
	}
	f.dirty = false
	if err := f.out.Flush(); err != nil {
		f.abandon()
		return err
	}
	if f.size >= f.each {
		return f.end()
	}
	return nil
}

// end ends the file.
func (f *files) end() error {
	if f.file == nil {
		return nil
	}
	file := f.file
	err := f.out.Close()
	f.file, f.dirty = nil, false
	return errors.Join(err, file.Sync(), file.Close())
}

// abandon gives up a file whose write failed. What it has so far stays.
func (f *files) abandon() {
	if f.file != nil {
		_ = f.file.Close()
		f.file, f.dirty = nil, false
	}
}

// maxLine is how long a line may be: longer than any, since a body and an answer are bounded.
const maxLine = 1 << 30

// Read gives the lines of all files of a directory, the oldest first. A file that was not ended, as that of a server
// that was killed, has the lines that were flushed.
func Read(dir string, each func(line []byte) error) error {
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return fmt.Errorf("%s has no records: they are named %s", dir, pattern)
	}
	slices.Sort(names)
	for _, name := range names {
		if err := readFile(name, each); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func readFile(name string, each func(line []byte) error) error {
	file, err := os.Open(filepath.Clean(name))
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // it was only read
	plain, err := zstd.NewReader(file, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return err
	}
	defer plain.Close()
	lines := bufio.NewScanner(plain)
	lines.Buffer(nil, maxLine)
	lines.Split(wholeLines)
	for lines.Scan() {
		if err := each(lines.Bytes()); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return nil
}

// wholeLines is [bufio.ScanLines] without a last line that has no end.
func wholeLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	advance, token, err = bufio.ScanLines(data, atEOF)
	if atEOF && advance == len(data) && len(data) > 0 && data[len(data)-1] != '\n' {
		return advance, nil, err
	}
	return advance, token, err
}

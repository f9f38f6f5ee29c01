package job

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Record is what became of a row.
type Record struct {
	Row    int64
	Text   []byte // a JSON object
	Failed bool
}

// castagnoli is the polynomial that processors compute.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendTo appends the record as a line of a log: a checksum, then "-" or "x" where it failed, the row and the text.
func (r *Record) appendTo(line []byte) []byte {
	begin := len(line)
	line = append(line, "00000000 - "...)
	if r.Failed {
		line[begin+9] = 'x'
	}
	line = strconv.AppendInt(line, r.Row, 10)
	line = append(append(line, ' '), r.Text...)
	copy(line[begin:], fmt.Sprintf("%08x", crc32.Checksum(line[begin+9:], castagnoli)))
	return append(line, '\n')
}

// readRecord reads a line of a log without its end; it is not known where the line is not whole.
func readRecord(line []byte) (r Record, known bool) {
	if len(line) < 14 || fmt.Sprintf("%08x ", crc32.Checksum(line[9:], castagnoli)) != string(line[:9]) {
		return r, false
	}
	row, text, found := bytes.Cut(line[11:], []byte(" "))
	n, err := strconv.ParseInt(string(row), 10, 64)
	return Record{n, bytes.Clone(text), line[9] == 'x'}, found && err == nil
}

// readLog reads the records of a log, as far as they are whole, and tells where they end. A process that was killed may
// leave half a line behind.
func readLog(file io.Reader) (all []Record, end int64, err error) {
	in := bufio.NewReaderSize(file, 1<<16)
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return all, end, nil
		}
		if err != nil {
			return nil, 0, err
		}
		record, known := readRecord(line[:len(line)-1])
		if !known {
			return all, end, nil
		}
		all = append(all, record)
		end += int64(len(line))
	}
}

// log is that of one window that is being asked. It is safe for concurrent use.
type log struct {
	dir    string
	window int
	rows   int // of the window

	mu     sync.Mutex
	file   *os.File
	left   int // rows without a record
	synced time.Time
}

// Names of logs: that of a window whose rows are asked, and that of one whose rows all have a record.
func openName(window int) string        { return fmt.Sprintf("%08d.log", window) }
func wholeName(window, rows int) string { return fmt.Sprintf("%08d.%d.rows", window, rows) }

// resume opens the log of a window, new or with what a run left that was stopped.
func resume(dir string, window int) (*log, []Record, error) {
	file, err := os.OpenFile(filepath.Join(dir, openName(window)), os.O_RDWR|os.O_CREATE, 0o644) //nolint:gosec // as the result's
	if err != nil {
		return nil, nil, err
	}
	records, end, err := readLog(file)
	if err == nil {
		err = file.Truncate(end)
	}
	if err == nil {
		_, err = file.Seek(end, io.SeekStart)
	}
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return &log{dir: dir, window: window, file: file, synced: time.Now()}, records, nil
}

// syncEach is how often a log is brought to the disk, always with records that come: where the machine itself stops,
// what came since is lost. Where the process alone is killed nothing is.
const syncEach = 5 * time.Second

// append keeps records. With the last of the window's the log is whole.
func (l *log) append(records []Record) error {
	var lines []byte
	for i := range records {
		lines = records[i].appendTo(lines)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.file.Write(lines); err != nil {
		return err
	}
	if l.left -= len(records); l.left == 0 {
		return l.end()
	}
	if time.Since(l.synced) < syncEach {
		return nil
	}
	l.synced = time.Now()
	return l.file.Sync()
}

// end makes the log that of a window whose rows all have a record.
func (l *log) end() error {
	if err := errors.Join(l.file.Sync(), l.file.Close()); err != nil {
		return err
	}
	whole := filepath.Join(l.dir, wholeName(l.window, l.rows))
	return errors.Join(os.Rename(filepath.Join(l.dir, openName(l.window)), whole), syncDir(l.dir))
}

// wholeLogs lists how many rows each window has whose log is whole, by window.
func wholeLogs(dir string) (map[int]int, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	rows := map[int]int{}
	for _, entry := range entries {
		parts := strings.Split(entry.Name(), ".")
		if len(parts) != 3 || parts[2] != "rows" {
			continue
		}
		window, first := strconv.Atoi(parts[0])
		n, second := strconv.Atoi(parts[1])
		if err := errors.Join(first, second); err != nil {
			return nil, fmt.Errorf("%s is no log: %w", entry.Name(), err)
		}
		rows[window] = n
	}
	return rows, nil
}

// wholeLog reads the records of a window whose log is whole, in the order of the rows, of which the first is given.
func wholeLog(dir string, window, rows int, first int64) ([]Record, error) {
	name := filepath.Join(dir, wholeName(window, rows))
	file, err := os.Open(filepath.Clean(name))
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	records, _, err := readLog(file)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(records, func(a, b Record) int { return int(a.Row - b.Row) })
	if len(records) != rows {
		return nil, fmt.Errorf("%s has %d whole records, and its window %d rows: --restart begins anew", name, len(records), rows)
	}
	for i := range records {
		if records[i].Row != first+int64(i) {
			return nil, fmt.Errorf("%s has row %d where %d was next: --restart begins anew", name, records[i].Row, first+int64(i))
		}
	}
	return records, nil
}

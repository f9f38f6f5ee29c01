package evaluation

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// Journal keeps what every row came to in a file, as it comes, so that a run that was ended anywhere goes on behind the
// last row that it kept. Its first line says what is measured; the others are one row each.
type Journal struct {
	file *os.File
	path string
	kept []record
	Rows int // that it had when it was opened
}

// record is what one row came to.
type record struct {
	Job      int       `json:"j"`
	Line     int       `json:"l"`
	Outcomes []outcome `json:"o"`
}

// OpenJournal opens a journal, or begins one, for a run that head tells of; the rows that it has are given to see, in
// their order. A line that was cut is dropped. It fails where the journal is of another run, or another process has it.
func OpenJournal(path string, head any, see func(job, line int, outcomes []outcome)) (j *Journal, err error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644) //nolint:gosec // as the report beside it, it is no secret
	if err != nil {
		return nil, err
	}
	j = &Journal{file: file, path: path}
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close())
		}
	}()
	if syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return nil, fmt.Errorf("%s: another run is writing it", path)
	}
	first, err := json.Marshal(head)
	if err != nil {
		return nil, err
	}
	end, err := j.read(first, see)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err = file.Truncate(end); err != nil {
		return nil, err
	}
	if _, err = file.Seek(end, io.SeekStart); err != nil {
		return nil, err
	}
	if end == 0 {
		_, err = file.Write(append(first, '\n'))
	}
	return j, err
}

// read gives the rows and says where the last whole line ends.
func (j *Journal) read(head []byte, see func(job, line int, outcomes []outcome)) (end int64, err error) {
	in := bufio.NewReaderSize(j.file, 1<<16)
	for {
		text, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return end, nil // a line without its end was cut
		}
		if err != nil {
			return end, err
		}
		if end == 0 {
			if !bytes.Equal(bytes.TrimSuffix(text, []byte{'\n'}), head) {
				return 0, errors.New("the journal is of another run, of other files, models or flags: remove it, or name another --report")
			}
		} else {
			var r record
			if err := json.Unmarshal(text, &r); err != nil {
				return end, fmt.Errorf("row %d is spoilt: %w", j.Rows+1, err)
			}
			see(r.Job, r.Line, r.Outcomes)
			j.Rows++
		}
		end += int64(len(text))
	}
}

// keep takes what a row came to; flush writes what was taken, in one piece.
func (j *Journal) keep(r record) {
	if j != nil {
		j.kept = append(j.kept, r)
	}
}

func (j *Journal) flush() error {
	if j == nil || len(j.kept) == 0 {
		return nil
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	for i := range j.kept {
		if err := encoder.Encode(&j.kept[i]); err != nil {
			return err
		}
	}
	j.kept = j.kept[:0]
	_, err := j.file.Write(text.Bytes())
	return err
}

// Close leaves the journal as it is. It may be called again.
func (j *Journal) Close() error {
	if j == nil || j.file == nil {
		return nil
	}
	file := j.file
	j.file = nil
	return file.Close()
}

// Remove takes the journal away, when what it was kept for is done.
func (j *Journal) Remove() error { return errors.Join(os.Remove(j.path), j.Close()) }

// Package tables reads the rows of files as JSON objects, whatever their format is, and writes records as such files.
//
//	Find     patterns → files, each with its format
//	Rows     files → rows, numbered over all of them, with columns renamed
//	Writer   records, each a JSON object → one file
package tables

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// File is a file of rows as it was found. Two that are equal are taken for the same content.
type File struct {
	Path    string `json:"path"`
	Size    int64  `json:"size"`
	Changed string `json:"changed,omitempty"` // when, by the file system
	Ends    string `json:"ends"`              // sha256 of its first and last 64 KiB
}

// ends is how much of either end of a file goes into its digest.
const ends = 64 << 10

// Find lists the files that the patterns mean, each in the order of names, a pattern after the other. The error names a
// pattern that means none, a file that is no regular one, is named twice, or has an unknown format.
func Find(patterns []string) ([]File, error) {
	var all []File
	for _, pattern := range patterns {
		names, err := filepath.Glob(pattern)
		if err != nil {
			return nil, fmt.Errorf("%q is no pattern of files: %w", pattern, err)
		}
		if len(names) == 0 {
			return nil, fmt.Errorf("no file is named %q", pattern)
		}
		slices.Sort(names)
		for _, name := range names {
			if slices.ContainsFunc(all, func(f File) bool { return f.Path == name }) {
				return nil, fmt.Errorf("%s is named twice", name)
			}
			file, err := find(name)
			if err != nil {
				return nil, err
			}
			all = append(all, file)
		}
	}
	return all, nil
}

func find(name string) (File, error) {
	if _, err := formatOf(name); err != nil {
		return File{}, err
	}
	info, err := os.Stat(name) // before it is opened, since to open a pipe waits for who writes it
	if err != nil {
		return File{}, err
	}
	if !info.Mode().IsRegular() {
		return File{}, fmt.Errorf("%s is no regular file: rows are read again after a stop, so they must lie in one", name)
	}
	in, err := os.Open(filepath.Clean(name))
	if err != nil {
		return File{}, err
	}
	defer in.Close() //nolint:errcheck // it was only read
	sum := sha256.New()
	for _, from := range []int64{0, max(0, info.Size()-ends)} {
		if _, err := io.Copy(sum, io.NewSectionReader(in, from, ends)); err != nil {
			return File{}, err
		}
	}
	return File{name, info.Size(), info.ModTime().UTC().Format("2006-01-02T15:04:05.000000000Z"), hex.EncodeToString(sum.Sum(nil))}, nil
}

// Unchanged is the error of a file that is not the one that was found.
func (f File) Unchanged() error {
	is, err := find(f.Path)
	switch {
	case err != nil:
		return err
	case is.Size != f.Size:
		return fmt.Errorf("%s has changed while it was read: it had %d bytes and has %d", f.Path, f.Size, is.Size)
	case is.Ends != f.Ends:
		return fmt.Errorf("%s has changed while it was read: its first or last 64 KiB are others", f.Path)
	case is.Changed != f.Changed:
		return fmt.Errorf("%s has changed while it was read: it was of %s and is of %s", f.Path, f.Changed, is.Changed)
	}
	return nil
}

// format is how a file holds its rows.
type format struct {
	rows        string // jsonl, parquet or arrow
	compression string // of JSON lines: gzip, zstd, or none
}

// Formats says in words which files there are.
const Formats = ".jsonl, .ndjson or .json (a row on each line, also with .gz or .zst), .parquet, .arrow or .feather"

// formatOf goes by the name of a file.
func formatOf(name string) (format, error) {
	plain, compression := name, ""
	for _, one := range [][2]string{{".gz", "gzip"}, {".zst", "zstd"}} {
		if rest, ok := strings.CutSuffix(name, one[0]); ok {
			plain, compression = rest, one[1]
		}
	}
	switch ext := filepath.Ext(plain); {
	case ext == ".jsonl" || ext == ".ndjson" || ext == ".json":
		return format{"jsonl", compression}, nil
	case compression != "":
	case ext == ".parquet":
		return format{rows: "parquet"}, nil
	case ext == ".arrow" || ext == ".feather":
		return format{rows: "arrow"}, nil
	}
	return format{}, fmt.Errorf("%s: the name tells no format; a file of rows ends in %s", name, Formats)
}

// CheckOutput tells whether a file of that name can be written.
func CheckOutput(name string) error {
	if _, err := formatOf(name); err != nil {
		return err
	}
	switch info, err := os.Stat(filepath.Dir(name)); {
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is no directory", filepath.Dir(name))
	}
	if info, err := os.Lstat(name); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no regular file", name)
	} else if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

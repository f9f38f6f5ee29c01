package models

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/assay-rm/assay/models/fault"
)

// The bytes that a file of a bundle may have, as docs/BUNDLE.md says. External data may be as long as its tensors say,
// and have 64 KiB more for each of them, since exporters let each begin on a page.
const (
	maxManifest  = 1 << 20
	maxGraph     = 2<<30 - 1 // what a message of protobuf can have
	maxHead      = 256 << 20
	maxTokenizer = 64 << 20
	maxTemplate  = 1 << 20
	maxGolden    = 8 << 20
)

// folder is where the files of a bundle lie. Only regular files inside it are opened, and nothing that is opened can
// block: a named pipe or a device is refused before it is read.
type folder struct {
	root *os.Root // of a bundle on disk, which close gives back
	fsys fs.FS    // of an embedded one
}

func openFolder(source Source) (folder, error) {
	if source.dir == "" {
		return folder{fsys: source.fsys}, nil
	}
	root, err := os.OpenRoot(source.dir)
	if err != nil {
		return folder{}, &fault.Error{Code: fault.CodeBundle, Detail: "the bundle cannot be opened", Err: err}
	}
	return folder{root: root}, nil
}

func (f folder) close() {
	if f.root != nil {
		f.root.Close() //nolint:errcheck,gosec // opened for reading
	}
}

// open opens a regular file of at most so many bytes, and says how many it has.
func (f folder) open(name string, most int64) (fs.File, int64, error) {
	file, err := f.find(name)
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = errors.New("it is not a regular file")
	case info.Size() > most:
		err = fmt.Errorf("it has %d bytes, and may have %d", info.Size(), most)
	default:
		return file, info.Size(), nil
	}
	return nil, 0, errors.Join(err, file.Close())
}

func (f folder) find(name string) (fs.File, error) {
	if f.root == nil {
		return f.fsys.Open(name)
	}
	return f.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

// read gives a file's content; a manifest's field without a file gives nothing.
func (f folder) read(field, name string, most int64) (data []byte, err error) {
	if name == "" {
		return nil, nil
	}
	defer func() {
		if err != nil {
			err = &fault.Error{Code: fault.CodeBundle, Detail: fmt.Sprintf("%s %q cannot be read", field, fault.Short(name)), Err: err}
		}
	}()
	file, size, err := f.open(name, most)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	data = make([]byte, size)
	_, err = io.ReadFull(file, data)
	return data, err
}

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// put writes a file, in place of whatever has its name.
func put(name string, content func() []byte) change {
	return func(dir string) error {
		path := filepath.Join(dir, name)
		if err := os.RemoveAll(path); err != nil {
			return err
		}
		return os.WriteFile(path, content(), 0o600)
	}
}

// remove takes a file away.
func remove(name string) change {
	return func(dir string) error { return os.Remove(filepath.Join(dir, name)) }
}

// pipe puts a named pipe in the place of a file; nobody ever writes to it.
func pipe(name string) change {
	return special(name, func(path string) error { return syscall.Mkfifo(path, 0o600) })
}

// device puts a device without end in the place of a file or, where this user may make none, a socket.
func device(name string) change {
	return special(name, func(path string) error {
		const zero = 1<<8 | 5 // /dev/zero
		err := syscall.Mknod(path, syscall.S_IFCHR|0o600, zero)
		if !errors.Is(err, syscall.EPERM) {
			return err
		}
		listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err == nil {
			listener.SetUnlinkOnClose(false)
			err = listener.Close()
		}
		return err
	})
}

// folder puts a directory in the place of a file.
func folder(name string) change {
	return special(name, func(path string) error { return os.Mkdir(path, 0o700) })
}

// link puts a symbolic link in the place of a file.
func link(name, to string) change {
	return special(name, func(path string) error { return os.Symlink(to, path) })
}

// sparse puts a file of so many bytes that takes no room on the disk in the place of a file.
func sparse(name string, size int64) change {
	return special(name, func(path string) error {
		file, err := os.Create(filepath.Clean(path))
		if err != nil {
			return err
		}
		return errors.Join(file.Truncate(size), file.Close())
	})
}

func special(name string, create func(path string) error) change {
	return func(dir string) error {
		path := filepath.Join(dir, name)
		if err := os.RemoveAll(path); err != nil {
			return err
		}
		return create(path)
	}
}

// edit replaces text in a file, which must be there.
func edit(name, old, now string) change {
	return func(dir string) error {
		path := filepath.Join(dir, name)
		content, err := os.ReadFile(filepath.Clean(path))
		if err != nil {
			return err
		}
		if !bytes.Contains(content, []byte(old)) {
			return fmt.Errorf("%s does not have %q", name, old)
		}
		return os.WriteFile(path, bytes.Replace(content, []byte(old), []byte(now), 1), 0o600)
	}
}

// manifest replaces text of the manifest.
func manifest(old, now string) change { return edit("assay.yaml", old, now) }

// withoutGolden leaves the golden pairs out, which a bundle may.
func withoutGolden() change {
	return func(dir string) error {
		path := filepath.Join(dir, "assay.yaml")
		content, err := os.ReadFile(filepath.Clean(path))
		if err != nil {
			return err
		}
		var kept []string
		for line := range strings.Lines(string(content)) {
			if !strings.HasPrefix(line, "golden:") {
				kept = append(kept, line)
			}
		}
		return os.WriteFile(path, []byte(strings.Join(kept, "")), 0o600)
	}
}

// graph puts a graph of our own in the place of the bundle's, whose golden pairs then say nothing any more.
func graph(file func() []byte) []change { return []change{withoutGolden(), put("model.onnx", file)} }

// tokens changes the tokenizer's file as JSON.
func tokens(edit func(parts map[string]any)) change {
	return func(dir string) error {
		path := filepath.Join(dir, "tokenizer.json")
		content, err := os.ReadFile(filepath.Clean(path))
		if err != nil {
			return err
		}
		var parts map[string]any
		if err := json.Unmarshal(content, &parts); err != nil {
			return err
		}
		edit(parts)
		if content, err = json.Marshal(parts); err != nil {
			return err
		}
		return os.WriteFile(path, content, 0o600)
	}
}

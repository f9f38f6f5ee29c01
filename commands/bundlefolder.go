package commands

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/assay-rm/assay/models/manifest"
)

// Bounds of a folder of bundles.
const (
	mostBundles     = 256
	mostBundleFiles = 16384 + 16 // external data, and what lies beside it
)

// bundlesIn lists the folders of a folder that have a manifest, in the order of their names, and those of which it
// cannot be told whether they have one. Those that begin with a dot are passed over, so that a bundle can be written
// there and then be given its name.
func bundlesIn(dir string) (found, unclear []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	for _, entry := range entries {
		folder := filepath.Join(dir, entry.Name())
		if strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		info, err := os.Stat(filepath.Join(folder, manifest.File))
		switch {
		case err == nil && info.Mode().IsRegular():
			found = append(found, folder)
		case err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR):
			unclear = append(unclear, folder)
		}
	}
	if len(found) > mostBundles {
		return nil, nil, fmt.Errorf("%s has %d bundles, and may have %d", dir, len(found), mostBundles)
	}
	return found, unclear, nil
}

// marks tells what a bundle's files are without reading them: two that are equal are of the same files.
type marks string

func marksOf(folder string) (marks, error) {
	folder, err := filepath.EvalSymlinks(folder) // a name that leads to another folder now is a change
	if err != nil {
		return "", err
	}
	var all strings.Builder
	files := 0
	err = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			return nil
		}
		if files++; files > mostBundleFiles {
			return fmt.Errorf("%s has more than %d files", folder, mostBundleFiles)
		}
		info, err := os.Stat(path)
		if err != nil { // a link to nothing, or what may not be read, is no file of the bundle
			fmt.Fprintf(&all, "%s %v\n", path, err)
			return nil
		}
		fmt.Fprintf(&all, "%s %d %d", path, info.Size(), info.ModTime().UnixNano())
		if of, ok := info.Sys().(*syscall.Stat_t); ok {
			fmt.Fprintf(&all, " %d %d %d", of.Dev, of.Ino, of.Ctim.Nano())
		}
		all.WriteByte('\n')
		return nil
	})
	return marks(all.String()), err
}

// marksIn are the marks of the bundles of a folder.
func marksIn(dir string) map[string]marks {
	all := map[string]marks{}
	if dir == "" {
		return all
	}
	folders, _, _ := bundlesIn(dir) // what cannot be read is told by who loads it
	for _, folder := range folders {
		if is, err := marksOf(folder); err == nil {
			all[folder] = is
		}
	}
	return all
}

// deviceOf is the file system that a folder lies on; 0: it is not known.
func deviceOf(dir string) uint64 {
	info, err := os.Stat(dir)
	if err != nil {
		return 0
	}
	of, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0
	}
	return of.Dev
}

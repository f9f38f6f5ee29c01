package models

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/assay-rm/assay/kernels/onnx"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/models/onnxrun"
)

// Source is where a bundle comes from: a directory on disk, or files embedded in the binary.
type Source struct {
	name string
	dir  string // on disk
	fsys fs.FS  // embedded
}

// Dir is a bundle on disk.
func Dir(dir string) Source { return Source{name: dir, dir: dir} }

// Embedded is a bundle in a file system that is no directory on disk, such as one of package embed. Its graph can have
// no external data, since ONNX Runtime opens that by its path.
func Embedded(name string, fsys fs.FS) Source { return Source{name: name, fsys: fsys} }

// String names the source in messages.
func (s Source) String() string { return s.name }

// bundle is what was read of a source: every file that its manifest names, and what the server must know of its graph.
// All of them lie inside the source. It holds no file open.
type bundle struct {
	manifest  manifest.Manifest
	stages    []stageFile // of the graph, at least one
	head      []byte      // the graph that gorgonia runs: the head's, or that of a model of features; nil: there is none
	tokenizer []byte
	template  string
	golden    []byte
	digest    string // see hash

	fixed [sha256.Size]byte      // of the graph, the tokenizer and the template, where all weights are external data; else zero
	files map[string]fs.FileInfo // what was hashed, by name
}

// stageFile is the graph of one stage, which is the whole graph where that is not cut.
type stageFile struct {
	*onnx.Signature
	name     string // in the bundle
	path     string // on disk
	content  []byte // of an embedded graph
	bytes    int64  // size of the file, external data left out
	external int64  // size of its external data
}

// graphFile is the graph as a session takes it.
func (b *bundle) graphFile() *onnxrun.Graph {
	graph := &onnxrun.Graph{Manifest: &b.manifest, Head: b.head}
	for _, f := range b.stages {
		graph.Stages = append(graph.Stages, onnxrun.Stage{
			Inputs: f.Inputs, Outputs: f.Outputs, Path: f.path, Content: f.content, Bytes: f.bytes, External: f.external, Outside: f.Outside,
		})
	}
	return graph
}

// weights are the bytes of the graph and of its external data.
func (b *bundle) weights() (bytes int64) {
	for _, f := range b.stages {
		bytes += f.bytes + f.external
	}
	return bytes
}

// readBundle reads and hashes every file that the manifest and the graph name. On disk, a name or a link that leads out
// of the directory is refused.
func readBundle(source Source) (*bundle, error) {
	files, err := openFolder(source)
	if err != nil {
		return nil, err
	}
	defer files.close()
	b := &bundle{files: map[string]fs.FileInfo{}}
	if err := b.readText(files); err != nil {
		return nil, err
	}
	m, fixed := &b.manifest, sha256.New()
	for _, name := range m.Graph.Files() {
		graph, err := files.read("graph.file", name, maxGraph)
		if err != nil {
			return nil, err
		}
		f := stageFile{name: name, bytes: int64(len(graph))}
		if f.Signature, err = readSignature(graph); err != nil {
			return nil, &fault.Error{Code: fault.CodeBundle, Detail: "graph.file " + name, Err: err}
		}
		if source.dir != "" {
			f.path = filepath.Join(source.dir, filepath.FromSlash(name))
		} else {
			f.content = graph
		}
		if m.ReadsFeatures() {
			b.head = graph
		}
		if len(f.External) > 0 && fixed != nil {
			fixed.Write(graph)
		} else {
			fixed = nil // what there is of weights is in the graph
		}
		b.stages = append(b.stages, f)
	}
	if fixed != nil {
		for _, part := range [][]byte{b.tokenizer, []byte(b.template)} {
			part := sha256.Sum256(part)
			fixed.Write(part[:])
		}
		fixed.Sum(b.fixed[:0])
	}
	if b.golden, err = files.read("golden.file", m.Golden.File, maxGolden); err != nil {
		return nil, err
	}
	return b, b.hash(files, source)
}

// readSignature reads what a graph says of itself, and refuses one by which a score would depend on its batch mates.
func readSignature(graph []byte) (*onnx.Signature, error) {
	signature, err := onnx.ReadSignature(graph)
	if err == nil && signature.BatchScale != "" {
		err = onnx.Brief(fmt.Errorf("%s takes one activation scale for the whole batch, so a score would depend on its batch mates; "+
			"export the checkpoint with assay-export --int8, which takes one for each token", signature.BatchScale))
	}
	return signature, err
}

// hash sets the digest: sha256 over the name, length and content of every file, in the order of their names. It refuses
// external data that would lie outside the bundle.
func (b *bundle) hash(files folder, source Source) error {
	m := &b.manifest
	names := append(m.Graph.Files(), manifest.File, m.Graph.HeadFile(), m.Tokenizer.File, m.Template.File, m.Golden.File)
	data := map[string]*stageFile{} // whose external data a file holds
	for i := range b.stages {
		f := &b.stages[i]
		for _, location := range f.External {
			name := path.Join(path.Dir(f.name), location)
			switch {
			case source.dir == "":
				return fault.New(fault.CodeBundle,
					"the embedded graph of %q has external data %q, which only a bundle on disk can have", m.Name, location)
			case !fs.ValidPath(location) || !fs.ValidPath(name):
				return fault.New(fault.CodeBundle, "external data %q of %s leaves the bundle", location, f.name)
			}
			if of := data[name]; of != nil && of != f {
				return fault.New(fault.CodeBundle, "external data %q is of %s and of %s, and must be of one graph", location, of.name, f.name)
			}
			data[name] = f
			names = append(names, name)
		}
	}
	slices.Sort(names)
	sum := sha256.New()
	for _, name := range slices.Compact(names) {
		if name == "" {
			continue
		}
		most := int64(math.MaxInt64) // what was read is known to be no longer than it may
		of := data[name]
		if of != nil {
			most = of.ExternalBytes - of.external
		}
		info, err := hashFile(sum, files, name, most)
		size := int64(0)
		if err == nil {
			size, b.files[name] = info.Size(), info
		}
		if of != nil {
			of.external += size
		}
		if err != nil {
			return fault.New(fault.CodeBundle, "%s cannot be read inside the bundle", name).Because(err)
		}
	}
	b.digest = "sha256:" + hex.EncodeToString(sum.Sum(nil))
	return nil
}

// hashFile adds a file of at most so many bytes to the sum, and says what it was.
func hashFile(sum io.Writer, files folder, name string, most int64) (info fs.FileInfo, err error) {
	file, size, err := files.open(name, most)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	header := binary.LittleEndian.AppendUint64([]byte(name+"\x00"), uint64(size))
	if _, err := sum.Write(header); err != nil {
		return nil, err
	}
	if _, err = io.Copy(sum, file); err != nil {
		return nil, err
	}
	return file.Stat()
}

// unchanged tells whether the files are those that were hashed, once they are loaded: a digest must not name weights
// that somebody wrote while ONNX Runtime read them.
func (b *bundle) unchanged(source Source) error {
	files, err := openFolder(source)
	if err != nil {
		return err
	}
	defer files.close()
	for name, hashed := range b.files {
		file, _, err := files.open(name, math.MaxInt64)
		if err != nil {
			return fault.New(fault.CodeBundle, "%s is gone since the bundle was hashed", name).Because(err)
		}
		now, err := file.Stat()
		if err = errors.Join(err, file.Close()); err != nil {
			return err
		}
		if now.Size() != hashed.Size() || !now.ModTime().Equal(hashed.ModTime()) || source.dir != "" && !os.SameFile(now, hashed) {
			return fault.New(fault.CodeBundle, "%s changed while the bundle was loaded; write a bundle whole, and give it its name then", name)
		}
	}
	return nil
}

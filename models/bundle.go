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
	graph     *onnx.Signature
	graphPath string // on disk
	content   []byte // of an embedded graph
	head      []byte // the graph that gorgonia runs: the head's, or that of a model of features; nil: there is none

	graphBytes int64 // size of the graph's file, external data left out
	dataBytes  int64 // size of its external data
	tokenizer  []byte
	template   string
	golden     []byte
	digest     string // see hash
}

// graphFile is the graph as a session takes it.
func (b *bundle) graphFile() *onnxrun.Graph {
	return &onnxrun.Graph{
		Manifest: &b.manifest, Inputs: b.graph.Inputs, Outputs: b.graph.Outputs, Path: b.graphPath, Content: b.content,
		Bytes: b.graphBytes, External: b.dataBytes, Head: b.head,
	}
}

// readBundle reads and hashes every file that the manifest and the graph name. On disk, a name or a link that leads out
// of the directory is refused.
func readBundle(source Source) (*bundle, error) {
	files, err := openFolder(source)
	if err != nil {
		return nil, err
	}
	defer files.close()
	b := &bundle{}
	if err := b.readText(files); err != nil {
		return nil, err
	}
	m := &b.manifest
	graph, err := files.read("graph.file", m.Graph.File, maxGraph)
	if err != nil {
		return nil, err
	}
	if b.graph, err = readSignature(graph); err != nil {
		return nil, &fault.Error{Code: fault.CodeBundle, Detail: "graph.file " + m.Graph.File, Err: err}
	}
	if m.ReadsFeatures() {
		b.head = graph
	}
	if b.golden, err = files.read("golden.file", m.Golden.File, maxGolden); err != nil {
		return nil, err
	}
	b.graphBytes = int64(len(graph))
	if source.dir != "" {
		b.graphPath = filepath.Join(source.dir, filepath.FromSlash(m.Graph.File))
	} else {
		b.content = graph
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
	names := []string{manifest.File, m.Graph.File, m.Graph.HeadFile(), m.Tokenizer.File, m.Template.File, m.Golden.File}
	var data []string
	for _, location := range b.graph.External {
		name := path.Join(path.Dir(m.Graph.File), location)
		switch {
		case source.dir == "":
			return fault.New(fault.CodeBundle,
				"the embedded graph of %q has external data %q, which only a bundle on disk can have", m.Name, location)
		case !fs.ValidPath(location) || !fs.ValidPath(name):
			return fault.New(fault.CodeBundle, "external data %q of %s leaves the bundle", location, m.Graph.File)
		}
		data = append(data, name)
	}
	names = append(names, data...)
	slices.Sort(names)
	sum := sha256.New()
	for _, name := range slices.Compact(names) {
		if name == "" {
			continue
		}
		most := int64(math.MaxInt64) // what was read is known to be no longer than it may
		if slices.Contains(data, name) {
			most = b.graph.ExternalBytes - b.dataBytes
		}
		size, err := hashFile(sum, files, name, most)
		if slices.Contains(data, name) {
			b.dataBytes += size
		}
		if err != nil {
			return fault.New(fault.CodeBundle, "%s cannot be read inside the bundle", name).Because(err)
		}
	}
	b.digest = "sha256:" + hex.EncodeToString(sum.Sum(nil))
	return nil
}

// hashFile adds a file of at most so many bytes to the sum, and says how many it has.
func hashFile(sum io.Writer, files folder, name string, most int64) (size int64, err error) {
	file, size, err := files.open(name, most)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	header := binary.LittleEndian.AppendUint64([]byte(name+"\x00"), uint64(size))
	if _, err := sum.Write(header); err != nil {
		return 0, err
	}
	_, err = io.Copy(sum, file)
	return size, err
}

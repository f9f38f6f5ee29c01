package models

import (
	"context"
	"time"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/heads"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/models/onnxrun"
)

// Encoder reads what makes ids of items, and leaves the graph alone: neither ONNX Runtime nor memory for weights is
// needed. A template that writes the date writes the given day, where the manifest fixes none and that is not the zero
// time. Its errors are *fault.Error.
func (s Source) Encoder(ctx context.Context, day time.Time) (*encode.Encoder, error) {
	b, err := readText(s)
	if err != nil {
		return nil, inBundle(s, err)
	}
	m := &b.manifest
	if m.ReadsFeatures() {
		return nil, inBundle(s, fault.New(fault.CodeKind, "model %q reads features, and has neither text nor tokens", m.Name))
	}
	if m.Template.Date == "" && m.Template.File != "" && !day.IsZero() {
		m.Template.Date = day.Format(time.DateOnly)
	}
	var e *encode.Encoder
	limits := limitsOf(0, onnxrun.Device{})
	_, err = guarded(ctx, limits.memory, limits.proof, func(context.Context) error {
		user := 0
		if m.Graph.Head != nil && m.Graph.Head.User != "" {
			head, err := heads.Load(m, b.head)
			if err != nil {
				return err
			}
			user = head.User()
		}
		made, err := encode.New(m, b.tokenizer, b.template, user) //nolint:contextcheck // the guard ends what does not end
		e = made
		return err
	})
	if err != nil {
		return nil, inBundle(s, err)
	}
	return e, nil
}

// readText reads the files of a source that an encoder is made of.
func readText(source Source) (*bundle, error) {
	files, err := openFolder(source)
	if err != nil {
		return nil, err
	}
	defer files.close()
	b := &bundle{}
	return b, b.readText(files)
}

// readText reads the manifest, and the tokenizer, template and head that it names.
func (b *bundle) readText(files folder) error {
	text, err := files.read("the manifest", manifest.File, maxManifest)
	if err != nil {
		return err
	}
	if b.manifest, err = manifest.Parse(text); err != nil {
		return err
	}
	m := &b.manifest
	if b.head, err = files.read("graph.head.file", m.Graph.HeadFile(), maxHead); err != nil {
		return err
	}
	if b.tokenizer, err = files.read("tokenizer.file", m.Tokenizer.File, maxTokenizer); err != nil {
		return err
	}
	template, err := files.read("template.file", m.Template.File, maxTemplate)
	b.template = string(template)
	return err
}

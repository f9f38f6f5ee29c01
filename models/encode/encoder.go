// Package encode turns items into token ids and the positions at which a model is read.
package encode

import (
	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/models/tokenizer"
)

// Encoder turns items into ids and positions to read. It is safe for concurrent use.
type Encoder struct {
	manifest  *manifest.Manifest
	tokens    *tokenizer.Tokenizer
	template  *chat.Template // nil when the bundle has none
	segments  []segment      // instead of a template
	separator int64          // the step separator's id, of joint steps; else -1
	mark      int64          // the id of read.token; -1 when there is none
	tail      int            // tokens that follow a response: the template's and the end policy's
	user      int            // numbers of a user's vector that items must have; 0: none
	bos       string         // the text of a BOS, where the policy takes those away that are too many; else empty
}

// New makes the encoder of a manifest from the content of its tokenizer and of its template, if it has one, and finds
// in them what the manifest does not say: the ids of the separator, of read.token and of segments, and how many tokens
// follow a response. user is how many numbers the head takes of a user. Its errors are *Error and name the field.
func New(m *manifest.Manifest, tokens []byte, template string, user int) (*Encoder, error) {
	e := &Encoder{manifest: m, separator: -1, mark: -1, user: user}
	if m.ReadsFeatures() {
		return e, nil
	}
	var err error
	if e.tokens, err = tokenizer.New(tokens); err != nil {
		return nil, &fault.Error{Code: fault.CodeBundle, Detail: "tokenizer.file " + m.Tokenizer.File, Err: err}
	}
	if m.Template.File != "" {
		if e.template, err = chat.New(template, m.Template.Variables); err != nil {
			return nil, fault.New(fault.CodeBundle, "template.file %s: %v", m.Template.File, err)
		}
	}
	if m.Tokenizer.Leading() > 0 {
		e.bos = e.tokens.Decode(*m.Tokenizer.BOSID)
	}
	return e, e.find()
}

// VocabSize is the number of the tokenizer's tokens.
func (e *Encoder) VocabSize() int64 { return e.tokens.VocabSize() }

// Separator is the id that ends a step, of a model whose steps are one text; -1: there is none.
func (e *Encoder) Separator() int64 { return e.separator }

// Tail is how many tokens follow any response, and whether conversations become ids at all.
func (e *Encoder) Tail() (tail int, ok bool) {
	return e.tail, e.template != nil || e.segments != nil
}

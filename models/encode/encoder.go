// Package encode turns items into token ids and the positions at which a model is read.
package encode

import (
	"strings"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/models/tokenizer"
)

// Encoder turns the items of one model into ids and positions to read. It is safe for concurrent use.
type Encoder struct {
	manifest  *manifest.Manifest
	tokens    *tokenizer.Tokenizer
	template  *chat.Template // nil when the bundle has none
	segments  []segment      // instead of a template
	separator int64          // the step separator's id, of joint steps; else -1
	readID    int64          // the id of read.token; -1 when there is none
	tail      []int64        // ids that follow every response: the template's and the end policy's
	dated     bool           // the template writes today's date
	user      int            // numbers of a user's vector that items must have; 0: none
	bos       string         // the text of a BOS, where the policy takes those away that are too many; else empty
}

// New makes the encoder of a manifest. tokens is the content of its tokenizer's file, template that of its template's,
// and user is how many numbers of a user its head takes. Of a manifest that reads features it needs none of them.
//
// New also finds what the manifest does not say: the ids of the separator, of read.token and of the segments' tokens,
// and how many tokens follow a response. Its errors are *fault.Error and name the field of the manifest that does not
// hold.
func New(m *manifest.Manifest, tokens []byte, template string, user int) (*Encoder, error) {
	e := &Encoder{manifest: m, separator: -1, readID: -1, user: user}
	if m.ReadsFeatures() {
		return e, nil
	}
	var err error
	if e.tokens, err = tokenizer.New(tokens); err != nil {
		return nil, fault.New(fault.CodeBundle, "tokenizer.file %s", m.Tokenizer.File).Because(err)
	}
	if m.Template.File != "" {
		if e.template, err = chat.New(template, m.Template.Variables, m.Template.Day()); err != nil {
			return nil, fault.New(fault.CodeBundle, "template.file %s: %v", m.Template.File, err)
		}
		e.dated = strings.Contains(template, "strftime_now") && m.Template.Day().IsZero()
	}
	if m.Tokenizer.Leading() > 0 {
		e.bos = e.tokens.Decode(*m.Tokenizer.BOSID)
	}
	return e, e.find()
}

// VocabSize is how many tokens the tokenizer has. Of an encoder of features there is none to ask.
func (e *Encoder) VocabSize() int64 { return e.tokens.VocabSize() }

// Spell gives the text of each of the ids from the one at from on. Of an encoder of features there is none to ask.
func (e *Encoder) Spell(ids []int64, from int) []string { return e.tokens.Spell(ids, from) }

// Dated tells whether a conversation's text has today's date in it, so that scores follow the day.
func (e *Encoder) Dated() bool { return e.dated }

// Separator is the id that ends a step, in a model whose steps are one text; -1: there is none.
func (e *Encoder) Separator() int64 { return e.separator }

// Tail is how many tokens follow every response; ok tells whether conversations become ids at all.
func (e *Encoder) Tail() (tail int, ok bool) {
	return len(e.tail), e.template != nil || e.segments != nil
}

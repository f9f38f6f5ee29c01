package encode

import (
	"strings"

	"github.com/assay-rm/assay/models/fault"
)

// Piece is a token of an item that was encoded.
type Piece struct {
	ID    int64
	Text  string // what it stands for in the text; of an added one the token itself
	Added bool   // it stands for nothing in the text, but was put before or behind it
	Begin int    // where it begins and ends in the text, in bytes; of an added one both are 0
	End   int
}

// Pieces tells where the ids of an encoded text stand in it. Nothing may have been cut away. It is false of ids that
// are not the text's, with further ones before and behind it at most.
func (e *Encoder) Pieces(text string, ids []int64) ([]Piece, bool) {
	own, places, err := e.tokens.EncodePlaces(text)
	if err != nil {
		return nil, false
	}
	for before := 0; before+len(own) <= len(ids); before++ {
		if !same(ids[before:], own) {
			continue
		}
		pieces := make([]Piece, len(ids))
		for i, id := range ids {
			if at := i - before; at >= 0 && at < len(own) {
				begin, end := places[at][0], places[at][1]
				pieces[i] = Piece{ID: id, Text: strings.ToValidUTF8(text[begin:end], "\uFFFD"), Begin: begin, End: end}
			} else {
				pieces[i] = Piece{ID: id, Text: e.tokens.Decode(id), Added: true}
			}
		}
		return pieces, true
	}
	return nil, false
}

// same tells whether ids begin with those.
func same(ids, those []int64) bool {
	for i, id := range those {
		if ids[i] != id {
			return false
		}
	}
	return true
}

// Decode gives the text of ids, without special tokens where it is to be plain. The error is a *fault.Error of an id
// that is outside of the vocabulary, or of a model that reads no tokens.
func (e *Encoder) Decode(ids []int64, plain bool) (string, error) {
	if e.tokens == nil {
		return "", fault.New(fault.CodeKind, "model %q reads features, and has no tokens", e.manifest.Name)
	}
	for i, id := range ids {
		if id < 0 || id >= e.manifest.Graph.VocabSize {
			return "", fault.New(fault.CodeID, "ids[%d]: %d is not between 0 and %d", i, id, e.manifest.Graph.VocabSize-1)
		}
	}
	if plain {
		return e.tokens.DecodePlain(ids...), nil
	}
	return e.tokens.Decode(ids...), nil
}

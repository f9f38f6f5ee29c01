package rewards

import (
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/failure"
)

// placer is a source that tells where its tokens stand in a text, and which text they stand for.
type placer interface {
	Pieces(text string, ids []int64) ([]encode.Piece, bool)
	Decode(ids []int64, plain bool) (string, error)
}

// Pieces tells where the ids of a text stand in it, which that model encoded as they are. It is false where that is not
// known: the text was cut, or there is no such model.
func (e *Engine) Pieces(model, text string, ids []int64) (pieces []encode.Piece, known bool) {
	err := e.spelling(model, func(of placer) error { pieces, known = of.Pieces(text, ids); return nil })
	return pieces, known && err == nil
}

// Decode gives the text of ids of that model, without special tokens where it is to be plain.
func (e *Engine) Decode(model string, ids []int64, plain bool) (text string, err error) {
	err = e.spelling(model, func(of placer) error { text, err = of.Decode(ids, plain); return err })
	return text, err
}

func (e *Engine) spelling(model string, ask func(of placer) error) error {
	source, release, err := e.sources.acquire(model, answerers[Tokenize]...)
	if err != nil {
		return err
	}
	defer release()
	of, ok := source.(placer)
	if !ok {
		return failure.New(fault.CodeKind, "model %q does not tell its tokens", fault.Short(model))
	}
	return ask(of)
}

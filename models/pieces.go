package models

import "github.com/assay-rm/assay/models/encode"

// Pieces is [encode.Encoder.Pieces].
func (m *Model) Pieces(text string, ids []int64) ([]encode.Piece, bool) {
	return m.encoder.Pieces(text, ids)
}

// Decode is [encode.Encoder.Decode].
func (m *Model) Decode(ids []int64, plain bool) (string, error) {
	return m.encoder.Decode(ids, plain)
}

package models

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// Golden is an item with what the reference implementation makes of it.
type Golden struct {
	Item  Item      `json:"item"`
	IDs   []int64   `json:"ids"`             // token ids
	Score *float64  `json:"score,omitempty"` // of a reward model
	Steps []float64 `json:"steps,omitempty"` // of a process model: each step's score
}

// Golden gives the bundle's golden pairs; a bundle without the file has none. Its errors are *Error.
func (m *Model) Golden() ([]Golden, error) {
	decoder := json.NewDecoder(bytes.NewReader(m.golden))
	decoder.DisallowUnknownFields()
	file := m.info.Manifest.Golden.File
	var all []Golden
	for {
		var pair Golden
		err := decoder.Decode(&pair)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fail(CodeBundle, "golden.file %s: pair %d: %v", file, len(all)+1, err)
		}
		if reward := m.info.Manifest.Kind == Reward; reward != (pair.Score != nil) || reward != (pair.Steps == nil) || len(pair.IDs) == 0 {
			return nil, fail(CodeBundle, "golden.file %s: pair %d: a %s model's pair has ids and %s", file, len(all)+1,
				m.info.Manifest.Kind, map[bool]string{true: "score", false: "steps"}[reward])
		}
		all = append(all, pair)
	}
}

package models

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

// Golden is an item, or a pair of responses, with what the reference implementation made of it.
type Golden struct {
	Item        *encode.Item       `json:"item,omitempty"`
	Pair        *GoldenPair        `json:"pair,omitempty"`        // of a pair or preference model, instead of Item
	IDs         GoldenIDs          `json:"ids"`                   // a model that reads features has none
	Read        []int              `json:"read,omitempty"`        // positions read, where the reference tells them
	Score       *float64           `json:"score,omitempty"`       // of a reward model
	Scores      map[string]float64 `json:"scores,omitempty"`      // by label, where there are several
	Steps       []*float64         `json:"steps,omitempty"`       // of a process model; null: the step has no score
	Probability *float64           `json:"probability,omitempty"` // that chosen is preferred to rejected
	Tokens      []int64            `json:"tokens,omitempty"`      // of a choice model: of the item's candidates
	Logits      []float64          `json:"logits,omitempty"`      // theirs
	Vector      []float64          `json:"vector,omitempty"`      // of an embedding model
	LogSum      *float64           `json:"log_sum,omitempty"`     // log Σ exp(logit) over the vocabulary
}

// GoldenPair is two responses to one prompt, as compare takes them.
type GoldenPair struct {
	Messages []chat.Message    `json:"messages,omitempty"`
	Prompt   *string           `json:"prompt,omitempty"`
	User     encode.UserVector `json:"user,omitempty"`
	Chosen   string            `json:"chosen"`
	Rejected string            `json:"rejected"`

	Reference *string `json:"reference,omitempty"`
	Principle *string `json:"principle,omitempty"`
}

// GoldenIDs are the token ids of an item, or of the two sequences of a pair: a preference model's are of the chosen and
// of the rejected response, a pair model's of both orders.
type GoldenIDs [][]int64

// UnmarshalJSON reads a list of ids or a list of such lists.
func (g *GoldenIDs) UnmarshalJSON(data []byte) error {
	var one []int64
	if json.Unmarshal(data, &one) == nil {
		*g = GoldenIDs{one}
		return nil
	}
	return json.Unmarshal(data, (*[][]int64)(g))
}

// maxPairs bounds the golden pairs of a bundle.
const maxPairs = 1024

// Golden gives the bundle's golden pairs; a bundle without the file has none. Its errors
// are *fault.Error.
func (m *Model) Golden() ([]Golden, error) {
	decoder := json.NewDecoder(bytes.NewReader(m.golden))
	decoder.DisallowUnknownFields()
	file := m.info.Manifest.Golden.File
	var all []Golden
	for {
		var pair Golden
		err := decoder.Decode(&pair)
		switch {
		case errors.Is(err, io.EOF) && len(all) == 0 && file != "":
			return nil, fault.New(fault.CodeBundle, "golden.file %s has no pair", file)
		case errors.Is(err, io.EOF):
			return all, nil
		case len(all) == maxPairs:
			return nil, fault.New(fault.CodeBundle, "golden.file %s has more than %d pairs", file, maxPairs)
		}
		if err != nil {
			return nil, fault.New(fault.CodeBundle, "golden.file %s: pair %d: %s", file, len(all)+1, fault.Short(err.Error()))
		}
		kind := m.info.Manifest.Asked()
		if want := pair.lacks(kind); want != "" {
			return nil, fault.New(fault.CodeBundle, "golden.file %s: pair %d: %s's pair has %s", file,
				len(all)+1, kind.Model(), want)
		}
		all = append(all, pair)
	}
}

// lacks says in words what a pair of that kind must have, when it has something else; "" when it is right.
func (g *Golden) lacks(kind manifest.Kind) string {
	has := [...]bool{g.Item != nil, g.Pair != nil, g.Score != nil, g.Steps != nil, g.Probability != nil, g.chooses(), g.Vector != nil}
	var want [len(has)]bool
	var words string
	lists := 1
	switch kind {
	case manifest.KindReward:
		want[0], want[2], words = true, true, "item, ids and score"
	case manifest.KindFeatures:
		want[0], want[2], words, lists = true, true, "item and score", 0
	case manifest.KindProcess:
		want[0], want[3], words = true, true, "item, ids and steps"
	case manifest.KindEmbedding:
		want[0], want[6], words = true, true, "item, ids and vector"
	case manifest.KindChoice:
		want[0], want[5], words = true, true, "item with candidates, ids, tokens and logits of each, and log_sum"
	default:
		want[1], want[4], words, lists = true, true, "pair, two lists of ids and probability", 2
	}
	if has != want || len(g.IDs) != lists {
		return words
	}
	for _, ids := range g.IDs {
		if len(ids) == 0 {
			return words
		}
	}
	return ""
}

// chooses tells whether the pair has what a choice model's must have beside item and ids.
func (g *Golden) chooses() bool {
	n := 0
	if g.Item != nil {
		n = len(g.Item.Candidates)
	}
	return n > 0 && len(g.Tokens) == n && len(g.Logits) == n && g.LogSum != nil
}

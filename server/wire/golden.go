package wire

import "github.com/go-json-experiment/json/jsontext"

// Golden is a line of a bundle's golden file: an item, or a pair of responses, with what the reference implementation
// makes of it. Which of the fields a line must have follows from the kind of its model.
type Golden struct {
	Item        *Item              `json:"item,omitempty"`
	Pair        *Pair              `json:"pair,omitempty"`        // of a pair or preference model, instead of Item
	IDs         [][]int64          `json:"ids,omitzero"`          // one list of an item, written without the outer brackets; two of a pair
	Read        []int              `json:"read,omitzero"`         // positions read, where the reference tells them
	Score       *float64           `json:"score,omitempty"`       // of a reward model
	Scores      map[string]float64 `json:"scores,omitzero"`       // by label, where there are several
	Steps       []*float64         `json:"steps,omitzero"`        // of a process model: each step's score, null where it has none
	Probability *float64           `json:"probability,omitempty"` // that chosen is preferred to rejected
	Tokens      []int64            `json:"tokens,omitzero"`       // of a choice model: of the item's candidates
	Logits      []float64          `json:"logits,omitzero"`       // theirs
	Vector      []float64          `json:"vector,omitzero"`       // of an embedding model
	LogSum      *float64           `json:"log_sum,omitempty"`     // log of the sum of exp(logit) over the vocabulary
}

func (g *Golden) decode(d *decoder) error { return object(d, &goldenForm, g) }

var goldenForm = form[Golden]{fields: []field[Golden]{
	{"item", false, func(d *decoder, g *Golden) error {
		g.Item = new(Item)
		return object(d, &itemForm, g.Item)
	}},
	{"pair", false, func(d *decoder, g *Golden) error {
		g.Pair = new(Pair)
		return object(d, &pairForm, g.Pair)
	}},
	{"ids", false, func(d *decoder, g *Golden) error { return d.goldenIDs(&g.IDs) }},
	{"read", false, func(d *decoder, g *Golden) error {
		return counted(d, &g.Read, ofItem(d.limits.IDs), ",", func(d *decoder, at *int) error { return d.index(at) })
	}},
	{"score", false, func(d *decoder, g *Golden) error { return d.optionalNumber(&g.Score) }},
	{"scores", false, func(d *decoder, g *Golden) error { return d.named(&g.Scores, ofItem(d.limits.Features)) }},
	{"steps", false, func(d *decoder, g *Golden) error {
		return list(d, &g.Steps, ofItem(d.limits.Steps), (*decoder).numberOrNull)
	}},
	{"probability", false, func(d *decoder, g *Golden) error { return d.optionalNumber(&g.Probability) }},
	{"tokens", false, func(d *decoder, g *Golden) error { return d.ids(&g.Tokens, ofItem(d.limits.Candidates)) }},
	{"logits", false, func(d *decoder, g *Golden) error { return d.vector(&g.Logits, ofItem(d.limits.Candidates)) }},
	{"vector", false, func(d *decoder, g *Golden) error { return d.vector(&g.Vector, ofItem(d.limits.Features)) }},
	{"log_sum", false, func(d *decoder, g *Golden) error { return d.optionalNumber(&g.LogSum) }},
}}

// goldenIDs reads a list of ids, or a list of two such lists.
func (d *decoder) goldenIDs(into *[][]int64) error {
	if err := d.enter(jsontext.KindBeginArray, "array"); err != nil {
		return err
	}
	limit := ofItem(d.limits.IDs)
	if d.in.PeekKind() == jsontext.KindBeginArray {
		return elements(d, [][]int64{}, into, bound{2, limit.of, limit.code}, func(d *decoder, ids *[]int64) error { return d.ids(ids, limit) })
	}
	var ids []int64
	if err := elements(d, []int64{}, &ids, limit, (*decoder).integer); err != nil {
		return err
	}
	*into = [][]int64{ids}
	return nil
}

// numberOrNull reads a number, or nothing where null stands.
func (d *decoder) numberOrNull(into **float64) error {
	if none, err := d.null(); none || err != nil {
		return err
	}
	return d.optionalNumber(into)
}

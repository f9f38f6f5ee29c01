package state

import (
	"cmp"
	"encoding/json"
	"slices"

	"github.com/assay-rm/assay/rewards/ops"
)

// neighbours are scored texts by their embeddings. A reading fuses the scores of the nearest as RewardFusion does ("The
// Trickle-down Impact of Reward (In-)consistency on RLHF", Shen et al., 2024): Σ sim · score / Σ sim over at most
// Nearest texts of a cosine of at least Similarity, and over the text that is asked about itself, at similarity 1,
// where its score is given. A text that is kept under the key that is asked about is not its own neighbour.
type neighbours struct{}

// scored is a cell of neighbours.
type scored struct {
	Vector packed  `json:"vector"`
	Score  float64 `json:"score"`
}

func (neighbours) check(s *Spec) error {
	if err := setWithin("width", &s.Width, 0, mostWidth); err != nil {
		return err
	}
	if err := setWithin("nearest", &s.Nearest, 5, mostNearest); err != nil {
		return err
	}
	return setNumber("similarity", &s.Similarity, 0.9, 1)
}

func (neighbours) apply(s *Spec, _ json.RawMessage, u *Update) (any, error) {
	if err := u.only(Neighbours, "vector", "score"); err != nil {
		return nil, err
	}
	if u.Score == nil || !ops.Finite(*u.Score) {
		return nil, invalid("score", "is missing, or not finite")
	}
	if err := embedding("vector", u.Vector, s.Width); err != nil {
		return nil, err
	}
	return scored{pack(u.Vector), *u.Score}, nil
}

// embedding holds a vector to its width, and refuses one without a direction.
func embedding(field string, vector []float64, width int) error {
	if err := ofWidth(field, vector, width); err != nil {
		return err
	}
	if length(pack(vector).numbers()) == 0 {
		return invalid(field, "is 0 everywhere, and has no direction")
	}
	return nil
}

// read tells what one cell holds; what is near, nearest reads of all cells.
func (neighbours) read(s *Spec, cell json.RawMessage, q *Query) (Reading, error) {
	if err := q.only(Neighbours, "vector", "score"); err != nil {
		return Reading{}, err
	}
	c, err := cellOf[scored](cell)
	numbers := map[string]ops.Maybe{"score": {}}
	if cell != nil {
		numbers["score"] = ops.Some(c.Score)
	}
	return Reading{Numbers: numbers}, err
}

func (neighbours) prove(s *Spec, cell json.RawMessage) (any, error) {
	c, err := cellOf[scored](cell)
	if err != nil {
		return nil, err
	}
	return c, embedding("value", c.Vector.numbers(), s.Width)
}

// index is the cells of neighbours, ready to be compared.
type index []indexed

type indexed struct {
	key   string
	unit  []float64
	score float64
}

func newIndex(cells []Cell) (index, error) {
	all := make(index, len(cells))
	for i, cell := range cells {
		c, err := cellOf[scored](cell.Value)
		if err != nil {
			return nil, err
		}
		all[i] = indexed{cell.Key, ops.Unit(c.Vector.numbers()), c.Score}
	}
	return all, nil
}

// nearest reads the neighbours of a vector, and fuses their scores. Ties go to the lesser key.
func (of index) nearest(s *Spec, q *Query) (Reading, error) {
	if err := embedding("vector", q.Vector, s.Width); err != nil {
		return Reading{}, err
	}
	sum, weights := 0.0, 0.0
	if q.Score != nil {
		if !ops.Finite(*q.Score) {
			return Reading{}, invalid("score", "%g is not finite", *q.Score)
		}
		sum, weights = *q.Score, 1
	}
	unit := ops.Unit(pack(q.Vector).numbers())
	var near []Neighbour
	for i := range of {
		if similarity := dot(unit, of[i].unit); similarity >= *s.Similarity && of[i].key != q.Key {
			near = append(near, Neighbour{of[i].key, similarity, of[i].score})
		}
	}
	slices.SortFunc(near, func(a, b Neighbour) int {
		return cmp.Or(cmp.Compare(b.Similarity, a.Similarity), cmp.Compare(a.Key, b.Key))
	})
	near = near[:min(len(near), s.Nearest)]
	for _, one := range near {
		sum, weights = sum+one.Similarity*one.Score, weights+one.Similarity
	}
	numbers := map[string]ops.Maybe{"count": ops.Some(float64(len(near))), "fused": {}, "similarity": {}, "weight": ops.Some(weights)}
	if weights > 0 && ops.Finite(sum/weights) {
		numbers["fused"] = ops.Some(sum / weights)
	}
	if len(near) > 0 {
		numbers["similarity"] = ops.Some(near[0].Similarity)
	}
	return Reading{Key: q.Key, Numbers: numbers, Neighbours: near}, nil
}

package state

import (
	"encoding/json"
	"maps"
	"math"
	"slices"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
)

// mostValues bounds the numbers of one update.
const mostValues = 4096

// Update is one change of one cell. Which fields it has depends on the kind: Values of running and quantiles; Label and
// Seen, or one of them, of labels; Means of multipliers; Pairs of users; Vector and Score of neighbours.
type Update struct {
	Key    string
	Values []float64          // in the order in which they came
	Label  *float64           // the key's label from now on
	Seen   int                // how often the key was seen since the last update
	Means  map[string]float64 // of each constraint: the mean reward of the episodes
	Pairs  []Pair             // in the order in which they came
	Vector []float64          // the embedding of a text; what is kept of it is float32
	Score  *float64           // of the text
}

// Pair is two embeddings, of which the user preferred the first. What is kept of them is float32.
type Pair struct{ Chosen, Rejected []float64 }

// Query asks for what is known of one key.
type Query struct {
	Key      string
	Quantile *float64  // of quantiles: another than the spec's
	Vector   []float64 // of users and neighbours: the embedding of the text that is asked about
	Score    *float64  // of neighbours: the score of that text itself, which is fused with the others at similarity 1
}

// Reading is what is known of one key. Every number of the kind is in Numbers, missing or not.
type Reading struct {
	Key        string
	Numbers    map[string]ops.Maybe
	Vectors    map[string][]float64 // of users
	Neighbours []Neighbour          // the nearest first
}

// Neighbour is a text near to the one that was asked about.
type Neighbour struct {
	Key        string  `json:"key"`
	Similarity float64 `json:"similarity"`
	Score      float64 `json:"score"`
}

// only refuses an update whose fields are not those of its kind.
func (u *Update) only(k string, fields ...string) error {
	has := map[string]bool{
		"values": u.Values != nil, "label": u.Label != nil, "seen": u.Seen != 0, "means": u.Means != nil, "pairs": u.Pairs != nil,
		"vector": u.Vector != nil, "score": u.Score != nil,
	}
	some := false
	for _, field := range slices.Sorted(maps.Keys(has)) {
		if has[field] && !slices.Contains(fields, field) {
			return invalid(field, "a state of kind %s takes no %s", k, field)
		}
		some = some || has[field]
	}
	if !some {
		return invalid(fields[0], "is missing: a state of kind %s is updated by %q", k, fields)
	}
	return nil
}

// only refuses a query with fields that its kind has no use for.
func (q *Query) only(k string, fields ...string) error {
	has := map[string]bool{"quantile": q.Quantile != nil, "vector": q.Vector != nil, "score": q.Score != nil}
	for _, field := range slices.Sorted(maps.Keys(has)) {
		if has[field] && !slices.Contains(fields, field) {
			return invalid(field, "a state of kind %s is read without it", k)
		}
	}
	return nil
}

// numbersWithin holds the numbers of an update to their count, and to what is finite.
func numbersWithin(field string, values []float64) error {
	if len(values) == 0 || len(values) > mostValues {
		return invalid(field, "has %d numbers, and must have 1 to %d", len(values), mostValues)
	}
	return finites(field, values)
}

func finites(field string, values []float64) error {
	for i, x := range values {
		if !ops.Finite(x) {
			return invalid(field, "number %d is %g, and must be finite", i, x)
		}
	}
	return nil
}

// ofWidth holds a vector to its width, and to what float32 can hold.
func ofWidth(field string, vector []float64, width int) error {
	if len(vector) != width {
		return invalid(field, "has %d numbers, and the state's width is %d", len(vector), width)
	}
	for i, x := range vector {
		if !(math.Abs(x) <= math.MaxFloat32) {
			return invalid(field, "number %d is %g, and must be finite as a float32", i, x)
		}
	}
	return nil
}

// cellOf decodes a cell, whose zero value is that of no cell.
func cellOf[T any](cell json.RawMessage) (T, error) {
	var of T
	if cell == nil {
		return of, nil
	}
	if err := strict(cell, &of); err != nil {
		return of, invalid("value", "%s", fault.Short(err.Error()))
	}
	return of, nil
}

// overflow is the error of an update after which a number of the cell would be beyond the range of numbers.
func overflow(field string) error {
	return invalid(field, "the state's numbers would no longer be finite")
}

// Apply gives the value of a cell after an update, as JSON; nil is no cell yet. The spec must be checked. It changes
// nothing that it is given, and the same arguments give the same bytes.
func (s *Spec) Apply(before []byte, u *Update) ([]byte, error) {
	after, err := kinds[s.Kind].apply(s, before, u)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(after)
	if err != nil {
		return nil, failure.New(failure.CodeInternal, "a value of kind %s cannot be written: %v", s.Kind, err)
	}
	return text, nil
}

// Numbers names the numbers that a reading may know, in order.
func (s *Spec) Numbers() []string {
	if s.Kind == Neighbours { // asked about a vector
		return []string{"count", "fused", "similarity", "weight"}
	}
	reading, err := s.Read(nil, &Query{})
	if err != nil {
		return nil
	}
	return sorted(reading.Numbers)
}

// Named refuses a name that no state of the spec can have.
func (*Spec) Named(name string) error { return checkName(name) }

// Read says what a cell knows; nil is no cell. The spec must be checked.
func (s *Spec) Read(cell []byte, q *Query) (Reading, error) {
	reading, err := kinds[s.Kind].read(s, cell, q)
	reading.Key = q.Key
	return reading, err
}

package encode

import (
	"errors"
	"math"

	"github.com/assay-rm/assay/models/fault"
)

// userVector is the item's user vector. An item must have it where the model's head takes one, and else must not.
func (e *Encoder) userVector(item Item) ([]float32, error) {
	name := e.manifest.Name
	switch {
	case e.user == 0 && item.User != nil:
		return nil, fault.New(fault.CodeItem,
			"user is for models whose head takes a user's vector, and the head of model %q takes none", name)
	case len(item.User) != e.user:
		return nil, fault.New(fault.CodeItem, "user has %d numbers, and the head of model %q needs %d", len(item.User),
			name, e.user)
	}
	vector := make([]float32, 0, e.user)
	for i, x := range item.User {
		narrow, err := toFloat32(x)
		if err != nil {
			return nil, fault.New(fault.CodeItem, "user[%d] is %g, %v", i, x, err)
		}
		vector = append(vector, narrow)
	}
	if e.user == 0 {
		return nil, nil
	}
	return vector, nil
}

var errNotFloat32 = errors.New("and must be a number that float32 holds")

// toFloat32 is x as float32. A number that is or becomes infinite, or is none, is an error.
func toFloat32(x float64) (float32, error) {
	if narrow := float32(x); !math.IsNaN(x) && !math.IsInf(float64(narrow), 0) {
		return narrow, nil
	}
	return 0, errNotFloat32
}

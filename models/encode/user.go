package encode

import (
	"errors"
	"math"

	"github.com/assay-rm/assay/models/fault"
)

// userOf is the item's user vector, which a model must have whose head takes one, and no other may have.
func (e *Encoder) userOf(item Item) ([]float32, error) {
	name := e.manifest.Name
	switch {
	case e.user == 0 && item.User != nil:
		return nil, fault.New(fault.CodeItem, "user is for models whose head takes a user's vector, and the head of model %q takes none", name)
	case len(item.User) != e.user:
		return nil, fault.New(fault.CodeItem, "user has %d numbers, and the head of model %q needs %d", len(item.User), name, e.user)
	}
	vector := make([]float32, 0, e.user)
	for i, x := range item.User {
		narrow, err := narrowed(x)
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

var errNarrow = errors.New("and must be a number that float32 holds")

// narrowed is x as float32, unless it is or becomes infinite or NaN.
func narrowed(x float64) (float32, error) {
	if narrow := float32(x); !math.IsNaN(x) && !math.IsInf(float64(narrow), 0) {
		return narrow, nil
	}
	return 0, errNarrow
}

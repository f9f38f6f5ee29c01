package encode

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/assay-rm/assay/models/fault"
)

// TokenIDs are token ids. Their JSON may have no null inside, which a plain slice would take for id 0.
type TokenIDs []int64

// UserVector is a user's vector. Its JSON may have no null inside, which a plain slice would take for 0.
type UserVector []float64

// UnmarshalJSON reads a list of ids, or null.
func (l *TokenIDs) UnmarshalJSON(data []byte) error { return numbers("input_ids", data, (*[]int64)(l)) }

// UnmarshalJSON reads a list of numbers, or null.
func (l *UserVector) UnmarshalJSON(data []byte) error { return numbers("user", data, (*[]float64)(l)) }

// numbers reads the list of that field. The error of a null inside is a *fault.Error.
func numbers[T int64 | float64](field string, data []byte, into *[]T) error {
	if err := json.Unmarshal(data, into); err != nil {
		return err
	}
	if *into == nil || !bytes.Contains(data, []byte("null")) {
		return nil
	}
	var all []*T
	if err := json.Unmarshal(data, &all); err != nil {
		return err
	}
	return fault.New(fault.CodeItem, "%s[%d] is null, and must be a number", field, slices.Index(all, nil))
}

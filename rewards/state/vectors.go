package state

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"slices"

	"github.com/assay-rm/assay/rewards/ops"
)

// packed is a vector as a cell keeps it: float32, in JSON the base64 of its bytes, little-endian.
type packed []float32

func pack(vector []float64) packed {
	p := make(packed, len(vector))
	for i, x := range vector {
		p[i] = float32(x)
	}
	return p
}

// MarshalJSON writes the vector.
func (p packed) MarshalJSON() ([]byte, error) {
	raw := make([]byte, 0, 4*len(p))
	for _, x := range p {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	return json.Marshal(base64.StdEncoding.EncodeToString(raw))
}

// UnmarshalJSON reads what MarshalJSON writes; every number must be finite.
func (p *packed) UnmarshalJSON(text []byte) error {
	var encoded string
	if err := json.Unmarshal(text, &encoded); err != nil {
		return err
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || len(raw)%4 != 0 {
		return errors.New("a vector is not the base64 of float32 numbers")
	}
	*p = make(packed, len(raw)/4)
	for i := range *p {
		x := math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		if !ops.Finite(float64(x)) {
			return errors.New("a vector has a number that is not finite")
		}
		(*p)[i] = x
	}
	return nil
}

func (p packed) numbers() []float64 {
	v := make([]float64, len(p))
	for i, x := range p {
		v[i] = float64(x)
	}
	return v
}

// length is the Euclidean length of a vector.
func length(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum = math.Hypot(sum, x)
	}
	return sum
}

// distance is the length of a difference.
func distance(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += (a[i] - b[i]) * (a[i] - b[i])
	}
	return math.Sqrt(sum)
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

// sorted lists the names of a map in their order.
func sorted[T any](of map[string]T) []string { return slices.Sorted(maps.Keys(of)) }

package encode

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

// Features are numbers by name.
type Features map[string]float64

// UnmarshalJSON reads an object of numbers. Unlike a plain map it refuses a null, which would be 0 in silence, and a name that is there twice.
func (f *Features) UnmarshalJSON(data []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	wrong := func(value string) error {
		return &json.UnmarshalTypeError{Value: value, Type: reflect.TypeFor[float64](), Offset: decoder.InputOffset()}
	}
	opening, err := decoder.Token()
	switch {
	case err != nil:
		return err
	case opening == nil: // null, which leaves the field as it is, as elsewhere
		return nil
	case opening != json.Delim('{'):
		return wrong(kindOf(opening))
	}
	*f = Features{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		if token, err = decoder.Token(); err != nil {
			return err
		}
		number, ok := token.(float64)
		if !ok {
			return wrong(kindOf(token))
		}
		if _, twice := (*f)[name]; twice {
			return wrong(fmt.Sprintf("second %q", name))
		}
		(*f)[name] = number
	}
	_, err = decoder.Token() // the brace
	return err
}

// kindOf names what stands where a number must.
func kindOf(token json.Token) string {
	switch token.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case bool:
		return "bool"
	case float64:
		return "number"
	}
	return map[json.Token]string{json.Delim('{'): "object", json.Delim('['): "array"}[token]
}

// encodeFeatures gives an item of named numbers as ids: the bits of each as float32, in the manifest's order, all of them read at the last.
func encodeFeatures(m *manifest.Manifest, item Item) (Encoded, error) {
	if item.Messages != nil || item.Prompt != nil || item.Response != nil || item.Text != nil || item.InputIDs != nil || item.Steps != nil || item.Separator != nil {
		return Encoded{}, fault.New(fault.CodeItem, "model %q reads features, and an item of it has no other form", m.Name)
	}
	names := m.Graph.Features
	switch {
	case item.User != nil:
		return Encoded{}, fault.New(fault.CodeItem, "user is for models whose head takes a user's vector, and model %q takes features", m.Name)
	case item.Features == nil:
		return Encoded{}, fault.New(fault.CodeItem, "the item has no features, and model %q reads %s", m.Name, someOf(names))
	}
	if name, ok := stranger(item.Features, names); ok {
		return Encoded{}, fault.New(fault.CodeItem, "features.%s: model %q has no such feature; it reads %s", fault.Short(name), m.Name, someOf(names))
	}
	out := Encoded{IDs: make([]int64, len(names)), Positions: []int{len(names) - 1}}
	for i, name := range names {
		x, ok := item.Features[name]
		if !ok {
			return Encoded{}, fault.New(fault.CodeItem, "features.%s is missing, and model %q reads it", name, m.Name)
		}
		narrow, err := narrowed(x)
		if err != nil {
			return Encoded{}, fault.New(fault.CodeItem, "features.%s is %g, %v", name, x, err)
		}
		out.IDs[i] = FeatureID(narrow)
	}
	return out, nil
}

// stranger is the first of the features, by name, that is none of names, if there is one. The names are distinct.
func stranger(features Features, names []string) (string, bool) {
	known := 0
	for _, name := range names {
		if _, ok := features[name]; ok {
			known++
		}
	}
	if known == len(features) {
		return "", false
	}
	strange := maps.Clone(features)
	for _, name := range names {
		delete(strange, name)
	}
	return slices.Min(slices.Collect(maps.Keys(strange))), true
}

// someOf lists the first of the names, and says how many more there are.
func someOf(names []string) string {
	const most = 8
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s, and %d more: GET /v1/models lists them", strings.Join(names[:most], ", "), len(names)-most)
}

// FeatureID is the id that stands for a number.
func FeatureID(x float32) int64 { return int64(math.Float32bits(x)) }

// FeatureOf is the number that an id stands for.
func FeatureOf(id int64) float32 { return math.Float32frombits(uint32(id)) }

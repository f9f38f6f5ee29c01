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

// Features are the numbers of an item, by name.
type Features map[string]float64

// UnmarshalJSON reads an object of numbers. It refuses a null inside, which a plain map would take for 0, and a name
// that is there twice.
func (f *Features) UnmarshalJSON(data []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	wrong := func(value string) error {
		return &json.UnmarshalTypeError{Value: value, Type: reflect.TypeFor[float64](), Offset: decoder.InputOffset()}
	}
	opening, err := decoder.Token()
	switch {
	case err != nil:
		return err
	case opening == nil: // null leaves the field as it is, as in encoding/json
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
	_, err = decoder.Token() // the closing brace
	return err
}

// kindOf names what stands where a number should, as encoding/json does.
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

// encodeFeatures gives an item of named numbers as ids. Each id is the bits of one number as float32, in the order of
// the manifest's graph.features, and the item is read at the last of them:
//
//	item       {"length": 400, "spam": 0}      features: [length, spam]
//	float32    400         0
//	IDs        0x43c80000  0x00000000
//	Positions              1
//
// So an item of features travels through queues, batches and duplicates like one of tokens, and the feature model makes
// numbers of its ids again.
func encodeFeatures(m *manifest.Manifest, item Item) (Encoded, error) {
	if item.Messages != nil || item.Prompt != nil || item.Response != nil || item.Text != nil || item.InputIDs != nil ||
		item.Steps != nil ||
		item.Separator != nil || item.Reference != nil || item.Principle != nil {
		return Encoded{}, fault.New(fault.CodeItem, "model %q reads features, and an item of it has no other form",
			m.Name)
	}
	names := m.Graph.Features
	switch {
	case item.User != nil:
		return Encoded{}, fault.New(fault.CodeItem,
			"user is for models whose head takes a user's vector, and model %q takes features", m.Name)
	case item.Features == nil:
		return Encoded{}, fault.New(fault.CodeItem, "the item has no features, and model %q reads %s", m.Name,
			listSome(names))
	}
	if name, ok := unknownFeature(item.Features, names); ok {
		return Encoded{}, fault.New(fault.CodeItem, "features.%s: model %q has no such feature; it reads %s",
			fault.Short(name), m.Name, listSome(names))
	}
	out := Encoded{IDs: make([]int64, len(names)), Positions: []int{len(names) - 1}}
	for i, name := range names {
		x, ok := item.Features[name]
		if !ok {
			return Encoded{}, fault.New(fault.CodeItem, "features.%s is missing, and model %q reads it", name, m.Name)
		}
		narrow, err := toFloat32(x)
		if err != nil {
			return Encoded{}, fault.New(fault.CodeItem, "features.%s is %g, %v", name, x, err)
		}
		out.IDs[i] = FeatureID(narrow)
	}
	return out, nil
}

// unknownFeature is the first feature, by name, that is none of names, and whether there is one. The names are
// distinct.
func unknownFeature(features Features, names []string) (string, bool) {
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

// listSome lists the first names, and says how many more there are.
func listSome(names []string) string {
	const most = 8
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s, and %d more: GET /v1/models lists them", strings.Join(names[:most], ", "), len(names)-most)
}

// FeatureID is the id that stands for a number: its bits.
func FeatureID(x float32) int64 { return int64(math.Float32bits(x)) }

// FeatureOf is the number whose [FeatureID] is id.
func FeatureOf(id int64) float32 { return math.Float32frombits(uint32(id)) }

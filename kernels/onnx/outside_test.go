package onnx

import (
	"slices"
	"strconv"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// TestWeightsThatAreNotExactAreLeftOut: what says too little of a weight's place, or other than its dimensions do, is
// no place that somebody may read.
func TestWeightsThatAreNotExactAreLeftOut(t *testing.T) {
	dims := func(sizes ...int64) (packed []byte) {
		for _, size := range sizes {
			packed = protowire.AppendVarint(packed, uint64(size))
		}
		return inside(1, packed)
	}
	kind := func(kind uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(nil, 2, protowire.VarintType), kind)
	}
	entry := func(key, value string) []byte { return inside(13, inside(1, []byte(key)), inside(2, []byte(value))) }
	at, offset, length := entry("location", "data"), entry("offset", "64"), entry("length", "24")
	name := inside(8, []byte("w"))
	for what, parts := range map[string][][]byte{
		"exact":                  {dims(2, 3), kind(1), name, at, offset, length},
		"without an offset":      {dims(2, 3), kind(1), name, at, length},
		"without a location":     {dims(2, 3), kind(1), name, offset, length},
		"without a length":       {dims(2, 3), kind(1), name, at, offset},
		"too long":               {dims(2, 3), kind(10), name, at, offset, length},
		"of half bytes":          {dims(8, 6), kind(22), name, at, offset, length},
		"of no numbers":          {dims(2, 0), kind(1), name, at, offset, entry("length", "0")},
		"of negative dimensions": {dims(-2, -3), kind(1), name, at, offset, length},
		"of a negative offset":   {dims(2, 3), kind(1), name, at, entry("offset", "-64"), length},
		"of words":               {dims(2, 3), kind(1), name, at, entry("offset", "0x40"), length},
		"of many dimensions":     {dims(slices.Repeat([]int64{1}, maxRank-1)...), dims(2, 3), kind(1), name, at, offset, length},
		"of very many":           {dims(slices.Repeat([]int64{1}, 1000)...), dims(2, 3), kind(1), name, at, offset, length},
		"overflowing":            {dims(1<<62, 1<<62), kind(1), name, at, offset, entry("length", strconv.Itoa(1<<62))},
	} {
		signature, err := ReadSignature(inside(7, inside(5, parts...)))
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		want := []Outside{{Name: "w", Kind: Float32, Dims: []int64{2, 3}, Location: "data", Offset: 64, Length: 24}}
		if what == "without an offset" {
			want[0].Offset = 0
		} else if what != "exact" {
			want = nil
		}
		if !slices.EqualFunc(signature.Outside, want, func(a, b Outside) bool {
			return slices.Equal(a.Dims, b.Dims) && a.Name == b.Name && a.Kind == b.Kind && a.Location == b.Location && a.Offset == b.Offset && a.Length == b.Length
		}) {
			t.Errorf("%s: %+v", what, signature.Outside)
		}
	}
}

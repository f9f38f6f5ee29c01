package onnx

import (
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

func read(tb testing.TB, file string) []byte {
	tb.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func TestReadGivesEveryKind(t *testing.T) {
	m, err := Read(read(t, "testdata/kinds.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	floats := []float32{0, float32(math.Copysign(0, -1)), 1, -2.5, 65504, 0x1p-24}
	brain := append([]float32{}, floats...)
	ints := []int64{0, 1, -7, math.MaxInt32, math.MinInt32}
	for name, want := range map[string]Tensor{
		"float.raw": {Kind: Float32, Dims: []int{6}, Floats: floats}, "double.raw": {Kind: double, Dims: []int{6}, Floats: floats},
		"float16.raw": {Kind: Float16, Dims: []int{6}, Floats: floats}, "bfloat16.raw": {Kind: BFloat16, Dims: []int{6}, Floats: cut(brain)},
		"int32.raw": {Kind: Int32, Dims: []int{5}, Ints: ints}, "int64.raw": {Kind: Int64, Dims: []int{5}, Ints: ints},
		"bool.raw":    {Kind: Bool, Dims: []int{3}, Ints: []int64{1, 0, 1}},
		"float.typed": {Kind: Float32, Dims: []int{2, 3}, Floats: floats}, "double.typed": {Kind: double, Dims: []int{2, 3}, Floats: floats},
		"float16.typed": {Kind: Float16, Dims: []int{2, 3}, Floats: floats},
		"int32.typed":   {Kind: Int32, Dims: []int{5}, Ints: ints}, "int64.typed": {Kind: Int64, Dims: []int{5, 1}, Ints: ints},
		"bool.typed": {Kind: Bool, Dims: []int{3}, Ints: []int64{1, 0, 1}},
		"number":     {Kind: Float32, Floats: []float32{3.5}}, "empty": {Kind: Float32, Dims: []int{0, 2}, Floats: []float32{}},
	} {
		want.Name = name
		got := m.Weights[name]
		if got == nil || !reflect.DeepEqual(*got, want) {
			t.Errorf("%s: %+v, and %+v is wanted", name, got, want)
		}
	}
	if got := m.Weights["bfloat16.typed"].Floats; got[3] != -2.5 || got[4] != 65536 {
		t.Errorf("bfloat16.typed: %v", got) // rounded to nearest by its writer
	}
	attributes := m.Graph.Nodes[0].Attributes
	m.Graph.Nodes[0].Attributes = nil
	want := Graph{
		Nodes:   []Node{{Name: "one", Op: "Own", Domain: "example", Inputs: []string{"x", "", "number"}, Outputs: []string{"y", "z"}}},
		Inputs:  []Value{{"x", Float32, []int{-1, 4}}},
		Outputs: []Value{{"y", Int64, []int{-1, 2}}, {"z", Bool, nil}},
	}
	if !reflect.DeepEqual(m.Graph, want) || m.IR != 9 || !reflect.DeepEqual(m.Opsets, map[string]int64{"": 20, "example": 3}) {
		t.Errorf("%+v, IR %d, %v", m.Graph, m.IR, m.Opsets)
	}
	for name, want := range map[string]Attribute{
		"i": {Type: AttributeInt, Int: -3}, "f": {Type: AttributeFloat, Float: 0.5}, "s": {Type: AttributeString, Text: "text"},
		"ints": {Type: AttributeInts, Ints: []int64{1, -2}}, "floats": {Type: AttributeFloats, Floats: []float32{1.5}},
		"t": {Type: AttributeTensor, Tensor: m.Weights["float.raw"]},
	} {
		if !reflect.DeepEqual(attributes[name], want) {
			t.Errorf("attribute %s: %+v", name, attributes[name])
		}
	}
}

// cut drops the lower half of each number's bits.
func cut(x []float32) []float32 {
	for i, v := range x {
		x[i] = math.Float32frombits(math.Float32bits(v) &^ 0xffff)
	}
	return x
}

// TestHalfIsExact holds every binary16 number to its definition.
func TestHalfIsExact(t *testing.T) {
	for bits := range 1 << 16 {
		sign, exponent, fraction := 1.0, bits>>10&0x1f, float64(bits&0x3ff)
		if bits>>15 == 1 {
			sign = -1
		}
		want := sign * math.Ldexp(1+fraction/1024, exponent-15)
		switch {
		case exponent == 0:
			want = math.Copysign(math.Ldexp(fraction/1024, -14), sign)
		case exponent == 31 && fraction == 0:
			want = math.Inf(int(sign))
		case exponent == 31:
			want = math.NaN()
		}
		got := half(uint16(bits))
		if math.IsNaN(want) && math.IsNaN(float64(got)) {
			continue
		}
		if math.Float32bits(got) != math.Float32bits(float32(want)) {
			t.Fatalf("%#04x: %g, and %g is wanted", bits, got, want)
		}
	}
}

func tag(field protowire.Number, kind protowire.Type, rest ...byte) []byte {
	return append(protowire.AppendTag(nil, field, kind), rest...)
}

func inside(field protowire.Number, parts ...[]byte) []byte {
	var all []byte
	for _, part := range parts {
		all = append(all, part...)
	}
	return protowire.AppendBytes(protowire.AppendTag(nil, field, protowire.BytesType), all)
}

func TestReadRefuses(t *testing.T) {
	ir := tag(1, protowire.VarintType, 8)
	graph := inside(7)
	long := inside(3, make([]byte, maxName+1))
	for _, one := range []struct {
		name string
		data [][]byte
		want string
	}{
		{"nothing", nil, "it has no graph"},
		{"two graphs", [][]byte{ir, graph, graph}, "2 graphs"},
		{"a group", [][]byte{tag(7, protowire.StartGroupType)}, "wire type 3"},
		{"a cut varint", [][]byte{{0x08, 0x80}}, "EOF"},
		{"a cut message", [][]byte{{0x3a, 0x7f, 1}}, "EOF"},
		{"a graph that is a number", [][]byte{ir, tag(7, protowire.VarintType, 1)}, "a length is wanted"},
		{"an IR version that is text", [][]byte{inside(1, []byte("x"))}, "an integer is wanted"},
		{"a long name", [][]byte{ir, inside(7, inside(1, long))}, "1025 bytes, and at most 1024"},
		{"two opsets", [][]byte{ir, graph, inside(8, tag(2, protowire.VarintType, 13)), inside(8, inside(1, []byte("ai.onnx")), tag(2, protowire.VarintType, 14))}, "opsets 13 and 14"},
		{"a typed count", [][]byte{ir, inside(7, inside(5, tag(1, protowire.VarintType, 3), tag(2, protowire.VarintType, 1), inside(4, []byte{0, 0, 0, 0})))}, "1 numbers, and [3] is 3"},
		{"a float cut", [][]byte{ir, inside(7, inside(5, inside(4, []byte{0, 0, 0})))}, "inside a number"},
		{"a kind", [][]byte{ir, inside(7, inside(5, tag(2, protowire.VarintType, 3)))}, "int8 is not read"},
		{"strings", [][]byte{ir, inside(7, inside(5, inside(6, []byte("a"))))}, "strings"},
		{"ranks", [][]byte{ir, inside(7, inside(5, tag(2, protowire.VarintType, 1), inside(1, make([]byte, 9))))}, "9 dimensions, and at most 8"},
		{"two of a name", [][]byte{ir, inside(7, inside(5, tag(2, protowire.VarintType, 1), inside(4, make([]byte, 4))), inside(5, tag(2, protowire.VarintType, 1), inside(4, make([]byte, 4))))}, "two initializers"},
		{"a sequence", [][]byte{ir, inside(7, inside(11, inside(1, []byte("s")), inside(2, inside(4))))}, `"s" is not a tensor`},
		{"a dimension", [][]byte{ir, inside(7, inside(11, inside(2, inside(1, inside(2, inside(1, protowire.AppendVarint([]byte{8}, 1<<40)))))))}, "1099511627776"},
		{"an attribute without a type", [][]byte{ir, inside(7, inside(1, inside(5, inside(1, []byte("a")))))}, `attribute "a"`},
		{"an attribute twice", [][]byte{ir, inside(7, inside(1, inside(5, tag(20, protowire.VarintType, 2)), inside(5, tag(20, protowire.VarintType, 2))))}, "comes twice"},
		{"a tensor attribute without one", [][]byte{ir, inside(7, inside(1, inside(5, tag(20, protowire.VarintType, 4))))}, "has none"},
		{"an attribute that holds more", [][]byte{ir, inside(7, inside(1, inside(5, inside(6), tag(20, protowire.VarintType, 1))))}, `attribute "" is of type float, and holds graphs or tensors`},
		{"many nodes", [][]byte{ir, inside(7, []byte(strings.Repeat("\x0a\x00", maxNodes+1)))}, "more than 4096 nodes"},
	} {
		var data []byte
		for _, part := range one.data {
			data = append(data, part...)
		}
		if _, err := Read(data); err == nil || !strings.Contains(err.Error(), one.want) {
			t.Errorf("%s: error %v does not say %q", one.name, err, one.want)
		}
	}
	if _, err := Read(make([]byte, maxFile+1)); err == nil || !strings.Contains(err.Error(), "268435457 bytes, and at most 268435456") {
		t.Errorf("a large file: %v", err)
	}
}

// seeds adds the files of some patterns, each of which must find one.
func seeds(f *testing.F, patterns ...string) {
	f.Helper()
	for _, pattern := range patterns {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			f.Fatalf("%s: %d files, %v", pattern, len(found), err)
		}
		for _, file := range found {
			f.Add(read(f, file))
		}
	}
}

// FuzzRead looks for panics and for numbers that the file's size does not justify.
func FuzzRead(f *testing.F) {
	seeds(f, "testdata/*.onnx", "../graphs/testdata/refused/*.onnx", "../graphs/testdata/heads/mlp-*.onnx")
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Read(data)
		if err != nil {
			return
		}
		numbers := 0
		count := func(tensor *Tensor) {
			want := 1
			for _, d := range tensor.Dims {
				want *= d
			}
			if got := len(tensor.Floats) + len(tensor.Ints); got != want {
				t.Errorf("tensor %q has %d numbers and dimensions %v", tensor.Name, got, tensor.Dims)
			}
			numbers += want
		}
		for _, tensor := range m.Weights {
			count(tensor)
		}
		for _, node := range m.Graph.Nodes {
			for _, a := range node.Attributes {
				numbers += len(a.Ints) + len(a.Floats)
				if a.Tensor != nil {
					count(a.Tensor)
				}
			}
		}
		if numbers > len(data) {
			t.Errorf("%d numbers from %d bytes", numbers, len(data))
		}
	})
}

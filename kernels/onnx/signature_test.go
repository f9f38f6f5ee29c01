package onnx

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/encoding/protowire"
)

// TestSignatureIsWhatONNXReads compares with facts that the onnx package has found
// (kernels/graphs/testdata/fixtures_signature.py).
func TestSignatureIsWhatONNXReads(t *testing.T) {
	var facts map[string]Signature
	if err := json.Unmarshal(read(t, "testdata/facts.json"), &facts); err != nil {
		t.Fatal(err)
	}
	if len(facts) < 100 || len(facts["kernels/onnx/testdata/signature.onnx"].External) < 20 {
		t.Fatalf("facts of %d files, and of few places of external data", len(facts))
	}
	for name, want := range facts {
		got, err := ReadSignature(read(t, filepath.Join("../..", name)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		slices.Sort(got.External)
		if diff := cmp.Diff(want, *got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(Signature{}, "ExternalBytes")); diff != "" {
			t.Errorf("%s (-onnx +ours):\n%s", name, diff)
		}
	}
}

func op(name string, parts ...[]byte) []byte {
	return inside(1, append(parts, inside(4, []byte(name)))...)
}

// TestBatchScalesAreFound: an operation that rounds the whole batch by one scale is found wherever in the file it
// stands.
func TestBatchScalesAreFound(t *testing.T) {
	for _, name := range []string{"DynamicQuantizeLinear", "DynamicQuantizeMatMul", "DynamicQuantizeLSTM"} {
		found, other := op(name), op("Abs")
		inner := inside(5, inside(6, found))
		function := func(parts ...[]byte) []byte { return append(inside(7, other), inside(25, parts...)...) }
		for place, file := range map[string][]byte{
			"graph":                    inside(7, other, found, other),
			"branch":                   inside(7, op("If", inner)),
			"branch of a branch":       inside(7, op("If", inside(5, inside(6, op("If", inner))))),
			"branches":                 inside(7, op("Some", inside(5, inside(11, other), inside(11, found), inside(11, other)))),
			"function":                 function(inside(7, found[2:])), // without the tag and length of a graph's node
			"default of a function":    function(inside(11, inside(6, found))),
			"branch within a function": function(inside(7, op("If", inner)[2:])),
		} {
			s, err := ReadSignature(file)
			if err != nil || s.BatchScale != name {
				t.Errorf("%s in a %s: %+v, %v", name, place, s, err)
			}
		}
	}
	s, err := ReadSignature(inside(7, op("QuantizeLinear"), op("MatMulInteger")))
	if err != nil || s.BatchScale != "" {
		t.Errorf("a graph whose rows are rounded apart: %+v, %v", s, err)
	}
}

// nested is a file with so many subgraphs inside one another. It is written from its end, since each message begins
// with its length.
func nested(levels int) []byte {
	backwards, size := []byte{}, 0
	put := func(field protowire.Number) {
		head := protowire.AppendVarint(protowire.AppendTag(nil, field, protowire.BytesType), uint64(size))
		size += len(head)
		slices.Reverse(head)
		backwards = append(backwards, head...)
	}
	for range levels {
		put(6) // AttributeProto.g
		put(5) // NodeProto.attribute
		put(1) // GraphProto.node
	}
	put(7)
	slices.Reverse(backwards)
	return backwards
}

// TestNestingEnds: subgraphs inside one another are read to a depth, and refused in a sentence behind it, however deep
// they are.
func TestNestingEnds(t *testing.T) {
	if _, err := ReadSignature(nested(8)); err != nil {
		t.Errorf("8 subgraphs inside one another: %v", err)
	}
	for _, levels := range []int{9, 1000, 3_000_000} {
		_, err := ReadSignature(nested(levels))
		if want := "graphs are nested more than 8 deep"; err == nil || err.Error() != want {
			t.Errorf("%d subgraphs inside one another: %v", levels, err)
		}
	}
}

// TestFunctionsAreBounded: functions that call functions become a bounded number of nodes, whatever their file's size.
func TestFunctionsAreBounded(t *testing.T) {
	call := func(name string) []byte { return inside(7, inside(4, []byte(name)), inside(7, []byte("own"))) }
	function := func(name string, nodes ...[]byte) []byte {
		return inside(25, append(nodes, inside(1, []byte(name)), inside(10, []byte("own")))...)
	}
	graph := inside(7, inside(1, inside(4, []byte("f0")), inside(7, []byte("own"))))
	chain := func(functions, calls int, wrap func([]byte) []byte) []byte { // the last one's nodes call an operator
		file := graph
		for i := range functions {
			file = append(file, function(fmt.Sprint("f", i), bytes.Repeat(wrap(call(fmt.Sprint("f", i+1))), calls))...)
		}
		return file
	}
	plain := func(call []byte) []byte { return call }
	deep := func(call []byte) []byte { // in a branch of a branch
		call[0] = 1<<3 | 2 // as a graph has it
		return inside(7, inside(5, inside(6, inside(1, inside(5, inside(6, call))))))
	}
	itself := append(slices.Clone(graph), slices.Concat(function("f0", call("f1")), function("f1", call("f0")))...)
	for what, one := range map[string]struct {
		data []byte
		want string
	}{
		"2^16 nodes":           {chain(16, 2, plain), ""},
		"2^17 nodes":           {chain(17, 2, plain), "calls of functions become more than 65536 nodes"},
		"3^4000 nodes":         {chain(4000, 3, plain), "calls of functions become more than 65536 nodes"},
		"branches of branches": {chain(5, 1, deep), ""},
		"more of them":         {chain(9, 1, deep), "calls of functions become more than 65536 nodes"},
		"itself":               {itself, "calls itself"},
		"many functions":       {chain(4097, 1, plain), "more than 4096 functions"},
		"none is called":       {bytes.Replace(chain(30, 2, plain), []byte("f0"), []byte("g0"), 1), ""},
	} {
		_, err := ReadSignature(one.data)
		if one.want == "" && err != nil || one.want != "" && (err == nil || !strings.Contains(err.Error(), one.want)) {
			t.Errorf("%s, %d bytes: error %v, want %q", what, len(one.data), err, one.want)
		}
	}
}

// numbered is so many messages of that number, of which each holds what part makes.
func numbered(n int, field protowire.Number, part func(i int) []byte) []byte {
	var all []byte
	for i := range n {
		all = append(all, inside(field, part(i))...)
	}
	return all
}

func TestSignatureRefuses(t *testing.T) {
	named := func(field protowire.Number) func(int) []byte {
		return func(i int) []byte { return inside(field, fmt.Append(nil, i)) }
	}
	at := func(location string) []byte {
		return inside(13, inside(1, []byte("location")), inside(2, []byte(location)))
	}
	dim := func(size int64) []byte {
		return inside(1, inside(2, inside(1, inside(2, inside(1, protowire.AppendVarint([]byte{8}, uint64(size)))))))[2:]
	}
	for name, one := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":             {nil, "not an ONNX file: it has no graph"},
		"zeros":               {make([]byte, 9000), "not an ONNX file, or a damaged one: "},
		"two graphs":          {slices.Concat(inside(7), inside(7)), "2 graphs, and one is wanted"},
		"a group":             {tag(7, protowire.StartGroupType), "not an ONNX file, or a damaged one: field 7 has wire type 3, which ONNX does not use"},
		"a cut message":       {[]byte{0x3a, 0x7f, 1}, "not an ONNX file, or a damaged one: unexpected EOF"},
		"a graph of a number": {tag(7, protowire.VarintType, 1), "not an ONNX file, or a damaged one: field 7 has wire type 0, and a length is wanted"},
		"many nodes":          {inside(7, []byte(strings.Repeat("\x0a\x00", maxAllNodes+1))), "more than 1048576 nodes"},
		"many inner nodes":    {inside(7, op("If", inside(5, inside(6, []byte(strings.Repeat("\x0a\x00", maxAllNodes)))))), "more than 1048576 nodes"},
		"many inputs":         {inside(7, numbered(maxPorts+1, 11, named(1))), "the graph has more than 4096 inputs or outputs"},
		"many weights":        {inside(7, numbered(maxWeights+1, 5, named(8))), "more than 65536 initializers"},
		"many sparse weights": {inside(7, numbered(maxWeights+1, 15, func(i int) []byte { return inside(1, named(8)(i)) })), "more than 65536 initializers"},
		"many files":          {inside(7, numbered(maxLocations+1, 5, func(i int) []byte { return at(strconv.Itoa(i)) })), "external data in more than 16384 files"},
		"a long name":         {inside(7, inside(11, inside(1, make([]byte, maxName+1)))), "a name of 1025 bytes, and at most 1024 are read"},
		"a long location":     {inside(7, inside(5, at(strings.Repeat("a/", 513)))), "a name of 1026 bytes, and at most 1024 are read"},
		"a dimension":         {inside(7, inside(11, dim(1<<40))), "dimension 0 is 1099511627776, and at most 134217728 is read"},
		"many dimensions":     {inside(7, inside(12, inside(2, inside(1, inside(2, numbered(9, 1, func(int) []byte { return nil })))))), "more than 8 dimensions"},
		"two shapes":          {inside(7, inside(12, inside(2, inside(1, inside(2), inside(2))))), "its shape comes twice"},
		"two types":           {inside(7, inside(12, inside(2, inside(1), inside(1)))), "its type comes twice"},
		"an address":          {inside(7, inside(5, at("*/_ORT_MEM_ADDR_/*"))), `external data "*/_ORT_MEM_ADDR_/*": ONNX Runtime takes this name for an address in its own memory`},
	} {
		if _, err := ReadSignature(one.data); err == nil || !strings.Contains(err.Error(), one.want) {
			t.Errorf("%s: error %v does not say %q", name, err, one.want)
		}
	}
	s, err := ReadSignature(inside(7, numbered(maxWeights+5, 5, func(int) []byte { return append(inside(8, []byte("same")), at("same.data")...) })))
	if err != nil || len(s.External) != 1 {
		t.Errorf("many tensors in one file: %+v, %v", s, err)
	}
}

// TestWalksEnd: a file has so many fields at most, whatever they are.
func TestWalksEnd(t *testing.T) {
	w, seen := &walker{fields: maxFields - 2}, 0
	err := w.walk([]byte{8, 0, 8, 0, 8, 0}, func(field) error { seen++; return nil })
	if err == nil || err.Error() != "the file has more than 16777216 fields" || seen != 2 {
		t.Errorf("%d fields were seen: %v", seen, err)
	}
}

// TestErrorsAreShort: whatever a file calls its parts, an error is one line of at most 500 bytes that keeps the place
// and the cause.
func TestErrorsAreShort(t *testing.T) {
	for _, name := range []string{strings.Repeat("\n", maxName), strings.Repeat("\xff", maxName), strings.Repeat("日", maxName/3), strings.Repeat("a", maxName)} {
		bytes := []byte(name)
		node := inside(1, inside(3, bytes), inside(4, bytes), inside(5, inside(1, bytes), inside(5, inside(8, bytes), tag(2, protowire.VarintType, 3))))
		_, whole := Read(append(tag(1, protowire.VarintType, 8), inside(7, node)...))
		_, signed := ReadSignature(inside(7, inside(11, inside(1, bytes), inside(2, inside(1, inside(2), inside(2))))))
		for _, one := range []struct {
			err         error
			place, what string
		}{{whole, "read ONNX: node 0, ", "int8 is not read"}, {signed, "value ", "its shape comes twice"}} {
			text := one.err.Error()
			if !short(text) || !strings.HasPrefix(text, one.place) || !strings.HasSuffix(text, one.what) {
				t.Errorf("of a name of %.3q…: %d bytes, %q", name, len(text), text)
			}
		}
	}
	if err := Brief(nil); err != nil {
		t.Errorf("no error: %v", err)
	}
}

// short says whether a text is one line of at most 500 bytes.
func short(text string) bool {
	return len(text) <= 500 && utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' })
}

// TestSignaturesTakeNoWeights: of 16 MiB of weights nothing is copied.
func TestSignaturesTakeNoWeights(t *testing.T) {
	file := inside(7, inside(5, inside(8, []byte("w")), inside(9, make([]byte, 16<<20))), inside(11, inside(1, []byte("w"))), inside(11, inside(1, []byte("x"))))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s, err := ReadSignature(file)
	runtime.ReadMemStats(&after)
	if err != nil || len(s.Inputs) != 1 || s.Inputs[0].Name != "x" {
		t.Fatalf("%+v, %v", s, err)
	}
	if taken := after.TotalAlloc - before.TotalAlloc; taken > 64<<10 {
		t.Errorf("%d bytes were taken", taken)
	}
}

// FuzzSignature looks for panics, long errors, and a signature that is not that of what Read reads.
func FuzzSignature(f *testing.F) {
	seeds(f, "testdata/*.onnx", "../graphs/testdata/refused/*.onnx", "../graphs/testdata/heads/mlp-*.onnx",
		"../../models/testdata/bundles/*-external/*.onnx")
	f.Add(nested(3))
	f.Add(inside(25, inside(7, op("DynamicQuantizeLinear")[2:])))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ReadSignature(data)
		if err != nil && !short(err.Error()) {
			t.Errorf("an error of %d bytes: %q", len(err.Error()), err)
		}
		m, failed := Read(data)
		switch {
		case failed != nil:
			if !short(failed.Error()) {
				t.Errorf("an error of %d bytes: %q", len(failed.Error()), failed)
			}
		case err != nil:
			t.Errorf("a file that Read reads has no signature: %v", err)
		case !cmp.Equal(s.Inputs, m.Graph.Inputs, cmpopts.EquateEmpty()) || !cmp.Equal(s.Outputs, m.Graph.Outputs, cmpopts.EquateEmpty()):
			t.Errorf("%v → %v, and Read reads %v → %v", s.Inputs, s.Outputs, m.Graph.Inputs, m.Graph.Outputs)
		}
	})
}

// TestValuesFit: kinds are equal, and dimensions where both are fixed.
func TestValuesFit(t *testing.T) {
	have := Value{"x", Float32, []int{-1, 4}}
	for _, one := range []struct {
		want Value
		fits bool
	}{
		{Value{"", Float32, []int{7, 4}}, true},
		{Value{"y", Float32, []int{-1, -1}}, true},
		{Value{"x", Float32, []int{-1, 5}}, false},
		{Value{"x", Float32, []int{4}}, false},
		{Value{"x", Int64, []int{-1, 4}}, false},
	} {
		if have.Fits(one.want) != one.fits {
			t.Errorf("%v and %v: fits is %v", have, one.want, !one.fits)
		}
	}
	if free := (Value{"x", Float32, nil}); !free.Fits(have) {
		t.Error("a value without dimensions does not fit")
	}
	if text := have.String(); text != "x float [-1 4]" {
		t.Error(text)
	}
	if text := (Value{Name: strings.Repeat("\n", 200)}).String(); text != strings.Repeat(" ", 80)+" undefined []" {
		t.Errorf("%q", text)
	}
}

// TestExternalDataIsCounted: what lies outside the file has as many bytes as the tensors say, and room to begin on a
// page.
func TestExternalDataIsCounted(t *testing.T) {
	tensor := func(kind byte, location string, dims ...byte) []byte {
		var parts []byte
		for _, dim := range dims {
			parts = append(parts, 1<<3, dim)
		}
		parts = append(parts, 2<<3, kind)
		if location != "" {
			parts = append(parts, inside(13, inside(1, []byte("location")), inside(2, []byte(location)))...)
		}
		return inside(5, parts)
	}
	packed := inside(5, inside(1, []byte{3, 5}), []byte{2 << 3, 7}, inside(13, inside(1, []byte("location")), inside(2, []byte("a"))))
	many := bytes.Repeat([]byte{0xff, 0xff, 0xff, 0xff, 0x7f}, 3) // numbers of 2^35
	for what, one := range map[string]struct {
		tensors []byte
		want    int64
	}{
		"none":                  {tensor(1, "", 2, 3), 0},
		"floats":                {tensor(1, "a", 2, 3), 24 + alignment},
		"of one dimension less": {tensor(3, "a"), 1 + alignment},
		"packed dimensions":     {packed, 8*15 + alignment},
		"two in a file":         {append(tensor(1, "a", 2, 3), tensor(10, "a", 4)...), 24 + 8 + 2*alignment},
		"more than there are":   {inside(5, inside(1, many), inside(13, inside(1, []byte("location")), inside(2, []byte("a")))), math.MaxInt64},
	} {
		s, err := ReadSignature(inside(7, one.tensors))
		if err != nil || s.ExternalBytes != one.want {
			t.Errorf("%s: %+v, %v; want %d bytes", what, s, err, one.want)
		}
	}
}

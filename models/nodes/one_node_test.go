package nodes

import (
	"encoding/binary"
	"math"
	"testing"
	"unsafe"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/processor"
	"github.com/assay-rm/assay/models/inplace"
)

// oneNode is a node of domain assay as a graph of its own: every input but the kept one is the graph's too.
type oneNode struct {
	operator        string
	inputs, outputs []operand
	kept            int // the input that is an initializer; -1: none
	attributes      map[string]any
}

// operand is a tensor: float32, int64 or int8.
type operand struct {
	data  any // []float32, []int64 or []int8
	shape []int64
	as    int // an output: the input whose memory it is given, and one more; 0: memory of its own
}

func floats(shape ...int64) operand { return operand{make([]float32, elements(shape)), shape, 0} }
func levels(shape ...int64) operand { return operand{make([]int8, elements(shape)), shape, 0} }
func ints(numbers []int64, shape ...int64) operand {
	return operand{numbers, shape, 0}
}

func elements(shape []int64) int64 {
	n := int64(1)
	for _, size := range shape {
		n *= size
	}
	return n
}

func (o operand) kind() int64 {
	switch o.data.(type) {
	case []float32:
		return 1
	case []int8:
		return 3
	default:
		return 7
	}
}

func (o operand) bytes() []byte {
	switch data := o.data.(type) {
	case []float32:
		return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(data))), 4*len(data))
	case []int8:
		return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(data))), len(data))
	default:
		return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(data.([]int64)))), 8*len(data.([]int64)))
	}
}

// field writes a field of a protocol buffer: a number, or bytes.
func field(into []byte, number uint64, value any) []byte {
	switch v := value.(type) {
	case int64:
		return binary.AppendUvarint(binary.AppendUvarint(into, number<<3), uint64(v))
	case float32:
		return binary.LittleEndian.AppendUint32(binary.AppendUvarint(into, number<<3|5), math.Float32bits(v))
	case string:
		return field(into, number, []byte(v))
	default:
		bytes := v.([]byte)
		return append(binary.AppendUvarint(binary.AppendUvarint(into, number<<3|2), uint64(len(bytes))), bytes...)
	}
}

// model is the file (onnx.proto).
func (n oneNode) model() []byte {
	var made, graph []byte
	named := func(list []operand, prefix string, in, graphs uint64) {
		for i, o := range list {
			name := prefix + string(rune('a'+i))
			made = field(made, in, name)
			if prefix == "in" && i == n.kept {
				var tensor []byte
				for _, size := range o.shape {
					tensor = field(tensor, 1, size)
				}
				graph = field(graph, 5, field(field(field(tensor, 2, o.kind()), 8, name), 9, o.bytes()))
				continue
			}
			var shape []byte
			for range o.shape {
				shape = field(shape, 1, []byte{}) // of any size
			}
			typed := field(nil, 1, field(field(nil, 1, o.kind()), 2, shape))
			graph = field(graph, graphs, field(field(nil, 1, name), 2, typed))
		}
	}
	named(n.inputs, "in", 1, 11)
	named(n.outputs, "out", 2, 12)
	made = field(field(made, 4, n.operator), 7, "assay")
	for name, value := range n.attributes {
		attribute := field(nil, 1, name)
		switch v := value.(type) {
		case int64:
			attribute = field(field(attribute, 3, v), 20, int64(2))
		case float32:
			attribute = field(field(attribute, 2, v), 20, int64(1))
		case []int64:
			for _, number := range v {
				attribute = field(attribute, 8, number)
			}
			attribute = field(attribute, 20, int64(7))
		}
		made = field(made, 5, attribute)
	}
	graph = field(field(graph, 1, made), 2, "one node")
	file := field(field(nil, 1, int64(10)), 7, graph)
	for _, domain := range []string{"", "assay"} {
		version := int64(23)
		if domain != "" {
			version = 1
		}
		file = field(file, 8, field(field(nil, 1, domain), 2, version))
	}
	return file
}

// run runs the node on the best tier, once.
func (n oneNode) run(t *testing.T) error {
	t.Helper()
	runtime, err := inplace.Attach(library)
	if err != nil {
		t.Fatal(err)
	}
	options, err := ort.NewSessionOptions()
	if err != nil {
		t.Fatal(err)
	}
	weights := NewWeights()
	set, err := RegisterProcessor(runtime.API(), options, kernels.Float32, processor.Best(), 1, weights)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		options.Destroy() //nolint:errcheck // freeing cannot fail
		set.Close()
		if n := weights.Bytes(); n != 0 {
			t.Errorf("%d bytes of weights are left", n)
		}
		weights.Close()
	}()
	var names, results []string
	for i := range n.inputs {
		if i != n.kept {
			names = append(names, "in"+string(rune('a'+i)))
		}
	}
	for i := range n.outputs {
		results = append(results, "out"+string(rune('a'+i)))
	}
	session, err := ort.NewDynamicAdvancedSessionWithONNXData(n.model(), names, results, options)
	if err != nil {
		return err
	}
	defer session.Destroy() //nolint:errcheck // freeing cannot fail
	binding, err := session.CreateIoBinding()
	if err != nil {
		t.Fatal(err)
	}
	defer binding.Destroy() //nolint:errcheck // freeing cannot fail
	v := &values{t, kernels.Float32, map[string]ort.Value{}, map[string][]byte{}}
	kinds := map[int64]ort.TensorElementDataType{1: float32s, 3: int8s, 7: int64s}
	for i, o := range n.inputs {
		if i == n.kept {
			continue
		}
		name := "in" + string(rune('a'+i))
		v.put(name, kinds[o.kind()], o.bytes(), o.shape)
		if err := binding.BindInput(name, v.given[name]); err != nil {
			t.Fatal(err)
		}
	}
	for i, o := range n.outputs {
		name, memory := "out"+string(rune('a'+i)), "in"+string(rune('a'+o.as-1))
		if o.as == 0 {
			memory = name
			v.put(name, kinds[o.kind()], o.bytes(), o.shape)
		}
		if err := binding.BindOutput(name, v.given[memory]); err != nil {
			t.Fatal(err)
		}
	}
	err = session.RunWithBinding(binding)
	for _, value := range v.given {
		value.Destroy() //nolint:errcheck // freeing cannot fail
	}
	return err
}

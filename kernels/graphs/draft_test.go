package graphs

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strings"
)

// draft writes a small file of opset 20, for shapes that no exporter's fixture has.
type draft struct {
	graph  message
	random *rand.Rand
}

func newDraft(inputs ...Value) *draft {
	d := &draft{random: rand.New(rand.NewPCG(3, 4))}
	for _, input := range inputs {
		d.graph = d.graph.bytes(11, valueInfo(input.Name, input.Dims...))
	}
	return d
}

// hiddenDraft has one input, hidden [rows, 6], and the weights of its usual layers: w [6, 4] and b [4], v [4, 3] and c
// [3].
func hiddenDraft() *draft {
	return newDraft(Value{"hidden", []int{-1, 6}}).weight("w", 6, 4).weight("b", 4).weight("v", 4, 3).weight("c", 3)
}

// valueInfo is a float value; without dimensions the file does not say them.
func valueInfo(name string, dims ...int) message {
	kind := message{}.int(1, 1)
	if len(dims) > 0 {
		var shape message
		for _, d := range dims {
			var dim message
			if d < 0 {
				dim = dim.bytes(2, []byte("rows"))
			} else {
				dim = dim.int(1, uint64(d))
			}
			shape = shape.bytes(1, dim)
		}
		kind = kind.bytes(2, shape)
	}
	return message{}.bytes(1, []byte(name)).bytes(2, message{}.bytes(1, kind))
}

// weight adds random numbers.
func (d *draft) weight(name string, dims ...int) *draft {
	numbers := make([]float32, size(dims))
	for i := range numbers {
		numbers[i] = float32(d.random.NormFloat64())
	}
	return d.constant(name, dims, numbers...)
}

func (d *draft) constant(name string, dims []int, numbers ...float32) *draft {
	raw := make([]byte, 4*len(numbers))
	for i, x := range numbers {
		binary.LittleEndian.PutUint32(raw[4*i:], math.Float32bits(x))
	}
	return d.tensor(name, 1, dims, raw)
}

func (d *draft) integers(name string, numbers ...int64) *draft {
	raw := make([]byte, 8*len(numbers))
	for i, n := range numbers {
		binary.LittleEndian.PutUint64(raw[8*i:], uint64(n))
	}
	return d.tensor(name, 7, []int{len(numbers)}, raw)
}

func (d *draft) tensor(name string, kind uint64, dims []int, raw []byte) *draft {
	var m message
	for _, n := range dims {
		m = m.int(1, uint64(n))
	}
	d.graph = d.graph.bytes(5, m.int(2, kind).bytes(8, []byte(name)).bytes(9, raw))
	return d
}

// node adds "out = Op in in …"; attributes are names and values in turn.
func (d *draft) node(line string, attributes ...any) *draft {
	words := strings.Fields(line)
	m := message{}.bytes(2, []byte(words[0])).bytes(3, []byte("the "+words[0])).bytes(4, []byte(words[2]))
	for _, in := range words[3:] {
		m = m.bytes(1, []byte(in))
	}
	for i := 0; i < len(attributes); i += 2 {
		a := message{}.bytes(1, []byte(attributes[i].(string)))
		switch v := attributes[i+1].(type) {
		case int:
			a = a.int(3, uint64(v)).int(20, 2)
		case float64:
			a = a.float(2, float32(v)).int(20, 1)
		case string:
			a = a.bytes(4, []byte(v)).int(20, 3)
		case []int:
			for _, n := range v {
				a = a.int(8, uint64(n))
			}
			a = a.int(20, 7)
		}
		m = m.bytes(5, a)
	}
	d.graph = d.graph.bytes(1, m)
	return d
}

// file ends the draft with its outputs.
func (d *draft) file(outputs ...string) []byte {
	for _, name := range outputs {
		d.graph = d.graph.bytes(12, valueInfo(name))
	}
	return message{}.int(1, 8).bytes(7, d.graph).bytes(8, message{}.int(2, 20))
}

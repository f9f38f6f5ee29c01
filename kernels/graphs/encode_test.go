package graphs

import (
	"encoding/binary"
	"math"
	"math/rand/v2"

	"google.golang.org/protobuf/encoding/protowire"
)

// message builds protobuf messages.
type message []byte

func (m message) bytes(field protowire.Number, data []byte) message {
	return protowire.AppendBytes(protowire.AppendTag(m, field, protowire.BytesType), data)
}

func (m message) int(field protowire.Number, v uint64) message {
	return protowire.AppendVarint(protowire.AppendTag(m, field, protowire.VarintType), v)
}

func (m message) float(field protowire.Number, v float32) message {
	return protowire.AppendFixed32(protowire.AppendTag(m, field, protowire.Fixed32Type), math.Float32bits(v))
}

// encode writes a head hidden → score of opset 20: one Gemm, or with a width Gemm, Relu, Gemm. Too large to commit.
func encode(hidden, width int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	weight := func(name string, dims ...int) message {
		raw := make([]byte, 4*size(dims))
		for i := range size(dims) {
			binary.LittleEndian.PutUint32(raw[4*i:], math.Float32bits(float32(random.NormFloat64()/math.Sqrt(float64(dims[len(dims)-1])))))
		}
		var m message
		for _, d := range dims {
			m = m.int(1, uint64(d))
		}
		return m.int(2, 1).bytes(8, []byte(name)).bytes(9, raw)
	}
	node := func(op, out string, in ...string) message {
		var m message
		for _, name := range in {
			m = m.bytes(1, []byte(name))
		}
		m = m.bytes(2, []byte(out)).bytes(3, []byte(op+" "+out)).bytes(4, []byte(op))
		if op == "Gemm" {
			m = m.bytes(5, message{}.bytes(1, []byte("transB")).int(3, 1).int(20, 2))
		}
		return m
	}
	var graph message
	last := hidden
	in := "hidden"
	if width > 0 {
		graph = graph.bytes(1, node("Gemm", "a", "hidden", "w0", "b0")).bytes(1, node("Relu", "r", "a"))
		graph = graph.bytes(5, weight("w0", width, hidden)).bytes(5, weight("b0", width))
		last, in = width, "r"
	}
	graph = graph.bytes(1, node("Gemm", "score", in, "w1", "b1")).bytes(5, weight("w1", 1, last)).bytes(5, weight("b1", 1))
	graph = graph.bytes(11, valueInfo("hidden", -1, hidden)).bytes(12, valueInfo("score", -1, 1))
	return message{}.int(1, 8).bytes(7, graph).bytes(8, message{}.int(2, 20))
}

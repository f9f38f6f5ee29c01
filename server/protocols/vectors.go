package protocols

import (
	"encoding/base64"
	"encoding/binary"
	"math"
)

// floats are the bytes of numbers as float32, which holds every number of a graph exactly.
func floats(values []float64, order binary.AppendByteOrder) []byte {
	bytes := make([]byte, 0, 4*len(values))
	for _, x := range values {
		bytes = order.AppendUint32(bytes, math.Float32bits(float32(x)))
	}
	return bytes
}

func base64Of(bytes []byte) string { return base64.StdEncoding.EncodeToString(bytes) }

// flat are rows one behind the other.
func flat(rows [][]float64) []float64 {
	var all []float64
	for _, row := range rows {
		all = append(all, row...)
	}
	return all
}

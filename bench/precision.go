package main

import "strings"

// Precisions that a model is computed in.
const (
	inFloat32  = "float32"
	inBfloat16 = "bfloat16"
	inInt8     = "int8" // weights stored as int8, and multiplied as integers
)

// tolerances are how far a score may lie from float32's in the other precisions, in units of max(1, |score|): twice
// what was seen on the random models and more, of OpenVINO in bfloat16 0.06, of ONNX Runtime in int8 0.21.
var tolerances = map[string]float64{inBfloat16: 0.15, inInt8: 0.5}

// tolerance between a score in a precision and the padded graph's in float32.
func (s Settings) tolerance(precision string) float64 {
	if t, known := tolerances[precision]; known {
		return t
	}
	return s.Tolerance
}

// engineOf is a way without its sizes: a graph, and what runs it in which precision.
func engineOf(way string) string {
	engine, _, _ := strings.Cut(way, " ")
	return engine
}

// precisionOf is what a way computes in: its engine's name says it behind a dash, where that is not float32.
func precisionOf(way string) string {
	if _, precision, said := strings.Cut(engineOf(way), "-"); said {
		return precision
	}
	return inFloat32
}

// waysIn are the ways that compute in a precision.
func waysIn(precision string, ways []string) []string {
	var of []string
	for _, way := range ways {
		if precisionOf(way) == precision {
			of = append(of, way)
		}
	}
	return of
}

// isPadded tells the ways that run the padded graph in float32 with ONNX Runtime: scores are held to theirs.
func isPadded(way string) bool { return engineOf(way) == "padded" }

// isPacked tells the ways that run a packed graph, which computes once what texts share.
func isPacked(way string) bool { return strings.HasPrefix(way, "packed") }

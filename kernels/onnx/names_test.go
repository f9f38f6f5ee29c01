package onnx

import "testing"

// A kind and a type of attribute are named as onnx.proto3 names them, and by their number where it does not.
func TestNames(t *testing.T) {
	for _, one := range []struct{ got, want string }{
		{Kind(0).String(), "undefined"},
		{Float32.String(), "float"},
		{double.String(), "double"},
		{BFloat16.String(), "bfloat16"},
		{Kind(23).String(), "float4e2m1"},
		{Kind(24).String(), "element type 24"},
		{Kind(-1).String(), "element type -1"},
		{AttributeType(0).String(), "attribute type 0"},
		{AttributeInts.String(), "ints"},
		{AttributeType(5).String(), "graph"},
		{AttributeType(14).String(), "types"},
		{AttributeType(15).String(), "attribute type 15"},
	} {
		if one.got != one.want {
			t.Errorf("%q, and %q is wanted", one.got, one.want)
		}
	}
}

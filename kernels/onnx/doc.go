// Package onnx reads small ONNX files: reward heads of a few megabytes, not backbones.
//
// Read gives the whole file as plain Go values, with the weights as float32 or int64. It computes nothing and knows no
// operator. Whatever it does not understand it refuses by name, since a field that is skipped may change what the
// graph computes. A damaged file gives an error, never a panic; what is allocated is about twelve bytes for each of the
// file's at most, and that only for 16-bit floats and integers that are stored one by one.
//
// Field numbers are those of onnx.proto3 (github.com/onnx/onnx), IR versions 4 to 13.
package onnx

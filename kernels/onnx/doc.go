// Package onnx is the one reader of ONNX files: of a head it gives all, of a backbone what it says of itself beside its
// weights.
//
// Read gives a small file, a reward head of a few megabytes, as plain Go values, with the weights as float32 or int64.
// Whatever it does not understand it refuses by name, since a field that is skipped may change what the graph computes.
// What is allocated is about twelve bytes for each of the file's at most, and that only for 16-bit floats and integers
// that are stored one by one.
//
// ReadSignature gives a file's inputs, outputs and external data, wherever in it a tensor has some, and copies no
// weight.
//
// Both compute nothing and know no operator. Any bytes give an error or a result, never a panic, in time that the
// file's size bounds, and what is kept of a file is counted. A signature is refused of a file that would hold ONNX
// Runtime up: graphs nested more than 8 deep, or functions that call one another until they are too many nodes. Errors
// are one line of at most 500 bytes.
//
// Field numbers are those of onnx.proto3 (github.com/onnx/onnx), IR versions 4 to 13.
package onnx

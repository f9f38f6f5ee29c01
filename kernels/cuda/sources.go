// Package cuda holds the CUDA sources of the kernels, and their twin: the same sources compiled by g++ and run on the
// CPU by a fiber a thread. The twin shows whether a kernel's logic is right. It is slow, and only tests use it.
package cuda

import "embed"

// Sources has the kernels and what the twin needs to be compiled. Embedding them also makes the go command compile the
// twin anew when one of them changes.
//
//go:embed *.cu *.cuh *.hpp twin.h twin.cpp
var Sources embed.FS

// Package kernels is the numeric code of our own that reward models need behind their backbones: the pooled head, and
// the copies of a key-value cache's blocks. It knows no model.
//
// The head is defined by a float64 function of this package, [PooledHead]; the copies, [Host.GatherBlocks] and
// [Host.KeepBlocks], by what they do to numbers of any type. A [Backend] computes the same in float32. [Host] is that
// definition, rounded; [On] runs the CUDA kernels of the folder cuda on a [Machine], which is a GPU (package device,
// build tag gpu) or their twin on the CPU (package cuda, for tests). Package kerneltest holds any backend to the
// definitions. The kernels of a graph's own operators are started by package operators and defined in docs/GPU.md.
//
// What is wrong with a call (shapes, types) is an error. What is wrong with one of its rows (an index or a token out of
// range, NaN) makes that row NaN and leaves the others alone, so that one bad item never spoils its batch mates. A
// row's bits do not depend on the other rows of a call. A copy of blocks has no rows of that kind: an index out of
// range is an error, and nothing is copied.
package kernels

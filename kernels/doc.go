// Package kernels is the numeric code of our own that reward models need behind their backbones: the pooled head, the log-probability of
// chosen tokens, the pooling of step scores, and the matrix of preferences. It knows no model.
//
// Each kernel is defined by a float64 function of this package: [PooledHead], [TokenLogProb], [StepPool], [Preferences]. A [Backend]
// computes the same in float32. [Host] is that definition, rounded; [On] runs the CUDA kernels of the folder cuda on a [Machine], which is a
// GPU (package device, build tag cuda) or their twin on the CPU (package cuda, for tests). Package kerneltest holds any backend to the
// definitions.
//
// What is wrong with a call (shapes, types) is an error. What is wrong with one of its rows (an index or a token out of range, NaN) makes
// that row NaN and leaves the others alone, so that one bad item never spoils its batch mates. A row's bits do not depend on the
// other rows of a call.
package kernels

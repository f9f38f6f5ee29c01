// cuDNN (libcudnn.so.9) for tests: a handle on a stream, and nothing that is computed with it.
#include <stddef.h>

#include "trace.hpp"

extern "C" {

size_t cudnnGetVersion() { return 92801; }
const char *cudnnGetErrorString(int) { return "an error of the fake cuDNN"; }
int cudnnCreate(void **handle) { return *handle = new char, 0; }
int cudnnDestroy(void *handle) { return delete (char *)handle, 0; }
int cudnnSetStream(void *, void *) { return 0; }

}  // extern "C"

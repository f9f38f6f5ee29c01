// cuBLASLt (libcublasLt.so.13) for tests: a handle, and nothing that is done with it.
#include "trace.hpp"

extern "C" {

int cublasLtCreate(void **handle) { return *handle = new char, 0; }
int cublasLtDestroy(void *handle) { return delete (char *)handle, 0; }

}  // extern "C"

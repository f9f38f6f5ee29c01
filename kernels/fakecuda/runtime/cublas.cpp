// cuBLAS (libcublas.so.13) for tests: products of matrices are told in the trace, and not computed. A product's sums
// are of the type that the caller asks for, and it may round its factors to TensorFloat-32 where the handle's mode says
// so.
#include "trace.hpp"

enum Status { done = 0, invalid = 7 };
enum Type { float32 = 0, float16 = 2, int8 = 3, int32 = 10, bfloat16 = 14 };
enum Sums { in_float16 = 64, in_float32 = 68, in_int32 = 72, in_tf32 = 77 };
constexpr int tf32_mode = 3;

struct Handle { int mode; void *stream; };

static const char *name(int type) {
  switch (type) {
    case float32: return "float32";
    case float16: return "float16";
    case bfloat16: return "bfloat16";
    case int8: return "int8";
    default: return "another type";
  }
}
static const char *sums(int type) {
  switch (type) {
    case in_float16: return "float16";
    case in_float32: return "float32";
    case in_tf32: return "tf32";
    case in_int32: return "int32";
    default: return "another type";
  }
}

static Status product(const Handle *handle, const char *function, int m, int n, int k, int count, int type, int summed) {
  const bool tf32 = type == float32 && (handle->mode == tf32_mode || summed == in_tf32);
  trace::line("product\t%s\t%d\t%d\t%d\t%d\t%s\t%s\t%s", function, m, n, k, count, name(type), sums(summed), tf32 ? "tf32" : "exact");
  return m > 0 && n > 0 && k > 0 && count > 0 ? done : invalid;
}

extern "C" {

const char *cublasGetStatusName(int) { return "CUBLAS_STATUS_OF_THE_FAKE"; }
const char *cublasGetStatusString(int) { return "a status of the fake cuBLAS"; }
Status cublasCreate_v2(Handle **handle) { return *handle = new Handle{}, done; }
Status cublasDestroy_v2(Handle *handle) { return delete handle, done; }
Status cublasSetStream_v2(Handle *handle, void *stream) { return handle->stream = stream, done; }
Status cublasSetMathMode(Handle *handle, int mode) { return handle->mode = mode, done; }
Status cublasGetMathMode(Handle *handle, int *mode) { return *mode = handle->mode, done; }

Status cublasScopy_v2(Handle *, int count, const float *, int, float *, int) {
  return trace::line("copy\tinside\t%zu", sizeof(float) * count), done;
}
Status cublasSgeam(Handle *, int, int, int, int, const float *, const float *, int, const float *, const float *, int, float *, int) {
  return trace::line("launch\t%s\t-\t-\t0", __func__), done;
}

Status cublasSgemm_v2(Handle *handle, int, int, int m, int n, int k, const void *, const void *, int, const void *, int, const void *, void *, int) {
  return product(handle, __func__, m, n, k, 1, float32, in_float32);
}
Status cublasSgemmBatched(Handle *handle, int, int, int m, int n, int k, const void *, const void *, int, const void *, int, const void *, void *, int, int count) {
  return product(handle, __func__, m, n, k, count, float32, in_float32);
}
Status cublasSgemmStridedBatched(Handle *handle, int, int, int m, int n, int k, const void *, const void *, int, long long, const void *, int, long long,
                                 const void *, void *, int, long long, int count) {
  return product(handle, __func__, m, n, k, count, float32, in_float32);
}
Status cublasGemmEx(Handle *handle, int, int, int m, int n, int k, const void *, const void *, int type, int, const void *, int, int, const void *, void *, int,
                    int, int summed, int) {
  return product(handle, __func__, m, n, k, 1, type, summed);
}
Status cublasGemmBatchedEx(Handle *handle, int, int, int m, int n, int k, const void *, const void *, int type, int, const void *, int, int, const void *,
                           void *, int, int, int count, int summed, int) {
  return product(handle, __func__, m, n, k, count, type, summed);
}
Status cublasGemmStridedBatchedEx(Handle *handle, int, int, int m, int n, int k, const void *, const void *, int type, int, long long, const void *, int, int,
                                  long long, const void *, void *, int, int, long long, int count, int summed, int) {
  return product(handle, __func__, m, n, k, count, type, summed);
}

}  // extern "C"

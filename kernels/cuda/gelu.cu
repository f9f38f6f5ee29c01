// The activation of a feed-forward layer that has no gate.
#include "numbers.cuh"

#define THREADS 256

// out[t, i] = GELU(x[t, i]). Both are (tokens, width); width is a multiple of 8. Block (t, c) makes the numbers 8 ·
// THREADS · c and on of token t, a thread eight of them. It is float32 inside and rounded once.
template <class T> __device__ void gelu_rows(const T *x, T *out, u64 width) {
  const u64 token = blockIdx.x, i = 8 * ((u64)blockIdx.y * THREADS + threadIdx.x);
  if (i >= width) return;
  float numbers[8];
  load8(x + token * width + i, numbers);
  UNROLL for (unsigned k = 0; k < 8; k++) numbers[k] = gelu_of(numbers[k]);
  store8(out + token * width + i, numbers);
}

#define GELU(NAME, T) \
  extern "C" __global__ void __launch_bounds__(THREADS) NAME(const T *x, T *out, u64 width) { gelu_rows(x, out, width); }

GELU(gelu_f16, float16)
GELU(gelu_bf16, bfloat16)

#undef THREADS

// The gate of a feed-forward layer: activation(gate) · up.
#include "numbers.cuh"

#define THREADS 256

struct Silu {
  static __device__ inline float of(float x) { return x / (1 + expf(-x)); }
};
struct Gelu {
  static __device__ inline float of(float x) { return gelu_of(x); }
};

// out[t, i] = activation(gate_up[t, i]) · gate_up[t, width + i]. gate_up is (tokens, 2 · width), out (tokens, width);
// width is a multiple of 8. Block (t, c) makes the numbers 8 · THREADS · c and on of token t, a thread eight of them.
// It is float32 inside and rounded once.
template <class T, class Activation> __device__ void gated(const T *gate_up, T *out, u64 width) {
  const u64 token = blockIdx.x, i = 8 * ((u64)blockIdx.y * THREADS + threadIdx.x);
  if (i >= width) return;
  float gate[8], up[8];
  load8(gate_up + token * 2 * width + i, gate);
  load8(gate_up + token * 2 * width + width + i, up);
  UNROLL for (unsigned k = 0; k < 8; k++) gate[k] = Activation::of(gate[k]) * up[k];
  store8(out + token * width + i, gate);
}

#define GATED(NAME, T, ACTIVATION) \
  extern "C" __global__ void __launch_bounds__(THREADS) NAME(const T *gate_up, T *out, u64 width) { \
    gated<T, ACTIVATION>(gate_up, out, width); \
  }

GATED(swiglu_f16, float16, Silu)
GATED(swiglu_bf16, bfloat16, Silu)
GATED(geglu_f16, float16, Gelu)
GATED(geglu_bf16, bfloat16, Gelu)

#undef THREADS

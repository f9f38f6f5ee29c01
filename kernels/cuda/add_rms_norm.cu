// What a layer gives is added to the residual, and the sum is normed by its root mean square.
#include "sums.cuh"

#define THREADS 256
#define WARPS (THREADS / 32)

// summed[t] = residual[t] + x[t], and normed[t] = weight · summed[t] / √(mean of summed[t]² + epsilon).
//
// residual and summed are (tokens, width) and may be one, or residual is null, which means zeros; x and normed are
// (tokens, width) of 16 bits, weight (width); width is a multiple of 8. Block t makes token t. The sum of squares is in
// an order that depends on width only. partial is shared memory, (WARPS).
template <class T>
__device__ void add_rms_norm(const float *residual, const T *x, const float *weight, T *normed, float *summed, u64 width, float epsilon,
                             float *partial) {
  const u64 row = blockIdx.x * width;
  float squares = 0;
  for (u64 i = 8 * threadIdx.x; i < width; i += 8 * THREADS) {
    float sum[8], added[8] = {};
    load8(x + row + i, sum);
    if (residual) load8(residual + row + i, added);
    UNROLL for (unsigned k = 0; k < 8; k++) {
      sum[k] += added[k];
      squares = fmaf(sum[k], sum[k], squares);
    }
    store8(summed + row + i, sum);
  }
  const float unit = 1 / sqrtf(sum_of_block<THREADS>(squares, partial) / width + epsilon);

  for (u64 i = 8 * threadIdx.x; i < width; i += 8 * THREADS) {  // each thread reads what it has written itself
    float sum[8], scale[8];
    load8(summed + row + i, sum);
    load8(weight + i, scale);
    UNROLL for (unsigned k = 0; k < 8; k++) sum[k] = sum[k] * unit * scale[k];
    store8(normed + row + i, sum);
  }
}

#define ADD_RMS_NORM(NAME, T) \
  extern "C" __global__ void __launch_bounds__(THREADS) NAME(const float *residual, const T *x, const float *weight, T *normed, \
                                                             float *summed, u64 width, u64 epsilon) { \
    __shared__ float partial[WARPS]; \
    add_rms_norm(residual, x, weight, normed, summed, width, float_of(epsilon), partial); \
  }

ADD_RMS_NORM(add_rms_norm_f16, float16)
ADD_RMS_NORM(add_rms_norm_bf16, bfloat16)

#undef THREADS
#undef WARPS

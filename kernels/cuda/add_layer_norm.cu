// What a layer of an encoder gives is added to the residual, and the sum is normed by its mean and its variance.
#include "sums.cuh"

#define THREADS 256
#define WARPS (THREADS / 32)

// With sum[t] = residual[t] + x[t], norm[t] = (sum[t] - mean) / √(mean of (sum[t] - mean)² + epsilon) · weight + bias;
// normed[t] is the norm, rounded, and flows[t] what the next layer's part is added to: the sum, or the norm where the
// layers add behind their norm.
//
// residual and flows are (tokens, width) and may be one, or residual is null, which means zeros; x and normed are
// (tokens, width) of 16 bits, weight and bias (width), or bias is null, which means zeros; width is a multiple of 8.
// Block t makes token t. The mean and the variance are each a pass of their own over the row, in an order that depends
// on width only: a variance by the mean of squares would lose a row whose mean is large. partial is shared memory, (2,
// WARPS).
template <class T>
__device__ void add_layer_norm(const float *residual, const T *x, const float *weight, const float *bias, T *normed, float *flows,
                               u64 width, float epsilon, bool behind, float (*partial)[WARPS]) {
  const u64 row = blockIdx.x * width;
  float total = 0;
  for (u64 i = 8 * threadIdx.x; i < width; i += 8 * THREADS) {
    float sum[8], added[8] = {};
    load8(x + row + i, sum);
    if (residual) load8(residual + row + i, added);
    UNROLL for (unsigned k = 0; k < 8; k++) {
      sum[k] += added[k];
      total += sum[k];
    }
    store8(flows + row + i, sum);
  }
  const float mean = sum_of_block<THREADS>(total, partial[0]) / width;

  float squares = 0;
  for (u64 i = 8 * threadIdx.x; i < width; i += 8 * THREADS) {  // here and below a thread reads what it has written itself
    float sum[8];
    load8(flows + row + i, sum);
    UNROLL for (unsigned k = 0; k < 8; k++) squares = fmaf(sum[k] - mean, sum[k] - mean, squares);
  }
  const float unit = 1 / sqrtf(sum_of_block<THREADS>(squares, partial[1]) / width + epsilon);

  for (u64 i = 8 * threadIdx.x; i < width; i += 8 * THREADS) {
    float sum[8], scale[8], shift[8] = {};
    load8(flows + row + i, sum);
    load8(weight + i, scale);
    if (bias) load8(bias + i, shift);
    UNROLL for (unsigned k = 0; k < 8; k++) sum[k] = (sum[k] - mean) * unit * scale[k] + shift[k];
    store8(normed + row + i, sum);
    if (behind) store8(flows + row + i, sum);
  }
}

#define ADD_LAYER_NORM(NAME, T) \
  extern "C" __global__ void __launch_bounds__(THREADS) NAME(const float *residual, const T *x, const float *weight, const float *bias, \
                                                             T *normed, float *flows, u64 width, u64 epsilon, u64 behind) { \
    __shared__ float partial[2][WARPS]; \
    add_layer_norm(residual, x, weight, bias, normed, flows, width, float_of(epsilon), behind != 0, partial); \
  }

ADD_LAYER_NORM(add_layer_norm_f16, float16)
ADD_LAYER_NORM(add_layer_norm_bf16, bfloat16)

#undef THREADS
#undef WARPS

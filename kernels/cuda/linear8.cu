// A linear layer of int8: the rows that it is given as whole numbers, and its sums of products as numbers again.
#include "numbers.cuh"

#define THREADS 256
#define WARPS (THREADS / 32)
#define STEPS 127.0f     // the largest level
#define SMALLEST 1e-30f  // the least scale of a row, so that a row of zeros is divided by something

// A number's level in the lowest byte.
__device__ inline unsigned level(float x, float scale) { return __float2int_rn(__fdiv_rn(x, scale)) & 0xff; }

// The levels of four numbers, the first in the lowest byte.
__device__ inline unsigned levels4(const float *x, float scale) {
  return level(x[0], scale) | level(x[1], scale) << 8 | level(x[2], scale) << 16 | level(x[3], scale) << 24;
}

// scales[t] = max(largest |x[t]| / 127, 1e-30), and levels[t] = x[t] / scales[t], rounded to the nearest whole number,
// of two equally near to the even one. Of a row that is not finite the scale is NaN and the levels are 0, which is what
// NaN rounds to.
//
// x is (rows, width) of 16 bits, levels (rows, width), scales (rows); width is a multiple of 16. Block t makes row t.
// partial is shared memory, (WARPS).
template <class T> __device__ void quantize_rows(const T *x, signed char *levels, float *scales, u64 width, float *partial) {
  const u64 row = blockIdx.x * width;
  float top = 0;
  for (u64 i = 8 * threadIdx.x; i < width; i += 8 * THREADS) {
    float numbers[8];
    load8(x + row + i, numbers);
    UNROLL for (unsigned k = 0; k < 8; k++) top = larger(fabsf(numbers[k]), top);
  }
  for (unsigned step = 16; step > 0; step /= 2) top = larger(top, __shfl_xor_sync(0xffffffffu, top, step));
  if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = top;
  __syncthreads();
  for (unsigned w = 0; w < WARPS; w++) top = larger(top, partial[w]);

  const float scale = top < INFINITY ? larger(__fdiv_rn(top, STEPS), SMALLEST) : NAN;
  if (threadIdx.x == 0) scales[blockIdx.x] = scale;
  for (u64 i = 16 * threadIdx.x; i < width; i += 16 * THREADS) {
    float first[8], second[8];
    load8(x + row + i, first);
    load8(x + row + i + 8, second);
    store16(levels + row + i, uint4{levels4(first, scale), levels4(first + 4, scale), levels4(second, scale), levels4(second + 4, scale)});
  }
}

// y[t, n] = sums[t, n] · scales[n] · row_scales[t] + bias[n], from left to right, and each step rounded by itself, as
// separate operators round: no multiply-add is fused.
//
// sums is (rows, width), scales and bias (width), row_scales (rows), y (rows, width), bias and y of 16 bits; width is a
// multiple of 8. Block (t, c) makes the numbers 8 · THREADS · c and on of row t, a thread eight of them.
template <class T>
__device__ void scale_sums(const int *sums, const float *row_scales, const float *scales, const T *bias, T *y, u64 width) {
  const u64 row = blockIdx.x, i = 8 * ((u64)blockIdx.y * THREADS + threadIdx.x);
  if (i >= width) return;
  const float row_scale = row_scales[row];
  float scale[8], added[8], numbers[8];
  load8(scales + i, scale);
  load8(bias + i, added);
  const uint4 first = load16(sums + row * width + i), second = load16(sums + row * width + i + 4);
  const int sum[8] = {(int)first.x,  (int)first.y,  (int)first.z,  (int)first.w,
                      (int)second.x, (int)second.y, (int)second.z, (int)second.w};
  UNROLL for (unsigned k = 0; k < 8; k++) numbers[k] = __fadd_rn(__fmul_rn(__fmul_rn((float)sum[k], scale[k]), row_scale), added[k]);
  store8(y + row * width + i, numbers);
}

#define LINEAR8(TYPE, T) \
  extern "C" __global__ void __launch_bounds__(THREADS) quantize_rows_##TYPE(const T *x, signed char *levels, float *scales, u64 width) { \
    __shared__ float partial[WARPS]; \
    quantize_rows(x, levels, scales, width, partial); \
  } \
  extern "C" __global__ void __launch_bounds__(THREADS) scale_sums_##TYPE(const int *sums, const float *row_scales, const float *scales, \
                                                                          const T *bias, T *y, u64 width) { \
    scale_sums(sums, row_scales, scales, bias, y, width); \
  }

LINEAR8(f16, float16)
LINEAR8(bf16, bfloat16)

#undef THREADS
#undef WARPS
#undef STEPS
#undef SMALLEST

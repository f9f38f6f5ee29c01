// The pooled head: rows are gathered out of the hidden states and go through one or two linear layers.
#include "numbers.cuh"

#define THREADS 128
#define WARPS (THREADS / 32)
#define ROWS 4   // rows of a block
#define UNITS 4  // units of a block; a weight is read once for ROWS rows, and a hidden state once for UNITS units

// The values of kernels.Activation in Go, and sigmoid behind them.
enum Activation : u64 { identity = 0, relu = 1, tanh_ = 2, gelu = 3, silu = 4, sigmoid_ = 5 };

__device__ inline float activate(float x, u64 activation) {
  switch (activation) {
    case relu: return x < 0 ? 0 : x;
    case tanh_: return tanhf(x);
    case gelu: return gelu_of(x);
    case silu: return x / (1 + expf(-x));
    case sigmoid_: return sigmoid(x);
    default: return x;
  }
}

// The row of x that row `row` of the result is made of, or -1 if there is none.
__device__ inline i64 find(const i64 *index, u64 row, u64 rows, u64 source) {
  const i64 at = row >= rows ? -1 : index ? index[row] : (i64)row;
  return at >= 0 && (u64)at < source ? at : -1;
}

// out[r, u] = activation(bias[u] + Σ_k weight[u, k] · x[index[r], k]).
//
// x is (source, width), weight (units, width), bias (units) or null, index (rows), or null where row r is x's row r.
// Block (b, c) makes rows ROWS·b and on, units UNITS·c and on. A row whose index is outside x becomes NaN. The order of
// a sum depends on width only, and each place of a block rounds alike, so a row's bits are the same in any batch.
// partial is shared memory, (UNITS · ROWS, WARPS).
template <class T>
__device__ void linear(const T *x, const i64 *index, const float *weight, const float *bias, float *out, u64 rows, u64 source, u64 width,
                       u64 units, u64 activation, float (*partial)[WARPS]) {
  const u64 first_row = (u64)blockIdx.x * ROWS, first_unit = (u64)blockIdx.y * UNITS;
  const T *from[ROWS];
  bool inside[ROWS];
  for (unsigned r = 0; r < ROWS; r++) {
    const i64 at = find(index, first_row + r, rows, source);
    inside[r] = at >= 0;
    from[r] = x + (inside[r] ? at * width : 0);
  }
  const float *weights[UNITS];
  for (unsigned u = 0; u < UNITS; u++) weights[u] = weight + (first_unit + u < units ? first_unit + u : units - 1) * width;

  float sum[UNITS][ROWS] = {};
  for (u64 k = threadIdx.x; k < width; k += THREADS) {
    float hidden[ROWS];
    for (unsigned r = 0; r < ROWS; r++) hidden[r] = inside[r] ? widen(from[r][k]) : 0;
    for (unsigned u = 0; u < UNITS; u++) {
      const float w = weights[u][k];
      for (unsigned r = 0; r < ROWS; r++) sum[u][r] = fmaf(w, hidden[r], sum[u][r]);
    }
  }

  for (unsigned u = 0; u < UNITS; u++) {
    for (unsigned r = 0; r < ROWS; r++) {
      for (unsigned step = 16; step > 0; step /= 2) sum[u][r] += __shfl_down_sync(0xffffffffu, sum[u][r], step);
      if (threadIdx.x % 32 == 0) partial[u * ROWS + r][threadIdx.x / 32] = sum[u][r];
    }
  }
  __syncthreads();
  if (threadIdx.x >= UNITS * ROWS) return;
  const unsigned r = threadIdx.x % ROWS;
  const u64 unit = first_unit + threadIdx.x / ROWS, row = first_row + r;
  if (row >= rows || unit >= units) return;
  float total = bias ? bias[unit] : 0;
  for (unsigned w = 0; w < WARPS; w++) total += partial[threadIdx.x][w];
  out[row * units + unit] = find(index, row, rows, source) >= 0 ? activate(total, activation) : NAN;
}

#define LINEAR(NAME, T) \
  extern "C" __global__ void __launch_bounds__(THREADS) NAME(const T *x, const i64 *index, const float *weight, const float *bias, \
                                                             float *out, u64 rows, u64 source, u64 width, u64 units, \
                                                             u64 activation) { \
    __shared__ float partial[UNITS * ROWS][WARPS]; \
    linear(x, index, weight, bias, out, rows, source, width, units, activation, partial); \
  }

LINEAR(linear_f32, float)
// Hidden states of 16 bits are tried on the twin, and are not in the PTX, since every graph computes in float32.
#ifndef __CUDACC_RTC__
LINEAR(linear_f16, float16)
LINEAR(linear_bf16, bfloat16)
#endif

// values (rows, labels) become their softmax over the labels, in place. One warp a row, WARPS rows a block.
// A row with NaN or +inf, or with -inf only, becomes NaN.
extern "C" __global__ void __launch_bounds__(THREADS) softmax_rows(float *values, u64 rows, u64 labels) {
  const u64 row = (u64)blockIdx.x * WARPS + threadIdx.x / 32;
  if (row >= rows) return;
  float *x = values + row * labels;
  const unsigned lane = threadIdx.x % 32;
  float top = -INFINITY, sum = 0;
  for (u64 i = lane; i < labels; i += 32) top = larger(top, x[i]);
  for (unsigned step = 16; step > 0; step /= 2) top = larger(top, __shfl_xor_sync(0xffffffffu, top, step));
  for (u64 i = lane; i < labels; i += 32) sum += expf(x[i] - top);
  for (unsigned step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, step);
  for (u64 i = lane; i < labels; i += 32) x[i] = expf(x[i] - top) / sum;
}

#undef THREADS
#undef WARPS
#undef ROWS
#undef UNITS

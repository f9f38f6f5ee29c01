// The matrix of preferences between responses that a general preference model has embedded.
#include "numbers.cuh"

#define SIDE 16  // a block makes SIDE x SIDE pairs
#define THREADS (SIDE * SIDE)
#define PLANES 16  // planes in shared memory at a time
#define COLUMNS (2 * PLANES)
#define STRIDE (COLUMNS + 1)  // of a row in shared memory, odd so that the rows of a column lie in different banks

// Copies planes `plane` and on of SIDE rows of v (n, 2·planes) into shared memory, all threads together; 0 where there is none.
template <class T> __device__ inline void fetch(const T *v, u64 first, u64 plane, u64 n, u64 planes, float *tile) {
  for (unsigned i = threadIdx.x; i < SIDE * COLUMNS; i += THREADS) {
    const u64 row = first + i / COLUMNS, column = 2 * plane + i % COLUMNS;
    tile[i / COLUMNS * STRIDE + i % COLUMNS] = row < n && column < 2 * planes ? widen(v[row * 2 * planes + column]) : 0;
  }
}

// out[i, j] = sigmoid(s(i, j) / temperature), s(i, j) = Σ_k scale[k] · (v[i, 2k] · v[j, 2k+1] - v[i, 2k+1] · v[j, 2k]).
//
// v is (n, 2·planes), scale (planes) or null for 1 each, out (n, n). With normalize the rows count as scaled to length 1; a row of length 0
// stays as it is. Products are rounded before they are added (no fused multiply-add), so s(j, i) is exactly -s(i, j), whatever the
// order of the rows, and the diagonal is exactly 0.5, unless a row has NaN or infinity. left and right are shared memory, (SIDE, STRIDE).
template <class T>
__device__ void preference(const T *v, const float *scale, float *out, u64 n, u64 planes, u64 normalize, u64 temperature, float *left,
                           float *right) {
  const u64 first_row = (u64)blockIdx.y * SIDE, first_column = (u64)blockIdx.x * SIDE;
  const float *a = left + threadIdx.x / SIDE * STRIDE, *b = right + threadIdx.x % SIDE * STRIDE;
  float s = 0, square_a = 0, square_b = 0;
  for (u64 plane = 0; plane < planes; plane += PLANES) {
    fetch(v, first_row, plane, n, planes, left);
    fetch(v, first_column, plane, n, planes, right);
    __syncthreads();
    for (unsigned k = 0; k < PLANES && plane + k < planes; k++) {
      const float term = __fmul_rn(a[2 * k], b[2 * k + 1]) - __fmul_rn(a[2 * k + 1], b[2 * k]);
      s += scale ? __fmul_rn(scale[plane + k], term) : term;
      square_a += __fmul_rn(a[2 * k], a[2 * k]) + __fmul_rn(a[2 * k + 1], a[2 * k + 1]);
      square_b += __fmul_rn(b[2 * k], b[2 * k]) + __fmul_rn(b[2 * k + 1], b[2 * k + 1]);
    }
    __syncthreads();
  }
  const u64 i = first_row + threadIdx.x / SIDE, j = first_column + threadIdx.x % SIDE;
  if (i >= n || j >= n) return;
  if (normalize) s /= __fmul_rn(square_a == 0 ? 1 : sqrtf(square_a), square_b == 0 ? 1 : sqrtf(square_b));
  out[i * n + j] = sigmoid(s / from_bits(temperature));
}

#define PREFERENCE(NAME, T) \
  extern "C" __global__ void __launch_bounds__(THREADS) NAME(const T *v, const float *scale, float *out, u64 n, u64 planes, u64 normalize, \
                                                             u64 temperature) { \
    __shared__ float left[SIDE * STRIDE], right[SIDE * STRIDE]; \
    preference(v, scale, out, n, planes, normalize, temperature, left, right); \
  }

PREFERENCE(preference_f32, float)
PREFERENCE(preference_f16, float16)
PREFERENCE(preference_bf16, bfloat16)

#undef SIDE
#undef THREADS
#undef PLANES
#undef COLUMNS
#undef STRIDE

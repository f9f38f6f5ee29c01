// The score of each step of a solution, and what the scores of an item's steps come to.
#include "numbers.cuh"

#define THREADS 128
#define WARPS (THREADS / 32)
#define POOLS 4  // min, product, mean, last

// What one row of logits says of its step: the activations of the first `right` of the `labels` columns, added.
template <class T> __device__ inline float step_score(const T *row, const i64 *columns, u64 labels, u64 right, u64 output) {
  float top = -INFINITY, all = 0, score = 0;
  if (output == output_softmax) {
    for (u64 i = 0; i < labels; i++) top = larger(top, widen(row[columns[i]]));
    for (u64 i = 0; i < labels; i++) all += expf(widen(row[columns[i]]) - top);
  }
  for (u64 i = 0; i < right; i++) {
    const float x = widen(row[columns[i]]);
    score += output == output_softmax ? expf(x - top) / all : output == output_sigmoid ? sigmoid(x) : x;
  }
  return score;
}

// scores[s] is the score of step s, and pools[i] are the min, product, mean and last of item i's scores.
//
// logits is (rows, width). Step s ends at row ends[s]; a row outside gives NaN. Item i has steps offsets[i] to offsets[i+1] - 1; without
// a step its pools are NaN. columns (labels) are the labels' columns, each below width, those that mean "right" first. One warp an item,
// WARPS items a block. NaN spreads from a score to its item's pools, to the last only if it is the last.
template <class T>
__device__ void step_pool(const T *logits, const i64 *ends, const i64 *offsets, const i64 *columns, float *scores, float *pools, u64 rows,
                          u64 width, u64 items, u64 labels, u64 right, u64 output) {
  const u64 item = (u64)blockIdx.x * WARPS + threadIdx.x / 32;
  if (item >= items) return;
  const i64 begin = offsets[item], end = offsets[item + 1];
  float least = INFINITY, product = 1, sum = 0;
  for (i64 s = begin + threadIdx.x % 32; s < end; s += 32) {
    const i64 row = ends[s];
    const float score = row >= 0 && (u64)row < rows ? step_score(logits + row * width, columns, labels, right, output) : NAN;
    scores[s] = score;
    least = smaller(least, score);
    product *= score;
    sum += score;
    if (s == end - 1) pools[item * POOLS + 3] = score;
  }
  for (unsigned step = 16; step > 0; step /= 2) {
    least = smaller(least, __shfl_down_sync(0xffffffffu, least, step));
    product *= __shfl_down_sync(0xffffffffu, product, step);
    sum += __shfl_down_sync(0xffffffffu, sum, step);
  }
  if (threadIdx.x % 32 != 0) return;
  const bool none = end <= begin;
  pools[item * POOLS] = none ? NAN : least;
  pools[item * POOLS + 1] = none ? NAN : product;
  pools[item * POOLS + 2] = none ? NAN : sum / (float)(end - begin);
  if (none) pools[item * POOLS + 3] = NAN;
}

#define STEP_POOL(NAME, T) \
  extern "C" __global__ void __launch_bounds__(THREADS) NAME(const T *logits, const i64 *ends, const i64 *offsets, const i64 *columns, \
                                                             float *scores, float *pools, u64 rows, u64 width, u64 items, u64 labels, \
                                                             u64 right, u64 output) { \
    step_pool(logits, ends, offsets, columns, scores, pools, rows, width, items, labels, right, output); \
  }

STEP_POOL(step_pool_f32, float)
STEP_POOL(step_pool_f16, float16)
STEP_POOL(step_pool_bf16, bfloat16)

#undef THREADS
#undef WARPS
#undef POOLS

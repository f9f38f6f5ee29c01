// A number of every thread of a block, added up.
#pragma once
#include "numbers.cuh"

// The sum of the x of a block's threads, of which there are so many, a multiple of 32: the same for every thread, in an
// order that depends on their number alone. Every thread of the block calls it. partial is shared memory, (threads /
// 32), and this call's alone.
template <unsigned threads> __device__ inline float sum_of_block(float x, float *partial) {
  for (unsigned step = 16; step > 0; step /= 2) x += __shfl_xor_sync(0xffffffffu, x, step);
  if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = x;
  __syncthreads();
  float total = 0;
  for (unsigned warp = 0; warp < threads / 32; warp++) total += partial[warp];
  return total;
}

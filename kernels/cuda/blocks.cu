// Copies the blocks of a key-value cache from their slots to a forward's past, and from its present to their slots.
// What is copied are words of 32 bits, each a number of float32 or two of 16 bits, so that every number keeps its bits.
// All sizes here count words.
#include "numbers.cuh"

#define THREADS 256
#define WARPS (THREADS / 32)
#define TOKENS 16  // of a block: kernels.BlockTokens in Go

// Copies so many words, 16 bytes at a time where the count is a multiple of that, and then both ends are too: tensors
// begin at multiples of 16 bytes, and the copies of one launch have one length. All of `threads` threads call it, this
// one is `thread`.
__device__ inline void copy_words(const unsigned *__restrict__ from, unsigned *__restrict__ to, u64 words, unsigned thread, unsigned threads) {
  if (words % 4 == 0) {
    for (u64 i = 4 * thread; i < words; i += 4 * threads) store16(to + i, load16(from + i));
  } else {
    for (u64 i = thread; i < words; i += threads) to[i] = from[i];
  }
}

// past[part, i] = pool[slots[i], part]. pool is (slots, parts, size), past (parts, blocks, size), slots (blocks), each
// below the number of slots, which the host has seen to. Grid block b copies row b of past, (parts · blocks, size).
extern "C" __global__ void __launch_bounds__(THREADS) gather_blocks(const unsigned *pool, const i64 *slots, unsigned *past, u64 parts,
                                                                    u64 blocks, u64 size) {
  const u64 row = blockIdx.x, part = row / blocks, slot = slots[row % blocks];
  copy_words(pool + (slot * parts + part) * size, past + row * size, size, threadIdx.x, THREADS);
}

// pool[slots[b], part, t] = present[part, tokens[b, t]]. present is (parts, rows, width), tokens (blocks, TOKENS), each
// below rows, pool (slots, parts, TOKENS, width), slots (blocks), all different and below the number of slots; the host
// has seen to that. Grid block b · parts + part copies a part of block b, a warp a token.
extern "C" __global__ void __launch_bounds__(THREADS) keep_blocks(const unsigned *present, const i64 *tokens, const i64 *slots,
                                                                  unsigned *pool, u64 parts, u64 rows, u64 width) {
  const u64 block = blockIdx.x / parts, part = blockIdx.x % parts;
  unsigned *to = pool + (slots[block] * parts + part) * TOKENS * width;
  for (unsigned t = threadIdx.x / 32; t < TOKENS; t += WARPS) {
    const u64 token = tokens[block * TOKENS + t];
    copy_words(present + (part * rows + token) * width, to + t * width, width, threadIdx.x % 32, 32);
  }
}

#undef THREADS
#undef WARPS
#undef TOKENS

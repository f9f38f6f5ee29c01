// The attention of a forward's tiles over keys and values that lie in a pool, each in the slot of its token.
#include "mma.cuh"

#define THREADS 128
#define ROWS 64  // of a block, 16 a warp: a query of one of the heads that share a key head
#define KEYS 64  // that are seen at a time
#define HIDDEN (-INFINITY)
#define LOG2E 1.44269504f

// One call. queries and out are (tokens, heads, size), the pools (slots, groups, size), positions and scatter_index
// (tokens), query_index (tiles, tile_queries), key_slots (tiles, tile_keys), key_len (tiles).
template <class T> struct Attention {
  const T *queries;
  const i64 *positions, *query_index, *key_slots, *key_len, *scatter_index;
  const T *key_pool, *value_pool;
  T *out;
  u64 tokens, heads, groups, slots, tile_queries, tile_keys, window, causal;
  float scale, softcap;
};

// What the rows of a block are: the row of queries that each has, or -1, and the keys that it sees, from `from` to
// before `to`. A row's keys are none where it has no query.
struct Rows {
  i64 query[ROWS];
  int from[ROWS], to[ROWS];
};

// Finds row `row` of the block. Query place p of tile r is computed where it is the one that scatter_index names for
// its token, so that a place which repeats a token is not.
template <class T> __device__ inline void find_row(const Attention<T> &call, Rows &rows, unsigned row, u64 tile, u64 row_block) {
  const u64 group = call.heads / call.groups, at = row_block * ROWS + row, place = at / group;
  rows.query[row] = -1, rows.from[row] = rows.to[row] = 0;
  if (place >= call.tile_queries) return;
  const i64 token = call.query_index[tile * call.tile_queries + place];
  if (token < 0 || (u64)token >= call.tokens || (u64)call.scatter_index[token] != tile * call.tile_queries + place) return;
  const i64 position = call.positions[token], window = call.window;
  const i64 first = position - window + 1, behind = position + (call.causal ? 1 : window);
  i64 length = call.key_len[tile];
  if (length > (i64)call.tile_keys) length = call.tile_keys;
  rows.query[row] = token * call.heads + blockIdx.y * group + at % group;
  rows.from[row] = first > 0 ? (first < length ? first : length) : 0;
  rows.to[row] = behind < length ? (behind > rows.from[row] ? behind : rows.from[row]) : length;
}

// Puts the keys, or values, of places start and on into shared memory, zeros from place `behind` on, and NaN where a
// slot is not in the pool.
template <class T, unsigned SIZE>
__device__ inline void load_block(const Attention<T> &call, const T *pool, T (*to)[SIZE + 8], u64 tile, int start, int behind) {
  for (unsigned c = threadIdx.x; c < KEYS * (SIZE / 8); c += THREADS) {
    const unsigned key = c / (SIZE / 8), i = c % (SIZE / 8) * 8;
    const int place = start + key;
    const i64 slot = place < behind ? call.key_slots[tile * call.tile_keys + place] : -1;
    if (slot >= 0 && (u64)slot < call.slots) {
      start_copy16(&to[key][i], pool + ((u64)slot * call.groups + blockIdx.y) * SIZE + i);
    } else {
      const unsigned word = place < behind ? 0x7fff7fff : 0;
      store16(&to[key][i], uint4{word, word, word, word});
    }
  }
}

// This lane's two rows of queries, from its columns on; null where a row has no query.
template <class T> struct Queries { const T *first, *second; };
template <class T, unsigned SIZE> __device__ inline Queries<T> queries_of(const Attention<T> &call, const Rows &rows, unsigned row) {
  const T *from = call.queries + 2 * (threadIdx.x % 4);
  const i64 first = rows.query[row], second = rows.query[row + 8];
  return {first < 0 ? nullptr : from + first * SIZE, second < 0 ? nullptr : from + second * SIZE};
}

// The four words of a warp's 16 rows of queries at numbers k to k + 15. Rows without a query are zeros.
template <class T> __device__ inline void load_query(const Queries<T> &rows, unsigned k, unsigned (&words)[4]) {
  words[0] = rows.first ? *(const unsigned *)(rows.first + k) : 0;
  words[1] = rows.second ? *(const unsigned *)(rows.second + k) : 0;
  words[2] = rows.first ? *(const unsigned *)(rows.first + k + 8) : 0;
  words[3] = rows.second ? *(const unsigned *)(rows.second + k + 8) : 0;
}

// The largest and the sum of what the four lanes of a row have. What is NaN is passed over here, and makes weights NaN.
__device__ inline float largest_of_row(float x) {
  x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 1));
  return fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 2));
}
__device__ inline float sum_of_row(float x) {
  x += __shfl_xor_sync(0xffffffffu, x, 1);
  return x + __shfl_xor_sync(0xffffffffu, x, 2);
}

// A warp's softmax so far, of its rows g and g + 8: the largest logit, in units of log 2, and this lane's share of the
// sum of weights.
struct Softmax { float top[2], sum[2]; };

// Turns a block's dots into weights, of which the sum is taken as they are rounded, and says by how much what was
// summed before shrinks. The lane's rows of the block are row and row + 8.
template <class T>
__device__ inline void weigh(const Attention<T> &call, float (&dots)[KEYS / 8][4], Softmax &softmax, const Rows &rows, unsigned row,
                             int start, float (&shrink)[2]) {
  const int from[2] = {rows.from[row], rows.from[row + 8]}, to[2] = {rows.to[row], rows.to[row + 8]};
  const int column = start + 2 * (threadIdx.x % 4);
  const float scale = call.softcap > 0 ? 2 * LOG2E * call.scale / call.softcap : LOG2E * call.scale, cap = LOG2E * call.softcap;
  float top[2] = {softmax.top[0], softmax.top[1]};
  UNROLL for (unsigned n = 0; n < KEYS / 8; n++) {
    UNROLL for (unsigned e = 0; e < 4; e++) {
      const int place = column + 8 * n + e % 2;
      float logit = dots[n][e] * scale;
      if (call.softcap > 0) logit = cap - 2 * cap / (1 + exp2f(logit));  // cap · tanh
      dots[n][e] = place >= from[e / 2] && place < to[e / 2] ? logit : HIDDEN;
      top[e / 2] = fmaxf(top[e / 2], dots[n][e]);
    }
  }
  float base[2];
  UNROLL for (unsigned r = 0; r < 2; r++) {
    top[r] = largest_of_row(top[r]);
    base[r] = top[r] == HIDDEN ? 0 : top[r];  // nothing is seen yet: every weight is 0, and not NaN
    shrink[r] = exp2f(softmax.top[r] - base[r]);
    softmax.top[r] = top[r];
    softmax.sum[r] *= shrink[r];
  }
  UNROLL for (unsigned n = 0; n < KEYS / 8; n++) {
    UNROLL for (unsigned e = 0; e < 4; e += 2) {
      const unsigned both = narrow2<T>(exp2f(dots[n][e] - base[e / 2]), exp2f(dots[n][e + 1] - base[e / 2]));
      dots[n][e] = __uint_as_float(both);  // two weights in the place of one
      softmax.sum[e / 2] += lower<T>(both);
      softmax.sum[e / 2] += upper<T>(both);
    }
  }
}

// dots = queries · keysᵀ, (16, KEYS). words has the queries where they are KEPT; else they are too many and read anew.
template <class T, unsigned SIZE, bool KEPT>
__device__ inline void multiply_keys(float (&dots)[KEYS / 8][4], const unsigned (*words)[4], const Queries<T> &rows,
                                     const T (*keys)[SIZE + 8]) {
  const unsigned lane = threadIdx.x % 32, row = lane % 8 + lane / 16 * 8, column = lane / 8 % 2 * 8;
  UNROLL for (unsigned n = 0; n < KEYS / 8; n++) dots[n][0] = dots[n][1] = dots[n][2] = dots[n][3] = 0;
  UNROLL for (unsigned k = 0; k < SIZE / 16; k++) {
    unsigned query[4];
    if (KEPT) {
      UNROLL for (unsigned i = 0; i < 4; i++) query[i] = words[k][i];
    } else {
      load_query(rows, 16 * k, query);
    }
    UNROLL for (unsigned n = 0; n < KEYS / 8; n += 2) {
      unsigned key[4];
      load_matrices(key, &keys[8 * n + row][16 * k + column]);
      multiply<T>(dots[n], query, key[0], key[1]);
      multiply<T>(dots[n + 1], query, key[2], key[3]);
    }
  }
}

// sums = shrink · sums + weights · values, (16, SIZE). weights holds two of a row in each even place.
template <class T, unsigned SIZE>
__device__ inline void multiply_values(float (&sums)[SIZE / 8][4], const float (&weights)[KEYS / 8][4], const float (&shrink)[2],
                                       const T (*values)[SIZE + 8]) {
  const unsigned lane = threadIdx.x % 32, row = lane % 16, column = lane / 16 * 8;
  UNROLL for (unsigned n = 0; n < SIZE / 8; n++) {
    UNROLL for (unsigned e = 0; e < 4; e++) sums[n][e] *= shrink[e / 2];
  }
  UNROLL for (unsigned k = 0; k < KEYS / 16; k++) {
    const unsigned weight[4] = {__float_as_uint(weights[2 * k][0]), __float_as_uint(weights[2 * k][2]),
                                __float_as_uint(weights[2 * k + 1][0]), __float_as_uint(weights[2 * k + 1][2])};
    UNROLL for (unsigned n = 0; n < SIZE / 8; n += 2) {
      unsigned value[4];
      load_transposed(value, &values[16 * k + row][8 * n + column]);
      multiply<T>(sums[n], weight, value[0], value[1]);
      multiply<T>(sums[n + 1], weight, value[2], value[3]);
    }
  }
}

// out[t, h] = Σ weight · value over the keys that token t sees, the weights being the softmax of scale · query · key,
// or of softcap · tanh(that / softcap) where softcap is not 0. Key place j of a tile has position j: a query at
// position p sees the places before key_len that are fewer than `window` from p, and none behind p where causal is not
// 0. A query that sees no key becomes NaN.
//
// Block (b, g) makes ROWS rows of the tile b / row_blocks for key head g: row i is the head i % (heads / groups) of
// that key head and the query place i / (heads / groups). Keys come KEYS at a time from place 0, and to blocks of which
// a row sees nothing its sum is blind, so that the order of a sum depends on the row's keys alone. Weights are rounded
// to the pool's type before they meet the values. Where SHARED, one buffer holds keys and then values.
template <class T, unsigned SIZE, bool SHARED>
__device__ void attend(const Attention<T> &call, T (*keys)[SIZE + 8], T (*values)[SIZE + 8], Rows &rows) {
  const u64 row_blocks = (call.tile_queries * (call.heads / call.groups) + ROWS - 1) / ROWS;
  const u64 tile = blockIdx.x / row_blocks, row_block = blockIdx.x % row_blocks;
  if (threadIdx.x < ROWS) find_row(call, rows, threadIdx.x, tile, row_block);
  __syncthreads();

  const unsigned warp = threadIdx.x / 32, row = 16 * warp + threadIdx.x % 32 / 4;
  int first = 0x7fffffff, behind = 0, warp_first = 0x7fffffff, warp_behind = 0;  // the keys that the block's and the warp's rows see
  for (unsigned r = 0; r < ROWS; r++) {
    if (rows.from[r] >= rows.to[r]) continue;
    first = rows.from[r] < first ? rows.from[r] : first;
    behind = rows.to[r] > behind ? rows.to[r] : behind;
    if (r / 16 != warp) continue;
    warp_first = rows.from[r] < warp_first ? rows.from[r] : warp_first;
    warp_behind = rows.to[r] > warp_behind ? rows.to[r] : warp_behind;
  }
  unsigned words[SHARED ? 1 : SIZE / 16][4];
  if (!SHARED) {
    const Queries<T> queries = queries_of<T, SIZE>(call, rows, row);
    UNROLL for (unsigned k = 0; k < SIZE / 16; k++) load_query(queries, 16 * k, words[k]);
  }

  float sums[SIZE / 8][4] = {}, dots[KEYS / 8][4], shrink[2];
  Softmax softmax = {{HIDDEN, HIDDEN}, {0, 0}};
  first = first / KEYS * KEYS;
  if (first < behind) load_block<T, SIZE>(call, call.key_pool, keys, tile, first, behind);
  for (int start = first; start < behind; start += KEYS) {
    const bool seen = start < warp_behind && start + KEYS > warp_first;
    copies_done();
    __syncthreads();
    if (!SHARED) load_block<T, SIZE>(call, call.value_pool, values, tile, start, behind);
    if (seen) {
      multiply_keys<T, SIZE, !SHARED>(dots, words, queries_of<T, SIZE>(call, rows, row), keys);
      weigh(call, dots, softmax, rows, row, start, shrink);
    }
    if (SHARED) {
      __syncthreads();
      load_block<T, SIZE>(call, call.value_pool, values, tile, start, behind);
    }
    copies_done();
    __syncthreads();
    const bool more = start + KEYS < behind;
    if (!SHARED && more) load_block<T, SIZE>(call, call.key_pool, keys, tile, start + KEYS, behind);
    if (seen) multiply_values<T, SIZE>(sums, dots, shrink, values);
    if (SHARED && more) {
      __syncthreads();
      load_block<T, SIZE>(call, call.key_pool, keys, tile, start + KEYS, behind);
    }
  }

  UNROLL for (unsigned r = 0; r < 2; r++) {
    const float whole = 1 / sum_of_row(softmax.sum[r]);
    const i64 query = rows.query[row + 8 * r];
    if (query < 0) continue;
    T *out = call.out + query * SIZE + 2 * (threadIdx.x % 4);
    UNROLL for (unsigned n = 0; n < SIZE / 8; n++) {
      *(unsigned *)(out + 8 * n) = narrow2<T>(sums[n][2 * r] * whole, sums[n][2 * r + 1] * whole);
    }
  }
}

#define ATTENTION(NAME, T, SIZE) \
  extern "C" __global__ void __launch_bounds__(THREADS) NAME( \
      const T *queries, const i64 *positions, const i64 *query_index, const i64 *key_slots, const i64 *key_len, const i64 *scatter_index, \
      const T *key_pool, const T *value_pool, T *out, u64 tokens, u64 heads, u64 groups, u64 slots, u64 tile_queries, u64 tile_keys, \
      u64 window, u64 causal, u64 scale, u64 softcap) { \
    constexpr bool one_buffer = SIZE > 128; \
    __shared__ __attribute__((aligned(16))) T buffers[one_buffer ? 1 : 2][KEYS][SIZE + 8]; \
    __shared__ Rows rows; \
    const Attention<T> call = {queries, positions, query_index, key_slots, key_len, scatter_index, key_pool, value_pool, out, tokens, heads, \
                               groups, slots, tile_queries, tile_keys, window, causal, float_of(scale), float_of(softcap)}; \
    attend<T, SIZE, one_buffer>(call, buffers[0], buffers[one_buffer ? 0 : 1], rows); \
  }
#define BOTH(SIZE) ATTENTION(attention_##SIZE##_f16, float16, SIZE) ATTENTION(attention_##SIZE##_bf16, bfloat16, SIZE)

BOTH(32)
BOTH(64)
BOTH(80)
BOTH(96)
BOTH(128)
BOTH(256)

#undef THREADS
#undef ROWS
#undef KEYS
#undef HIDDEN
#undef LOG2E
#undef ATTENTION
#undef BOTH

// Queries and keys are normed where the model does so and turned by their positions; keys and values go to the pool.
#include "numbers.cuh"

#define THREADS 128

// One over the root mean square of so many numbers, a multiple of 8.
template <class T> __device__ inline float unit_of(const T *x, u64 size, float epsilon) {
  float squares = 0;
  for (u64 i = 0; i < size; i += 8) {
    float part[8];
    load8(x + i, part);
    UNROLL for (unsigned k = 0; k < 8; k++) squares = fmaf(part[k], part[k], squares);
  }
  return 1 / sqrtf(squares / size + epsilon);
}

// Eight numbers of a head, normed where there is a weight, float32 (size).
template <class T> __device__ inline void load_normed(const T *from, const float *weight, u64 i, float unit, float (&x)[8]) {
  load8(from + i, x);
  if (!weight) return;
  float scale[8];
  load8(weight + i, scale);
  UNROLL for (unsigned k = 0; k < 8; k++) x[k] = x[k] * unit * scale[k];
}

// The sizes of one call.
struct Sizes { u64 heads, groups, size, turned, places, slots; };

// The head's numbers i and on, turned by the position: of the first `turned` numbers, number i and number i + turned /
// 2 are a pair that turns by the angle whose cosine and sine stand at place i of the position's row, float32 (places,
// turned / 2). A position outside the rows makes NaN.
template <class T>
__device__ inline void turn(const T *from, const float *weight, const float *cos, const float *sin, i64 position, u64 i, const Sizes &sizes,
                            float epsilon, float (&x)[8]) {
  const float unit = weight ? unit_of(from, sizes.size, epsilon) : 1;
  load_normed(from, weight, i, unit, x);
  if (i >= sizes.turned) return;
  const u64 half = sizes.turned / 2, pair = i < half ? i : i - half;
  float other[8], c[8], s[8];
  load_normed(from, weight, i < half ? i + half : i - half, unit, other);
  const bool inside = position >= 0 && (u64)position < sizes.places;
  const u64 row = (inside ? position : 0) * half;
  load8(cos + row + pair, c);
  load8(sin + row + pair, s);
  UNROLL for (unsigned k = 0; k < 8; k++) {
    const float across = i < half ? -other[k] * s[k] : other[k] * s[k];
    x[k] = inside ? x[k] * c[k] + across : NAN;
  }
}

// qkv is (tokens, heads + 2 · groups, size): the queries' heads, the keys', the values'. queries is (tokens, heads,
// size), the pools (slots, groups, size); token t's key and value go to slots_of[t], or nowhere if that is no slot, and
// to row t where slots_of is null.
// query_norm and key_norm are (size), or null where the model has none. size is a multiple of 8, turned of 16.
// Block (t, c) makes the numbers 8 · THREADS · c and on of token t, a thread eight of them.
template <class T>
__device__ void rotate(const T *qkv, const i64 *positions, const float *cos, const float *sin, const float *query_norm, const float *key_norm,
                       const i64 *slots_of, T *key_pool, T *value_pool, T *queries, const Sizes &sizes, float epsilon) {
  const unsigned at = 8 * (blockIdx.y * THREADS + threadIdx.x), head = at / (unsigned)sizes.size, i = at % (unsigned)sizes.size;
  const u64 token = blockIdx.x, heads = sizes.heads, groups = sizes.groups, all = heads + 2 * groups;
  if (head >= all) return;
  const T *from = qkv + (token * all + head) * sizes.size;
  const bool query = head < heads, value = head >= heads + groups;
  T *to = queries + (token * heads + head) * sizes.size;
  if (!query) {
    const i64 slot = slots_of ? slots_of[token] : (i64)token;
    if (slot < 0 || (u64)slot >= sizes.slots) return;
    to = (value ? value_pool : key_pool) + (slot * groups + (head - heads) % groups) * sizes.size;
  }
  if (value) {
    store16(to + i, load16(from + i));
    return;
  }
  float x[8];
  turn(from, query ? query_norm : key_norm, cos, sin, positions[token], i, sizes, epsilon, x);
  store8(to + i, x);
}

#define ROTATE(NAME, T) \
  extern "C" __global__ void __launch_bounds__(THREADS) NAME( \
      const T *qkv, const i64 *positions, const float *cos, const float *sin, const float *query_norm, const float *key_norm, \
      const i64 *slots_of, T *key_pool, T *value_pool, T *queries, u64 heads, u64 groups, u64 size, u64 turned, u64 places, u64 slots, \
      u64 epsilon) { \
    rotate(qkv, positions, cos, sin, query_norm, key_norm, slots_of, key_pool, value_pool, queries, \
           Sizes{heads, groups, size, turned, places, slots}, float_of(epsilon)); \
  }

ROTATE(rotate_f16, float16)
ROTATE(rotate_bf16, bfloat16)

#undef THREADS

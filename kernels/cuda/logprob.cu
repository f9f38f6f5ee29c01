// The log-probability of one token a row, in one pass over the vocabulary: neither probabilities nor exponentials are stored.
#include "numbers.cuh"

#define THREADS 256

// The numbers in 16 bytes, the widest load.
template <class T> struct Chunk {
  static const unsigned size = 16 / sizeof(T);
  float at[size];
};

__device__ inline void unpack(uint4 words, Chunk<float> &out) {
  out.at[0] = __uint_as_float(words.x);
  out.at[1] = __uint_as_float(words.y);
  out.at[2] = __uint_as_float(words.z);
  out.at[3] = __uint_as_float(words.w);
}

template <class T> __device__ inline void unpack(uint4 words, Chunk<T> &out) {
  const unsigned word[4] = {words.x, words.y, words.z, words.w};
  for (unsigned i = 0; i < 8; i++) out.at[i] = widen(T{(unsigned short)(word[i / 2] >> i % 2 * 16)});
}

// Columns [column, column + size) of a row; behind the row's end they read as -inf.
template <class T> __device__ inline Chunk<T> load(const T *row, u64 column, u64 width) {
  Chunk<T> out;
  if ((u64)row % 16 == 0 && column + Chunk<T>::size <= width) {
    unpack(load16(row + column), out);
  } else {
    for (unsigned i = 0; i < Chunk<T>::size; i++) out.at[i] = column + i < width ? widen(row[column + i]) : -INFINITY;
  }
  return out;
}

// out[r] = logits[r, targets[r]] - log Σ_v e^logits[r, v]. logits is (rows, vocab), targets and out (rows). One block a row.
//
// A thread keeps the maximum of what it has seen and the sum of e^(x - maximum), and scales the sum when the maximum grows. Which
// columns a thread sees depends on vocab only, not on how the row is aligned, so a row's bits are the same in any batch.
// A target outside the vocabulary, a NaN or +inf in the row, or a row of -inf only gives NaN. A -inf logit has probability 0.
// top and sum are shared memory, THREADS each.
template <class T>
__device__ void token_logprob(const T *logits, const i64 *targets, float *out, u64 vocab, float *top, float *sum) {
  const u64 r = blockIdx.x;
  const T *row = logits + r * vocab;
  const unsigned thread = threadIdx.x;
  float m = -INFINITY, s = 0;
  for (u64 column = thread * Chunk<T>::size; column < vocab; column += THREADS * Chunk<T>::size) {
    const Chunk<T> x = load(row, column, vocab);
    float most = x.at[0];
    for (unsigned i = 1; i < Chunk<T>::size; i++) most = larger(most, x.at[i]);
    if (!(most <= m)) {
      s *= expf(m - most);
      m = most;
    }
    if (m == -INFINITY) continue;
    for (unsigned i = 0; i < Chunk<T>::size; i++) s += expf(x.at[i] - m);
  }
  top[thread] = m;
  sum[thread] = s;
  __syncthreads();
  for (unsigned half = THREADS / 2; half > 0; half /= 2) {
    if (thread < half) {
      const float a = top[thread], b = top[thread + half], most = larger(a, b);
      if (most != -INFINITY) {
        sum[thread] = sum[thread] * expf(a - most) + sum[thread + half] * expf(b - most);
        top[thread] = most;
      }
    }
    __syncthreads();
  }
  if (thread != 0) return;
  const i64 target = targets[r];
  out[r] = target >= 0 && (u64)target < vocab ? widen(row[target]) - top[0] - logf(sum[0]) : NAN;
}

#define TOKEN_LOGPROB(NAME, T) \
  extern "C" __global__ void __launch_bounds__(THREADS) NAME(const T *logits, const i64 *targets, float *out, u64 vocab) { \
    __shared__ float top[THREADS], sum[THREADS]; \
    token_logprob(logits, targets, out, vocab, top, sum); \
  }

TOKEN_LOGPROB(token_logprob_f32, float)
TOKEN_LOGPROB(token_logprob_f16, float16)
TOKEN_LOGPROB(token_logprob_bf16, bfloat16)

#undef THREADS

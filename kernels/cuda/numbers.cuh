// What every kernel needs: the number types, and functions of one number.
//
// A kernel file is compiled twice: by NVRTC for the device, and by g++ for its twin, where fibers.hpp stands in for
// CUDA. It may use nothing that only one of the two has. Parameters of kernels are pointers or 64-bit integers, since
// gorgonia.org/cu hands over 8 bytes each.
#pragma once
#ifdef __CUDACC_RTC__
#define INFINITY __int_as_float(0x7f800000)
#define NAN __int_as_float(0x7fffffff)
#define UNROLL _Pragma("unroll")
__device__ inline uint4 load16(const void *address) { return *(const uint4 *)address; }
__device__ inline void store16(void *address, uint4 words) { *(uint4 *)address = words; }
#else
#define UNROLL
#include "fibers.hpp"
#endif

typedef unsigned long long u64;
typedef long long i64;

// Numbers of 16 bits, as they lie in memory. Arithmetic is float32.
struct float16 { unsigned short bits; };
struct bfloat16 { unsigned short bits; };

__device__ inline float widen(float x) { return x; }

__device__ inline float widen(bfloat16 x) { return __uint_as_float((unsigned)x.bits << 16); }

__device__ inline float widen(float16 x) {
#ifdef __CUDACC_RTC__
  float wide;
  asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(x.bits));
  return wide;
#else
  const unsigned sign = (unsigned)(x.bits & 0x8000) << 16, exponent = x.bits >> 10 & 31, fraction = x.bits & 0x3ff;
  if (exponent == 0) return __uint_as_float(sign | __float_as_uint(fraction * 0x1p-24f));
  if (exponent == 31) return __uint_as_float(sign | 0x7f800000 | fraction << 13);
  return __uint_as_float(sign | (exponent + 112) << 23 | fraction << 13);
#endif
}

// The two numbers of 16 bits that are nearest to two of float32, the first in the lower half; of two equally near the
// even one. What is too large becomes infinite.
template <class T> __device__ inline unsigned narrow2(float first, float second);

#ifdef __CUDACC_RTC__
template <> __device__ inline unsigned narrow2<float16>(float first, float second) {
  unsigned both;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(second), "f"(first));
  return both;
}
template <> __device__ inline unsigned narrow2<bfloat16>(float first, float second) {
  unsigned both;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(second), "f"(first));
  return both;
}
#else
inline unsigned narrow(float x, bfloat16) {
  const unsigned bits = __float_as_uint(x);
  return x != x ? 0x7fff : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}
inline unsigned narrow(float x, float16) {
  const unsigned sign = __float_as_uint(x) >> 16 & 0x8000, bits = __float_as_uint(x) & 0x7fffffff;
  if (x != x) return 0x7fff;
  if (bits >= 0x477ff000) return sign | 0x7c00;                              // from 65520 on
  if (bits < 0x38800000) return sign | (unsigned)rintf(fabsf(x) * 0x1p24f);  // below 2^-14 the step is 2^-24
  return sign | (((bits + 0xfff + (bits >> 13 & 1)) >> 13) - (112 << 10));
}
template <class T> inline unsigned narrow2(float first, float second) { return narrow(first, T{}) | narrow(second, T{}) << 16; }
#endif

// The numbers that a word holds two of.
template <class T> __device__ inline float lower(unsigned word) { return widen(T{(unsigned short)word}); }
template <class T> __device__ inline float upper(unsigned word) { return widen(T{(unsigned short)(word >> 16)}); }

// Eight numbers to registers, by loads of 16 bytes, and back. The address is a multiple of 16.
template <class T> __device__ inline void load8(const T *from, float (&x)[8]) {
  const uint4 words = load16(from);
  x[0] = lower<T>(words.x), x[1] = upper<T>(words.x), x[2] = lower<T>(words.y), x[3] = upper<T>(words.y);
  x[4] = lower<T>(words.z), x[5] = upper<T>(words.z), x[6] = lower<T>(words.w), x[7] = upper<T>(words.w);
}
__device__ inline void load8(const float *from, float (&x)[8]) {
  const uint4 first = load16(from), second = load16(from + 4);
  x[0] = __uint_as_float(first.x), x[1] = __uint_as_float(first.y), x[2] = __uint_as_float(first.z), x[3] = __uint_as_float(first.w);
  x[4] = __uint_as_float(second.x), x[5] = __uint_as_float(second.y), x[6] = __uint_as_float(second.z), x[7] = __uint_as_float(second.w);
}
template <class T> __device__ inline void store8(T *to, const float (&x)[8]) {
  store16(to, uint4{narrow2<T>(x[0], x[1]), narrow2<T>(x[2], x[3]), narrow2<T>(x[4], x[5]), narrow2<T>(x[6], x[7])});
}
__device__ inline void store8(float *to, const float (&x)[8]) {
  store16(to, uint4{__float_as_uint(x[0]), __float_as_uint(x[1]), __float_as_uint(x[2]), __float_as_uint(x[3])});
  store16(to + 4, uint4{__float_as_uint(x[4]), __float_as_uint(x[5]), __float_as_uint(x[6]), __float_as_uint(x[7])});
}

// A parameter that is a float32: its bits, in 64.
__device__ inline float float_of(u64 bits) { return __uint_as_float((unsigned)bits); }

// The larger of two numbers. NaN if either is, unlike fmaxf.
__device__ inline float larger(float a, float b) { return a > b || a != a ? a : b; }

// GELU, exact: x · Φ(x), the share of the normal distribution below x.
__device__ inline float gelu_of(float x) { return 0.5f * x * (1 + erff(x * 0.70710678f)); }

// 1 / (1 + e^-x), without overflow.
__device__ inline float sigmoid(float x) {
  if (x < 0) {
    const float e = expf(x);
    return e / (1 + e);
  }
  return 1 / (1 + expf(-x));
}

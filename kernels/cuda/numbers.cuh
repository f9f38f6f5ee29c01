// What every kernel needs: the number types, and functions of one number.
//
// A kernel file is compiled twice: by NVRTC for the device, and by g++ for its twin, where fibers.hpp stands in for
// CUDA. It may use nothing that only one of the two has. Parameters of kernels are pointers or 64-bit integers, since
// gorgonia.org/cu hands over 8 bytes each.
#pragma once
#ifdef __CUDACC_RTC__
#define INFINITY __int_as_float(0x7f800000)
#define NAN __int_as_float(0x7fffffff)
__device__ inline uint4 load16(const void *address) { return *(const uint4 *)address; }
__device__ inline void store16(void *address, uint4 words) { *(uint4 *)address = words; }
#else
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

// The larger of two numbers. NaN if either is, unlike fmaxf.
__device__ inline float larger(float a, float b) { return a > b || a != a ? a : b; }

// 1 / (1 + e^-x), without overflow.
__device__ inline float sigmoid(float x) {
  if (x < 0) {
    const float e = expf(x);
    return e / (1 + e);
  }
  return 1 / (1 + expf(-x));
}

// Sixteen floats at a time. Each tier (avx512.c, avx2.c, plain.c) names itself before it includes this, and gets the
// same operations with the same bits: every one is an IEEE operation on each number, and sums of the sixteen are added
// up in one order.
#pragma once
#include <math.h>
#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
enum { LANES = 16 };

INLINE float from_bits(uint32_t bits) {
	float x;
	memcpy(&x, &bits, sizeof x);
	return x;
}

INLINE uint32_t to_bits(float x) {
	uint32_t bits;
	memcpy(&bits, &x, sizeof bits);
	return bits;
}

#if defined(TIER_AVX512)
#include <immintrin.h>

typedef __m512 V;

INLINE V v_load(const float *p) { return _mm512_loadu_ps(p); }
INLINE void v_store(float *p, V x) { _mm512_storeu_ps(p, x); }
INLINE V v_set(float x) { return _mm512_set1_ps(x); }
INLINE V v_zero(void) { return _mm512_setzero_ps(); }
INLINE V v_add(V a, V b) { return _mm512_add_ps(a, b); }
INLINE V v_sub(V a, V b) { return _mm512_sub_ps(a, b); }
INLINE V v_mul(V a, V b) { return _mm512_mul_ps(a, b); }
INLINE V v_div(V a, V b) { return _mm512_div_ps(a, b); }
INLINE V v_fma(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }
INLINE V v_max(V a, V b) { return _mm512_max_ps(a, b); } // a > b ? a : b, so b where one is NaN
INLINE V v_min(V a, V b) { return _mm512_min_ps(a, b); } // a < b ? a : b
INLINE V v_abs(V a) { return _mm512_abs_ps(a); }
INLINE V v_sign(V size, V of) { // size, which is not negative, with the sign of another
	__m512i sign = _mm512_and_si512(_mm512_castps_si512(of), _mm512_set1_epi32(INT32_MIN));
	return _mm512_castsi512_ps(_mm512_or_si512(_mm512_castps_si512(size), sign));
}
INLINE V v_round(V a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
INLINE V v_less(V a, V b, V then, V otherwise) { return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), otherwise, then); }
INLINE V v_power(V n) { // 2 to a whole number from -126 to 127
	return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127)), 23));
}

INLINE V v_load_bf16(const uint16_t *p) {
	return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p)), 16));
}
INLINE V v_near_bf16(V x) {
	__m512i bits = _mm512_castps_si512(x), odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
	__m512i near = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
	near = _mm512_mask_or_epi32(near, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), bits, _mm512_set1_epi32(0x400000));
	return _mm512_castsi512_ps(_mm512_and_si512(near, _mm512_set1_epi32((int)0xffff0000)));
}
INLINE void v_store_bf16(uint16_t *p, V x) {
	_mm256_storeu_si256((__m256i *)p, _mm512_cvtepi32_epi16(_mm512_srli_epi32(_mm512_castps_si512(v_near_bf16(x)), 16)));
}
INLINE V v_load_f16(const uint16_t *p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p)); }
INLINE void v_store_f16(uint16_t *p, V x) { _mm256_storeu_si256((__m256i *)p, _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT)); }
INLINE void v_store_i8(int8_t *p, V x) { _mm_storeu_si128((__m128i *)p, _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(x))); }

#elif defined(TIER_AVX2)
#include <immintrin.h>

typedef struct { __m256 lo, hi; } V;

#define EACH(expression_lo, expression_hi) ((V){(expression_lo), (expression_hi)})
INLINE V v_load(const float *p) { return EACH(_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)); }
INLINE void v_store(float *p, V x) {
	_mm256_storeu_ps(p, x.lo);
	_mm256_storeu_ps(p + 8, x.hi);
}
INLINE V v_set(float x) { return EACH(_mm256_set1_ps(x), _mm256_set1_ps(x)); }
INLINE V v_zero(void) { return v_set(0); }
INLINE V v_add(V a, V b) { return EACH(_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)); }
INLINE V v_sub(V a, V b) { return EACH(_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)); }
INLINE V v_mul(V a, V b) { return EACH(_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)); }
INLINE V v_div(V a, V b) { return EACH(_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)); }
INLINE V v_fma(V a, V b, V c) { return EACH(_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)); }
INLINE V v_max(V a, V b) { return EACH(_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)); }
INLINE V v_min(V a, V b) { return EACH(_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi)); }
INLINE V v_abs(V a) {
	__m256 sign = _mm256_set1_ps(-0.0f);
	return EACH(_mm256_andnot_ps(sign, a.lo), _mm256_andnot_ps(sign, a.hi));
}
INLINE V v_sign(V size, V of) {
	__m256 sign = _mm256_set1_ps(-0.0f);
	return EACH(_mm256_or_ps(size.lo, _mm256_and_ps(sign, of.lo)), _mm256_or_ps(size.hi, _mm256_and_ps(sign, of.hi)));
}
INLINE V v_round(V a) { return EACH(_mm256_round_ps(a.lo, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC), _mm256_round_ps(a.hi, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)); }
INLINE V v_less(V a, V b, V then, V otherwise) {
	return EACH(_mm256_blendv_ps(otherwise.lo, then.lo, _mm256_cmp_ps(a.lo, b.lo, _CMP_LT_OQ)), _mm256_blendv_ps(otherwise.hi, then.hi, _mm256_cmp_ps(a.hi, b.hi, _CMP_LT_OQ)));
}
INLINE __m256 half_power(__m256 n) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23)); }
INLINE V v_power(V n) { return EACH(half_power(n.lo), half_power(n.hi)); }

INLINE __m256 half_bf16(const uint16_t *p) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p)), 16)); }
INLINE V v_load_bf16(const uint16_t *p) { return EACH(half_bf16(p), half_bf16(p + 8)); }
INLINE __m256 half_near_bf16(__m256 x) {
	__m256i bits = _mm256_castps_si256(x), odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
	__m256i near = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
	__m256i nan = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
	near = _mm256_blendv_epi8(near, nan, _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q)));
	return _mm256_castsi256_ps(_mm256_and_si256(near, _mm256_set1_epi32((int)0xffff0000)));
}
INLINE V v_near_bf16(V x) { return EACH(half_near_bf16(x.lo), half_near_bf16(x.hi)); }
INLINE void half_store_bf16(uint16_t *p, __m256 x) {
	__m256i near = _mm256_srli_epi32(_mm256_castps_si256(half_near_bf16(x)), 16);
	_mm_storeu_si128((__m128i *)p, _mm_packus_epi32(_mm256_castsi256_si128(near), _mm256_extracti128_si256(near, 1)));
}
INLINE void v_store_bf16(uint16_t *p, V x) {
	half_store_bf16(p, x.lo);
	half_store_bf16(p + 8, x.hi);
}
INLINE V v_load_f16(const uint16_t *p) { return EACH(_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)), _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(p + 8)))); }
INLINE void v_store_f16(uint16_t *p, V x) {
	_mm_storeu_si128((__m128i *)p, _mm256_cvtps_ph(x.lo, _MM_FROUND_TO_NEAREST_INT));
	_mm_storeu_si128((__m128i *)(p + 8), _mm256_cvtps_ph(x.hi, _MM_FROUND_TO_NEAREST_INT));
}
INLINE void v_store_i8(int8_t *p, V x) {
	__m256i pairs = _mm256_packs_epi32(_mm256_cvtps_epi32(x.lo), _mm256_cvtps_epi32(x.hi)); // of each half's halves in turn
	pairs = _mm256_permute4x64_epi64(pairs, 0xd8);
	_mm_storeu_si128((__m128i *)p, _mm_packs_epi16(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1)));
}

#else // any processor: one number after the other

typedef struct { float x[LANES]; } V;

#define EACH(expression)                                    \
	V of;                                                   \
	for (int i = 0; i < LANES; i++) of.x[i] = (expression); \
	return of
INLINE V v_load(const float *p) { EACH(p[i]); }
INLINE void v_store(float *p, V a) { memcpy(p, a.x, sizeof a.x); }
INLINE V v_set(float a) { EACH(a); }
INLINE V v_zero(void) { EACH(0); }
INLINE V v_add(V a, V b) { EACH(a.x[i] + b.x[i]); }
INLINE V v_sub(V a, V b) { EACH(a.x[i] - b.x[i]); }
INLINE V v_mul(V a, V b) { EACH(a.x[i] * b.x[i]); }
INLINE V v_div(V a, V b) { EACH(a.x[i] / b.x[i]); }
INLINE V v_fma(V a, V b, V c) { EACH(fmaf(a.x[i], b.x[i], c.x[i])); }
INLINE V v_max(V a, V b) { EACH(a.x[i] > b.x[i] ? a.x[i] : b.x[i]); }
INLINE V v_min(V a, V b) { EACH(a.x[i] < b.x[i] ? a.x[i] : b.x[i]); }
INLINE V v_abs(V a) { EACH(fabsf(a.x[i])); }
INLINE V v_sign(V size, V a) { EACH(copysignf(size.x[i], a.x[i])); }
INLINE V v_round(V a) { EACH(rintf(a.x[i])); }
INLINE V v_less(V a, V b, V then, V otherwise) { EACH(a.x[i] < b.x[i] ? then.x[i] : otherwise.x[i]); }
INLINE V v_power(V n) { EACH(from_bits((uint32_t)(n.x[i] == n.x[i] ? (int32_t)n.x[i] + 127 : 0) << 23)); }

INLINE V v_load_bf16(const uint16_t *p) { EACH(from_bits((uint32_t)p[i] << 16)); }
INLINE uint16_t narrow_bf16(float x) {
	uint32_t bits = to_bits(x);
	return x != x ? (bits >> 16 | 0x40) : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}
INLINE void v_store_bf16(uint16_t *p, V a) {
	for (int i = 0; i < LANES; i++) p[i] = narrow_bf16(a.x[i]);
}
INLINE V v_near_bf16(V a) { EACH(from_bits((uint32_t)narrow_bf16(a.x[i]) << 16)); }
INLINE float widen_f16(uint16_t h) {
	uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, fraction = h & 0x3ff;
	if (exponent == 0) return from_bits(sign | to_bits((float)fraction * 0x1p-24f));
	if (exponent == 31) return from_bits(sign | 0x7f800000 | fraction << 13 | (fraction ? 0x400000 : 0));
	return from_bits(sign | (exponent + 112) << 23 | fraction << 13);
}
INLINE uint16_t narrow_f16(float x) {
	uint32_t bits = to_bits(x), sign = bits >> 16 & 0x8000, size = bits & 0x7fffffff;
	if (size > 0x7f800000) return sign | 0x7e00 | (size >> 13 & 0x3ff);
	if (size >= 0x477ff000) return sign | 0x7c00; // from 65520 on
	if (size < 0x38800000) return sign | (uint16_t)rintf(from_bits(size) * 0x1p24f);
	return sign | ((size - 0x38000000 + 0xfff + (size >> 13 & 1)) >> 13);
}
INLINE V v_load_f16(const uint16_t *p) { EACH(widen_f16(p[i])); }
INLINE void v_store_f16(uint16_t *p, V a) {
	for (int i = 0; i < LANES; i++) p[i] = narrow_f16(a.x[i]);
}
INLINE void v_store_i8(int8_t *p, V a) { // what is too large, and NaN, becomes a limit, as in the other tiers
	for (int i = 0; i < LANES; i++) p[i] = a.x[i] >= 127 && a.x[i] < 0x1p31f ? 127 : a.x[i] > -128 && a.x[i] < 127 ? (int8_t)rintf(a.x[i]) : -128;
}

#endif
#undef EACH

// The first n numbers, and zeros in the place of the others.
INLINE V v_load_some(const float *p, int64_t n) {
	float some[LANES] = {0};
	memcpy(some, p, n * sizeof *p);
	return v_load(some);
}

// The sum of sixteen numbers: halves are added up until one is left.
INLINE float v_sum(V x) {
	float some[LANES];
	v_store(some, x);
	for (int half = LANES / 2; half > 0; half /= 2)
		for (int i = 0; i < half; i++) some[i] += some[i + half];
	return some[0];
}

INLINE float v_most(V x) {
	float some[LANES];
	v_store(some, x);
	float most = some[0];
	for (int i = 1; i < LANES; i++) most = some[i] > most ? some[i] : most;
	return most;
}

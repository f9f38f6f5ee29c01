// Sixteen words of four bytes at a time: a float each, or two numbers of two bytes, or four of one. Each tier has the
// same bits, as in vector.h.
#pragma once
#include "vector.h"

#if defined(TIER_AVX512)
typedef __m512i I;
INLINE I i_zero(void) { return _mm512_setzero_si512(); }
INLINE I i_load(const uint32_t *p) { return _mm512_loadu_si512(p); }
INLINE I i_set(uint32_t bits) { return _mm512_set1_epi32((int)bits); }
INLINE I i_and(I a, I b) { return _mm512_and_si512(a, b); }
INLINE I i_or(I a, I b) { return _mm512_or_si512(a, b); }
INLINE I i_right(I bits) { return _mm512_srli_epi32(bits, 16); }
INLINE I i_bits(V x) { return _mm512_castps_si512(x); }
INLINE I i_lower(I bits) { return _mm512_slli_epi32(bits, 16); }
INLINE I i_bytes(I bits, int odd) { return _mm512_srai_epi16(odd ? bits : _mm512_slli_epi16(bits, 8), 8); }
INLINE I i_pairs(I sums, I a, I b) { return _mm512_add_epi32(sums, _mm512_madd_epi16(a, b)); }
INLINE V i_floats(I x) { return _mm512_cvtepi32_ps(x); }
INLINE void i_store(void *p, I x) { _mm512_storeu_si512(p, x); }
INLINE V v_bits(I bits) { return _mm512_castsi512_ps(bits); }
INLINE V v_halves(I bits, int odd) { return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(odd ? _mm512_srli_epi32(bits, 16) : bits)); }
#elif defined(TIER_AVX2)
typedef struct { __m256i lo, hi; } I;
#define EACH(of_lo, of_hi) ((I){(of_lo), (of_hi)})
INLINE I i_zero(void) { return EACH(_mm256_setzero_si256(), _mm256_setzero_si256()); }
INLINE I i_load(const uint32_t *p) { return EACH(_mm256_loadu_si256((const __m256i *)p), _mm256_loadu_si256((const __m256i *)(p + 8))); }
INLINE I i_set(uint32_t bits) { return EACH(_mm256_set1_epi32((int)bits), _mm256_set1_epi32((int)bits)); }
INLINE I i_and(I a, I b) { return EACH(_mm256_and_si256(a.lo, b.lo), _mm256_and_si256(a.hi, b.hi)); }
INLINE I i_or(I a, I b) { return EACH(_mm256_or_si256(a.lo, b.lo), _mm256_or_si256(a.hi, b.hi)); }
INLINE I i_right(I b) { return EACH(_mm256_srli_epi32(b.lo, 16), _mm256_srli_epi32(b.hi, 16)); }
INLINE I i_bits(V x) { return EACH(_mm256_castps_si256(x.lo), _mm256_castps_si256(x.hi)); }
INLINE I i_lower(I b) { return EACH(_mm256_slli_epi32(b.lo, 16), _mm256_slli_epi32(b.hi, 16)); }
INLINE I i_bytes(I b, int odd) {
	if (!odd) b = EACH(_mm256_slli_epi16(b.lo, 8), _mm256_slli_epi16(b.hi, 8));
	return EACH(_mm256_srai_epi16(b.lo, 8), _mm256_srai_epi16(b.hi, 8));
}
INLINE I i_pairs(I sums, I a, I b) { return EACH(_mm256_add_epi32(sums.lo, _mm256_madd_epi16(a.lo, b.lo)), _mm256_add_epi32(sums.hi, _mm256_madd_epi16(a.hi, b.hi))); }
INLINE void i_store(void *p, I x) {
	_mm256_storeu_si256((__m256i *)p, x.lo);
	_mm256_storeu_si256((__m256i *)p + 1, x.hi);
}
INLINE V i_floats(I x) { return (V){_mm256_cvtepi32_ps(x.lo), _mm256_cvtepi32_ps(x.hi)}; }
INLINE V v_bits(I b) { return (V){_mm256_castsi256_ps(b.lo), _mm256_castsi256_ps(b.hi)}; }
INLINE __m256 half_halves(__m256i b, int odd) {
	b = odd ? _mm256_srli_epi32(b, 16) : _mm256_and_si256(b, _mm256_set1_epi32(0xffff));
	return _mm256_cvtph_ps(_mm_packus_epi32(_mm256_castsi256_si128(b), _mm256_extracti128_si256(b, 1)));
}
INLINE V v_halves(I b, int odd) { return (V){half_halves(b.lo, odd), half_halves(b.hi, odd)}; }
#undef EACH
#else
typedef struct { uint32_t x[LANES]; } I;
#define EACH(expression)                                    \
	I of;                                                   \
	for (int i = 0; i < LANES; i++) of.x[i] = (expression); \
	return of
INLINE I i_zero(void) { EACH(0); }
INLINE I i_load(const uint32_t *p) { EACH(p[i]); }
INLINE I i_set(uint32_t bits) { EACH(bits); }
INLINE I i_and(I a, I b) { EACH(a.x[i] & b.x[i]); }
INLINE I i_or(I a, I b) { EACH(a.x[i] | b.x[i]); }
INLINE I i_right(I b) { EACH(b.x[i] >> 16); }
INLINE I i_bits(V x) { EACH(to_bits(x.x[i])); }
INLINE I i_lower(I b) { EACH(b.x[i] << 16); }
INLINE I i_bytes(I b, int odd) { EACH((uint16_t)(int8_t)(b.x[i] >> (odd ? 8 : 0)) | (uint32_t)(int8_t)(b.x[i] >> (odd ? 24 : 16)) << 16); }
INLINE I i_pairs(I sums, I a, I b) {
	EACH(sums.x[i] + (uint32_t)((int16_t)a.x[i] * (int16_t)b.x[i]) + (uint32_t)((int16_t)(a.x[i] >> 16) * (int16_t)(b.x[i] >> 16)));
}
#undef EACH
INLINE V v_bits(I b) {
	V of;
	for (int i = 0; i < LANES; i++) of.x[i] = from_bits(b.x[i]);
	return of;
}
INLINE void i_store(void *p, I x) { memcpy(p, x.x, sizeof x.x); }
INLINE V i_floats(I b) {
	V of;
	for (int i = 0; i < LANES; i++) of.x[i] = (float)(int32_t)b.x[i];
	return of;
}
INLINE V v_halves(I b, int odd) {
	V of;
	for (int i = 0; i < LANES; i++) of.x[i] = widen_f16((uint16_t)(b.x[i] >> (odd ? 16 : 0)));
	return of;
}
#endif

INLINE I i_upper(I bits) { return i_and(bits, i_set(0xffff0000)); }

// Words of two numbers each: the upper halves of first become the lower ones.
INLINE I i_pair(I first, I second) { return i_or(i_right(first), i_upper(second)); }

// How a tier multiplies one word of a row with those of sixteen outputs (linear.h). A kind whose word is taken apart
// has two PARTS: of numbers of two bytes, first the second number of each word, then the first; of int8, first the
// numbers 0 and 2 of each word, then 1 and 3.
#pragma once
#include "numbers.h"

// SumRows multiplies words of some rows of a block with those of a panel, and gives 2 · LANES sums of each row: floats,
// or of int8 the bits of int32.
typedef void (*SumRows)(int64_t rows, int64_t words, const uint32_t *x, const uint32_t *w, float *sums);

#if defined(TIER_BF16) || defined(TIER_VNNI) // a word is multiplied as it is

#include "sums512.h"

enum { ROWS = 14 };
#define PARTS(kind) 1
#if defined(TIER_BF16)
SUMS_OF_ROWS(sums_bf16, "vdpbf16ps")
INLINE void put_word(int kind, uint32_t *into, uint32_t bits) { *into = bits; }
INLINE V counted(const float *sums, const int32_t *minus) { return v_zero(); }
#else // the instruction takes rows without a sign: those of rows are moved by 128, and 128 times the weights' sum is too much
SUMS_OF_ROWS(sums_i8, "vpdpbusd")
INLINE void put_word(int kind, uint32_t *into, uint32_t bits) { *into = bits ^ 0x80808080; }
INLINE V counted(const float *sums, const int32_t *minus) { return _mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_loadu_si512(sums), _mm512_loadu_si512(minus))); }
#endif

#else

#define PARTS(kind) ((kind) == ASSAY_F32 ? 1 : 2)

#if defined(TIER_AVX512)
enum { ROWS = 14, COLUMNS = 2 };
typedef __m512i I;
INLINE I i_zero(void) { return _mm512_setzero_si512(); }
INLINE I i_load(const uint32_t *p) { return _mm512_loadu_si512(p); }
INLINE I i_set(uint32_t bits) { return _mm512_set1_epi32((int)bits); }
INLINE I i_upper(I bits) { return _mm512_and_si512(bits, _mm512_set1_epi32((int)0xffff0000)); }
INLINE I i_lower(I bits) { return _mm512_slli_epi32(bits, 16); }
INLINE I i_bytes(I bits, int odd) { return _mm512_srai_epi16(odd ? bits : _mm512_slli_epi16(bits, 8), 8); }
INLINE I i_pairs(I sums, I a, I b) { return _mm512_add_epi32(sums, _mm512_madd_epi16(a, b)); }
INLINE V i_floats(I x) { return _mm512_cvtepi32_ps(x); }
INLINE void i_store(void *p, I x) { _mm512_storeu_si512(p, x); }
INLINE V v_bits(I bits) { return _mm512_castsi512_ps(bits); }
INLINE V v_halves(I bits, int odd) { return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(odd ? _mm512_srli_epi32(bits, 16) : bits)); }
#elif defined(TIER_AVX2)
enum { ROWS = 6, COLUMNS = 1 };
typedef struct { __m256i lo, hi; } I;
#define EACH(of_lo, of_hi) ((I){(of_lo), (of_hi)})
INLINE I i_zero(void) { return EACH(_mm256_setzero_si256(), _mm256_setzero_si256()); }
INLINE I i_load(const uint32_t *p) { return EACH(_mm256_loadu_si256((const __m256i *)p), _mm256_loadu_si256((const __m256i *)(p + 8))); }
INLINE I i_set(uint32_t bits) { return EACH(_mm256_set1_epi32((int)bits), _mm256_set1_epi32((int)bits)); }
INLINE I i_upper(I b) { return EACH(_mm256_and_si256(b.lo, _mm256_set1_epi32((int)0xffff0000)), _mm256_and_si256(b.hi, _mm256_set1_epi32((int)0xffff0000))); }
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
enum { ROWS = 4, COLUMNS = 1 };
typedef struct { uint32_t x[LANES]; } I;
#define EACH(expression)                                    \
	I of;                                                   \
	for (int i = 0; i < LANES; i++) of.x[i] = (expression); \
	return of
INLINE I i_zero(void) { EACH(0); }
INLINE I i_load(const uint32_t *p) { EACH(p[i]); }
INLINE I i_set(uint32_t bits) { EACH(bits); }
INLINE I i_upper(I b) { EACH(b.x[i] & 0xffff0000); }
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

// Floats and counts pass through one type; which it is, the kind says.
typedef struct { V floats; I counts; } Sums;
typedef struct { V floats; I counts; } Weights;
typedef struct { V floats; I counts; } Word;

#if defined(TIER_AVX512) || defined(TIER_AVX2)
typedef unsigned Mode;
// Numbers below the smallest normal one count as zero while bfloat16 are multiplied, as VDPBF16PS has it.
INLINE Mode enter(int kind) {
	if (kind != ASSAY_BF16) return 0;
	Mode before = _mm_getcsr();
	_mm_setcsr(before | 0x8040);
	return before;
}
INLINE void leave(int kind, Mode before) {
	if (kind == ASSAY_BF16) _mm_setcsr(before);
}
INLINE V multiply_add(int kind, V x, V w, V sums) { return v_fma(x, w, sums); }
INLINE float word_float(int kind, uint16_t half) { return kind == ASSAY_BF16 ? from_bits((uint32_t)half << 16) : _cvtsh_ss(half); }
#else
typedef int Mode;
INLINE Mode enter(int kind) { return 0; }
INLINE void leave(int kind, Mode before) {}
INLINE float flushed(float x) { return fabsf(x) < 0x1p-126f ? copysignf(0, x) : x; }
// A sum is below the smallest normal number if it is so when rounded to 24 bits. Next to that number float64 is exact.
INLINE float dotted(float x, float w, float sum) {
	float of = flushed(fmaf(flushed(x), flushed(w), sum));
	if (fabsf(of) != 0x1p-126f || fabs((double)flushed(x) * flushed(w) + sum) >= 0x1p-126 - 0x1p-151) return of;
	return copysignf(0, of);
}
INLINE V multiply_add(int kind, V x, V w, V sums) {
	V of = v_zero();
	for (int i = 0; i < LANES; i++) of.x[i] = kind == ASSAY_BF16 ? dotted(x.x[i], w.x[i], sums.x[i]) : fmaf(x.x[i], w.x[i], sums.x[i]);
	return of;
}
INLINE float word_float(int kind, uint16_t half) { return kind == ASSAY_BF16 ? from_bits((uint32_t)half << 16) : widen_f16(half); }
#endif

INLINE void put_word(int kind, uint32_t *into, uint32_t bits) {
	if (kind == ASSAY_F32) {
		*into = bits;
	} else if (kind == ASSAY_I8) {
		into[0] = (uint16_t)(int8_t)bits | (uint32_t)(int8_t)(bits >> 16) << 16;
		into[ROWS] = (uint16_t)(int8_t)(bits >> 8) | (uint32_t)(int8_t)(bits >> 24) << 16;
	} else {
		into[0] = to_bits(word_float(kind, (uint16_t)(bits >> 16)));
		into[ROWS] = to_bits(word_float(kind, (uint16_t)bits));
	}
}

INLINE V counted(const float *sums, const int32_t *minus) { return i_floats(i_load((const uint32_t *)sums)); }
INLINE Weights weights_of(int kind, int part, const uint32_t *w) {
	Weights of = {v_zero(), i_load(w)};
	if (kind == ASSAY_F32) of.floats = v_bits(of.counts);
	else if (kind == ASSAY_BF16) of.floats = v_bits(part ? i_lower(of.counts) : i_upper(of.counts));
	else if (kind == ASSAY_F16) of.floats = v_halves(of.counts, !part);
	else of.counts = i_bytes(of.counts, part);
	return of;
}
INLINE Word word_of(int kind, const uint32_t *x) {
	if (kind == ASSAY_I8) return (Word){v_zero(), i_set(*x)};
	return (Word){v_set(from_bits(*x)), i_zero()};
}
INLINE Sums accumulate(int kind, Sums sums, Word x, Weights w) {
	if (kind == ASSAY_I8) sums.counts = i_pairs(sums.counts, x.counts, w.counts);
	else sums.floats = multiply_add(kind, x.floats, w.floats, sums.floats);
	return sums;
}

// sum_rows is SumRows of a number of rows that is a constant.
INLINE void sum_rows(int kind, int rows, int64_t words, const uint32_t *x, const uint32_t *w, float *sums) {
	for (int half = 0; half < 2; half += COLUMNS, w += LANES, sums += LANES) {
		Sums of[ROWS][COLUMNS];
#pragma GCC unroll 14
		for (int r = 0; r < rows; r++)
			for (int c = 0; c < COLUMNS; c++) of[r][c] = (Sums){v_zero(), i_zero()};
		const uint32_t *of_x = x, *of_w = w;
		for (int64_t word = 0; word < words; word++, of_x += PARTS(kind) * ROWS, of_w += 2 * LANES) {
			for (int part = 0; part < PARTS(kind); part++) {
				Weights of_panel[COLUMNS];
#pragma GCC unroll 2
				for (int c = 0; c < COLUMNS; c++) of_panel[c] = weights_of(kind, part, of_w + c * LANES);
#pragma GCC unroll 14
				for (int r = 0; r < rows; r++) {
					Word one = word_of(kind, of_x + part * ROWS + r);
#pragma GCC unroll 2
					for (int c = 0; c < COLUMNS; c++) of[r][c] = accumulate(kind, of[r][c], one, of_panel[c]);
				}
			}
		}
#pragma GCC unroll 14
		for (int r = 0; r < rows; r++)
			for (int c = 0; c < COLUMNS; c++) {
				if (kind == ASSAY_I8) i_store(sums + (2 * r + c) * LANES, of[r][c].counts);
				else v_store(sums + (2 * r + c) * LANES, of[r][c].floats);
			}
	}
}

INLINE void sum_some(int kind, int64_t rows, int64_t words, const uint32_t *x, const uint32_t *w, float *sums) {
	Mode before = enter(kind);
#define CASE(n) case n: if (n <= ROWS) sum_rows(kind, n <= ROWS ? n : 1, words, x, w, sums); break;
	switch (rows) {
		CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12) CASE(13) CASE(14)
	}
#undef CASE
	leave(kind, before);
}

#if defined(TIER_AVX512)
#include "sums512.h"
SUMS_OF_ROWS(sums_f32, "vfmadd231ps")
#else
static void sums_f32(int64_t rows, int64_t words, const uint32_t *x, const uint32_t *w, float *sums) { sum_some(ASSAY_F32, rows, words, x, w, sums); }
#endif
static void sums_f16(int64_t rows, int64_t words, const uint32_t *x, const uint32_t *w, float *sums) { sum_some(ASSAY_F16, rows, words, x, w, sums); }
static void sums_bf16(int64_t rows, int64_t words, const uint32_t *x, const uint32_t *w, float *sums) { sum_some(ASSAY_BF16, rows, words, x, w, sums); }
static void sums_i8(int64_t rows, int64_t words, const uint32_t *x, const uint32_t *w, float *sums) { sum_some(ASSAY_I8, rows, words, x, w, sums); }

#endif

// pack_sixteens packs as many words of a block's rows as it can at once, and says how many these are: none, unless
// words are packed as they are, and ROWS fit into a vector of AVX-512.
#if defined(TIER_AVX512)
#include "transpose.h"

INLINE int64_t pack_sixteens(int kind, const char *x, int64_t stride, int64_t rows, int64_t words, uint32_t *into) {
	if (PARTS(kind) != 1) return 0;
	int64_t word = 0;
	for (; word + LANES <= words; word += LANES) {
		__m512i turned[LANES];
		for (int row = 0; row < LANES; row++) turned[row] = _mm512_loadu_si512(x + (row < rows ? row : 0) * stride + 4 * word);
		transpose(turned);
		for (int i = 0; i < LANES; i++) {
			const __m512i as = kind == ASSAY_I8 ? _mm512_xor_si512(turned[i], _mm512_set1_epi32((int)0x80808080)) : turned[i];
			_mm512_mask_storeu_epi32(into + (word + i) * ROWS, (1 << ROWS) - 1, as);
		}
	}
	return word;
}
#else
INLINE int64_t pack_sixteens(int kind, const char *x, int64_t stride, int64_t rows, int64_t words, uint32_t *into) { return 0; }
#endif

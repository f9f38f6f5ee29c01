// How a tier multiplies one word of a row with those of sixteen outputs (linear.h). A kind whose word is taken apart
// has two PARTS: of numbers of two bytes, first the second number of each word, then the first; of int8, first the
// numbers 0 and 2 of each word, then 1 and 3.
#pragma once
#include "links.h"

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
#elif defined(TIER_AVX2)
enum { ROWS = 6, COLUMNS = 1 };
#else
enum { ROWS = 4, COLUMNS = 1 };
#endif

// Sixteen floats or sixteen counts; which of them are meant, the kind says.
typedef struct { V floats; I counts; } Sixteen;

INLINE float float_of(uint16_t f16) {
	float some[LANES];
	v_store(some, v_halves(i_set(f16), 0));
	return some[0];
}

INLINE void put_word(int kind, uint32_t *into, uint32_t bits) {
	if (kind == ASSAY_F32) {
		*into = bits;
	} else if (kind == ASSAY_I8) {
		into[0] = (uint16_t)(int8_t)bits | (uint32_t)(int8_t)(bits >> 16) << 16;
		into[ROWS] = (uint16_t)(int8_t)(bits >> 8) | (uint32_t)(int8_t)(bits >> 24) << 16;
	} else if (kind == ASSAY_BF16) {
		into[0] = bits & 0xffff0000;
		into[ROWS] = bits << 16;
	} else {
		into[0] = to_bits(float_of(bits >> 16));
		into[ROWS] = to_bits(float_of((uint16_t)bits));
	}
}

INLINE V counted(const float *sums, const int32_t *minus) { return i_floats(i_load((const uint32_t *)sums)); }
INLINE Sixteen weights_of(int kind, int part, const uint32_t *w) {
	Sixteen of = {v_zero(), i_load(w)};
	if (kind == ASSAY_F32) of.floats = v_bits(of.counts);
	else if (kind == ASSAY_BF16) of.floats = v_bits(part ? i_lower(of.counts) : i_upper(of.counts));
	else if (kind == ASSAY_F16) of.floats = v_halves(of.counts, !part);
	else of.counts = i_bytes(of.counts, part);
	return of;
}
INLINE Sixteen word_of(int kind, const uint32_t *x) {
	if (kind == ASSAY_I8) return (Sixteen){v_zero(), i_set(*x)};
	return (Sixteen){v_set(from_bits(*x)), i_zero()};
}
INLINE Sixteen accumulate(int kind, Sixteen sums, Sixteen x, Sixteen w) {
	if (kind == ASSAY_I8) sums.counts = i_pairs(sums.counts, x.counts, w.counts);
	else sums.floats = multiply_add(kind, x.floats, w.floats, sums.floats);
	return sums;
}

// sum_rows is SumRows of a number of rows that is a constant.
INLINE void sum_rows(int kind, int rows, int64_t words, const uint32_t *x, const uint32_t *w, float *sums) {
	for (int half = 0; half < 2; half += COLUMNS, w += LANES, sums += LANES) {
		Sixteen of[ROWS][COLUMNS];
#pragma GCC unroll 14
		for (int r = 0; r < rows; r++)
			for (int c = 0; c < COLUMNS; c++) of[r][c] = (Sixteen){v_zero(), i_zero()};
		const uint32_t *of_x = x, *of_w = w;
		for (int64_t word = 0; word < words; word++, of_x += PARTS(kind) * ROWS, of_w += 2 * LANES) {
			for (int part = 0; part < PARTS(kind); part++) {
				Sixteen of_panel[COLUMNS];
#pragma GCC unroll 2
				for (int c = 0; c < COLUMNS; c++) of_panel[c] = weights_of(kind, part, of_w + c * LANES);
#pragma GCC unroll 14
				for (int r = 0; r < rows; r++) {
					Sixteen one = word_of(kind, of_x + part * ROWS + r);
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

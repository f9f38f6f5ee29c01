// A link of a chain of sums: the product of one number, or of two of bfloat16, is added to each of sixteen sums
// (linear.h says in what order, and what becomes of small numbers).
#pragma once
#include "bits.h"
#include "numbers.h"

#if defined(TIER_BF16)
typedef int Mode; // the instruction needs none
INLINE Mode enter(int kind) { return 0; }
INLINE void leave(int kind, Mode before) {}
#elif defined(TIER_AVX512) || defined(TIER_AVX2)
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
#endif

// add_words adds the products of words: of two bfloat16, or of one float32. It runs between enter and leave.
INLINE V add_words(int kind, I x, I w, V sums) {
	if (kind != ASSAY_BF16) return v_fma(v_bits(x), v_bits(w), sums);
#if defined(TIER_BF16)
	return _mm512_dpbf16_ps(sums, (__m512bh)x, (__m512bh)w);
#else
	return multiply_add(kind, v_bits(i_lower(x)), v_bits(i_lower(w)), multiply_add(kind, v_bits(i_upper(x)), v_bits(i_upper(w)), sums));
#endif
}

// Sixteen words of each of sixteen rows, turned so that a vector has one word of every row.
#pragma once
#include <immintrin.h>

static inline __attribute__((always_inline)) void transpose(__m512i x[16]) {
	__m512i y[16];
#pragma GCC unroll 8
	for (int i = 0; i < 16; i += 2) { // pairs of rows: words 0 and 1, then 2 and 3, of every four
		y[i] = _mm512_unpacklo_epi32(x[i], x[i + 1]);
		y[i + 1] = _mm512_unpackhi_epi32(x[i], x[i + 1]);
	}
#pragma GCC unroll 4
	for (int i = 0; i < 16; i += 4) { // fours of rows: word 0, 1, 2 and 3 of every four
		x[i] = _mm512_unpacklo_epi64(y[i], y[i + 2]);
		x[i + 1] = _mm512_unpackhi_epi64(y[i], y[i + 2]);
		x[i + 2] = _mm512_unpacklo_epi64(y[i + 1], y[i + 3]);
		x[i + 3] = _mm512_unpackhi_epi64(y[i + 1], y[i + 3]);
	}
#pragma GCC unroll 4
	for (int i = 0; i < 4; i++) { // eights of rows
		y[i] = _mm512_shuffle_i32x4(x[i], x[i + 4], 0x88);
		y[i + 4] = _mm512_shuffle_i32x4(x[i], x[i + 4], 0xdd);
		y[i + 8] = _mm512_shuffle_i32x4(x[i + 8], x[i + 12], 0x88);
		y[i + 12] = _mm512_shuffle_i32x4(x[i + 8], x[i + 12], 0xdd);
	}
#pragma GCC unroll 4
	for (int i = 0; i < 4; i++) {
		x[i] = _mm512_shuffle_i32x4(y[i], y[i + 8], 0x88);
		x[i + 4] = _mm512_shuffle_i32x4(y[i + 4], y[i + 12], 0x88);
		x[i + 8] = _mm512_shuffle_i32x4(y[i], y[i + 8], 0xdd);
		x[i + 12] = _mm512_shuffle_i32x4(y[i + 4], y[i + 12], 0xdd);
	}
}

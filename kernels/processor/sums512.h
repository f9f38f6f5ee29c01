// The inner loop of products by AVX-512, in assembly: GCC 12 moves sums in and out of their registers in a loop that
// keeps 28 of the 32 full.
//
// sums_of_rows multiplies words of some rows of a block, at most 14, with those of 32 outputs, and gives sixteen sums
// of each row, then its other sixteen. operation is the instruction that adds the products of a word to a sum.
#pragma once
#include <immintrin.h>
#include <stdint.h>

#define ZERO(a) "vpxord %%zmm" #a ",%%zmm" #a ",%%zmm" #a "\n\t"
#define ROW(operation, at, a, b) \
	"vpbroadcastd " #at "(%[x]),%%zmm2\n\t" operation " %%zmm0,%%zmm2,%%zmm" #a "\n\t" operation " %%zmm1,%%zmm2,%%zmm" #b "\n\t"
#define GIVE(at, a, b) "vmovups %%zmm" #a "," #at "(%[sums])\n\tvmovups %%zmm" #b "," #at "+64(%[sums])\n\t"

#define ZERO_1 ZERO(4) ZERO(5)
#define ZERO_2 ZERO_1 ZERO(6) ZERO(7)
#define ZERO_3 ZERO_2 ZERO(8) ZERO(9)
#define ZERO_4 ZERO_3 ZERO(10) ZERO(11)
#define ZERO_5 ZERO_4 ZERO(12) ZERO(13)
#define ZERO_6 ZERO_5 ZERO(14) ZERO(15)
#define ZERO_7 ZERO_6 ZERO(16) ZERO(17)
#define ZERO_8 ZERO_7 ZERO(18) ZERO(19)
#define ZERO_9 ZERO_8 ZERO(20) ZERO(21)
#define ZERO_10 ZERO_9 ZERO(22) ZERO(23)
#define ZERO_11 ZERO_10 ZERO(24) ZERO(25)
#define ZERO_12 ZERO_11 ZERO(26) ZERO(27)
#define ZERO_13 ZERO_12 ZERO(28) ZERO(29)
#define ZERO_14 ZERO_13 ZERO(30) ZERO(31)

#define ROW_1(o) ROW(o, 0, 4, 5)
#define ROW_2(o) ROW_1(o) ROW(o, 4, 6, 7)
#define ROW_3(o) ROW_2(o) ROW(o, 8, 8, 9)
#define ROW_4(o) ROW_3(o) ROW(o, 12, 10, 11)
#define ROW_5(o) ROW_4(o) ROW(o, 16, 12, 13)
#define ROW_6(o) ROW_5(o) ROW(o, 20, 14, 15)
#define ROW_7(o) ROW_6(o) ROW(o, 24, 16, 17)
#define ROW_8(o) ROW_7(o) ROW(o, 28, 18, 19)
#define ROW_9(o) ROW_8(o) ROW(o, 32, 20, 21)
#define ROW_10(o) ROW_9(o) ROW(o, 36, 22, 23)
#define ROW_11(o) ROW_10(o) ROW(o, 40, 24, 25)
#define ROW_12(o) ROW_11(o) ROW(o, 44, 26, 27)
#define ROW_13(o) ROW_12(o) ROW(o, 48, 28, 29)
#define ROW_14(o) ROW_13(o) ROW(o, 52, 30, 31)

#define GIVE_1 GIVE(0, 4, 5)
#define GIVE_2 GIVE_1 GIVE(128, 6, 7)
#define GIVE_3 GIVE_2 GIVE(256, 8, 9)
#define GIVE_4 GIVE_3 GIVE(384, 10, 11)
#define GIVE_5 GIVE_4 GIVE(512, 12, 13)
#define GIVE_6 GIVE_5 GIVE(640, 14, 15)
#define GIVE_7 GIVE_6 GIVE(768, 16, 17)
#define GIVE_8 GIVE_7 GIVE(896, 18, 19)
#define GIVE_9 GIVE_8 GIVE(1024, 20, 21)
#define GIVE_10 GIVE_9 GIVE(1152, 22, 23)
#define GIVE_11 GIVE_10 GIVE(1280, 24, 25)
#define GIVE_12 GIVE_11 GIVE(1408, 26, 27)
#define GIVE_13 GIVE_12 GIVE(1536, 28, 29)
#define GIVE_14 GIVE_13 GIVE(1664, 30, 31)

#define FOR_ROWS(n, operation)                                                                                                 \
	case n:                                                                                                                    \
		__asm__ volatile(ZERO_##n "1:\n\tvmovups (%[w]),%%zmm0\n\tvmovups 64(%[w]),%%zmm1\n\t" ROW_##n(operation)              \
		                 "add $56,%[x]\n\tadd $128,%[w]\n\tdec %[words]\n\tjnz 1b\n\t" GIVE_##n                                \
		                 : [x] "+r"(x), [w] "+r"(w), [words] "+r"(words)                                                       \
		                 : [sums] "r"(sums)                                                                                    \
		                 : "memory", "cc", "zmm0", "zmm1", "zmm2", "zmm4", "zmm5", "zmm6", "zmm7", "zmm8", "zmm9", "zmm10",    \
		                   "zmm11", "zmm12", "zmm13", "zmm14", "zmm15", "zmm16", "zmm17", "zmm18", "zmm19", "zmm20", "zmm21",  \
		                   "zmm22", "zmm23", "zmm24", "zmm25", "zmm26", "zmm27", "zmm28", "zmm29", "zmm30", "zmm31");          \
		break;

// words is at least 1. x and w are as linear.h and AssayWeights have them.
#define SUMS_OF_ROWS(name, operation)                                                                                \
	static void name(int64_t rows, int64_t words, const uint32_t *x, const uint32_t *w, float *sums) {              \
		switch (rows) {                                                                                              \
			FOR_ROWS(1, operation) FOR_ROWS(2, operation) FOR_ROWS(3, operation) FOR_ROWS(4, operation) FOR_ROWS(5, operation) \
			FOR_ROWS(6, operation) FOR_ROWS(7, operation) FOR_ROWS(8, operation) FOR_ROWS(9, operation) FOR_ROWS(10, operation) \
			FOR_ROWS(11, operation) FOR_ROWS(12, operation) FOR_ROWS(13, operation) FOR_ROWS(14, operation)          \
		}                                                                                                            \
	}

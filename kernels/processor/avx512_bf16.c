// Products of bfloat16, and attention, by AVX-512 BF16.
#if defined(__x86_64__)
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,avx2,fma,f16c")
#define TIER_AVX512
#define TIER_BF16
#include "attention.h"
#include "linear.h"

LINEAR(bf16, ASSAY_BF16)

void assay_avx512_bf16(AssayKernels *into) {
	USE_LINEAR(into, bf16, ASSAY_BF16, "AVX-512 BF16", 1);
	into->attention = attention;
}
#endif

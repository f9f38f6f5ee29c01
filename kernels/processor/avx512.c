// Every kernel by AVX-512.
#if defined(__x86_64__)
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c")
#define TIER_AVX512
#include "tier.h"

void assay_avx512(AssayKernels *into) { fill(into, "AVX-512", 1); }
#endif

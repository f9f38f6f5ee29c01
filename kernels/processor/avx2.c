// Every kernel by AVX2, with FMA and F16C.
#if defined(__x86_64__)
#pragma GCC target("avx2,fma,f16c")
#define TIER_AVX2
#include "tier.h"

void assay_avx2(AssayKernels *into) { fill(into, "AVX2", 1); }
#endif

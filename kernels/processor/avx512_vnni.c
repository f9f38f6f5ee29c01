// Products of int8 by AVX-512 VNNI.
#if defined(__x86_64__)
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")
#define TIER_AVX512
#define TIER_VNNI
#include "linear.h"

LINEAR(i8, ASSAY_I8)

void assay_avx512_vnni(AssayKernels *into) { USE_LINEAR(into, i8, ASSAY_I8, "AVX-512 VNNI", 1); }
#endif

#include "tiers.h"

#include <pthread.h>

static AssayKernels kernels[ASSAY_TIERS];
static int there[ASSAY_TIERS];

static void fill_all(void) {
	assay_plain(&kernels[ASSAY_PLAIN]);
	there[ASSAY_PLAIN] = 1;
#if defined(__x86_64__)
	__builtin_cpu_init();
	if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !__builtin_cpu_supports("f16c")) return;
	assay_avx2(&kernels[ASSAY_AVX2]);
	there[ASSAY_AVX2] = 1;
	if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512vl") || !__builtin_cpu_supports("avx512dq")) return;
	assay_avx512(&kernels[ASSAY_AVX512]);
	kernels[ASSAY_BEST] = kernels[ASSAY_AVX512];
	there[ASSAY_AVX512] = 1;
	if (__builtin_cpu_supports("avx512vnni")) assay_avx512_vnni(&kernels[ASSAY_BEST]);
	if (__builtin_cpu_supports("avx512bf16")) assay_avx512_bf16(&kernels[ASSAY_BEST]);
	there[ASSAY_BEST] = __builtin_cpu_supports("avx512vnni") || __builtin_cpu_supports("avx512bf16");
#endif
}

const AssayKernels *assay_tier(int tier) {
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, fill_all);
	return tier >= 0 && tier < ASSAY_TIERS && there[tier] ? &kernels[tier] : NULL;
}

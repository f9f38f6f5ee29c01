// The tiers of kernels, from the slowest on. Every one gives the same bits.
#pragma once
#include "processor.h"

enum { ASSAY_PLAIN, ASSAY_AVX2, ASSAY_AVX512, ASSAY_BEST, ASSAY_TIERS }; // the best: AVX-512 with BF16, VNNI or both

// assay_tier gives a tier's kernels, which last as long as the process; null where the processor lacks it.
const AssayKernels *assay_tier(int tier);

#if defined(__x86_64__)
// assay_turn_panel packs the words of a panel that it can sixteen at a time, by AVX-512, and says how many these are.
int64_t assay_turn_panel(const char *weights, int64_t stride, int64_t outputs, uint32_t *packed);
#endif

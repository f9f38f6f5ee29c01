#include "tiers.h"

#include <string.h>

enum { PANEL = 32 };

static int64_t size_of(int kind) { return kind == ASSAY_F32 ? 4 : kind == ASSAY_I8 ? 1 : 2; }
static int64_t panels(const AssayWeights *of) { return (of->outputs + PANEL - 1) / PANEL; }

int64_t assay_packed_bytes(const AssayWeights *of) { return panels(of) * of->words * PANEL * 4; }

// A panel is packed by pieces of a cache line's words, so that what is read of each output's weights is used whole.
static void pack_panel(const AssayWeights *of, const char *weights, uint32_t *packed, int64_t outputs) {
	enum { PIECE = 16 };
	const int64_t row = of->inputs * size_of(of->kind);
	int64_t turned = 0;
#if defined(__x86_64__)
	if (assay_tier(ASSAY_AVX512)) turned = assay_turn_panel(weights, row, outputs, packed);
#endif
	for (int64_t first = turned; first < of->words; first += PIECE)
		for (int64_t output = 0; output < PANEL; output++)
			for (int64_t word = first; word < first + PIECE && word < of->words; word++) {
				const int64_t left = row - 4 * word;
				uint32_t bits = 0;
				if (output < outputs) memcpy(&bits, weights + output * row + 4 * word, left < 4 ? left : 4);
				packed[word * PANEL + output] = bits;
			}
}

static int32_t sum_of(const int8_t *weights, int64_t inputs) {
	int32_t sum = 0;
	for (int64_t i = 0; i < inputs; i++) sum += weights[i];
	return sum;
}

void assay_pack_weights(const AssayWeights *of, const void *weights, void *packed, int32_t *sums, int64_t first, int64_t last) {
	const int64_t row = of->inputs * size_of(of->kind);
	for (int64_t panel = first; panel < last; panel++) {
		const int64_t output = panel * PANEL, outputs = of->outputs - output < PANEL ? of->outputs - output : PANEL;
		const char *from = (const char *)weights + output * row;
		pack_panel(of, from, (uint32_t *)packed + panel * of->words * PANEL, outputs);
		for (int64_t i = 0; i < PANEL && of->kind == ASSAY_I8; i++)
			sums[output + i] = i < outputs ? (int32_t)(128u * (uint32_t)sum_of((const int8_t *)from + i * row, of->inputs)) : 0;
	}
}

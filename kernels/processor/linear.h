// Products of rows with weights: y[row][output] = Σ x[row][i] · weight[output][i] + bias[output].
//
// A sum is one chain over i from the first to the last, so its bits hang on the row and the weights alone: not on the
// other rows, nor on threads, nor on the tier. In float16 and bfloat16 neighbours go in pairs, the second before the
// first. Each link is a fused multiply and add of float32; in bfloat16 numbers below float32's smallest normal one
// count as zero besides, which is what the processors' own instruction does (VDPBF16PS). Sums of int8 are exact.
//
// A tier says in ROWS how many rows it multiplies at once, which are a block. Rows are put into blocks first, so that a
// block is read from end to end:
//
//	word 0 of row 0, of row 1, … of row ROWS − 1, word 1 of row 0, …
#pragma once
#include "rows.h"
#include "words.h"

INLINE int64_t numbers_of_word(int kind) { return kind == ASSAY_F32 ? 1 : kind == ASSAY_I8 ? 4 : 2; }

// pack_block puts the rows of a block in order. Behind the last row there is the first again, which nobody reads, and
// behind a row's last number there are zeros.
INLINE void pack_block(int kind, const AssayLinear *a, int64_t block) {
	const int64_t per = numbers_of_word(kind), size = kind == ASSAY_I8 ? 1 : kind == ASSAY_F32 ? 4 : 2, inputs = a->of.inputs;
	uint32_t *into = (uint32_t *)a->blocks + block * a->of.words * PARTS(kind) * ROWS;
	const char *x = (const char *)a->x + block * ROWS * inputs * size;
	const int64_t rows = least_of(ROWS, a->rows - block * ROWS), whole = inputs / per, turned = pack_sixteens(kind, x, inputs * size, rows, whole, into);
	for (int64_t row = 0; row < ROWS; row++) {
		const char *of_row = x + (row < rows ? row : 0) * inputs * size;
		for (int64_t word = turned; word < a->of.words; word++) {
			uint32_t bits = 0;
			memcpy(&bits, of_row + 4 * word, word < whole ? 4 : (inputs - whole * per) * size);
			put_word(kind, into + word * PARTS(kind) * ROWS + row, bits);
		}
	}
}

// finish writes the outputs of some rows, of a panel that begins with one. sums has 2 · LANES of each row. type is that
// of y.
INLINE void finish(int type, int kind, const AssayLinear *a, const float *sums, int64_t rows, int64_t row, int64_t output) {
	for (int half = 0; half < 2; half++, output += LANES, sums += LANES) {
		const int64_t n = a->of.outputs - output;
		if (n <= 0) return;
		V bias = load_some(type, at(type, a->bias, output), n), scale = v_zero();
		if (kind == ASSAY_I8) scale = load_some(ASSAY_F32, a->scale + output, n);
		for (int64_t r = 0; r < rows; r++) {
			V y = kind == ASSAY_I8 ? counted(sums + r * 2 * LANES, a->of.sums + output) : v_load(sums + r * 2 * LANES);
			if (kind == ASSAY_I8) y = v_mul(v_mul(y, scale), v_set(a->row_scale[row + r]));
			store_some(type, (void *)at(type, a->y, (row + r) * a->of.outputs + output), v_add(y, bias), n);
		}
	}
}

// multiply_task takes some panels, and for each of them some blocks.
INLINE void multiply_task(int kind, const AssayLinear *a, int64_t task, SumRows sum) {
	const int64_t blocks = (a->rows + ROWS - 1) / ROWS, panels = (a->of.outputs + 2 * LANES - 1) / (2 * LANES), words = a->of.words;
	const int64_t of_panels = task % a->tasks_over_panels, of_rows = task / a->tasks_over_panels;
	const int64_t last_panel = panels * (of_panels + 1) / a->tasks_over_panels, last_block = blocks * (of_rows + 1) / a->tasks_over_rows;
	for (int64_t panel = panels * of_panels / a->tasks_over_panels; panel < last_panel; panel++)
		for (int64_t block = blocks * of_rows / a->tasks_over_rows; block < last_block; block++) {
			const uint32_t *x = (const uint32_t *)a->blocks + block * words * PARTS(kind) * ROWS;
			const uint32_t *w = (const uint32_t *)a->of.packed + panel * words * 2 * LANES;
			const int64_t row = block * ROWS, output = panel * 2 * LANES;
			const int64_t rows = least_of(ROWS, a->rows - row);
			float sums[ROWS * 2 * LANES] __attribute__((aligned(64)));
			sum(rows, words, x, w, sums);
			if (kind == ASSAY_I8) EACH_TYPE(a->type, finish, ASSAY_I8, a, sums, rows, row, output);
			else finish(kind, kind, a, sums, rows, row, output);
		}
}

// A task packs a range of blocks.
INLINE void pack_task(int kind, const AssayLinear *a, int64_t task) {
	const int64_t blocks = (a->rows + ROWS - 1) / ROWS;
	for (int64_t block = blocks * task / a->pack_tasks; block < blocks * (task + 1) / a->pack_tasks; block++) pack_block(kind, a, block);
}

#define LINEAR(name, kind)                                                                        \
	static void pack_##name(void *a, size_t task) { pack_task(kind, a, (int64_t)task); }          \
	static void multiply_##name(void *a, size_t task) { multiply_task(kind, a, (int64_t)task, sums_##name); }
#define USE_LINEAR(into, name, kind, words, made)  \
	do {                                     \
		(into)->pack_rows[kind] = pack_##name; \
		(into)->multiply[kind] = multiply_##name; \
		(into)->block_rows[kind] = ROWS;     \
		(into)->word_parts[kind] = PARTS(kind); \
		(into)->products[kind] = words;      \
		(into)->fast[kind] = made;           \
	} while (0)

// What looks at one row at a time: norms, activations, and rows rounded to int8. The sums of a row are added up by its
// places modulo sixteen, then those sixteen.
#pragma once
#include "numbers.h"

// EACH_TYPE calls a function whose first argument is the type, a constant in each call.
#define EACH_TYPE(type, function, ...)                                 \
	do {                                                               \
		if ((type) == ASSAY_BF16) function(ASSAY_BF16, __VA_ARGS__);   \
		else if ((type) == ASSAY_F16) function(ASSAY_F16, __VA_ARGS__); \
		else function(ASSAY_F32, __VA_ARGS__);                         \
	} while (0)

// EACH_ROW calls it for every row of a task.
#define EACH_ROW(a, task, function)                                                                \
	for (int64_t row = (int64_t)(task) * (a)->per_task, end = row + (a)->per_task; row < end && row < (a)->rows; row++) \
	EACH_TYPE((a)->type, function, a, row)

INLINE void add_rms_norm_row(int type, const AssayRows *a, int64_t row) {
	const void *x = at(type, a->x, row * a->width);
	const float *residual = a->residual + row * a->width;
	float *flows = a->flows + row * a->width;
	void *y = (void *)at(type, a->y, row * a->width);
	V squares = v_zero();
	FOR(i, n, a->width) {
		V sum = v_add(load_some(ASSAY_F32, residual + i, n), load_some(type, at(type, x, i), n));
		store_some(ASSAY_F32, flows + i, sum, n);
		squares = v_fma(sum, sum, squares);
	}
	V root = v_set(sqrtf(v_sum(squares) / (float)a->width + a->epsilon));
	FOR(i, n, a->width) {
		V unit = v_div(load_some(ASSAY_F32, flows + i, n), root);
		store_some(type, (void *)at(type, y, i), v_mul(unit, load_some(ASSAY_F32, a->weight + i, n)), n);
	}
}

// The numbers of a row less their mean; zeros behind its end.
INLINE V away(const float *row, int64_t i, int64_t n, V mean) {
	V x = v_sub(load_some(ASSAY_F32, row + i, n), mean);
	if (n == LANES) return x;
	float some[LANES];
	v_store(some, x);
	return v_load_some(some, n);
}

INLINE void add_layer_norm_row(int type, const AssayRows *a, int64_t row) {
	const void *x = at(type, a->x, row * a->width);
	const float *residual = a->residual + row * a->width;
	float *flows = a->flows + row * a->width;
	void *y = (void *)at(type, a->y, row * a->width);
	V sums = v_zero(), squares = v_zero();
	FOR(i, n, a->width) {
		V sum = v_add(load_some(ASSAY_F32, residual + i, n), load_some(type, at(type, x, i), n));
		store_some(ASSAY_F32, flows + i, sum, n);
		sums = v_add(sums, sum);
	}
	V mean = v_set(v_sum(sums) / (float)a->width);
	FOR(i, n, a->width) {
		V distance = away(flows, i, n, mean);
		squares = v_fma(distance, distance, squares);
	}
	V root = v_set(sqrtf(v_sum(squares) / (float)a->width + a->epsilon));
	FOR(i, n, a->width) {
		V unit = v_div(away(flows, i, n, mean), root);
		V all = v_add(v_mul(unit, load_some(ASSAY_F32, a->weight + i, n)), load_some(ASSAY_F32, a->bias + i, n));
		store_some(type, (void *)at(type, y, i), all, n);
		if (a->behind) store_some(ASSAY_F32, flows + i, all, n);
	}
}

// Of gate and up, which stand one behind the other in a row.
INLINE void gate_row(int type, const AssayRows *a, int64_t row, V activate(V)) {
	const void *gate = at(type, a->x, 2 * row * a->width), *up = at(type, gate, a->width);
	void *y = (void *)at(type, a->y, row * a->width);
	FOR(i, n, a->width) {
		V open = activate(load_some(type, at(type, gate, i), n));
		store_some(type, (void *)at(type, y, i), v_mul(open, load_some(type, at(type, up, i), n)), n);
	}
}

INLINE void swiglu_row(int type, const AssayRows *a, int64_t row) { gate_row(type, a, row, v_silu); }
INLINE void geglu_row(int type, const AssayRows *a, int64_t row) { gate_row(type, a, row, v_gelu); }

INLINE void gelu_row(int type, const AssayRows *a, int64_t row) {
	const void *x = at(type, a->x, row * a->width);
	void *y = (void *)at(type, a->y, row * a->width);
	FOR(i, n, a->width) store_some(type, (void *)at(type, y, i), v_gelu(load_some(type, at(type, x, i), n)), n);
}

// A row that is not finite has a scale of NaN.
INLINE void quantize_row(int type, const AssayRows *a, int64_t row) {
	const void *x = at(type, a->x, row * a->width);
	int8_t *levels = (int8_t *)a->y + row * a->width;
	V most = v_zero(), nothing = v_zero();
	FOR(i, n, a->width) {
		V size = v_abs(load_some(type, at(type, x, i), n));
		most = v_max(most, size);
		nothing = v_fma(size, v_zero(), nothing); // NaN from the first number on that is not finite
	}
	float scale = v_most(most) / 127;
	scale = (scale > 1e-30f ? scale : 1e-30f) + v_sum(nothing);
	a->flows[row] = scale;
	V by = v_set(scale);
	FOR(i, n, a->width) {
		int8_t some[LANES];
		v_store_i8(some, v_div(load_some(type, at(type, x, i), n), by));
		memcpy(levels + i, some, n);
	}
}

static void add_rms_norm(void *a, size_t task) { EACH_ROW((AssayRows *)a, task, add_rms_norm_row); }
static void add_layer_norm(void *a, size_t task) { EACH_ROW((AssayRows *)a, task, add_layer_norm_row); }
static void swiglu(void *a, size_t task) { EACH_ROW((AssayRows *)a, task, swiglu_row); }
static void geglu(void *a, size_t task) { EACH_ROW((AssayRows *)a, task, geglu_row); }
static void gelu(void *a, size_t task) { EACH_ROW((AssayRows *)a, task, gelu_row); }
static void quantize_rows(void *a, size_t task) { EACH_ROW((AssayRows *)a, task, quantize_row); }

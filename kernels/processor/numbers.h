// Numbers of three types as sixteen floats, and the functions that activations and softmax need, near float64's
// (numbers_test.go says how near).
#pragma once
#include "constants.h"
#include "processor.h"
#include "vector.h"

INLINE size_t size_of(int type) { return type == ASSAY_F32 ? 4 : 2; }

// at is the address of the number with an index.
INLINE const void *at(int type, const void *p, int64_t index) { return (const char *)p + index * size_of(type); }

INLINE V load(int type, const void *p) {
	if (type == ASSAY_BF16) return v_load_bf16(p);
	if (type == ASSAY_F16) return v_load_f16(p);
	return v_load(p);
}

INLINE void store(int type, void *p, V x) {
	if (type == ASSAY_BF16) v_store_bf16(p, x);
	else if (type == ASSAY_F16) v_store_f16(p, x);
	else v_store(p, x);
}

// load_some reads n of sixteen numbers, and zeros for the others; store_some writes n.
INLINE V load_some(int type, const void *p, int64_t n) {
	if (n >= LANES) return load(type, p);
	float some[LANES] = {0};
	memcpy(some, p, n * size_of(type));
	return load(type, some);
}

INLINE void store_some(int type, void *p, V x, int64_t n) {
	if (n >= LANES) {
		store(type, p, x);
		return;
	}
	float some[LANES];
	store(type, some, x);
	memcpy(p, some, n * size_of(type));
}

// FOR runs over a row by sixteen: i is the first of them, n how many there are.
#define FOR(i, n, width) for (int64_t i = 0, n; n = (width) - (i) < LANES ? (width) - (i) : LANES, (i) < (width); i += LANES)

// Horner's rule with the constants of fit.py, the highest power first.
INLINE V polynomial(V x, const float *constants, int count) {
	V sum = v_set(constants[0]);
	for (int i = 1; i < count; i++) sum = v_fma(sum, x, v_set(constants[i]));
	return sum;
}

INLINE V v_exp(V x) { // 0 below -87.3, and as at 88.3 above that
	V n = v_round(v_mul(v_min(v_set(88.3f), x), v_set(0x1.715476p+0f)));
	V rest = v_fma(n, v_set(-0x1.7f7d1cp-20f), v_fma(n, v_set(-0x1.62e4p-1f), v_min(v_set(88.3f), x)));
	V whole = v_mul(polynomial(rest, EXP, 7), v_power(v_max(v_set(-126), n)));
	return v_less(x, v_set(-87.3f), v_zero(), whole);
}

INLINE V v_silu(V x) { return v_div(x, v_add(v_set(1), v_exp(v_sub(v_zero(), x)))); }

// The exact GELU, x · (1 + erf(x / √2)) / 2, by erf near zero and by its complement elsewhere.
INLINE V v_gelu(V x) {
	V z = v_mul(v_abs(x), v_set(0x1.6a09e6p-1f)), half = v_mul(x, v_set(0.5f));
	V near = v_mul(v_mul(x, v_set(0x1.6a09e6p-1f)), polynomial(v_mul(z, z), ERF, 7));
	V rest = v_exp(polynomial(v_min(v_set(6), v_max(v_set(1), z)), LOG_ERFC, 12));
	rest = v_less(v_set(6), z, v_zero(), rest); // of minus infinity NaN, as its product with 0 is
	V far = v_less(x, v_zero(), rest, v_sub(v_set(2), rest));
	return v_mul(half, v_less(z, v_set(1), v_add(v_set(1), near), far));
}

INLINE V v_tanh(V x) {
	V size = v_abs(x), near = v_mul(x, polynomial(v_mul(x, x), TANH, 6));
	V rest = v_div(v_set(2), v_add(v_set(1), v_exp(v_add(size, size))));
	return v_less(size, v_set(0.625f), near, v_sign(v_sub(v_set(1), rest), x));
}

INLINE int64_t least_of(int64_t a, int64_t b) { return a < b ? a : b; }

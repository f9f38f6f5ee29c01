// Queries, keys and values of tokens: queries and keys normed head by head and turned by their position, keys and
// values put into their slots.
#pragma once
#include "rows.h"

// One head of size numbers. The turned ones are pairs: number i of the first half with number i of the second.
INLINE void turn_head(int type, const AssayRotate *a, const void *head, const float *norm, const float *cosines, const float *sines, void *into) {
	V unit = v_set(1);
	if (norm) {
		V squares = v_zero();
		FOR(i, n, a->size) {
			V x = load_some(type, at(type, head, i), n);
			squares = v_fma(x, x, squares);
		}
		unit = v_set(sqrtf(v_sum(squares) / (float)a->size + a->epsilon));
	}
	int64_t half = a->turned / 2;
#define NORMED(i, n) (norm ? v_mul(v_div(load_some(type, at(type, head, i), n), unit), load_some(ASSAY_F32, norm + (i), n)) : load_some(type, at(type, head, i), n))
	FOR(i, n, half) {
		V first = NORMED(i, n), second = NORMED(half + i, n);
		V c = load_some(ASSAY_F32, cosines + i, n), s = load_some(ASSAY_F32, sines + i, n);
		store_some(type, (void *)at(type, into, i), v_sub(v_mul(first, c), v_mul(second, s)), n);
		store_some(type, (void *)at(type, into, half + i), v_add(v_mul(second, c), v_mul(first, s)), n);
	}
	FOR(i, n, a->size - a->turned) {
		V still = NORMED(a->turned + i, n);
		store_some(type, (void *)at(type, into, a->turned + i), still, n);
	}
#undef NORMED
}

INLINE void rotate_token(int type, const AssayRotate *a, int64_t token) {
	int64_t row = a->slots ? a->slots[token] : token, position = a->positions[token];
	if (row < 0) row += a->rows;
	if (position < 0) position += a->places;
	const void *qkv = at(type, a->qkv, token * (a->heads + 2 * a->groups) * a->size);
	const float *cosines = a->cosines + position * (a->turned / 2), *sines = a->sines + position * (a->turned / 2);
	for (int64_t head = 0; head < a->heads; head++)
		turn_head(type, a, at(type, qkv, head * a->size), a->query_norm, cosines, sines, (void *)at(type, a->queries, (token * a->heads + head) * a->size));
	for (int64_t head = 0; head < a->groups; head++)
		turn_head(type, a, at(type, qkv, (a->heads + head) * a->size), a->key_norm, cosines, sines, (void *)at(type, a->keys, (row * a->groups + head) * a->size));
	memcpy((void *)at(type, a->values, row * a->groups * a->size), at(type, qkv, (a->heads + a->groups) * a->size), a->groups * a->size * size_of(type));
}

static void rotate(void *arguments, size_t task) {
	const AssayRotate *a = arguments;
	for (int64_t token = (int64_t)task * a->per_task, end = token + a->per_task; token < end && token < a->tokens; token++)
		EACH_TYPE(a->type, rotate_token, a, token);
}

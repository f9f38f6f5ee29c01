// Attention of the tokens of tiles (models/export/assay_export/operators defines it).
//
// A task takes one head of keys and some tokens of a tile, each with the query heads that read these keys: up to
// QUERIES rows. It goes over the keys twice, by blocks of KEYS. First it computes every logit and each row's largest
// one; then their exponentials, each row's sum, and the values mixed by them. Rows lie side by side in vectors:
//
//	          row 0  row 1  …          A row's sums are chains over the dimension, and over the keys that it sees, from
//	key 0     logit  logit  …          the first to the last: so they hang on nothing but the row, whoever stands
//	key 1     logit  logit  …          beside it and in whatever tile.
//	…
//
// Everything is computed in float32; keys, values and queries of other types are widened.
#pragma once
#include <stdlib.h>

#include "rows.h"

enum { KEYS = 64, QUERIES = ASSAY_ATTENTION_ROWS };
#if defined(TIER_AVX512)
enum { AT_ONCE = 6, WIDE = 4 }; // keys, or rows, whose sums are in registers; sixteens of each
#elif defined(TIER_AVX2)
enum { AT_ONCE = 3, WIDE = 2 };
#else
enum { AT_ONCE = 2, WIDE = 1 };
#endif

// Tile is what a task works on.
typedef struct {
	const AssayAttention *a;
	int64_t group, tile, rows, wide; // query heads of a key head; rows; sixteens that have rows
	int64_t from, to, padded;        // keys that some row sees, from a multiple of KEYS on; size up to sixteens
	int64_t token[QUERIES];          // of each row
	float first[QUERIES], last[QUERIES], most[QUERIES], sum[QUERIES]; // keys that the row sees: first ≤ key < last
	int64_t head;
	float *queries; // [size][QUERIES]
	float *block;   // [KEYS][padded]: keys or values
	float *mixed;   // [QUERIES][padded]
	float *logits;  // [to − from, up to KEYS][QUERIES]
} Tile;

// read_rows finds the rows of a task, and what each sees.
INLINE void read_rows(Tile *t, int64_t part) {
	const AssayAttention *a = t->a;
	const int64_t first = a->parts[2 * part + 1], end = a->starts[t->tile + 1];
	int64_t from = INT64_MAX, to = 0;
	t->rows = 0;
	for (int64_t i = first; i < end && i < first + a->part_tokens; i++) {
		const int64_t token = a->order[i], position = a->positions[a->query_index[a->scatter_index[token]]];
		int64_t low = a->window > position ? 0 : position - a->window + 1, high = a->key_len[t->tile];
		if (a->causal && high > position + 1) high = position + 1;
		if (!a->causal && a->window < high - position) high = position + a->window;
		if (high > a->tile_keys) high = a->tile_keys;
		if (low < 0) low = 0;
		from = low < from ? low : from;
		to = high > to ? high : to;
		for (int64_t h = 0; h < t->group; h++, t->rows++) {
			t->token[t->rows] = token;
			t->first[t->rows] = (float)low;
			t->last[t->rows] = (float)high;
		}
	}
	t->from = from < to ? from / KEYS * KEYS : 0;
	t->to = from < to ? to : 0;
	t->wide = (t->rows + LANES - 1) / LANES;
	for (int64_t row = t->rows; row < QUERIES; row++) t->first[row] = t->last[row] = 0;
}

// The query rows, number by number.
INLINE void read_queries(int type, Tile *t) {
	const AssayAttention *a = t->a;
	memset(t->queries, 0, a->size * QUERIES * sizeof(float));
	for (int64_t row = 0; row < t->rows; row++) {
		const int64_t query = a->query_index[a->scatter_index[t->token[row]]], head = t->head * t->group + row % t->group;
		const void *from = at(type, a->queries, (query * a->heads + head) * a->size);
		FOR(i, n, a->size) {
			float some[LANES];
			v_store(some, load_some(type, at(type, from, i), n));
			for (int64_t j = 0; j < n; j++) t->queries[(i + j) * QUERIES + row] = some[j];
		}
	}
}

// A block of keys or values, widened, with zeros behind a head's last number.
INLINE void read_block(int type, Tile *t, const void *pool, int64_t from) {
	const AssayAttention *a = t->a;
	for (int64_t key = from; key < from + KEYS && key < t->to; key++) {
		int64_t slot = a->key_slots[t->tile * a->tile_keys + key];
		slot = slot < 0 ? slot + a->slots : slot;
		const void *row = at(type, pool, (slot * a->groups + t->head) * a->size);
		FOR(i, n, a->size) v_store(t->block + (key - from) * t->padded + i, load_some(type, at(type, row, i), n));
	}
}

// The dots of some keys with sixteens of rows. keys and wide are constants.
INLINE void dots(const Tile *t, int keys, int wide, int64_t key, int64_t row, float *logits) {
	V sums[AT_ONCE][WIDE];
#pragma GCC unroll 6
	for (int k = 0; k < keys; k++)
#pragma GCC unroll 4
		for (int c = 0; c < wide; c++) sums[k][c] = v_zero();
	const float *of_keys = t->block + key * t->padded, *of_rows = t->queries + row;
	for (int64_t i = 0; i < t->a->size; i++, of_keys++, of_rows += QUERIES) {
		V q[WIDE];
#pragma GCC unroll 4
		for (int c = 0; c < wide; c++) q[c] = v_load(of_rows + c * LANES);
#pragma GCC unroll 6
		for (int k = 0; k < keys; k++) {
			V one = v_set(of_keys[k * t->padded]);
#pragma GCC unroll 4
			for (int c = 0; c < wide; c++) sums[k][c] = v_fma(one, q[c], sums[k][c]);
		}
	}
#pragma GCC unroll 6
	for (int k = 0; k < keys; k++)
#pragma GCC unroll 4
		for (int c = 0; c < wide; c++) v_store(logits + (key + k) * QUERIES + row + c * LANES, sums[k][c]);
}

INLINE void dots_wide(const Tile *t, int wide, int64_t keys, int64_t row, float *logits) {
	int64_t key = 0;
	for (; key + AT_ONCE <= keys; key += AT_ONCE) dots(t, AT_ONCE, wide, key, row, logits);
	for (; key < keys; key++) dots(t, 1, wide, key, row, logits);
}

// The dots of a block's keys with every row.
INLINE void block_dots(const Tile *t, int64_t keys, float *logits) {
	for (int64_t c = 0; c < t->wide; c += WIDE) {
		switch (least_of(WIDE, t->wide - c)) {
		case 1: dots_wide(t, 1, keys, c * LANES, logits); break;
		case 2: dots_wide(t, WIDE < 2 ? WIDE : 2, keys, c * LANES, logits); break;
		case 3: dots_wide(t, WIDE < 3 ? WIDE : 3, keys, c * LANES, logits); break;
		default: dots_wide(t, WIDE, keys, c * LANES, logits);
		}
	}
}

// Dots become logits: scaled, capped, and far below all others where the row does not see the key.
INLINE void finish_logits(Tile *t, int64_t from, int64_t keys, float *logits) {
	const float softcap = t->a->softcap;
	for (int64_t c = 0; c < t->wide * LANES; c += LANES) {
		V most = v_load(t->most + c), first = v_load(t->first + c), last = v_load(t->last + c), hidden = v_set(-INFINITY);
		for (int64_t key = 0; key < keys; key++) {
			V logit = v_mul(v_load(logits + key * QUERIES + c), v_set(t->a->scale)), place = v_set((float)(from + key));
			if (softcap > 0) logit = v_mul(v_tanh(v_div(logit, v_set(softcap))), v_set(softcap));
			logit = v_less(place, first, hidden, v_less(place, last, logit, hidden));
			most = v_max(most, logit);
			v_store(logits + key * QUERIES + c, logit);
		}
		v_store(t->most + c, most);
	}
}

// Logits become what a row's values are weighed with, but for the division by their sum.
INLINE void weigh(Tile *t, int64_t keys, float *logits) {
	for (int64_t c = 0; c < t->wide * LANES; c += LANES) {
		V most = v_load(t->most + c), sum = v_load(t->sum + c);
		for (int64_t key = 0; key < keys; key++) {
			V weight = v_exp(v_sub(v_load(logits + key * QUERIES + c), most));
			sum = v_add(sum, weight);
			v_store(logits + key * QUERIES + c, weight);
		}
		v_store(t->sum + c, sum);
	}
}

// The values from one key to another mixed into some rows. rows and wide are constants.
INLINE void mix(Tile *t, int rows, int wide, int64_t row, int64_t i, const float *weights, int64_t from, int64_t to) {
	V sums[AT_ONCE][WIDE];
#pragma GCC unroll 6
	for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
		for (int c = 0; c < wide; c++) sums[r][c] = v_load(t->mixed + (row + r) * t->padded + i + c * LANES);
	for (int64_t key = from; key < to; key++) {
		V v[WIDE];
#pragma GCC unroll 4
		for (int c = 0; c < wide; c++) v[c] = v_load(t->block + key * t->padded + i + c * LANES);
#pragma GCC unroll 6
		for (int r = 0; r < rows; r++) {
			V weight = v_set(weights[key * QUERIES + row + r]);
#pragma GCC unroll 4
			for (int c = 0; c < wide; c++) sums[r][c] = v_fma(weight, v[c], sums[r][c]);
		}
	}
#pragma GCC unroll 6
	for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
		for (int c = 0; c < wide; c++) v_store(t->mixed + (row + r) * t->padded + i + c * LANES, sums[r][c]);
}

INLINE void mix_wide(Tile *t, int rows, int64_t row, const float *weights, int64_t from, int64_t to) {
	if (from >= to) return;
	int64_t i = 0;
	for (; i + WIDE * LANES <= t->padded; i += WIDE * LANES) mix(t, rows, WIDE, row, i, weights, from, to);
	for (; i < t->padded; i += LANES) mix(t, rows, 1, row, i, weights, from, to);
}

INLINE int64_t within(int64_t x, int64_t low, int64_t high) { return x < low ? low : x > high ? high : x; }

// A block's values mixed into every row. What a row does not see it does not touch, so that a value which is not finite
// stays with those that see it. Rows that stand side by side see nearly the same keys: what all of them see they mix
// together, and what is before and behind that each for itself, in the order of the keys.
INLINE void block_mix(Tile *t, int64_t from, int64_t keys, const float *weights) {
	int64_t row = 0;
	for (; row + AT_ONCE <= t->rows; row += AT_ONCE) {
		int64_t low[AT_ONCE], high[AT_ONCE], begin = 0, end = keys;
		for (int r = 0; r < AT_ONCE; r++) {
			low[r] = within((int64_t)t->first[row + r] - from, 0, keys);
			high[r] = within((int64_t)t->last[row + r] - from, 0, keys);
			begin = low[r] > begin ? low[r] : begin;
			end = high[r] < end ? high[r] : end;
		}
		if (begin > end) begin = end = 0; // nothing that all of them see
		for (int r = 0; r < AT_ONCE; r++) mix_wide(t, 1, row + r, weights, low[r], least_of(begin, high[r]));
		mix_wide(t, AT_ONCE, row, weights, begin, end);
		for (int r = 0; r < AT_ONCE; r++) mix_wide(t, 1, row + r, weights, low[r] > end ? low[r] : end, high[r]);
	}
	for (; row < t->rows; row++)
		mix_wide(t, 1, row, weights, within((int64_t)t->first[row] - from, 0, keys), within((int64_t)t->last[row] - from, 0, keys));
}

INLINE void write_rows(int type, Tile *t) {
	const AssayAttention *a = t->a;
	for (int64_t row = 0; row < t->rows; row++) {
		const void *into = at(type, a->mixed, (t->token[row] * a->heads + t->head * t->group + row % t->group) * a->size);
		const float sum = t->first[row] < t->last[row] ? t->sum[row] : 1; // zeros where it sees nothing, as a probe's token may
		FOR(i, n, a->size) store_some(type, (void *)at(type, into, i), v_div(v_load(t->mixed + row * t->padded + i), v_set(sum)), n);
	}
}

INLINE void attend(int type, Tile *t) {
	const AssayAttention *a = t->a;
	read_queries(type, t);
	for (int64_t from = t->from; from < t->to; from += KEYS) {
		const int64_t keys = least_of(KEYS, t->to - from);
		float *logits = t->logits + (from - t->from) * QUERIES;
		read_block(type, t, a->key_pool, from);
		block_dots(t, keys, logits);
		finish_logits(t, from, keys, logits);
	}
	for (int64_t from = t->from; from < t->to; from += KEYS) {
		const int64_t keys = least_of(KEYS, t->to - from);
		float *logits = t->logits + (from - t->from) * QUERIES;
		read_block(type, t, a->value_pool, from);
		weigh(t, keys, logits);
		block_mix(t, from, keys, logits);
	}
	write_rows(type, t);
}

static void attention(void *arguments, size_t task) {
	const AssayAttention *a = arguments;
	const int64_t part = (int64_t)task / a->groups;
	Tile t = {.a = a, .group = a->heads / a->groups, .tile = a->parts[2 * part], .head = (int64_t)task % a->groups,
	          .padded = (a->size + LANES - 1) / LANES * LANES};
	read_rows(&t, part);
	for (int row = 0; row < QUERIES; row++) t.most[row] = -INFINITY;
	const int64_t logits = (t.to - t.from) * QUERIES;
	float *room = malloc((a->size * QUERIES + KEYS * t.padded + QUERIES * t.padded + logits) * sizeof(float));
	if (!room) {
		*a->failed = 1;
		return;
	}
	t.queries = room;
	t.block = t.queries + a->size * QUERIES;
	t.mixed = t.block + KEYS * t.padded;
	t.logits = t.mixed + QUERIES * t.padded;
	memset(t.mixed, 0, QUERIES * t.padded * sizeof(float));
	EACH_TYPE(a->type, attend, &t);
	free(room);
}

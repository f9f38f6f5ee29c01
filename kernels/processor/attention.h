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
// Products of bfloat16 take two numbers at once (links.h): two neighbours of a head in a logit, and in a sum of values
// the keys 2n and 2n + 1. What values are weighed with is rounded to bfloat16 for it, and so is what a row's sum adds.
// Other types are widened to float32, a number a word. Everything between products is float32.
#pragma once
#include <stdlib.h>

#include "links.h"
#include "rows.h"

#if defined(TIER_AVX512)
enum { AT_ONCE = 6, WIDE = 4 }; // keys, or rows, whose sums are in registers; sixteens of each
#elif defined(TIER_AVX2)
enum { AT_ONCE = 3, WIDE = 2 };
#else
enum { AT_ONCE = 2, WIDE = 1 };
#endif
enum { KEYS = 96, QUERIES = ASSAY_ATTENTION_ROWS }; // KEYS is a multiple of 2 and of AT_ONCE

// Tile is what a task works on.
typedef struct {
	const AssayAttention *a;
	int64_t group, tile, rows, wide; // query heads of a key head; rows; sixteens that have rows
	int64_t from, to;                // keys that some row sees, from a multiple of KEYS on
	int64_t words, padded;           // of a head: words of its numbers; numbers up to sixteens
	int64_t token[QUERIES];          // of each row
	float first[QUERIES], last[QUERIES], most[QUERIES], sum[QUERIES]; // keys that the row sees: first ≤ key < last
	int64_t head;
	uint32_t *queries; // [words][QUERIES]
	uint32_t *block;   // [KEYS][padded]: a key's words in each row; or values, a number of one or two keys in each word
	float *mixed;      // [QUERIES][padded]
	float *logits;     // [to − from + AT_ONCE][QUERIES]; then weights, a row of words for one or two keys
} Tile;

INLINE int64_t per_word(int type) { return type == ASSAY_BF16 ? 2 : 1; }

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

// The query rows, word by word.
INLINE void read_queries(int type, Tile *t) {
	const AssayAttention *a = t->a;
	memset(t->queries, 0, t->words * QUERIES * sizeof *t->queries);
	for (int64_t row = 0; row < t->rows; row++) {
		const int64_t query = a->query_index[a->scatter_index[t->token[row]]], head = t->head * t->group + row % t->group;
		const void *from = at(type, a->queries, (query * a->heads + head) * a->size);
		FOR(i, n, a->size) {
			uint32_t words[LANES] = {0};
			if (type == ASSAY_BF16) memcpy(words, at(type, from, i), n * 2);
			else i_store(words, i_bits(load_some(type, at(type, from, i), n)));
			for (int64_t j = 0; j * per_word(type) < n; j++) t->queries[(i / per_word(type) + j) * QUERIES + row] = words[j];
		}
	}
}

INLINE const void *pool_row(int type, const Tile *t, const void *pool, int64_t key) {
	const AssayAttention *a = t->a;
	int64_t slot = a->key_slots[t->tile * a->tile_keys + key];
	slot = slot < 0 ? slot + a->slots : slot;
	return at(type, pool, (slot * a->groups + t->head) * a->size);
}

// A block of keys, and zeros up to a multiple of AT_ONCE.
INLINE void read_keys(int type, Tile *t, int64_t from, int64_t keys) {
	for (int64_t key = 0; key < keys; key++) {
		const void *row = pool_row(type, t, t->a->key_pool, from + key);
		uint32_t *into = t->block + key * t->padded;
		into[t->words - 1] = 0; // of an odd size it is half full
		if (type == ASSAY_BF16) memcpy(into, row, t->a->size * 2);
		else FOR(i, n, t->a->size) i_store(into + i, i_bits(load_some(type, at(type, row, i), n)));
	}
	for (int64_t key = keys; key % AT_ONCE; key++) memset(t->block + key * t->padded, 0, t->words * sizeof *t->block);
}

// A block of values, with zeros behind a head's last number and in the place of a second key that is not there.
INLINE void read_values(int type, Tile *t, int64_t from, int64_t keys) {
	for (int64_t key = 0; key < keys; key += per_word(type)) {
		const void *first = pool_row(type, t, t->a->value_pool, from + key);
		const void *second = type == ASSAY_BF16 && key + 1 < keys ? pool_row(type, t, t->a->value_pool, from + key + 1) : NULL;
		uint32_t *into = t->block + key / per_word(type) * t->padded;
		FOR(i, n, t->a->size) {
			I words = i_bits(load_some(type, at(type, first, i), n));
			if (type == ASSAY_BF16) words = i_pair(words, second ? i_bits(load_some(type, at(type, second, i), n)) : i_zero());
			i_store(into + i, words);
		}
	}
}

// The dots of AT_ONCE keys with sixteens of rows, as many as a constant says.
INLINE void dots(int type, const Tile *t, int wide, int64_t key, int64_t row, float *logits) {
	V sums[AT_ONCE][WIDE];
#pragma GCC unroll 6
	for (int k = 0; k < AT_ONCE; k++)
#pragma GCC unroll 4
		for (int c = 0; c < wide; c++) sums[k][c] = v_zero();
	const uint32_t *of_keys = t->block + key * t->padded, *of_rows = t->queries + row;
	for (int64_t word = 0; word < t->words; word++, of_keys++, of_rows += QUERIES) {
		I q[WIDE];
#pragma GCC unroll 4
		for (int c = 0; c < wide; c++) q[c] = i_load(of_rows + c * LANES);
#pragma GCC unroll 6
		for (int k = 0; k < AT_ONCE; k++) {
			I one = i_set(of_keys[k * t->padded]);
#pragma GCC unroll 4
			for (int c = 0; c < wide; c++) sums[k][c] = add_words(type, one, q[c], sums[k][c]);
		}
	}
#pragma GCC unroll 6
	for (int k = 0; k < AT_ONCE; k++)
#pragma GCC unroll 4
		for (int c = 0; c < wide; c++) v_store(logits + (key + k) * QUERIES + row + c * LANES, sums[k][c]);
}

INLINE void dots_wide(int type, const Tile *t, int wide, int64_t keys, int64_t row, float *logits) {
	for (int64_t key = 0; key < keys; key += AT_ONCE) dots(type, t, wide, key, row, logits);
}

// The dots of a block's keys with every row.
INLINE void block_dots(int type, const Tile *t, int64_t keys, float *logits) {
	for (int64_t c = 0; c < t->wide; c += WIDE) {
		switch (least_of(WIDE, t->wide - c)) {
		case 1: dots_wide(type, t, 1, keys, c * LANES, logits); break;
		case 2: dots_wide(type, t, WIDE < 2 ? WIDE : 2, keys, c * LANES, logits); break;
		case 3: dots_wide(type, t, WIDE < 3 ? WIDE : 3, keys, c * LANES, logits); break;
		default: dots_wide(type, t, WIDE, keys, c * LANES, logits);
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
INLINE void weigh(int type, Tile *t, int64_t keys, float *logits) {
	for (int64_t c = 0; c < t->wide * LANES; c += LANES) {
		V most = v_load(t->most + c), sum = v_load(t->sum + c);
		for (int64_t key = 0; key < keys; key += per_word(type)) {
			V first = v_exp(v_sub(v_load(logits + key * QUERIES + c), most)), second = v_zero();
			if (type == ASSAY_BF16) {
				if (key + 1 < keys) second = v_near_bf16(v_exp(v_sub(v_load(logits + (key + 1) * QUERIES + c), most)));
				first = v_near_bf16(first);
				v_store(logits + key / 2 * QUERIES + c, v_bits(i_pair(i_bits(first), i_bits(second))));
				sum = v_add(v_add(sum, first), second);
			} else {
				v_store(logits + key * QUERIES + c, first);
				sum = v_add(sum, first);
			}
		}
		v_store(t->sum + c, sum);
	}
}

// Some words of values, of which a mask tells what counts, mixed into some rows. rows and wide are constants.
INLINE void mix(int type, Tile *t, int rows, int wide, int64_t row, int64_t i, const float *weights, int64_t from, int64_t to, uint32_t mask) {
	V sums[AT_ONCE][WIDE];
#pragma GCC unroll 6
	for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
		for (int c = 0; c < wide; c++) sums[r][c] = v_load(t->mixed + (row + r) * t->padded + i + c * LANES);
	for (int64_t word = from; word < to; word++) {
		I v[WIDE];
#pragma GCC unroll 4
		for (int c = 0; c < wide; c++) v[c] = i_and(i_load(t->block + word * t->padded + i + c * LANES), i_set(mask));
#pragma GCC unroll 6
		for (int r = 0; r < rows; r++) {
			I weight = i_set(to_bits(weights[word * QUERIES + row + r]));
#pragma GCC unroll 4
			for (int c = 0; c < wide; c++) sums[r][c] = add_words(type, weight, v[c], sums[r][c]);
		}
	}
#pragma GCC unroll 6
	for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
		for (int c = 0; c < wide; c++) v_store(t->mixed + (row + r) * t->padded + i + c * LANES, sums[r][c]);
}

enum { BOTH = -1, FIRST = 0xffff, SECOND = ~0xffff }; // the mask of a word of two keys

INLINE void mix_wide(int type, Tile *t, int rows, int64_t row, const float *weights, int64_t from, int64_t to, int mask) {
	if (from >= to) return;
	int64_t i = 0;
	for (; i + WIDE * LANES <= t->padded; i += WIDE * LANES) mix(type, t, rows, WIDE, row, i, weights, from, to, (uint32_t)mask);
	for (; i < t->padded; i += LANES) mix(type, t, rows, 1, row, i, weights, from, to, (uint32_t)mask);
}

INLINE int64_t within(int64_t x, int64_t low, int64_t high) { return x < low ? low : x > high ? high : x; }

// The values of some keys of a block, mixed into one row.
INLINE void mix_alone(int type, Tile *t, int64_t row, const float *weights, int64_t low, int64_t high) {
	const int64_t per = per_word(type);
	if (low >= high) return;
	if (low % per) mix_wide(type, t, 1, row, weights, low / per, low / per + 1, SECOND);
	mix_wide(type, t, 1, row, weights, (low + per - 1) / per, high / per, BOTH);
	if (high % per) mix_wide(type, t, 1, row, weights, high / per, high / per + 1, FIRST);
}

// A block's values mixed into some rows, as many as a constant says. What a row does not see it does not touch, so that
// a value which is not finite stays with those that see it. Rows that stand side by side see nearly the same keys:
// whole words that all of them see they mix together, and what is before and behind that each for itself, in the order
// of the keys.
INLINE void mix_rows(int type, Tile *t, int rows, int64_t row, int64_t from, int64_t keys, const float *weights) {
	const int64_t per = per_word(type);
	int64_t low[AT_ONCE], high[AT_ONCE], begin = 0, end = keys;
	for (int r = 0; r < rows; r++) {
		low[r] = within((int64_t)t->first[row + r] - from, 0, keys);
		high[r] = within((int64_t)t->last[row + r] - from, 0, keys);
		begin = low[r] > begin ? low[r] : begin;
		end = high[r] < end ? high[r] : end;
	}
	begin = (begin + per - 1) / per * per;
	end = end / per * per;
	if (begin > end) begin = end = 0; // nothing that all of them see
	for (int r = 0; r < rows; r++) mix_alone(type, t, row + r, weights, low[r], least_of(begin, high[r]));
	mix_wide(type, t, rows, row, weights, begin / per, end / per, BOTH);
	for (int r = 0; r < rows; r++) mix_alone(type, t, row + r, weights, low[r] > end ? low[r] : end, high[r]);
}

INLINE void block_mix(int type, Tile *t, int64_t from, int64_t keys, const float *weights) {
	int64_t row = 0;
	for (; row + AT_ONCE <= t->rows; row += AT_ONCE) mix_rows(type, t, AT_ONCE, row, from, keys, weights);
	for (; row + AT_ONCE / 2 <= t->rows; row += AT_ONCE / 2) mix_rows(type, t, AT_ONCE / 2, row, from, keys, weights);
	for (; row < t->rows; row++) mix_rows(type, t, 1, row, from, keys, weights);
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
	t->words = (a->size + per_word(type) - 1) / per_word(type);
	read_queries(type, t);
	for (int64_t from = t->from; from < t->to; from += KEYS) {
		const int64_t keys = least_of(KEYS, t->to - from);
		float *logits = t->logits + (from - t->from) * QUERIES;
		read_keys(type, t, from, keys);
		Mode before = enter(type);
		block_dots(type, t, keys, logits);
		leave(type, before);
		finish_logits(t, from, keys, logits);
	}
	for (int64_t from = t->from; from < t->to; from += KEYS) {
		const int64_t keys = least_of(KEYS, t->to - from);
		float *logits = t->logits + (from - t->from) * QUERIES;
		read_values(type, t, from, keys);
		weigh(type, t, keys, logits);
		Mode before = enter(type);
		block_mix(type, t, from, keys, logits);
		leave(type, before);
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
	const int64_t logits = (t.to - t.from + AT_ONCE) * QUERIES;
	uint32_t *room = malloc((a->size * QUERIES + KEYS * t.padded + QUERIES * t.padded + logits) * sizeof *room);
	if (!room) {
		*a->failed = 1;
		return;
	}
	t.queries = room;
	t.block = t.queries + a->size * QUERIES;
	t.mixed = (float *)t.block + KEYS * t.padded;
	t.logits = t.mixed + QUERIES * t.padded;
	memset(t.mixed, 0, QUERIES * t.padded * sizeof(float));
	EACH_TYPE(a->type, attend, &t);
	free(room);
}

// Rotate, RotateQkv and TileAttention.
#include <stdlib.h>
#include <string.h>

#include "processor.h"

static const int64_t MOST = 1 << 24;     // of a position and of a tile's keys, which attention counts in float32
static const int64_t MOST_SIZE = 1 << 20; // heads, and of a head's numbers

static int within(const int64_t *numbers, size_t count, int64_t low, int64_t high) {
	for (size_t i = 0; i < count; i++)
		if (numbers[i] < low || numbers[i] >= high) return 0;
	return 1;
}

// Pools of keys and values are written where they are: what is given to write them to must be that.
static const char *into_pools(Node *node, OrtKernelContext *context, AssayTensor *in, AssayRotate *a) {
	const AssayTensor *keys = &in[7], *values = &in[8], *slots = &in[6];
	if (keys->rank != 3 || keys->shape[1] != a->groups || keys->shape[2] != a->size || values->rank != 3 || memcmp(keys->shape, values->shape, 3 * sizeof *keys->shape))
		return assay_wrong("pools of keys and values do not fit to %lld heads of %lld numbers", (long long)a->groups, (long long)a->size);
	a->rows = keys->shape[0];
	if ((int64_t)slots->elements != a->tokens || !within(slots->data, slots->elements, -a->rows, a->rows))
		return assay_wrong("slots must be %lld numbers below %lld", (long long)a->tokens, (long long)a->rows);
	a->slots = slots->data;
	const char *wrong = assay_make(node, context, 1, 3, keys->shape, &a->keys);
	if (!wrong) wrong = assay_make(node, context, 2, 3, keys->shape, &a->values);
	if (!wrong && (a->keys != keys->data || a->values != values->data))
		wrong = assay_wrong("a pool of keys and values must be given as the output where it is the input, and is not");
	return wrong;
}

const char *assay_rotate(Node *node, OrtKernelContext *context, AssayTensor *in) {
	const AssayTensor *positions = &in[1];
	AssayRotate a = {
		.tokens = (int64_t)positions->elements, .heads = node->heads[0], .groups = node->heads[1], .size = (int64_t)((uint64_t)node->turned[0] + (uint64_t)node->turned[1]),
		.turned = node->turned[0], .qkv = in[0].data, .positions = positions->data, .cosines = in[2].data, .sines = in[3].data,
		.epsilon = node->epsilon, .type = node->on->type, .places = in[2].shape[0],
	};
	const int64_t pairs = a.turned / 2;
	if (a.turned < 0 || a.turned > MOST_SIZE || a.turned % 2 || node->turned[1] < 0 || node->turned[1] > MOST_SIZE || a.heads < 0 || a.heads > MOST_SIZE || a.groups < 0 ||
	    a.groups > MOST_SIZE || in[2].rank < 1)
		return assay_wrong("%lld and %lld heads of %lld turned and %lld other numbers, or cosines without places, cannot be turned", (long long)a.heads,
		                   (long long)a.groups, (long long)a.turned, (long long)node->turned[1]);
	if (node->heads[2] != a.groups || a.size <= 0 || in[0].rank != 2 || in[0].shape[0] != a.tokens || in[0].shape[1] != (a.heads + 2 * a.groups) * a.size)
		return assay_wrong("%zu numbers do not fit to %lld tokens of %lld and twice %lld heads", in[0].elements, (long long)a.tokens, (long long)a.heads, (long long)a.groups);
	if (pairs > 0 && (in[2].rank != 2 || in[2].shape[1] != pairs || in[3].rank != 2 || memcmp(in[2].shape, in[3].shape, 2 * sizeof *in[2].shape) || !within(a.positions, positions->elements, -a.places, a.places)))
		return assay_wrong("positions, cosines and sines do not fit each other: there are %lld places", (long long)a.places);
	if (pairs == 0) a.places = 0;
	if (node->normed) {
		if ((int64_t)in[4].elements != a.size || (int64_t)in[5].elements != a.size) return assay_wrong("norms of queries and keys must have %lld numbers", (long long)a.size);
		a.query_norm = in[4].data;
		a.key_norm = in[5].data;
	}
	const char *wrong = assay_make(node, context, 0, 2, (int64_t[]){a.tokens, a.heads * a.size}, &a.queries);
	if (!wrong && node->inputs == 9) {
		wrong = into_pools(node, context, in, &a);
	} else if (!wrong) {
		const int64_t own[] = {a.tokens, a.groups, a.size};
		a.rows = a.tokens;
		wrong = assay_make(node, context, 1, 3, own, &a.keys);
		if (!wrong) wrong = assay_make(node, context, 2, 3, own, &a.values);
	}
	if (wrong || a.tokens == 0) return wrong;
	a.per_task = assay_share(node, a.tokens, 4 * (a.heads + 2 * a.groups) * a.size);
	assay_run(node->on->threads, node->on->kernels->rotate, &a, (a.tokens + a.per_task - 1) / a.per_task);
	return NULL;
}

// The shapes and indices of TileAttention.
static const char *attention_fits(const AssayTensor *in, AssayAttention *a) {
	const AssayTensor *queries = &in[0], *index = &in[2], *slots = &in[3], *pool = &in[6];
	if (queries->rank != 2 || pool->rank != 3 || index->rank != 2 || slots->rank != 2 || in[7].rank != 3 || memcmp(pool->shape, in[7].shape, 3 * sizeof *pool->shape) ||
	    pool->shape[1] < 1 || pool->shape[2] < 1 || queries->shape[1] < 1 || queries->shape[1] % pool->shape[2] || queries->shape[1] / pool->shape[2] % pool->shape[1])
		return assay_wrong("queries, keys and values do not fit each other");
	a->tokens = queries->shape[0];
	a->slots = pool->shape[0];
	a->groups = pool->shape[1];
	a->size = pool->shape[2];
	a->heads = queries->shape[1] / a->size;
	a->tiles = index->shape[0];
	a->tile_queries = index->shape[1];
	a->tile_keys = slots->shape[1];
	if ((int64_t)in[1].elements != a->tokens || (int64_t)in[5].elements != a->tokens || (int64_t)in[4].elements != a->tiles || slots->shape[0] != a->tiles)
		return assay_wrong("positions, tiles and places do not fit to %lld tokens in %lld tiles", (long long)a->tokens, (long long)a->tiles);
	if (a->window < 1) return assay_wrong("the window is %lld, and must be at least 1", (long long)a->window);
	if (!within(a->positions, in[1].elements, -MOST, MOST) || !within(a->key_len, in[4].elements, -MOST, MOST))
		return assay_wrong("positions and key_len must be within %lld", (long long)MOST);
	if (!within(index->data, index->elements, 0, a->tokens)) return assay_wrong("query_index must be below %lld", (long long)a->tokens);
	if (!within(slots->data, slots->elements, -a->slots, a->slots)) return assay_wrong("key_slots must be below %lld", (long long)a->slots);
	if (!within(in[5].data, in[5].elements, 0, a->tiles * a->tile_queries)) return assay_wrong("scatter_index must be below %lld", (long long)(a->tiles * a->tile_queries));
	return NULL;
}

// part cuts the tokens of each tile into parts of as many as a task takes. room has 3 · tokens + tiles + 1 numbers.
static void part(AssayAttention *a, int32_t *room) {
	int32_t *starts = room, *order = starts + a->tiles + 1, *parts = order + a->tokens;
	memset(starts, 0, (size_t)(a->tiles + 1) * sizeof *starts);
	for (int64_t t = 0; t < a->tokens; t++) starts[a->scatter_index[t] / a->tile_queries + 1]++;
	for (int64_t tile = 0; tile < a->tiles; tile++) starts[tile + 1] += starts[tile];
	for (int64_t t = 0; t < a->tokens; t++) order[starts[a->scatter_index[t] / a->tile_queries]++] = (int32_t)t;
	for (int64_t tile = a->tiles; tile > 0; tile--) starts[tile] = starts[tile - 1];
	starts[0] = 0;
	a->part_count = 0;
	for (int64_t tile = 0; tile < a->tiles; tile++)
		for (int32_t at = starts[tile]; at < starts[tile + 1]; at += (int32_t)a->part_tokens, a->part_count++) {
			parts[2 * a->part_count] = (int32_t)tile;
			parts[2 * a->part_count + 1] = at;
		}
	a->starts = starts;
	a->order = order;
	a->parts = parts;
}

const char *assay_attention(Node *node, OrtKernelContext *context, AssayTensor *in) {
	AssayAttention a = {
		.queries = in[0].data, .positions = in[1].data, .query_index = in[2].data, .key_slots = in[3].data, .key_len = in[4].data, .scatter_index = in[5].data,
		.key_pool = in[6].data, .value_pool = in[7].data, .scale = node->scale, .softcap = node->softcap, .window = node->window, .type = node->on->type,
		.causal = (int32_t)node->causal,
	};
	const char *wrong = attention_fits(in, &a);
	if (!wrong) wrong = assay_make(node, context, 0, 2, in[0].shape, &a.mixed);
	if (wrong || a.tokens == 0) return wrong;
	const int64_t group = a.heads / a.groups;
	if (group > ASSAY_ATTENTION_ROWS) return assay_wrong("%lld query heads to a head of keys are over the limit of %d", (long long)group, ASSAY_ATTENTION_ROWS);
	a.part_tokens = ASSAY_ATTENTION_ROWS / group;
	int32_t *room = malloc((size_t)(3 * a.tokens + a.tiles + 1) * sizeof *room), failed = 0;
	if (!room) return assay_wrong("no memory for %lld tokens", (long long)a.tokens);
	a.failed = &failed;
	part(&a, room);
	assay_run(node->on->threads, node->on->kernels->attention, &a, a.part_count * a.groups);
	free(room);
	return failed ? assay_wrong("no memory for the logits of %lld keys", (long long)a.tile_keys) : NULL;
}

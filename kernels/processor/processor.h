// What Go hands to the kernels of this room. A kernel has a number of tasks, which may run on several threads and in
// any order: no result hangs on which.
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { ASSAY_F32, ASSAY_F16, ASSAY_BF16, ASSAY_I8 }; // types of numbers; the first three as kernels.Type counts them

// Rows of so many numbers: AddRmsNorm, AddLayerNorm, SwiGLU, GeGLU, Gelu, QuantizeRows.
typedef struct {
	int64_t rows, width, per_task; // rows that one task computes
	const void *x;
	const float *residual, *weight, *bias;
	void *y;
	float *flows; // what goes on behind a norm; of QuantizeRows, the rows' scales
	float epsilon;
	int32_t type, behind;
} AssayRows;

// Weights [outputs, inputs] in the order in which products read them: panels of 32 outputs, and in a panel one word of
// four bytes for each output in turn. A word has as many neighbouring inputs as fit into it.
//
//	word 0 of output 0, of output 1, … of output 31, word 1 of output 0, …
typedef struct {
	int64_t outputs, inputs, words; // words of an output
	int32_t kind;                   // the type of the numbers in the words
	const void *packed;
	const int32_t *sums; // of an int8 output's weights, each times 128; of other kinds nobody reads them
} AssayWeights;

// Linear and Linear8: x [rows, inputs] → y [rows, outputs].
typedef struct {
	AssayWeights of;
	int64_t rows;
	int32_t type;      // of x, bias and y; x of int8 weights is int8
	int64_t pack_tasks, tasks_over_rows, tasks_over_panels;
	const void *x, *bias;
	const float *scale, *row_scale; // of int8 weights
	void *blocks;                   // block_rows · words · 4 · word_parts bytes a block: the rows in the order in which products read them
	void *y;
} AssayLinear;

// Rotate and RotateQkv.
typedef struct {
	int64_t tokens, per_task, places;
	int64_t heads, groups, size, turned;
	const void *qkv;
	const int64_t *positions, *slots; // slots: null where each token has its own row
	int64_t rows;                     // of the pools
	const float *cosines, *sines, *query_norm, *key_norm;
	void *queries, *keys, *values;
	float epsilon;
	int32_t type;
} AssayRotate;

enum { ASSAY_ATTENTION_ROWS = 64 }; // query rows of a task at most

// TileAttention.
typedef struct {
	int64_t tokens, heads, groups, size, tiles, tile_queries, tile_keys, slots;
	const void *queries, *key_pool, *value_pool;
	const int64_t *positions, *query_index, *key_slots, *key_len, *scatter_index;
	void *mixed;
	float scale, softcap;
	int64_t window;
	int32_t type, causal;
	const int32_t *order, *starts; // tokens by tile: those of tile r are order[starts[r]] … order[starts[r + 1] - 1]
	const int32_t *parts;          // the tile of each part, and its first place in order: two numbers a part
	int64_t part_count, part_tokens;
	int32_t *failed; // set where there was no memory
} AssayAttention;

typedef void (*AssayTask)(void *arguments, size_t task);

// A tier's kernels. A task's arguments are a struct above.
typedef struct {
	AssayTask add_rms_norm, add_layer_norm, swiglu, geglu, gelu, quantize_rows, rotate, attention;
	AssayTask pack_rows[4], multiply[4]; // by the kind of weights
	int64_t block_rows[4];               // rows of a block of x
	int64_t word_parts[4];               // how many words of a block one word of x becomes
	const char *name, *products[4];      // the instructions that multiply, in words
	int fast[4];                         // whether they are made for the kind
} AssayKernels;

void assay_plain(AssayKernels *into);
#if defined(__x86_64__)
void assay_avx2(AssayKernels *into);
void assay_avx512(AssayKernels *into);
void assay_avx512_bf16(AssayKernels *into); // replaces products of bfloat16, and attention
void assay_avx512_vnni(AssayKernels *into); // replaces products of int8
#endif

// assay_pack_weights packs weights of a kind into memory of assay_packed_bytes, one panel after the other from first to
// last. weights is dense.
int64_t assay_packed_bytes(const AssayWeights *of);
void assay_pack_weights(const AssayWeights *of, const void *weights, void *packed, int32_t *sums, int64_t first, int64_t last);

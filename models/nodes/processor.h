// The operators on the processors, by the kernels of kernels/processor. All of it is C: a forward that passes through
// Go in each of its nodes would give the runtime's monitor a thread to look after.
#pragma once
#include <pthread.h>

#include "nodes.h"
#include "processor_threads.h"

// Packed weights by the names of the initializers that they were made of. Sessions of one graph share them.
typedef struct Packed {
	AssayWeights weights;
	char *name;
	int32_t *sums;
	size_t bytes; // of weights.packed
	int users;
	struct Packed *next;
} Packed;

// Memory that is mapped from a file and only read: what was packed of it is given back, and comes from the file again
// should it be read.
typedef struct Mapped {
	char *data;
	size_t bytes;
	struct Mapped *next;
} Mapped;

typedef struct {
	pthread_mutex_t mutex;
	Packed *first;
	Mapped *mapped;
} AssayStore;

// What the operators of a session have in common. kernels and the two functions are those of package processor.
struct AssayProcessor { // which stays as long as the operators
	const AssayKernels *kernels;
	int64_t (*packed_bytes)(const AssayWeights *of);
	void (*pack_weights)(const AssayWeights *of, const void *weights, void *packed, int32_t *sums, int64_t first, int64_t last);
	AssayStore *store;
	int type, threads;
};

AssayStore *assay_store_open(void);
int64_t assay_store_bytes(AssayStore *store);
int assay_store_mapped(AssayStore *store, void *data, size_t bytes); // 0: there is no memory to note it
void assay_store_close(AssayStore *store);

OrtStatus *assay_processor_create(const OrtCustomOp *op, const OrtApi *api, const OrtKernelInfo *info, void **made);
void assay_processor_destroy(void *made);
OrtStatus *assay_processor_compute(void *made, OrtKernelContext *context);

// A node, with its attributes; one that is absent is 0.
typedef struct Node {
	const OrtApi *api;
	const AssayProcessor *on;
	const char *(*run)(struct Node *node, OrtKernelContext *context, AssayTensor *in);
	size_t inputs;
	AssayTask task; // of operators that look at one row at a time
	Packed *packed;
	float epsilon, scale, softcap;
	int64_t behind, normed, window, causal, heads[ASSAY_RANK], turned[ASSAY_RANK];
} Node;

// What went wrong, in words that last until the thread's next.
const char *assay_wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

// assay_make makes an output, whose shape has as many dimensions as rank says, and says what is wrong with it, or null.
const char *assay_make(Node *node, OrtKernelContext *context, size_t index, size_t rank, const int64_t *shape, void **data);

// assay_share is how many of so many equal pieces of work a task takes, when each costs so much.
int64_t assay_share(const Node *node, int64_t pieces, int64_t cost);

Packed *assay_store_take(AssayStore *store, const AssayProcessor *on, const char *name, int kind, const AssayTensor *weight);
void assay_store_give(AssayStore *store, Packed *packed);

const char *assay_norm(Node *node, OrtKernelContext *context, AssayTensor *in);
const char *assay_activation(Node *node, OrtKernelContext *context, AssayTensor *in);
const char *assay_quantize(Node *node, OrtKernelContext *context, AssayTensor *in);
const char *assay_linear(Node *node, OrtKernelContext *context, AssayTensor *in);
const char *assay_rotate(Node *node, OrtKernelContext *context, AssayTensor *in);
const char *assay_attention(Node *node, OrtKernelContext *context, AssayTensor *in);

void assay_processor_functions(AssayProcessor *on, void *packed_bytes, void *pack_weights);

#include "processor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *assay_wrong(const char *format, ...) {
	static _Thread_local char said[256];
	va_list with;
	va_start(with, format);
	vsnprintf(said, sizeof said, format, with);
	va_end(with);
	return said;
}

const char *assay_make(Node *node, OrtKernelContext *context, size_t index, size_t rank, const int64_t *shape, void **data) {
	AssayTensor made = {.rank = rank};
	memcpy(made.shape, shape, rank * sizeof *shape);
	const char *wrong = assay_output(node->api, context, index, &made);
	*data = made.data;
	return wrong ? assay_wrong("output %zu: %s", index, wrong) : NULL;
}

// A thread takes four tasks if all are alike, so that none waits for long for the last; and a task is worth a start.
int64_t assay_share(const Node *node, int64_t pieces, int64_t cost) {
	enum { TASKS = 4, WORTH = 1 << 16 };
	int64_t share = (pieces + TASKS * node->on->threads - 1) / (TASKS * node->on->threads), least = (WORTH + cost - 1) / (cost > 0 ? cost : 1);
	return share > least ? share : least;
}

typedef struct {
	const char *name;
	const char *(*run)(Node *node, OrtKernelContext *context, AssayTensor *in);
	int weight;  // the input that must be constant, since it is packed once; 0: none
	size_t task; // of what looks at one row at a time: TASK of its kernel
} Line;

#define TASK(kernel) (1 + offsetof(AssayKernels, kernel))

static const Line lines[] = {
	{"AddRmsNorm", assay_norm, 0, TASK(add_rms_norm)}, {"AddLayerNorm", assay_norm, 0, TASK(add_layer_norm)},
	{"SwiGLU", assay_activation, 0, TASK(swiglu)}, {"GeGLU", assay_activation, 0, TASK(geglu)}, {"Gelu", assay_activation, 0, TASK(gelu)},
	{"QuantizeRows", assay_quantize, 0, 0}, {"Linear", assay_linear, 1, 0}, {"Linear8", assay_linear, 2, 0}, {"Rotate", assay_rotate, 0, 0},
	{"RotateQkv", assay_rotate, 0, 0}, {"TileAttention", assay_attention, 0, 0},
};

// Weights are packed by 32 outputs, so few outputs take more memory packed than they have in a file: 32 times at most,
// and for what is large no more than four times.
enum { MOST_INTEGERS = 131072, LEAST_OUTPUTS = 8, MOST_NARROW = 1 << 18 };

static const char *pack_weight(Node *node, const OrtKernelInfo *info, int input, int kind) {
	const OrtApi *api = node->api;
	const OrtValue *value = NULL;
	int constant = 0;
	char name[1025]; // with the zero that ends it
	size_t size = sizeof name;
	AssayTensor weight = {0};
	OrtStatus *failed = api->KernelInfoGetConstantInput_tensor(info, (size_t)input, &constant, &value);
	if (!failed) failed = api->KernelInfo_GetInputName(info, (size_t)input, name, &size);
	if (failed) {
		const char *wrong = assay_wrong("%s", api->GetErrorMessage(failed));
		api->ReleaseStatus(failed);
		return wrong;
	}
	if (!constant || !value) return assay_wrong("its weights must be constant, and are computed or given");
	const char *wrong = assay_value(api, value, &weight);
	if (wrong) return wrong;
	if (weight.rank != 2) return assay_wrong("its weights have %zu dimensions, and must have two", weight.rank);
	if (kind == ASSAY_I8 && weight.shape[1] > MOST_INTEGERS)
		return assay_wrong("its weights have %lld inputs, and may have %d, so that a sum is an int32", (long long)weight.shape[1], MOST_INTEGERS);
	if (weight.shape[0] < LEAST_OUTPUTS && weight.elements > MOST_NARROW)
		return assay_wrong("its weights have %lld outputs and %zu numbers, and those with fewer than %d outputs may have %d", (long long)weight.shape[0], weight.elements,
		                   LEAST_OUTPUTS, MOST_NARROW);
	node->packed = assay_store_take(node->on->store, node->on, name, kind, &weight);
	return node->packed ? NULL : assay_wrong("no memory for its weights");
}

OrtStatus *assay_processor_create(const OrtCustomOp *op, const OrtApi *api, const OrtKernelInfo *info, void **made) {
	const AssayOperator *operator = (const AssayOperator *)op;
	Node *node = calloc(1, sizeof *node);
	if (!node) return api->CreateStatus(ORT_FAIL, "no memory for a node");
	node->api = api;
	node->on = operator->processor;
	node->inputs = operator->inputs;
	size_t three = ASSAY_RANK, two = ASSAY_RANK;
	assay_float(api, info, "epsilon", &node->epsilon);
	assay_float(api, info, "scale", &node->scale);
	assay_float(api, info, "softcap", &node->softcap);
	assay_int(api, info, "behind", &node->behind);
	assay_int(api, info, "normed", &node->normed);
	assay_int(api, info, "window", &node->window);
	assay_int(api, info, "causal", &node->causal);
	assay_ints(api, info, "heads", node->heads, &three);
	assay_ints(api, info, "turned", node->turned, &two);
	const char *wrong = NULL;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		if (strcmp(lines[i].name, operator->name)) continue;
		node->run = lines[i].run;
		if (lines[i].task) memcpy(&node->task, (const char *)node->on->kernels + lines[i].task - 1, sizeof node->task);
		if (lines[i].weight) wrong = pack_weight(node, info, lines[i].weight, lines[i].weight == 2 ? ASSAY_I8 : node->on->type);
	}
	if (!node->run) wrong = assay_wrong("no kernel computes it on the processors");
	if (wrong) {
		char said[512]; // not assay_wrong's memory, where wrong lies
		snprintf(said, sizeof said, "%s: %s", operator->name, wrong);
		free(node);
		return api->CreateStatus(ORT_FAIL, said);
	}
	*made = node;
	return NULL;
}

void assay_processor_destroy(void *made) {
	Node *node = made;
	if (node->packed) assay_store_give(node->on->store, node->packed);
	free(node);
}

OrtStatus *assay_processor_compute(void *made, OrtKernelContext *context) {
	Node *node = made;
	AssayTensor in[ASSAY_MOST];
	const char *wrong = NULL;
	for (size_t i = 0; !wrong && i < node->inputs; i++) {
		wrong = assay_input(node->api, context, i, &in[i]);
		if (wrong) wrong = assay_wrong("input %zu: %s", i, wrong);
	}
	if (!wrong) wrong = node->run(node, context, in);
	return wrong ? node->api->CreateStatus(ORT_RUNTIME_EXCEPTION, wrong) : NULL;
}

void assay_processor_functions(AssayProcessor *on, void *packed_bytes, void *pack_weights) {
	memcpy(&on->packed_bytes, &packed_bytes, sizeof packed_bytes);
	memcpy(&on->pack_weights, &pack_weights, sizeof pack_weights);
}

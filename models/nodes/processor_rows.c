// Operators of rows, and products.
#include <stdlib.h>

#include "processor.h"

const char *assay_norm(Node *node, OrtKernelContext *context, AssayTensor *in) {
	const AssayTensor *residual = &in[0], *x = &in[1];
	if (x->rank != 2 || residual->elements != x->elements) return assay_wrong("%zu numbers of a residual do not fit to %zu", residual->elements, x->elements);
	for (size_t i = 2; i < node->inputs; i++)
		if ((int64_t)in[i].elements != x->shape[1]) return assay_wrong("%zu weights do not fit to rows of %lld numbers", in[i].elements, (long long)x->shape[1]);
	AssayRows a = {
		.rows = x->shape[0], .width = x->shape[1], .x = x->data, .residual = residual->data, .weight = in[2].data,
		.bias = node->inputs > 3 ? in[3].data : NULL, .epsilon = node->epsilon, .type = node->on->type, .behind = (int32_t)node->behind,
	};
	void *flows;
	const char *wrong = assay_make(node, context, 0, 2, x->shape, &a.y);
	if (!wrong) wrong = assay_make(node, context, 1, 2, x->shape, &flows);
	if (wrong || a.rows == 0) return wrong;
	a.flows = flows;
	a.per_task = assay_share(node, a.rows, 4 * a.width);
	assay_run(node->on->threads, node->task, &a, (a.rows + a.per_task - 1) / a.per_task);
	return NULL;
}

// A gate's rows are twice as wide as what comes of them.
const char *assay_activation(Node *node, OrtKernelContext *context, AssayTensor *in) {
	const int halves = node->task == node->on->kernels->gelu ? 1 : 2;
	if (in->rank != 2 || in->shape[1] % halves) return assay_wrong("rows of %lld numbers have no two halves", in->rank == 2 ? (long long)in->shape[1] : 0LL);
	AssayRows a = {.rows = in->shape[0], .width = in->shape[1] / halves, .x = in->data, .type = node->on->type};
	const char *wrong = assay_make(node, context, 0, 2, (int64_t[]){a.rows, a.width}, &a.y);
	if (wrong || a.rows == 0) return wrong;
	a.per_task = assay_share(node, a.rows, 16 * a.width);
	assay_run(node->on->threads, node->task, &a, (a.rows + a.per_task - 1) / a.per_task);
	return NULL;
}

const char *assay_quantize(Node *node, OrtKernelContext *context, AssayTensor *in) {
	if (in->rank != 2) return assay_wrong("%zu dimensions, and there must be two", in->rank);
	AssayRows a = {.rows = in->shape[0], .width = in->shape[1], .x = in->data, .type = node->on->type};
	void *scales;
	const char *wrong = assay_make(node, context, 0, 2, in->shape, &a.y);
	if (!wrong) wrong = assay_make(node, context, 1, 1, in->shape, &scales);
	if (wrong || a.rows == 0) return wrong;
	a.flows = scales;
	a.per_task = assay_share(node, a.rows, 4 * a.width);
	assay_run(node->on->threads, node->on->kernels->quantize_rows, &a, (a.rows + a.per_task - 1) / a.per_task);
	return NULL;
}

// multiply has the rows put into blocks, and then multiplied: by panels of outputs, and by rows too where there are few
// panels.
static const char *multiply(const Node *node, AssayLinear *a) {
	const AssayKernels *kernels = node->on->kernels;
	const int kind = a->of.kind;
	const int64_t block = kernels->block_rows[kind], blocks = (a->rows + block - 1) / block, panels = (a->of.outputs + 31) / 32;
	const int64_t cost = block * 32 * a->of.words, tasks = (panels * blocks + assay_share(node, panels * blocks, cost) - 1) / assay_share(node, panels * blocks, cost);
	a->tasks_over_panels = panels < tasks ? panels : tasks;
	a->tasks_over_rows = (tasks + a->tasks_over_panels - 1) / a->tasks_over_panels;
	if (a->tasks_over_rows > blocks) a->tasks_over_rows = blocks;
	const int64_t share = assay_share(node, blocks, block * a->of.words);
	a->pack_tasks = (blocks + share - 1) / share;
	a->blocks = aligned_alloc(64, (size_t)((blocks * block * a->of.words * 4 * kernels->word_parts[kind] + 127) / 64 * 64));
	if (!a->blocks) return assay_wrong("no memory for %lld rows", (long long)a->rows);
	assay_run(node->on->threads, kernels->pack_rows[kind], a, a->pack_tasks);
	assay_run(node->on->threads, kernels->multiply[kind], a, a->tasks_over_panels * a->tasks_over_rows);
	free(a->blocks);
	return NULL;
}

// Inputs of Linear are x, weight and bias; of Linear8 levels, row_scale, weight, scale and bias.
const char *assay_linear(Node *node, OrtKernelContext *context, AssayTensor *in) {
	const AssayTensor *x = &in[0], *bias = &in[node->inputs - 1];
	AssayLinear a = {.of = node->packed->weights, .rows = x->shape[0], .type = node->on->type, .x = x->data, .bias = bias->data};
	if (x->rank != 2 || x->shape[1] != a.of.inputs || (int64_t)bias->elements != a.of.outputs)
		return assay_wrong("rows of %lld numbers, weights [%lld, %lld] and a bias of %zu do not fit each other", x->rank == 2 ? (long long)x->shape[1] : 0LL,
		                   (long long)a.of.outputs, (long long)a.of.inputs, bias->elements);
	if (a.of.kind == ASSAY_I8) {
		if ((int64_t)in[1].elements != a.rows || (int64_t)in[3].elements != a.of.outputs)
			return assay_wrong("%zu scales of rows and %zu of columns do not fit to [%lld, %lld]", in[1].elements, in[3].elements, (long long)a.rows, (long long)a.of.outputs);
		a.row_scale = in[1].data;
		a.scale = in[3].data;
	}
	const char *wrong = assay_make(node, context, 0, 2, (int64_t[]){a.rows, a.of.outputs}, &a.y);
	return wrong || a.rows == 0 ? wrong : multiply(node, &a);
}

// What Go and C say to each other about the operators.
#pragma once
#include "onnxruntime_c_api.h"

enum { ASSAY_MOST = 12, ASSAY_RANK = 4 }; // inputs or outputs of an operator; dimensions of one of its tensors

// What the operators of a session on the processors have in common (processor.h).
typedef struct AssayProcessor AssayProcessor;

// An operator as ONNX Runtime is told of it.
typedef struct {
	OrtCustomOp op; // first, since ONNX Runtime hands a pointer to it back
	const OrtApi *api;
	uintptr_t of; // the handle of what Go knows of it
	const AssayProcessor *processor; // which computes it; null: Go does
	char *name, *provider; // the provider is null for the processors
	size_t inputs, outputs;
	ONNXTensorElementDataType input[ASSAY_MOST], output[ASSAY_MOST];
} AssayOperator;

// A tensor of a call.
typedef struct {
	void *data;
	int64_t shape[ASSAY_RANK];
	size_t rank, elements;
} AssayTensor;

void assay_operator_fill(AssayOperator *operator, const AssayProcessor *processor); // null: Go computes it
OrtStatus *assay_domain(const OrtApi *api, void *options, AssayOperator **operators, size_t count, OrtCustomOpDomain **domain);
void assay_domain_free(const OrtApi *api, OrtCustomOpDomain *domain);

const char *assay_value(const OrtApi *api, const OrtValue *value, AssayTensor *tensor);
const char *assay_input(const OrtApi *api, OrtKernelContext *context, size_t index, AssayTensor *tensor);
const char *assay_output(const OrtApi *api, OrtKernelContext *context, size_t index, AssayTensor *tensor);
uintptr_t assay_stream(const OrtApi *api, OrtKernelContext *context);

int assay_float(const OrtApi *api, const OrtKernelInfo *info, const char *name, float *value);
int assay_int(const OrtApi *api, const OrtKernelInfo *info, const char *name, int64_t *value);
int assay_ints(const OrtApi *api, const OrtKernelInfo *info, const char *name, int64_t *values, size_t *count);

const char *assay_status(const OrtApi *api, OrtStatus *status);
void assay_status_free(const OrtApi *api, OrtStatus *status);

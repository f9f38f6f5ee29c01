#include "nodes.h"

#include <stdlib.h>
#include <string.h>

#include "_cgo_export.h"
#include "processor.h"

typedef struct {
	const OrtApi *api;
	uintptr_t of; // the handle of what Go knows of the node
} Kernel;

static OrtStatus *create(const OrtCustomOp *op, const OrtApi *api, const OrtKernelInfo *info, void **made) {
	const AssayOperator *operator = (const AssayOperator *)op;
	Kernel *kernel = calloc(1, sizeof *kernel);
	if (!kernel) return api->CreateStatus(ORT_FAIL, "no memory for a node");
	kernel->api = api;
	kernel->of = assayCreate(operator->of, (OrtKernelInfo *)info);
	*made = kernel;
	return NULL;
}

static void destroy(void *made) {
	Kernel *kernel = made;
	assayDestroy(kernel->of);
	free(kernel);
}

static OrtStatus *compute(void *made, OrtKernelContext *context) {
	Kernel *kernel = made;
	char said[512];
	assayRun(kernel->of, context, said, sizeof said);
	return said[0] ? kernel->api->CreateStatus(ORT_RUNTIME_EXCEPTION, said) : NULL;
}

static const char *name(const OrtCustomOp *op) { return ((const AssayOperator *)op)->name; }
static const char *provider(const OrtCustomOp *op) { return ((const AssayOperator *)op)->provider; }
static size_t inputs(const OrtCustomOp *op) { return ((const AssayOperator *)op)->inputs; }
static size_t outputs(const OrtCustomOp *op) { return ((const AssayOperator *)op)->outputs; }
static ONNXTensorElementDataType input(const OrtCustomOp *op, size_t at) { return ((const AssayOperator *)op)->input[at]; }
static ONNXTensorElementDataType output(const OrtCustomOp *op, size_t at) { return ((const AssayOperator *)op)->output[at]; }
static OrtCustomOpInputOutputCharacteristic required(const OrtCustomOp *op, size_t at) { return INPUT_OUTPUT_REQUIRED; }
static OrtMemType on_device(const OrtCustomOp *op, size_t at) { return OrtMemTypeDefault; }
static int one(const OrtCustomOp *op) { return 1; }

void assay_operator_fill(AssayOperator *operator, const AssayProcessor *processor) {
	operator->processor = processor;
	operator->op = (OrtCustomOp){
		.version = ORT_API_VERSION,
		.CreateKernelV2 = processor ? assay_processor_create : create,
		.KernelDestroy = processor ? assay_processor_destroy : destroy,
		.KernelComputeV2 = processor ? assay_processor_compute : compute,
		.GetName = name, .GetExecutionProviderType = provider, .GetStartVersion = one, .GetEndVersion = one,
		.GetInputType = input, .GetInputTypeCount = inputs, .GetInputCharacteristic = required, .GetInputMemoryType = on_device,
		.GetOutputType = output, .GetOutputTypeCount = outputs, .GetOutputCharacteristic = required,
		.GetVariadicInputMinArity = one, .GetVariadicInputHomogeneity = one,
		.GetVariadicOutputMinArity = one, .GetVariadicOutputHomogeneity = one,
	};
}

OrtStatus *assay_domain(const OrtApi *api, void *options, AssayOperator **operators, size_t count, OrtCustomOpDomain **domain) {
	OrtStatus *failed = api->CreateCustomOpDomain("assay", domain);
	for (size_t i = 0; !failed && i < count; i++) failed = api->CustomOpDomain_Add(*domain, &operators[i]->op);
	return failed ? failed : api->AddCustomOpDomain(options, *domain);
}

void assay_domain_free(const OrtApi *api, OrtCustomOpDomain *domain) {
	if (domain) api->ReleaseCustomOpDomain(domain);
}

// The words of a status that is freed, which last until the thread's next; null where there is none.
static const char *words(const OrtApi *api, OrtStatus *status) {
	static _Thread_local char kept[256];
	if (!status) return NULL;
	strncpy(kept, api->GetErrorMessage(status), sizeof kept - 1);
	api->ReleaseStatus(status);
	return kept;
}

static const char *shape_of(const OrtApi *api, const OrtValue *value, AssayTensor *tensor) {
	OrtTensorTypeAndShapeInfo *info;
	OrtStatus *failed = api->GetTensorTypeAndShape(value, &info);
	if (failed) return words(api, failed);
	failed = api->GetDimensionsCount(info, &tensor->rank);
	if (!failed && tensor->rank > ASSAY_RANK) {
		api->ReleaseTensorTypeAndShapeInfo(info);
		return "it has more than four dimensions";
	}
	if (!failed) failed = api->GetDimensions(info, tensor->shape, tensor->rank);
	if (!failed) failed = api->GetTensorShapeElementCount(info, &tensor->elements);
	api->ReleaseTensorTypeAndShapeInfo(info);
	return words(api, failed);
}

const char *assay_value(const OrtApi *api, const OrtValue *value, AssayTensor *tensor) {
	const char *wrong = shape_of(api, value, tensor);
	return wrong ? wrong : words(api, api->GetTensorMutableData((OrtValue *)value, &tensor->data));
}

const char *assay_input(const OrtApi *api, OrtKernelContext *context, size_t index, AssayTensor *tensor) {
	const OrtValue *value = NULL;
	OrtStatus *failed = api->KernelContext_GetInput(context, index, &value);
	return failed ? words(api, failed) : assay_value(api, value, tensor);
}

const char *assay_output(const OrtApi *api, OrtKernelContext *context, size_t index, AssayTensor *tensor) {
	OrtValue *value = NULL;
	OrtStatus *failed = api->KernelContext_GetOutput(context, index, tensor->shape, tensor->rank, &value);
	return failed ? words(api, failed) : words(api, api->GetTensorMutableData(value, &tensor->data));
}

uintptr_t assay_stream(const OrtApi *api, OrtKernelContext *context) {
	void *stream = NULL;
	OrtStatus *failed = api->KernelContext_GetGPUComputeStream(context, &stream);
	if (failed) api->ReleaseStatus(failed); // a provider without streams
	return (uintptr_t)stream;
}

// Whether an attribute is there, from the status of asking for it.
static int there(const OrtApi *api, OrtStatus *status) {
	if (!status) return 1;
	api->ReleaseStatus(status);
	return 0;
}

int assay_float(const OrtApi *api, const OrtKernelInfo *info, const char *name, float *value) {
	return there(api, api->KernelInfoGetAttribute_float(info, name, value));
}

int assay_int(const OrtApi *api, const OrtKernelInfo *info, const char *name, int64_t *value) {
	return there(api, api->KernelInfoGetAttribute_int64(info, name, value));
}

int assay_ints(const OrtApi *api, const OrtKernelInfo *info, const char *name, int64_t *values, size_t *count) {
	return there(api, api->KernelInfoGetAttributeArray_int64(info, name, values, count));
}

const char *assay_status(const OrtApi *api, OrtStatus *status) { return api->GetErrorMessage(status); }
void assay_status_free(const OrtApi *api, OrtStatus *status) { api->ReleaseStatus(status); }

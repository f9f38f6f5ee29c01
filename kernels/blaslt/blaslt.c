#define _GNU_SOURCE
#include "blaslt.h"

#include <dlfcn.h>
#include <stdlib.h>

// Attributes, as cublasLt.h has them.
enum { DESC_TRANSPOSE_A = 3, DESC_EPILOGUE = 7, DESC_BIAS = 8, DESC_BIAS_TYPE = 26 };
enum { PREFER_WORKSPACE = 1, PREFER_REDUCTIONS = 3 };
enum { ALGORITHM_SPLITS = 2, ALGORITHM_REDUCTION = 3 };
enum { CONSIDERED = 16 };

Blas *blas_open(const char *library, const char **why) {
	Blas *b = calloc(1, sizeof *b);
	if (!b || !(b->loaded = dlopen(library, RTLD_NOW | RTLD_LOCAL))) {
		*why = b ? dlerror() : "no memory";
		free(b);
		return NULL;
	}
	struct { const char *name; void *into; } wanted[] = {
		{"cublasLtGetVersion", &b->version}, {"cublasLtCreate", &b->create}, {"cublasLtDestroy", &b->destroy},
		{"cublasLtMatmulDescCreate", &b->desc_create}, {"cublasLtMatmulDescSetAttribute", &b->desc_set},
		{"cublasLtMatmulDescDestroy", &b->desc_destroy}, {"cublasLtMatrixLayoutCreate", &b->layout_create},
		{"cublasLtMatrixLayoutDestroy", &b->layout_destroy}, {"cublasLtMatmulPreferenceCreate", &b->preference_create},
		{"cublasLtMatmulPreferenceSetAttribute", &b->preference_set}, {"cublasLtMatmulPreferenceDestroy", &b->preference_destroy},
		{"cublasLtMatmulAlgoGetHeuristic", &b->heuristic}, {"cublasLtMatmulAlgoConfigGetAttribute", &b->config},
		{"cublasLtMatmulAlgoCheck", &b->check}, {"cublasLtMatmul", &b->multiply},
	};
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		if (!(*(void **)wanted[i].into = dlsym(b->loaded, wanted[i].name))) {
			*why = wanted[i].name;
			blas_close(b);
			return NULL;
		}
	}
	if (b->create(&b->handle)) {
		b->handle = NULL;
		*why = "cublasLtCreate fails: it finds no device";
		blas_close(b);
		return NULL;
	}
	return b;
}

void blas_close(Blas *b) {
	if (b->handle) b->destroy(b->handle);
	dlclose(b->loaded);
	free(b);
}

// Whether an algorithm sums each number of the result in one go: no part of the inner dimension is left to another
// block.
static int in_one_go(const Blas *b, const BlasHeuristic *found) {
	uint32_t splits = 0, reduction = 0;
	size_t written;
	if (found->state || found->workspace) return 0;
	if (b->config(&found->algorithm, ALGORITHM_SPLITS, &splits, sizeof splits, &written)) return 0;
	if (b->config(&found->algorithm, ALGORITHM_REDUCTION, &reduction, sizeof reduction, &written)) return 0;
	return splits <= 1 && reduction == 0;
}

// cuBLASLt counts by columns, so that y = x · weightᵀ is yᵀ = weight · xᵀ: the weight [columns, inner] by rows is
// [inner, columns] by columns.
static int choose(const Blas *b, BlasProduct *p, int64_t rows, const char **what) {
	const size_t no_workspace = 0;
	const uint32_t no_reduction = 0;
	void *x = NULL, *y = NULL, *preference = NULL;
	BlasHeuristic found[CONSIDERED];
	int count = 0, failed = 0;
	*what = "cublasLtMatrixLayoutCreate";
	if (!failed) failed = b->layout_create(&x, p->factors, p->inner, rows, p->inner);
	if (!failed) failed = b->layout_create(&y, p->result, p->columns, rows, p->columns);
	if (!failed) *what = "cublasLtMatmulPreferenceCreate", failed = b->preference_create(&preference);
	if (!failed) *what = "cublasLtMatmulPreferenceSetAttribute", failed = b->preference_set(preference, PREFER_WORKSPACE, &no_workspace, sizeof no_workspace);
	if (!failed) failed = b->preference_set(preference, PREFER_REDUCTIONS, &no_reduction, sizeof no_reduction);
	if (!failed) {
		*what = "cublasLtMatmulAlgoGetHeuristic";
		failed = b->heuristic(b->handle, p->desc, p->weight, x, y, y, preference, CONSIDERED, found, &count);
	}
	if (!failed) *what = "the choice of an algorithm whose sums are not split", failed = BLAS_NOT_SUPPORTED;
	for (int i = 0; i < count && failed; i++) {
		if (!in_one_go(b, &found[i])) continue;
		p->algorithm = found[i].algorithm;
		failed = 0;
	}
	if (preference) b->preference_destroy(preference);
	if (x) b->layout_destroy(x);
	if (y) b->layout_destroy(y);
	return failed;
}

int blas_product(Blas *b, int factors, int64_t inner, int64_t columns, int64_t rows, BlasProduct *p, const char **what) {
	const int32_t transposed = BLAS_TRANSPOSED;
	const uintptr_t somewhere = 4096; // where every run says its own: the choice may look at how an address is aligned
	*p = factors == BLAS_I8 ? (BlasProduct){.result = BLAS_I32, .sums = BLAS_SUMS_I32, .scale = BLAS_I32, .epilogue = BLAS_EPILOGUE_NONE, .one.i32 = 1}
	                        : (BlasProduct){.result = factors, .sums = BLAS_SUMS_F32, .scale = BLAS_F32, .epilogue = BLAS_EPILOGUE_BIAS, .one.f32 = 1};
	p->blas = b, p->factors = factors, p->inner = inner, p->columns = columns;
	*what = "cublasLtMatmulDescCreate";
	int failed = b->desc_create(&p->desc, p->sums, p->scale);
	if (!failed) *what = "cublasLtMatmulDescSetAttribute", failed = b->desc_set(p->desc, DESC_TRANSPOSE_A, &transposed, sizeof transposed);
	if (!failed) failed = b->desc_set(p->desc, DESC_EPILOGUE, &p->epilogue, sizeof p->epilogue);
	if (p->epilogue == BLAS_EPILOGUE_BIAS) {
		if (!failed) failed = b->desc_set(p->desc, DESC_BIAS_TYPE, &p->result, sizeof p->result);
		if (!failed) failed = b->desc_set(p->desc, DESC_BIAS, &somewhere, sizeof somewhere);
	}
	if (!failed) *what = "cublasLtMatrixLayoutCreate", failed = b->layout_create(&p->weight, factors, inner, columns, inner);
	if (!failed) failed = choose(b, p, rows, what);
	if (failed) blas_product_free(p);
	return failed;
}

void blas_product_free(BlasProduct *p) {
	if (p->weight) p->blas->layout_destroy(p->weight);
	if (p->desc) p->blas->desc_destroy(p->desc);
	p->weight = p->desc = NULL;
}

int blas_run(BlasProduct *p, int64_t rows, uintptr_t x, uintptr_t weight, uintptr_t bias, uintptr_t y, uintptr_t stream, const char **what) {
	const Blas *b = p->blas;
	const BlasScale none = {0};
	void *x_layout = NULL, *y_layout = NULL;
	BlasHeuristic fits;
	*what = "cublasLtMatrixLayoutCreate";
	int failed = b->layout_create(&x_layout, p->factors, p->inner, rows, p->inner);
	if (!failed) failed = b->layout_create(&y_layout, p->result, p->columns, rows, p->columns);
	if (!failed && p->epilogue == BLAS_EPILOGUE_BIAS) {
		*what = "cublasLtMatmulDescSetAttribute";
		failed = b->desc_set(p->desc, DESC_BIAS, &bias, sizeof bias);
	}
	if (!failed) {
		*what = "cublasLtMatmulAlgoCheck";
		failed = b->check(b->handle, p->desc, p->weight, x_layout, y_layout, y_layout, &p->algorithm, &fits);
		if (!failed && (fits.state || fits.workspace)) failed = fits.state ? fits.state : BLAS_NOT_SUPPORTED;
	}
	if (!failed) {
		*what = "cublasLtMatmul";
		failed = b->multiply(b->handle, p->desc, &p->one, (void *)weight, p->weight, (void *)x, x_layout, &none, (void *)y, y_layout, (void *)y, y_layout,
		                     &p->algorithm, NULL, 0, (void *)stream);
	}
	if (x_layout) b->layout_destroy(x_layout);
	if (y_layout) b->layout_destroy(y_layout);
	return failed;
}

size_t blas_version(const Blas *b) { return b->version(); }

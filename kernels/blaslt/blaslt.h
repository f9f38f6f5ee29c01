// cuBLASLt's C interface as far as it is used, which is found in the library at run time: no header of CUDA's is needed
// to build.
#pragma once
#include <stddef.h>
#include <stdint.h>

// Numbers of types and of attributes, as cublasLt.h of CUDA 12 and 13 has them.
enum { BLAS_F32 = 0, BLAS_F16 = 2, BLAS_I8 = 3, BLAS_I32 = 10, BLAS_BF16 = 14, BLAS_SUMS_F32 = 68, BLAS_SUMS_I32 = 72 };
enum { BLAS_TRANSPOSED = 1, BLAS_EPILOGUE_NONE = 1, BLAS_EPILOGUE_BIAS = 4, BLAS_NOT_SUPPORTED = 15 };

typedef struct { uint64_t data[8]; } BlasAlgorithm;

typedef struct {
	BlasAlgorithm algorithm;
	size_t workspace;
	int state;
	float waves;
	int reserved[4];
} BlasHeuristic;

typedef struct {
	void *loaded, *handle;
	size_t (*version)(void);
	int (*create)(void **handle);
	int (*destroy)(void *handle);
	int (*desc_create)(void **desc, int sums, int scale);
	int (*desc_set)(void *desc, int attribute, const void *value, size_t bytes);
	int (*desc_destroy)(void *desc);
	int (*layout_create)(void **layout, int type, uint64_t rows, uint64_t columns, int64_t leading);
	int (*layout_destroy)(void *layout);
	int (*preference_create)(void **preference);
	int (*preference_set)(void *preference, int attribute, const void *value, size_t bytes);
	int (*preference_destroy)(void *preference);
	int (*heuristic)(void *handle, void *desc, void *a, void *b, void *c, void *d, void *preference, int most, BlasHeuristic *found, int *count);
	int (*config)(const BlasAlgorithm *algorithm, int attribute, void *value, size_t bytes, size_t *written);
	int (*check)(void *handle, void *desc, void *a, void *b, void *c, void *d, const BlasAlgorithm *algorithm, BlasHeuristic *found);
	int (*multiply)(void *handle, void *desc, const void *alpha, const void *a, void *a_layout, const void *b, void *b_layout, const void *beta,
	                const void *c, void *c_layout, void *d, void *d_layout, const BlasAlgorithm *algorithm, void *workspace, size_t bytes, void *stream);
} Blas;

// A number of the type that a product's result is scaled in.
typedef union { float f32; int32_t i32; } BlasScale;

typedef struct {
	Blas *blas;
	void *desc, *weight;                         // the layout of the weight
	int factors, result, sums, scale, epilogue;  // types, and whether a bias is added
	BlasScale one;
	int64_t inner, columns;
	BlasAlgorithm algorithm;
} BlasProduct;

size_t blas_version(const Blas *blas);
Blas *blas_open(const char *library, const char **why);
void blas_close(Blas *blas);
// The product of factors of a type: float16 or bfloat16, summed in float32, with a bias and a result of that type; or
// int8, summed in int32, which is the result, without a bias.
int blas_product(Blas *blas, int factors, int64_t inner, int64_t columns, int64_t rows, BlasProduct *made, const char **what);
void blas_product_free(BlasProduct *product);
// bias is not looked at where the product has none.
int blas_run(BlasProduct *product, int64_t rows, uintptr_t x, uintptr_t weight, uintptr_t bias, uintptr_t y, uintptr_t stream, const char **what);

// cuBLASLt for tests: products in float16, bfloat16 and int8 by plain loops, of the fake driver's memory, or of the
// host's where there is none. It is as strict as the library, or stricter: descriptors must be alive and say what the
// product needs, sizes must fit each other, and those of int8 and its addresses must be multiples of 4.
//
// It has two algorithms. That which it offers first cuts its sums by the number of rows, as split-K does, so that rows
// have other bits in other batches; the second does not. FAKECUDA_BLASLT=careless has it offer the first though the
// caller asked for no reductions, =cut has it offer nothing else, =narrow has the second refuse more than 100 rows,
// =untold has it cut its sums as the first does and say that it does not, and =rounded has sums of int8 be float32's.
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmath>
#include <mutex>
#include <set>
#include <string>

enum { done = 0, invalid = 7, not_supported = 15 };
enum { f32 = 0, f16 = 2, i8 = 3, i32 = 10, bf16 = 14 };
enum { cut = 1, whole = 2 };

struct Desc { int sums, scale, transpose_a, epilogue, bias_type; const void *bias; };
struct Layout { int type; uint64_t rows, columns; int64_t leading; };
struct Preference { size_t workspace; uint32_t reductions; };
struct Algorithm { uint64_t data[8]; };
struct Heuristic { Algorithm algorithm; size_t workspace; int state; float waves; int reserved[4]; };

// What was made and is not destroyed; threads of several devices ask at once.
static struct {
  std::mutex mutex;
  std::set<void *> made;
  void insert(void *one) { std::lock_guard<std::mutex> lock(mutex); made.insert(one); }
  size_t erase(void *one) { std::lock_guard<std::mutex> lock(mutex); return made.erase(one); }
  size_t count(void *one) { std::lock_guard<std::mutex> lock(mutex); return made.count(one); }
} alive;

template <class T> static int make(void **out, T value) {
  alive.insert(*out = new T(value));
  return done;
}
template <class T> static int destroy(void *made) {
  if (!alive.erase(made)) return invalid;
  delete (T *)made;
  return done;
}
template <class T> static int put(T &into, const void *value, size_t bytes) {
  if (bytes != sizeof into) return invalid;
  memcpy(&into, value, bytes);
  return done;
}

static bool told(const char *mode) {
  const char *given = getenv("FAKECUDA_BLASLT");
  return given && std::string(given) == mode;
}

static float widen(uint16_t bits, int type) {
  if (type == bf16) {
    const uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, 4);
    return value;
  }
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  const float size = exponent == 0 ? ldexpf(fraction, -24) : exponent == 31 ? (fraction ? NAN : INFINITY) : ldexpf(1024 + fraction, exponent - 25);
  return bits & 0x8000 ? -size : size;
}

// The nearest number of a type, the even one of two.
static uint16_t narrow(float value, int type) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  if (type == bf16) return std::isnan(value) ? 0x7fff : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  const uint16_t sign = bits >> 16 & 0x8000;
  const float size = fabsf(value);
  if (std::isnan(value)) return sign | 0x7fff;
  if (size >= 65520) return sign | 0x7c00;
  if (size < ldexpf(1, -14)) return sign | (uint16_t)nearbyintf(ldexpf(size, 24));
  int exponent;
  const float fraction = frexpf(size, &exponent);  // [0.5, 1)
  const uint32_t rounded = (uint32_t)nearbyintf(ldexpf(fraction, 11));  // 1024 to 2048
  return sign | (uint16_t)(((exponent + 13) << 10) + rounded);
}

static bool fits(const Desc *desc, const Layout *a, const Layout *b, const Layout *c, const Layout *d) {
  for (const void *made : {(const void *)desc, (const void *)a, (const void *)b, (const void *)c, (const void *)d}) {
    if (!alive.count((void *)made)) return false;
  }
  const bool shaped = a->rows == b->rows && d->rows == a->columns && d->columns == b->columns && c->rows == d->rows && c->columns == d->columns;
  const bool dense = a->leading == (int64_t)a->rows && b->leading == (int64_t)b->rows && d->leading == (int64_t)d->rows;
  if (!shaped || !dense || desc->transpose_a != 1 || b->type != a->type || c->type != d->type) return false;
  if (a->type == i8) {
    return d->type == i32 && desc->sums == 72 && desc->scale == i32 && desc->epilogue == 1 && !desc->bias && a->rows % 4 == 0 && a->columns % 4 == 0;
  }
  return (a->type == f16 || a->type == bf16) && d->type == a->type && desc->sums == 68 && desc->scale == f32 && desc->epilogue == 4 && desc->bias_type == a->type;
}

// A product by rows, d = b · aᵀ + bias, whose sums are cut into parts; of int8 d = b · aᵀ, exactly.
struct Product {
  const void *a, *b, *bias;
  void *d;
  int type;
  uint64_t inner, columns, rows, parts;
};

static void multiply_integers(void *given) {
  const Product &p = *(Product *)given;
  const bool rounded = told("rounded");
  for (uint64_t row = 0; row < p.rows; row++) {
    for (uint64_t column = 0; column < p.columns; column++) {
      const int8_t *x = (const int8_t *)p.b + row * p.inner, *weight = (const int8_t *)p.a + column * p.inner;
      int32_t sum = 0;
      float inexact = 0;
      for (uint64_t i = 0; i < p.inner; i++) sum += x[i] * weight[i];
      for (uint64_t i = 0; i < p.inner && rounded; i++) inexact += x[i] * weight[i];
      ((int32_t *)p.d)[row * p.columns + column] = rounded ? (int32_t)inexact : sum;
    }
  }
}

static void multiply(void *given) {
  const Product &p = *(Product *)given;
  const uint16_t *a = (const uint16_t *)p.a, *b = (const uint16_t *)p.b, *bias = (const uint16_t *)p.bias;
  for (uint64_t row = 0; row < p.rows; row++) {
    for (uint64_t column = 0; column < p.columns; column++) {
      float total = 0;
      for (uint64_t part = 0; part < p.parts; part++) {
        float sum = 0;
        for (uint64_t i = p.inner * part / p.parts; i < p.inner * (part + 1) / p.parts; i++) {
          sum += widen(a[column * p.inner + i], p.type) * widen(b[row * p.inner + i], p.type);
        }
        total = p.parts == 1 ? sum : widen(narrow(total + sum, p.type), p.type);  // as a reduction in the result's type does
      }
      total += widen(bias[column], p.type);
      ((uint16_t *)p.d)[row * p.columns + column] = narrow(total, p.type);
    }
  }
}

extern "C" {

size_t cublasLtGetVersion() { return 130002; }
int cublasLtCreate(void **handle) { return make(handle, 'h'); }
int cublasLtDestroy(void *handle) { return destroy<char>(handle); }
int cublasLtMatmulDescCreate(void **desc, int sums, int scale) { return make(desc, Desc{sums, scale, 0, 1, f32, nullptr}); }
int cublasLtMatmulDescDestroy(void *desc) { return destroy<Desc>(desc); }
int cublasLtMatmulDescSetAttribute(void *made, int attribute, const void *value, size_t bytes) {
  Desc *desc = (Desc *)made;
  switch (alive.count(made) ? attribute : -1) {
    case 3: return put(desc->transpose_a, value, bytes);
    case 7: return put(desc->epilogue, value, bytes);
    case 8: return put(desc->bias, value, bytes);
    case 26: return put(desc->bias_type, value, bytes);
    default: return invalid;
  }
}
int cublasLtMatrixLayoutCreate(void **layout, int type, uint64_t rows, uint64_t columns, int64_t leading) {
  return rows && columns ? make(layout, Layout{type, rows, columns, leading}) : invalid;
}
int cublasLtMatrixLayoutDestroy(void *layout) { return destroy<Layout>(layout); }
int cublasLtMatmulPreferenceCreate(void **preference) { return make(preference, Preference{0, 7}); }
int cublasLtMatmulPreferenceDestroy(void *preference) { return destroy<Preference>(preference); }
int cublasLtMatmulPreferenceSetAttribute(void *made, int attribute, const void *value, size_t bytes) {
  Preference *preference = (Preference *)made;
  switch (alive.count(made) ? attribute : -1) {
    case 1: return put(preference->workspace, value, bytes);
    case 3: return put(preference->reductions, value, bytes);
    default: return invalid;
  }
}

int cublasLtMatmulAlgoCheck(void *handle, void *desc, void *a, void *b, void *c, void *d, const Algorithm *algorithm, Heuristic *found) {
  if (!alive.count(handle) || !fits((Desc *)desc, (Layout *)a, (Layout *)b, (Layout *)c, (Layout *)d)) return invalid;
  if (algorithm->data[0] != cut && algorithm->data[0] != whole) return invalid;
  if (told("narrow") && algorithm->data[0] == whole && ((Layout *)d)->columns > 100 && ((Layout *)d)->columns != 4096) return not_supported;
  return *found = Heuristic{*algorithm, 0, done, 1, {}}, done;
}

int cublasLtMatmulAlgoGetHeuristic(void *handle, void *desc, void *a, void *b, void *c, void *d, void *made, int most, Heuristic *found, int *count) {
  *count = 0;
  if (!alive.count(made)) return invalid;
  const Preference *preference = (Preference *)made;
  for (uint64_t id : {cut, whole}) {
    const Algorithm algorithm{{id}};
    const bool wanted = id == whole || preference->reductions != 0 || told("careless") || told("cut");
    if (!wanted || (id == whole && told("cut")) || *count == most) continue;
    const int failed = cublasLtMatmulAlgoCheck(handle, desc, a, b, c, d, &algorithm, &found[*count]);
    if (failed) return failed;
    ++*count;
  }
  return *count ? done : not_supported;
}

int cublasLtMatmulAlgoConfigGetAttribute(const Algorithm *algorithm, int attribute, void *value, size_t bytes, size_t *written) {
  const uint32_t splits = algorithm->data[0] == cut ? 4 : 1, reduction = algorithm->data[0] == cut ? 1 : 0;
  if ((attribute != 2 && attribute != 3) || bytes != 4) return invalid;
  memcpy(value, attribute == 2 ? &splits : &reduction, 4);
  return *written = 4, done;
}

int cublasLtMatmul(void *handle, void *desc, const void *alpha, const void *a, void *a_layout, const void *b, void *b_layout, const void *beta, const void *,
                   void *c_layout, void *d, void *d_layout, const Algorithm *algorithm, void *, size_t, void *) {
  Heuristic found;
  const int failed = cublasLtMatmulAlgoCheck(handle, desc, a_layout, b_layout, c_layout, d_layout, algorithm, &found);
  if (failed) return failed;
  const Desc *of = (Desc *)desc;
  const Layout *weight = (Layout *)a_layout;
  const bool integers = weight->type == i8;
  const bool plain = integers ? *(int32_t *)alpha == 1 && *(int32_t *)beta == 0 : *(float *)alpha == 1 && *(float *)beta == 0;
  const bool placed = integers ? ((uintptr_t)a | (uintptr_t)b | (uintptr_t)d) % 4 == 0 : of->bias != nullptr;
  if (!plain || !placed) return invalid;
  const uint64_t rows = ((Layout *)b_layout)->columns, parts = algorithm->data[0] == cut || told("untold") ? 1 + rows % 4 : 1;
  Product product{a, b, of->bias, d, weight->type, weight->rows, weight->columns, rows, parts};
  void (*const by)(void *) = integers ? multiply_integers : multiply;
  using Compute = void (*)(void (*)(void *), void *);
  static const Compute on_device = (Compute)dlsym(RTLD_DEFAULT, "fakecuda_compute");
  on_device ? on_device(by, &product) : by(&product);
  return done;
}

}  // extern "C"

// The kernels of this folder, compiled for the CPU. See fibers.hpp and twin.h.
#include "twin.h"

#include <stdlib.h>

#include "launch.hpp"

int twin_launch(const char *name, unsigned grid_x, unsigned grid_y, unsigned block, const uint64_t *arguments, size_t count, uint64_t seed,
                char *error, size_t size) {
  const Kernel *kernel = find_kernel(name);
  if (!kernel || count != kernel->parameters || block > fibers::max_threads) {
    snprintf(error, size, "there is no kernel %s with %zu parameters, or %u threads are too many", name, count, block);
    return 1;
  }
  void *pointers[max_parameters];
  for (size_t i = 0; i < count; i++) pointers[i] = (void *)&arguments[i];
  return !run(*kernel, {grid_x, grid_y, 1}, block, pointers, seed, error, size);
}

const char *twin_kernel(size_t place, size_t *parameters) {
  if (place >= sizeof kernels / sizeof *kernels) return nullptr;
  *parameters = kernels[place].parameters;
  return kernels[place].name;
}

// Under the address sanitizer malloc has margins of its own. What lies in ours is large and finite in every type, so a
// kernel that reads it gives a wrong number, and not the NaN that may be right. Behind the watched margins lies as much
// as a row of the tests has, so that one which reads a row too far gives such a number too, wherever the heap has put
// the buffer.
#ifdef __SANITIZE_ADDRESS__
static const size_t margin = 0, around = 0;
#else
static const size_t margin = 4096, around = margin + (32 << 10);
#endif
static const char filler = 0x7b;

void *twin_alloc(size_t bytes) {
  char *memory = (char *)malloc(bytes + 2 * around);
  if (!memory) return nullptr;
  memset(memory, filler, bytes + 2 * around);
  return memory + around;
}

int twin_intact(void *memory, size_t bytes) {
  const char *start = (const char *)memory - margin, *end = (const char *)memory + bytes;
  for (size_t i = 0; i < margin; i++) {
    if (start[i] != filler || end[i] != filler) return 0;
  }
  return 1;
}

void twin_free(void *memory) { free((char *)memory - around); }

int twin_call(void *launch, const char *name, unsigned grid_x, unsigned grid_y, unsigned block, const uint64_t *arguments, size_t count,
              uint64_t seed, char *error, size_t size) {
  return (launch ? (decltype(&twin_launch))launch : twin_launch)(name, grid_x, grid_y, block, arguments, count, seed, error, size);
}

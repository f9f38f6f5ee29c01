// The twin's C interface. Go calls it directly, or in a library made of a changed kernel file, which dlopen finds it
// in.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Runs a kernel. arguments are its parameters, 8 bytes each. 0: it went well; else error (of size bytes) has the
// reason.
__attribute__((visibility("default"))) int twin_launch(const char *kernel, unsigned grid_x, unsigned grid_y, unsigned block,
                                                       const uint64_t *arguments, size_t count, uint64_t seed, char *error, size_t size);

// Name of the kernel at a place of the table and its number of parameters; null behind the last.
const char *twin_kernel(size_t place, size_t *parameters);

// Memory of exactly so many bytes between margins that are watched; twin_intact tells whether they are untouched.
void *twin_alloc(size_t bytes);
int twin_intact(void *memory, size_t bytes);
void twin_free(void *memory);

// Calls the twin_launch that dlsym found in a library, or this program's own if it is null.
int twin_call(void *launch, const char *kernel, unsigned grid_x, unsigned grid_y, unsigned block, const uint64_t *arguments, size_t count,
              uint64_t seed, char *error, size_t size);

#ifdef __cplusplus
}
#endif

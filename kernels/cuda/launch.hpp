// The table of kernels, and a launch of one by its name: what the twin and the fake driver share.
#pragma once
#include <stdio.h>

#include <utility>

#include "add_layer_norm.cu"
#include "add_rms_norm.cu"
#include "attention.cu"
#include "blocks.cu"
#include "gelu.cu"
#include "head.cu"
#include "linear8.cu"
#include "rotate.cu"
#include "swiglu.cu"

namespace {

struct Kernel {
  const char *name;
  size_t parameters;
  fibers::Body call;
};

constexpr size_t max_parameters = 24;

// Unpacks a launch's arguments, one pointer to each, into a kernel's parameters.
template <auto kernel> struct Unpacked;
template <class... Parameters, void (*kernel)(Parameters...)> struct Unpacked<kernel> {
  static_assert(((sizeof(Parameters) == 8) && ...), "a kernel's parameters are pointers or 64-bit integers");
  static constexpr size_t parameters = sizeof...(Parameters);
  static_assert(parameters <= max_parameters, "a kernel has more parameters than max_parameters");
  static void call(void **arguments) { apply(arguments, std::index_sequence_for<Parameters...>{}); }
  template <size_t... at> static void apply(void **arguments, std::index_sequence<at...>) { kernel(*(Parameters *)arguments[at]...); }
};

#define KERNEL(NAME) Kernel{#NAME, Unpacked<NAME>::parameters, Unpacked<NAME>::call}
#define TYPED(NAME) KERNEL(NAME##_f32), KERNEL(NAME##_f16), KERNEL(NAME##_bf16)
#define HALF(NAME) KERNEL(NAME##_f16), KERNEL(NAME##_bf16)
const Kernel kernels[] = {KERNEL(gather_blocks), KERNEL(keep_blocks), TYPED(linear), KERNEL(softmax_rows),
                          HALF(add_layer_norm), HALF(add_rms_norm), HALF(gelu), HALF(swiglu), HALF(geglu), HALF(rotate),
                          HALF(attention_32), HALF(attention_64), HALF(attention_80), HALF(attention_96), HALF(attention_128),
                          HALF(attention_256), HALF(quantize_rows), HALF(scale_sums)};
#undef KERNEL
#undef TYPED
#undef HALF

const Kernel *find_kernel(const char *name) {
  for (const Kernel &kernel : kernels) {
    if (strcmp(kernel.name, name) == 0) return &kernel;
  }
  return nullptr;
}

// Runs every block of a grid, x first. False: message says what the kernel did wrong, and in which block.
bool run(const Kernel &kernel, dim3 grid, unsigned block, void **arguments, uint64_t seed, char *message, size_t bytes) {
  fibers::body = kernel.call;
  fibers::arguments = arguments;
  fibers::size = block;
  gridDim = grid;
  blockDim = {block, 1, 1};
  for (unsigned z = 0; z < grid.z; z++) {
    for (unsigned y = 0; y < grid.y; y++) {
      for (unsigned x = 0; x < grid.x; x++) {
        blockIdx = {x, y, z};
        if (fibers::run_block(seed)) continue;
        snprintf(message, bytes, "%s, block (%u, %u): %s", kernel.name, x, y, fibers::error);
        return false;
      }
    }
  }
  return true;
}

}  // namespace

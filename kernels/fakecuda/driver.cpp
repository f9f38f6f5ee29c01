// A CUDA driver for tests: libcuda.so.1 whose devices run the kernels' twins. It tests the host's code and the kernels'
// logic, and says nothing of a GPU. It is linked with stub.py's weak symbols, so what is not here answers
// CUDA_ERROR_STUB_LIBRARY.
//
// It is as strict as a driver, or stricter: calls need a current context; handles must be alive, and of that context's
// device, as memory must be; a kernel must be in the PTX, with as many parameters as its twin; blocks must keep to the
// limits of the device and of the kernel's .maxntid. FAKECUDA_DEVICES is how many devices there are, 1 if it is unset;
// FAKECUDA_SEED permutes the threads.
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <string>

#include "launch.hpp"
#include "memory.hpp"

enum Result {
  success = 0, invalid_value = 1, out_of_memory = 2, invalid_device = 101, invalid_context = 201, invalid_ptx = 218, unsupported_ptx = 222, invalid_handle = 400,
  not_found = 500, launch_failed = 719,
};

struct Module { std::string ptx; };
struct Function { const Kernel *kernel; unsigned max_threads; };
struct Stream {};
struct Event { std::chrono::steady_clock::time_point at; };

static std::mutex mutex;
static int retained[memory::most_devices];  // of each primary context
static char primary[memory::most_devices];  // whose addresses are their handles
static thread_local void *current;
static std::map<void *, int> handles;  // of modules, functions, streams and events that are alive, and their devices

static int devices() {
  const char *given = getenv("FAKECUDA_DEVICES");
  return given ? std::min(atoi(given), memory::most_devices) : 1;
}

// The device of the current context; -1: there is none.
static int device() {
  const ptrdiff_t at = (char *)current - primary;
  return current && at >= 0 && at < memory::most_devices && retained[at] ? (int)at : -1;
}

#define LOCKED std::lock_guard<std::mutex> lock(mutex)
#define NEEDS_CONTEXT \
  if (device() < 0) return invalid_context

template <class T> static Result make(void **out, T value) {
  T *made = new T(value);
  handles[made] = device();
  *out = made;
  return success;
}

static bool alive(void *handle) {
  const auto found = handles.find(handle);
  return found != handles.end() && found->second == device();
}

template <class T> static Result destroy(void *handle) {
  if (!alive(handle)) return invalid_handle;
  handles.erase(handle);
  delete (T *)handle;
  return success;
}

// The text of a kernel's entry in the PTX, from its name to its body; empty if there is none.
static std::string entry(const std::string &ptx, const char *name) {
  const size_t from = ptx.find(std::string(".entry ") + name + "(");
  return from == std::string::npos ? "" : ptx.substr(from, ptx.find("\n{", from) - from);
}

static size_t occurrences(const std::string &text, const char *word) {
  size_t count = 0;
  for (size_t at = 0; (at = text.find(word, at)) != std::string::npos; at++) count++;
  return count;
}

extern "C" {

Result cuInit(unsigned) { return success; }
Result cuDriverGetVersion(int *version) {
  const char *given = getenv("FAKECUDA_VERSION");
  return *version = given ? atoi(given) : 12040, success;
}
Result cuDeviceGetCount(int *count) { return *count = devices(), success; }
Result cuDeviceGet(int *device, int ordinal) { return *device = ordinal, ordinal >= 0 && ordinal < devices() ? success : invalid_device; }
Result cuDeviceGetName(char *name, int bytes, int) { return snprintf(name, bytes, "cpu fibers"), success; }

Result cuDeviceGetAttribute(int *value, int attribute, int) {
  const char *major = getenv("FAKECUDA_MAJOR");
  switch (attribute) {
    case 75: *value = major ? atoi(major) : 9; return success;  // compute capability, major
    case 76: *value = 0; return success;                        // and minor
    case 36: case 37: *value = 0; return success;               // memory clock and bus width: it has no memory bus
    default: return invalid_value;
  }
}

Result cuDevicePrimaryCtxRetain(void **context, int device) {
  LOCKED;
  retained[device]++;
  *context = &primary[device];
  return success;
}
Result cuDevicePrimaryCtxRelease_v2(int device) {
  LOCKED;
  return retained[device] > 0 ? retained[device]--, success : invalid_context;
}
Result cuCtxSetCurrent(void *context) { return current = context, success; }
Result cuCtxSynchronize() {
  LOCKED;
  NEEDS_CONTEXT;
  return success;
}

Result cuStreamCreate(void **stream, unsigned) {
  LOCKED;
  NEEDS_CONTEXT;
  return make(stream, Stream{});
}
Result cuStreamDestroy_v2(void *stream) {
  LOCKED;
  NEEDS_CONTEXT;
  return destroy<Stream>(stream);
}
Result cuStreamSynchronize(void *stream) {
  LOCKED;
  NEEDS_CONTEXT;
  return alive(stream) ? success : invalid_handle;
}

Result cuEventCreate(void **event, unsigned) {
  LOCKED;
  NEEDS_CONTEXT;
  return make(event, Event{});
}
Result cuEventRecord(void *event, void *stream) {
  LOCKED;
  NEEDS_CONTEXT;
  if (!alive(event) || (stream && !alive(stream))) return invalid_handle;
  ((Event *)event)->at = std::chrono::steady_clock::now();
  return success;
}
Result cuEventSynchronize(void *event) {
  LOCKED;
  return alive(event) ? success : invalid_handle;
}
Result cuEventElapsedTime(float *milliseconds, void *from, void *to) {
  LOCKED;
  if (!alive(from) || !alive(to)) return invalid_handle;
  *milliseconds = std::chrono::duration<float, std::milli>(((Event *)to)->at - ((Event *)from)->at).count();
  return success;
}
Result cuEventDestroy_v2(void *event) {
  LOCKED;
  return destroy<Event>(event);
}

Result cuModuleLoadData(void **module, const void *image) {
  LOCKED;
  NEEDS_CONTEXT;
  const std::string ptx = (const char *)image;
  int version;
  cuDriverGetVersion(&version);
  if (version < 12040 && ptx.find("\n.version 8.4\n") != std::string::npos) return unsupported_ptx;
  return ptx.find("\n.target sm_") == std::string::npos ? invalid_ptx : make(module, Module{ptx});
}
Result cuModuleUnload(void *module) {
  LOCKED;
  NEEDS_CONTEXT;
  return destroy<Module>(module);
}
Result cuModuleGetFunction(void **function, void *module, const char *name) {
  LOCKED;
  NEEDS_CONTEXT;
  if (!alive(module)) return invalid_handle;
  const std::string text = entry(((Module *)module)->ptx, name);
  const Kernel *kernel = find_kernel(name);
  if (text.empty() || !kernel) return not_found;
  if (occurrences(text, ".param .u64") != kernel->parameters || occurrences(text, ".param ") != kernel->parameters) return invalid_value;
  const size_t limit = text.find(".maxntid ");
  const unsigned threads = limit == std::string::npos ? fibers::max_threads : atoi(text.c_str() + limit + strlen(".maxntid "));
  return make(function, Function{kernel, threads});
}

Result cuMemAlloc_v2(uintptr_t *address, size_t bytes) {
  LOCKED;
  NEEDS_CONTEXT;
  if (bytes == 0) return invalid_value;
  *address = memory::allocate(bytes, device());
  return *address ? success : out_of_memory;
}
Result cuMemFree_v2(uintptr_t address) {
  LOCKED;
  NEEDS_CONTEXT;
  return memory::release(address) ? success : invalid_value;
}
Result cuMemGetInfo_v2(size_t *free, size_t *total) {
  LOCKED;
  NEEDS_CONTEXT;
  *total = memory::total;
  *free = memory::total - memory::taken[device()];
  return success;
}
Result cuMemcpyHtoD_v2(uintptr_t to, const void *from, size_t bytes) {
  LOCKED;
  NEEDS_CONTEXT;
  if (!memory::holds(to, bytes, device())) return invalid_value;
  memory::Open open(device());
  memcpy((void *)to, from, bytes);
  return success;
}
Result cuMemcpyDtoH_v2(void *to, uintptr_t from, size_t bytes) {
  LOCKED;
  NEEDS_CONTEXT;
  if (!memory::holds(from, bytes, device())) return invalid_value;
  memory::Open open(device());
  memcpy(to, (void *)from, bytes);
  return success;
}

Result cuLaunchKernel(void *function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y,
                      unsigned block_z, unsigned shared, void *stream, void **arguments, void **extra) {
  LOCKED;
  NEEDS_CONTEXT;
  if (!alive(function) || (stream && !alive(stream))) return invalid_handle;
  const Function &launched = *(Function *)function;
  const bool grid = grid_x && grid_x <= 0x7fffffff && grid_y && grid_y <= 65535 && grid_z && grid_z <= 65535;
  const bool block = block_x && block_x <= std::min(launched.max_threads, fibers::max_threads) && block_y == 1 && block_z == 1;
  if (!grid || !block || shared || extra) return invalid_value;
  const char *seed = getenv("FAKECUDA_SEED");
  char why[256];
  memory::Open open(device());
  if (run(*launched.kernel, {grid_x, grid_y, grid_z}, block_x, arguments, seed ? strtoull(seed, nullptr, 10) : 0, why, sizeof why)) return success;
  fprintf(stderr, "%s\n", why);
  return launch_failed;
}

// Not CUDA's: for a library for tests that computes on the current device (blaslt.cpp), or on the first where none is.
// While it runs, the device's memory can be touched.
void fakecuda_compute(void (*run)(void *), void *with) {
  LOCKED;
  memory::Open open(std::max(0, device()));
  run(with);
}

}  // extern "C"

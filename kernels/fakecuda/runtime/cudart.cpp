// The CUDA runtime (libcudart.so.13) for tests: devices of compute capability 9.0 whose memory is the host's, and on
// which nothing is computed. A launch is told in the trace by the name that its kernel has in the provider, and leaves
// what it would have written as it was.
//
// It is strict where a device would be: the host cannot touch the device's memory, a copy must lie inside one buffer
// and go where it says, streams and events must be alive, and a kernel must have been registered. Whatever else the
// provider imports is refused (stubs.py).
#include <cxxabi.h>
#include <string.h>

#include <algorithm>
#include <mutex>
#include <set>
#include <unordered_map>
#include <vector>

#include "../memory.hpp"
#include "trace.hpp"

enum Error {
  success = 0, invalid_value = 1, out_of_memory = 2, stub_library = 34, invalid_function = 98, no_device = 100, invalid_device = 101, invalid_handle = 400,
};
enum Copy { on_the_host = 0, to_device = 1, to_host = 2, inside = 3, by_address = 4 };

struct Size { unsigned x, y, z; };
struct Call { Size grid, block; size_t shared; void *stream; };

static std::mutex mutex;
static std::set<void *> handles;                                // of streams and events that are alive
static std::unordered_map<const void *, const char *> kernels;  // by the address of their function on the host
static thread_local std::vector<Call> calls;                    // of <<<…>>>, which the kernel's function on the host takes up
static thread_local Error last;
static thread_local int current;  // device

#define LOCKED std::lock_guard<std::mutex> lock(mutex)

static Error fail(Error error) { return last = error; }

static Error make(void **handle) {
  LOCKED;
  handles.insert(*handle = new char);
  return success;
}
static Error destroy(void *handle) {
  LOCKED;
  if (handles.erase(handle) == 0) return fail(invalid_handle);
  delete (char *)handle;
  return success;
}
static Error alive(void *handle) {
  LOCKED;
  return handle == nullptr || handles.count(handle) ? success : fail(invalid_handle);
}

// The name of a kernel as its source has it, with the values of its template.
static std::string readable(const char *name) {
  char *text = abi::__cxa_demangle(name, nullptr, nullptr, nullptr);
  const std::string found = text ? text : name;
  free(text);
  return found;
}

static Error launch(const void *function, Size grid, Size block, size_t shared) {
  LOCKED;
  const auto kernel = kernels.find(function);
  if (kernel == kernels.end()) return fail(invalid_function);
  trace::line("launch\t%s\t%u,%u,%u\t%u,%u,%u\t%zu", readable(kernel->second).c_str(), grid.x, grid.y, grid.z, block.x, block.y, block.z, shared);
  const bool fits = grid.x && grid.y && grid.z && grid.y <= 65535 && grid.z <= 65535 && block.x && block.y && block.z && block.x * block.y * block.z <= 1024;
  return fits ? success : fail(invalid_value);
}

static Error copy(void *to, const void *from, size_t bytes, Copy kind) {
  LOCKED;
  if (bytes == 0) return success;
  const bool to_there = memory::holds((uintptr_t)to, bytes, current), from_there = memory::holds((uintptr_t)from, bytes, current);
  const Copy found = to_there ? from_there ? inside : to_device : from_there ? to_host : on_the_host;
  if (kind != by_address && kind != found) return fail(invalid_value);
  const char *const names[] = {"on the host", "to device", "to host", "inside"};
  trace::line("copy\t%s\t%zu", names[found], bytes);
  memory::Open open(current);
  memmove(to, from, bytes);
  return success;
}

static Error fill(void *to, int value, size_t bytes) {
  LOCKED;
  if (bytes == 0) return success;
  if (!memory::holds((uintptr_t)to, bytes, current)) return fail(invalid_value);
  memory::Open open(current);
  memset(to, value, bytes);
  return success;
}

// FAKECUDA_DEVICES is how many devices there are, 1 if it is unset; none is a driver without one, stub a driver's stub.
static Error device_count(int *count) {
  const char *devices = getenv("FAKECUDA_DEVICES");
  if (devices && strcmp(devices, "stub") == 0) return fail(stub_library);
  *count = devices ? atoi(devices) : 1;
  return *count ? success : fail(no_device);
}

// The beginning of CUDA 13's cudaDeviceProp; what comes behind is left as it was.
struct Properties {
  char name[256], uuid[16], luid[8];
  unsigned luid_mask;
  size_t memory, shared_a_block;
  int registers_a_block, warp;
  size_t pitch;
  int threads_a_block, most_threads[3], most_blocks[3];
  size_t constants;
  int major, minor;
  size_t texture_alignment, texture_pitch;
  int multiprocessors;
};
static_assert(offsetof(Properties, major) == 360 && offsetof(Properties, multiprocessors) == 384, "CUDA 13 has them there");

extern "C" {

const char *cudaGetErrorName(int) { return "cudaErrorOfTheFake"; }
const char *cudaGetErrorString(int error) {
  switch (error) {
    case success: return "no error";
    case invalid_value: return "invalid argument";
    case out_of_memory: return "out of memory";
    case stub_library: return "CUDA driver is a stub library";
    case no_device: return "no CUDA-capable device is detected";
    case invalid_device: return "invalid device ordinal";
    default: return "an error of the fake CUDA runtime";
  }
}
Error cudaGetLastError() {
  const Error error = last;
  last = success;
  return error;
}
Error cudaPeekAtLastError() { return last; }

Error cudaRuntimeGetVersion(int *version) { return *version = 13000, success; }
Error cudaDriverGetVersion(int *version) { return *version = 13000, success; }
Error cudaGetDeviceCount(int *count) { return device_count(count); }
Error cudaGetDevice(int *device) { return *device = current, success; }
Error cudaSetDevice(int device) {
  int count;
  if (const Error failed = device_count(&count)) return failed;
  if (device < 0 || device >= std::min(count, memory::most_devices)) return fail(invalid_device);
  if (device != current) trace::line("device\t%d", device);
  return current = device, success;
}
Error cudaDeviceSynchronize() { return trace::line("wait"), success; }

Error cudaGetDeviceProperties(Properties *p, int) {
  *p = {};
  snprintf(p->name, sizeof p->name, "host memory, no device");
  p->memory = memory::total;
  p->shared_a_block = 48 << 10;
  p->registers_a_block = 65536;
  p->warp = 32;
  p->threads_a_block = p->most_threads[0] = p->most_threads[1] = 1024;
  p->most_threads[2] = 64;
  p->most_blocks[0] = 2147483647;
  p->most_blocks[1] = p->most_blocks[2] = 65535;
  p->major = 9;
  p->multiprocessors = 132;
  return success;
}

Error cudaDeviceGetAttribute(int *value, int attribute, int) {
  switch (attribute) {
    case 16: *value = 132; return success;         // multiprocessors
    case 75: *value = 9; return success;           // compute capability, major
    case 76: *value = 0; return success;           // and minor
    case 97: *value = 227 << 10; return success;   // bytes of shared memory that a block may ask for
    default: trace::line("refused\tcudaDeviceGetAttribute %d", attribute); return fail(invalid_value);
  }
}

struct FunctionAttributes {
  size_t shared, constants, local;
  int threads, registers, ptx, binary;
};
Error cudaFuncGetAttributes(FunctionAttributes *attributes, const void *function) {
  LOCKED;
  if (!kernels.count(function)) return fail(invalid_function);
  *attributes = {0, 0, 0, 1024, 64, 90, 90};
  return success;
}
Error cudaFuncSetAttribute(const void *function, int, int) {
  LOCKED;
  return kernels.count(function) ? success : fail(invalid_function);
}
Error cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *blocks, const void *, int, size_t, unsigned) { return *blocks = 1, success; }

// Addresses are multiples of 256, as CUDA promises: some kernels are chosen by their operands' alignment.
Error cudaMalloc(void **address, size_t bytes) {
  LOCKED;
  *address = (void *)memory::allocate((bytes + 255) & ~(size_t)255, current);
  return *address || bytes == 0 ? success : fail(out_of_memory);
}
Error cudaFree(void *address) {
  LOCKED;
  return address == nullptr || memory::release((uintptr_t)address) ? success : fail(invalid_value);
}
Error cudaMallocHost(void **address, size_t bytes) { return *address = malloc(bytes), success; }
Error cudaHostAlloc(void **address, size_t bytes, unsigned) { return *address = malloc(bytes), success; }
Error cudaFreeHost(void *address) { return free(address), success; }
Error cudaMemGetInfo(size_t *free, size_t *total) {
  LOCKED;
  *total = memory::total;
  *free = memory::total - memory::taken[current];
  return success;
}
Error cudaMemcpy(void *to, const void *from, size_t bytes, Copy kind) { return copy(to, from, bytes, kind); }
Error cudaMemcpyAsync(void *to, const void *from, size_t bytes, Copy kind, void *stream) {
  return alive(stream) ? invalid_handle : copy(to, from, bytes, kind);
}
Error cudaMemset(void *to, int value, size_t bytes) { return fill(to, value, bytes); }
Error cudaMemsetAsync(void *to, int value, size_t bytes, void *stream) { return alive(stream) ? invalid_handle : fill(to, value, bytes); }

Error cudaStreamCreate(void **stream) { return make(stream); }
Error cudaStreamCreateWithFlags(void **stream, unsigned) { return make(stream); }
Error cudaStreamDestroy(void *stream) { return destroy(stream); }
Error cudaStreamSynchronize(void *stream) { return trace::line("wait"), alive(stream); }
Error cudaStreamWaitEvent(void *stream, void *event, unsigned) { return alive(stream) ? invalid_handle : alive(event); }
Error cudaStreamIsCapturing(void *stream, int *capturing) { return *capturing = 0, alive(stream); }
Error cudaEventCreate(void **event) { return make(event); }
Error cudaEventCreateWithFlags(void **event, unsigned) { return make(event); }
Error cudaEventRecord(void *event, void *stream) { return alive(event) ? invalid_handle : alive(stream); }
Error cudaEventElapsedTime(float *milliseconds, void *start, void *end) { return *milliseconds = 1, alive(start) ? invalid_handle : alive(end); }
Error cudaEventSynchronize(void *event) { return trace::line("wait"), alive(event); }
Error cudaEventDestroy(void *event) { return destroy(event); }

// What was put on a stream before is done, so the host's function runs at once.
Error cudaLaunchHostFunc(void *stream, void (*function)(void *), void *argument) {
  if (alive(stream)) return invalid_handle;
  function(argument);
  return success;
}

// What nvcc writes into a program: the kernels register when the library is loaded.
void **__cudaRegisterFatBinary(void *) {
  static void *binary;
  return &binary;
}
void __cudaRegisterFatBinaryEnd(void **) {}
void __cudaUnregisterFatBinary(void **) {}
void __cudaRegisterVar(void **, char *, char *, const char *, int, size_t, int, int) {}
void __cudaRegisterFunction(void **, const char *function, char *, const char *name, int, void *, void *, void *, void *, int *) {
  LOCKED;
  kernels[function] = name;
}
Error __cudaGetKernel(const void **kernel, const void *function) { return *kernel = function, success; }
unsigned __cudaPushCallConfiguration(Size grid, Size block, size_t shared, void *stream) { return calls.push_back({grid, block, shared, stream}), 0; }
Error __cudaPopCallConfiguration(Size *grid, Size *block, size_t *shared, void **stream) {
  if (calls.empty()) return fail(invalid_value);
  const Call call = calls.back();
  calls.pop_back();
  *grid = call.grid, *block = call.block, *shared = call.shared, *stream = call.stream;
  return success;
}
Error __cudaLaunchKernel(const void *kernel, Size grid, Size block, void **, size_t shared, void *stream) {
  return alive(stream) ? invalid_handle : launch(kernel, grid, block, shared);
}
Error cudaLaunchKernelExC(const Call *call, const void *function, void **) {
  return alive(call->stream) ? invalid_handle : launch(function, call->grid, call->block, call->shared);
}

}  // extern "C"

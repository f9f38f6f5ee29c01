// Lets g++ compile a kernel file and run it: every thread of a block is a fiber, and blocks run one after another.
//
// It is strict where a device may forgive: a barrier that not every thread of the block reaches is an error, as is a
// warp operation that not all 32 lanes reach. Shared memory holds NaN before each block, and a seed permutes the order
// in which threads run, so a missing barrier shows. It does not show races between threads that no order of whole
// stretches brings out, dependence between blocks, speed, or the rounding of a device's expf and fused multiply-adds.
// One thread of the process at a time may use it.
#pragma once
#include <math.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

namespace {

struct dim3 { unsigned x, y, z; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace fibers {

constexpr unsigned max_threads = 1024;
constexpr size_t stack_bytes = 32 << 10;

enum class State { running, at_block, at_warp, returned };

constexpr unsigned most_given = 12;    // numbers to one exchange
constexpr unsigned most_copies = 128;  // that a thread has started and not waited for

struct Copy { void *to; const void *from; };

struct Fiber {
  ucontext_t context;
  State state;
  float gives[2][most_given];  // to an exchange; what was given to the one before it may still be read
  unsigned exchanges;          // that this lane has taken part in
  unsigned copies;             // that wait to be done
  Copy copy[most_copies];      // of 16 bytes each
};

using Body = void (*)(void **arguments);

Fiber threads[max_threads];
alignas(16) char stacks[max_threads][stack_bytes];
unsigned order[max_threads];  // in which the threads of a block run
ucontext_t scheduler;
unsigned current;   // index of the fiber that runs
unsigned size;      // threads of the block
const char *error;  // what the block's threads did wrong, or null
Body body;
void **arguments;

#ifdef __SANITIZE_ADDRESS__
const void *scheduler_stack;
size_t scheduler_bytes;
void entered(void *fake) { __sanitizer_finish_switch_fiber(fake, &scheduler_stack, &scheduler_bytes); }
void to_scheduler(Fiber &from) {
  void *fake = nullptr;
  __sanitizer_start_switch_fiber(from.state == State::returned ? nullptr : &fake, scheduler_stack, scheduler_bytes);
  swapcontext(&from.context, &scheduler);
  entered(fake);
}
void to_fiber(Fiber &to) {
  void *fake = nullptr;
  __sanitizer_start_switch_fiber(&fake, stacks[&to - threads], stack_bytes);
  swapcontext(&scheduler, &to.context);
  __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
}
#else
void entered(void *) {}
void to_scheduler(Fiber &from) { swapcontext(&from.context, &scheduler); }
void to_fiber(Fiber &to) { swapcontext(&scheduler, &to.context); }
#endif

void start() {
  entered(nullptr);
  body(arguments);
  threads[current].state = State::returned;
  to_scheduler(threads[current]);
}

// Stops the running fiber until the scheduler lets its barrier go.
void wait(State barrier) {
  Fiber &self = threads[current];
  self.state = barrier;
  to_scheduler(self);
  threadIdx = {current, 0, 0};
}

unsigned count(unsigned from, unsigned to, State state) {
  unsigned found = 0;
  for (unsigned t = from; t < to; t++) found += threads[t].state == state;
  return found;
}

bool returned() { return count(0, size, State::returned) == size; }

void release(unsigned from, unsigned to) {
  for (unsigned t = from; t < to; t++) threads[t].state = State::running;
}

bool fail(const char *why) {
  error = why;
  return false;
}

// Lets the barriers go that are complete. False: there is one that can never be, and error says so.
bool release_barriers() {
  bool released = false;
  for (unsigned lane = 0; lane < size; lane += 32) {
    const unsigned waiting = count(lane, lane + 32 < size ? lane + 32 : size, State::at_warp);
    if (waiting == 0) continue;
    if (waiting < 32) return fail("a warp operation with a full mask that not all 32 lanes reach");
    release(lane, lane + 32);
    released = true;
  }
  if (released) return true;
  const unsigned waiting = count(0, size, State::at_block);
  if (waiting == 0) return true;
  if (waiting < size) return fail("a thread has returned while others wait at __syncthreads");
  release(0, size);
  return true;
}

extern "C" char __start_cuda_shared[] __attribute__((weak, visibility("hidden")));
extern "C" char __stop_cuda_shared[] __attribute__((weak, visibility("hidden")));

// Sets the order from a seed; 0 is the natural one.
void shuffle(uint64_t seed) {
  for (unsigned i = 0; i < size; i++) order[i] = i;
  for (unsigned i = size; i > 1 && seed != 0; i--) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    const unsigned other = (seed >> 33) % i, last = order[i - 1];
    order[i - 1] = order[other];
    order[other] = last;
  }
}

// Runs the block blockIdx. False: error says what its threads did wrong.
bool run_block(uint64_t seed) {
  if (__start_cuda_shared) memset(__start_cuda_shared, 0xff, __stop_cuda_shared - __start_cuda_shared);
  error = nullptr;
  for (unsigned t = 0; t < size; t++) {
    Fiber &fiber = threads[t];
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = stacks[t];
    fiber.context.uc_stack.ss_size = stack_bytes;
    fiber.context.uc_link = nullptr;
    fiber.state = State::running;
    fiber.exchanges = fiber.copies = 0;
    makecontext(&fiber.context, start, 0);
  }
  shuffle(seed);
  while (!returned()) {
    for (unsigned i = 0; i < size; i++) {
      current = order[i];
      if (threads[current].state != State::running) continue;
      threadIdx = {current, 0, 0};
      to_fiber(threads[current]);
    }
    if (!release_barriers()) return false;
  }
  return !error;
}

// What the lanes of a warp have given to an exchange, until each takes part in its next but one.
struct Given {
  unsigned warp, place;
  const float *of(unsigned lane) const { return threads[warp + lane].gives[place]; }
};

// Gives numbers to the lanes of this thread's warp and waits for theirs. A lane that is ahead gives its next numbers
// into the other place, and can be no further ahead, since its next exchange waits for all lanes.
Given give(const float *numbers, unsigned count) {
  const unsigned self = current, place = threads[self].exchanges++ % 2;
  memcpy(threads[self].gives[place], numbers, count * sizeof *numbers);
  wait(State::at_warp);
  return {self / 32 * 32, place};
}

void start_copy(void *to, const void *from) {
  Fiber &self = threads[current];
  if (self.copies == most_copies) error = "a thread has started more copies than the twin keeps";
  else self.copy[self.copies++] = {to, from};
}

void finish_copies() {
  Fiber &self = threads[current];
  for (unsigned i = 0; i < self.copies; i++) memcpy(self.copy[i].to, self.copy[i].from, 16);
  self.copies = 0;
}

}  // namespace fibers

#define __global__
#define __device__
#define __launch_bounds__(...)
#define __shared__ static __attribute__((section("cuda_shared"), used))

inline void __syncthreads() { fibers::wait(fibers::State::at_block); }

// The value that another lane of this thread's warp gives.
inline float exchange(float value, unsigned lane) { return fibers::give(&value, 1).of(lane)[0]; }

inline float __shfl_down_sync(unsigned, float value, unsigned step) {
  const unsigned lane = fibers::current % 32;
  return exchange(value, lane + step < 32 ? lane + step : lane);
}
inline float __shfl_xor_sync(unsigned, float value, unsigned mask) { return exchange(value, fibers::current % 32 ^ mask); }

inline unsigned __float_as_uint(float x) {
  unsigned bits;
  memcpy(&bits, &x, 4);
  return bits;
}
inline float __uint_as_float(unsigned bits) {
  float x;
  memcpy(&x, &bits, 4);
  return x;
}
// Float32 that is rounded step by step: a device fuses none of these into a multiply-add. NaN is converted to 0.
inline float __fadd_rn(float x, float y) { return x + y; }
inline float __fmul_rn(float x, float y) { return x * y; }
inline float __fdiv_rn(float x, float y) { return x / y; }
inline int __float2int_rn(float x) { return x != x ? 0 : (int)rintf(x); }

// A load and a store of 16 bytes, which a device refuses at an address that is no multiple of 16.
inline uint4 load16(const void *address) {
  if ((uintptr_t)address % 16 != 0) fibers::error = "a load of 16 bytes at an address that is not aligned to them";
  uint4 words;
  memcpy(&words, address, 16);
  return words;
}
inline void store16(void *address, uint4 words) {
  if ((uintptr_t)address % 16 != 0) fibers::error = "a store of 16 bytes at an address that is not aligned to them";
  memcpy(address, &words, 16);
}

}  // namespace

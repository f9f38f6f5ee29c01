// The fake device's memory. Outside the driver's calls the host cannot touch it, and behind each allocation lies a page
// that nobody can. With FAKECUDA_SHARED=1 the host can, as where both have one memory: for graphs that run on the
// processors in the device's stead.
#pragma once
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <map>

namespace memory {

constexpr size_t page = 4096;
constexpr size_t total = 1u << 30;

std::map<uintptr_t, size_t> buffers;  // address to bytes
size_t taken;
const bool shared = getenv("FAKECUDA_SHARED") != nullptr;

uintptr_t start(uintptr_t address) { return address & ~(page - 1); }
size_t pages(uintptr_t address, size_t bytes) { return (address + bytes - start(address) + page - 1) & ~(page - 1); }

// Memory that ends where the guard page begins, but for what alignment to 16 bytes leaves. It holds no zeros. 0: there
// is none.
uintptr_t allocate(size_t bytes) {
  if (bytes == 0 || bytes > total - taken) return 0;
  const size_t span = (bytes + page - 1) & ~(page - 1);
  void *base = mmap(nullptr, span + page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) return 0;
  const uintptr_t address = (uintptr_t)base + ((span - bytes) & ~(uintptr_t)15);
  mprotect(base, span, PROT_READ | PROT_WRITE);
  memset((void *)address, 0x7b, bytes);
  if (!shared) mprotect(base, span, PROT_NONE);
  buffers[address] = bytes;
  taken += bytes;
  return address;
}

bool release(uintptr_t address) {
  const auto found = buffers.find(address);
  if (found == buffers.end()) return false;
  munmap((void *)start(address), pages(address, found->second) + page);
  taken -= found->second;
  buffers.erase(found);
  return true;
}

// Whether so many bytes lie in one buffer.
bool holds(uintptr_t address, size_t bytes) {
  auto next = buffers.upper_bound(address);
  if (next == buffers.begin()) return false;
  --next;
  return address + bytes <= next->first + next->second;
}

// While it exists, all buffers can be touched.
struct Open {
  Open() { protect(PROT_READ | PROT_WRITE); }
  ~Open() { protect(PROT_NONE); }
  static void protect(int how) {
    if (shared) return;
    for (const auto &[address, bytes] : buffers) mprotect((void *)start(address), pages(address, bytes), how);
  }
};

}  // namespace memory

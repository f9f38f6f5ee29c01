// The fake devices' memory. Outside the driver's calls the host cannot touch it, a device cannot touch another's, and
// behind each allocation lies a page that nobody can. With FAKECUDA_SHARED=1 everybody can, as where all have one
// memory: for graphs that run on the processors in a device's stead.
#pragma once
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <map>

namespace memory {

constexpr size_t page = 4096;
constexpr size_t total = 1u << 30;  // of each device
constexpr int most_devices = 16;

struct Buffer { size_t bytes; int device; };
std::map<uintptr_t, Buffer> buffers;  // by address
size_t taken[most_devices];
const bool shared = getenv("FAKECUDA_SHARED") != nullptr;

uintptr_t start(uintptr_t address) { return address & ~(page - 1); }
size_t pages(uintptr_t address, size_t bytes) { return (address + bytes - start(address) + page - 1) & ~(page - 1); }

// Memory that ends where the guard page begins, but for what alignment to 16 bytes leaves. It holds no zeros. 0: there
// is none.
uintptr_t allocate(size_t bytes, int device) {
  if (bytes == 0 || bytes > total - taken[device]) return 0;
  const size_t span = (bytes + page - 1) & ~(page - 1);
  void *base = mmap(nullptr, span + page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) return 0;
  const uintptr_t address = (uintptr_t)base + ((span - bytes) & ~(uintptr_t)15);
  mprotect(base, span, PROT_READ | PROT_WRITE);
  memset((void *)address, 0x7b, bytes);
  if (!shared) mprotect(base, span, PROT_NONE);
  buffers[address] = {bytes, device};
  taken[device] += bytes;
  return address;
}

bool release(uintptr_t address) {
  const auto found = buffers.find(address);
  if (found == buffers.end()) return false;
  munmap((void *)start(address), pages(address, found->second.bytes) + page);
  taken[found->second.device] -= found->second.bytes;
  buffers.erase(found);
  return true;
}

// Whether so many bytes lie in one buffer of a device.
bool holds(uintptr_t address, size_t bytes, int device) {
  auto next = buffers.upper_bound(address);
  if (next == buffers.begin()) return false;
  --next;
  return next->second.device == device && address + bytes <= next->first + next->second.bytes;
}

// While it exists, all buffers of a device can be touched.
struct Open {
  const int device;
  explicit Open(int device) : device(device) { protect(PROT_READ | PROT_WRITE); }
  ~Open() { protect(PROT_NONE); }
  void protect(int how) const {
    if (shared) return;
    for (const auto &[address, buffer] : buffers) {
      if (buffer.device == device) mprotect((void *)start(address), pages(address, buffer.bytes), how);
    }
  }
};

}  // namespace memory

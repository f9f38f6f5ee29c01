// Products of small matrices on tensor cores, and the copies that feed them: in this one place, for the device and for
// the twin. Where a lane's numbers lie in a matrix is the PTX manual's "Matrix Fragments for mma.m16n8k16": with g =
// lane / 4 and c = 2 · (lane % 4), a lane has of
//   a (16, 16): rows g, g + 8, g, g + 8, at columns c, c, c + 8, c + 8, each with the column behind it: four words;
//   b (16, 8):  rows c and c + 8, each with the row behind it, at column g: two words;
//   sum (16, 8): row g, columns c and c + 1; row g + 8, the same.
#pragma once
#include "numbers.cuh"

#ifdef __CUDACC_RTC__

__device__ inline unsigned shared_address(const void *shared) {
  unsigned address;
  asm("{ .reg .u64 wide; cvta.to.shared.u64 wide, %1; cvt.u32.u64 %0, wide; }" : "=r"(address) : "l"(shared));
  return address;
}

// sum += a · b, with products that are exact and sums in float32. Every lane of the warp calls it.
template <class T> __device__ inline void multiply(float (&sum)[4], const unsigned (&a)[4], unsigned b0, unsigned b1);
#define MULTIPLY(T, NAME) \
  template <> __device__ inline void multiply<T>(float (&sum)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) { \
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32." NAME "." NAME ".f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, " \
                 "{%0, %1, %2, %3};" \
                 : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3]) \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1)); \
  }
MULTIPLY(float16, "f16")
MULTIPLY(bfloat16, "bf16")
#undef MULTIPLY

// Four matrices of 8 by 8 numbers from shared memory. Lane l gives the address of row l % 8 of matrix l / 8, and gets
// of matrix i in words[i] row g, columns c and c + 1.
__device__ inline void load_matrices(unsigned (&words)[4], const void *row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
               : "r"(shared_address(row))
               : "memory");
}

// The same, but of matrix i rows c and c + 1 at column g.
__device__ inline void load_transposed(unsigned (&words)[4], const void *row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
               : "r"(shared_address(row))
               : "memory");
}

// Starts a copy of 16 bytes to shared memory. They are there after copies_done and a barrier.
__device__ inline void start_copy16(void *shared, const void *from) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(shared_address(shared)), "l"(from) : "memory");
}
// Waits for the copies that this thread has started.
__device__ inline void copies_done() { asm volatile("cp.async.wait_all;" ::: "memory"); }

#else

// The sums of a lane's four numbers, each from the words that the warp's lanes have given.
template <class T> inline void multiply(float (&sum)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  const float mine[12] = {lower<T>(a[0]), upper<T>(a[0]), lower<T>(a[1]), upper<T>(a[1]), lower<T>(a[2]), upper<T>(a[2]),
                          lower<T>(a[3]), upper<T>(a[3]), lower<T>(b0),   upper<T>(b0),   lower<T>(b1),   upper<T>(b1)};
  const fibers::Given given = fibers::give(mine, 12);
  const unsigned lane = fibers::current % 32, g = lane / 4, c = 2 * (lane % 4);
  for (unsigned at = 0; at < 4; at++) {
    float products = 0;
    for (unsigned k = 0; k < 16; k++) {
      const float left = given.of(g * 4 + k % 8 / 2)[4 * (k / 8) + 2 * (at / 2) + k % 2];
      const float right = given.of((c + at % 2) * 4 + k % 8 / 2)[8 + 2 * (k / 8) + k % 2];
      products += left * right;
    }
    sum[at] += products;
  }
}

inline unsigned pair_of(const unsigned short *first, const unsigned short *second) { return *first | (unsigned)*second << 16; }

inline const unsigned short *row_of(const fibers::Given &given, unsigned lane) {
  const unsigned short *row;
  memcpy(&row, given.of(lane), sizeof row);
  if ((uintptr_t)row % 16 != 0) fibers::error = "a row of a matrix at an address that is not aligned to 16 bytes";
  return row;
}

inline fibers::Given give_row(const void *row) {
  float halves[2];
  memcpy(halves, &row, sizeof row);
  return fibers::give(halves, 2);
}

inline void load_matrices(unsigned (&words)[4], const void *row) {
  const fibers::Given given = give_row(row);
  const unsigned lane = fibers::current % 32, g = lane / 4, c = 2 * (lane % 4);
  for (unsigned i = 0; i < 4; i++) {
    const unsigned short *at = row_of(given, 8 * i + g) + c;
    words[i] = pair_of(at, at + 1);
  }
}

inline void load_transposed(unsigned (&words)[4], const void *row) {
  const fibers::Given given = give_row(row);
  const unsigned lane = fibers::current % 32, g = lane / 4, c = 2 * (lane % 4);
  for (unsigned i = 0; i < 4; i++) words[i] = pair_of(row_of(given, 8 * i + c) + g, row_of(given, 8 * i + c + 1) + g);
}

// The copy is done as late as a device may do it: in copies_done.
inline void start_copy16(void *shared, const void *from) {
  if (((uintptr_t)shared | (uintptr_t)from) % 16 != 0) fibers::error = "a copy of 16 bytes at an address that is not aligned to them";
  fibers::start_copy(shared, from);
}
inline void copies_done() { fibers::finish_copies(); }

#endif

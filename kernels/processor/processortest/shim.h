// What Go cannot do itself: call a kernel by its address, and look into a library.
#pragma once
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../tiers.h"

typedef struct {
	int64_t (*bytes)(const AssayWeights *of);
	void (*pack)(const AssayWeights *of, const void *weights, void *packed, int32_t *sums, int64_t first, int64_t last);
} Packing;

typedef struct {
	const AssayKernels *(*tier)(int);
	Packing packing;
} Library;

static inline Packing packing_of(void *bytes, void *pack) {
	Packing of;
	memcpy(&of.bytes, &bytes, sizeof bytes);
	memcpy(&of.pack, &pack, sizeof pack);
	return of;
}

static inline const char *open_library(const char *path, Library *into) {
	void *opened = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	void *tier = opened ? dlsym(opened, "assay_tier") : NULL;
	if (!tier) return dlerror();
	memcpy(&into->tier, &tier, sizeof tier);
	into->packing = packing_of(dlsym(opened, "assay_packed_bytes"), dlsym(opened, "assay_pack_weights"));
	return NULL;
}

static inline AssayKernels *tier_of(Library library, int tier) { return (AssayKernels *)library.tier(tier); }
static inline int64_t packed_bytes(Packing by, const AssayWeights *of) { return by.bytes(of); }
static inline void pack(Packing by, const AssayWeights *of, const void *weights, void *packed, int32_t *sums, int64_t first, int64_t last) {
	by.pack(of, weights, packed, sums, first, last);
}
static inline void run_task(AssayTask task, void *arguments, size_t i) { task(arguments, i); }

static inline void *fenced_alloc(size_t bytes, size_t margin) {
	char *memory = aligned_alloc(64, (bytes + 2 * margin + 16 + 63) / 64 * 64);
	if (!memory) return NULL;
	memset(memory, 0xff, bytes + 2 * margin + 16);
	return memory + margin + 16;
}
static inline void fenced_free(void *memory, size_t margin) { free((char *)memory - margin - 16); }
static inline int fenced_intact(const void *memory, size_t bytes, size_t margin) {
	const unsigned char *before = (const unsigned char *)memory - margin, *behind = (const unsigned char *)memory + bytes;
	for (size_t i = 0; i < margin; i++)
		if (before[i] != 0xff || behind[i] != 0xff) return 0;
	return 1;
}

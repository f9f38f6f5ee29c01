#include "processor.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

AssayStore *assay_store_open(void) {
	AssayStore *store = calloc(1, sizeof *store);
	if (store) pthread_mutex_init(&store->mutex, NULL);
	return store;
}

static void forget(Packed *packed) {
	if (packed->weights.packed) munmap((void *)packed->weights.packed, packed->bytes);
	free(packed->sums);
	free(packed->name);
	free(packed);
}

void assay_store_close(AssayStore *store) {
	for (Packed *packed = store->first, *next; packed; packed = next) {
		next = packed->next;
		forget(packed);
	}
	pthread_mutex_destroy(&store->mutex);
	free(store);
}

int64_t assay_store_bytes(AssayStore *store) {
	int64_t bytes = 0;
	pthread_mutex_lock(&store->mutex);
	for (Packed *packed = store->first; packed; packed = packed->next) bytes += (int64_t)packed->bytes;
	pthread_mutex_unlock(&store->mutex);
	return bytes;
}

// pack makes packed weights, in memory of large pages where the system has them; null where there is no memory.
static Packed *pack(const AssayProcessor *on, const char *name, int kind, const AssayTensor *weight) {
	const int64_t per = kind == ASSAY_F32 ? 1 : kind == ASSAY_I8 ? 4 : 2, panels = (weight->shape[0] + 31) / 32;
	Packed *packed = calloc(1, sizeof *packed);
	if (!packed) return NULL;
	packed->weights = (AssayWeights){.outputs = weight->shape[0], .inputs = weight->shape[1], .words = (weight->shape[1] + per - 1) / per, .kind = kind};
	packed->bytes = (size_t)on->packed_bytes(&packed->weights);
	packed->name = strdup(name);
	packed->sums = calloc((size_t)panels * 32, sizeof *packed->sums);
	void *memory = packed->bytes ? mmap(NULL, packed->bytes, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0) : MAP_FAILED;
	packed->weights.packed = memory == MAP_FAILED ? NULL : memory;
	if (!packed->name || !packed->sums || !packed->weights.packed) {
		forget(packed);
		return NULL;
	}
	madvise(memory, packed->bytes, MADV_HUGEPAGE); // where it fails, pages are small
	packed->weights.sums = packed->sums;
	on->pack_weights(&packed->weights, weight->data, memory, packed->sums, 0, panels);
	return packed;
}

static int same(const Packed *packed, const char *name, int kind, const AssayTensor *weight) {
	return strcmp(packed->name, name) == 0 && packed->weights.kind == kind && packed->weights.outputs == weight->shape[0] && packed->weights.inputs == weight->shape[1];
}

Packed *assay_store_take(AssayStore *store, const AssayProcessor *on, const char *name, int kind, const AssayTensor *weight) {
	pthread_mutex_lock(&store->mutex);
	Packed *packed = store->first;
	while (packed && !same(packed, name, kind, weight)) packed = packed->next;
	if (!packed && (packed = pack(on, name, kind, weight))) {
		packed->next = store->first;
		store->first = packed;
	}
	if (packed) packed->users++;
	pthread_mutex_unlock(&store->mutex);
	return packed;
}

void assay_store_give(AssayStore *store, Packed *packed) {
	pthread_mutex_lock(&store->mutex);
	if (--packed->users == 0) {
		Packed **at = &store->first;
		while (*at != packed) at = &(*at)->next;
		*at = packed->next;
		forget(packed);
	}
	pthread_mutex_unlock(&store->mutex);
}

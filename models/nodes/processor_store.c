#include "processor.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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
	for (Mapped *mapped = store->mapped, *next; mapped; mapped = next) {
		next = mapped->next;
		free(mapped);
	}
	pthread_mutex_destroy(&store->mutex);
	free(store);
}

int assay_store_mapped(AssayStore *store, void *data, size_t bytes) {
	Mapped *mapped = calloc(1, sizeof *mapped);
	if (!mapped) return 0;
	*mapped = (Mapped){data, bytes, store->mapped};
	store->mapped = mapped;
	return 1;
}

// give_back gives the whole pages of weights back that are mapped from a file.
static void give_back(const AssayStore *store, const void *weights, size_t bytes) {
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	for (const Mapped *mapped = store->mapped; mapped; mapped = mapped->next) {
		if ((const char *)weights < mapped->data || (const char *)weights + bytes > mapped->data + mapped->bytes) continue;
		char *first = (char *)(((uintptr_t)weights + page - 1) / page * page), *end = (char *)(((uintptr_t)weights + bytes) / page * page);
		if (end > first) madvise(first, (size_t)(end - first), MADV_DONTNEED);
	}
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

// same tells whether packed weights are those of a name, by every number: names are unique in one scope of a graph
// only.
static int same(const AssayProcessor *on, const Packed *packed, const char *name, int kind, const AssayTensor *weight) {
	const AssayWeights *of = &packed->weights;
	if (strcmp(packed->name, name) || of->kind != kind || of->outputs != weight->shape[0] || of->inputs != weight->shape[1]) return 0;
	const int64_t panels = (of->outputs + 31) / 32, words = of->words * 32, size = kind == ASSAY_F32 ? 4 : kind == ASSAY_I8 ? 1 : 2;
	int32_t sums[32];
	uint32_t *again = malloc((size_t)words * 4);
	int equal = again != NULL;
	for (int64_t panel = 0; equal && panel < panels; panel++) { // each as the only panel of weights of its own
		AssayWeights one = *of;
		one.outputs = of->outputs - 32 * panel < 32 ? of->outputs - 32 * panel : 32;
		on->pack_weights(&one, (const char *)weight->data + 32 * panel * of->inputs * size, again, sums, 0, 1);
		equal = !memcmp(again, (const uint32_t *)of->packed + panel * words, (size_t)words * 4);
	}
	free(again);
	return equal;
}

Packed *assay_store_take(AssayStore *store, const AssayProcessor *on, const char *name, int kind, const AssayTensor *weight) {
	pthread_mutex_lock(&store->mutex);
	Packed *packed = store->first;
	while (packed && !same(on, packed, name, kind, weight)) packed = packed->next;
	if (!packed && (packed = pack(on, name, kind, weight))) {
		packed->next = store->first;
		store->first = packed;
	}
	give_back(store, weight->data, weight->elements * (kind == ASSAY_F32 ? 4 : kind == ASSAY_I8 ? 1 : 2));
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

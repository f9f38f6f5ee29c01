// The threads that the operators of all models share: however many models there are, no more of them help than the
// widest has asked for.
//
// A caller puts its job on a list, computes at it itself, and waits for those that help. A thread without work looks
// for some time whether there is a job, since the next node of a forward comes within microseconds, and then sleeps.
#define _GNU_SOURCE // pthread_setname_np
#include "processor_threads.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

// A part of a job's tasks, which lie side by side. A thread begins with a part of its own, from node to node the same
// one if nobody else has it, so that it reads what it wrote; then it goes on with what is left of others.
typedef struct {
	atomic_size_t next; // the first task that nobody has begun
	int taken;          // whether it is some helper's own; under the mutex
	char apart[64 - sizeof(atomic_size_t) - sizeof(int)];
} Part;

typedef struct Job {
	AssayTask task;
	void *arguments;
	size_t tasks;
	Part *parts;         // one for each thread, the caller's first
	int threads, wanted; // threads that may still help
	atomic_uint helping; // threads that do; written under the mutex
	int waits;           // whether the caller sleeps until none does
	struct Job *after;
} Job;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; // guards what follows
static pthread_cond_t come = PTHREAD_COND_INITIALIZER, left = PTHREAD_COND_INITIALIZER;
static Job *first, **last = &first; // in the order in which they came
static int helpers, asleep;         // threads that there are, and that sleep
static atomic_uint posted;          // jobs so far; written under the mutex

// stays says whether a number is what it was for as long as a thread looks before it sleeps.
static int stays(atomic_uint *number, unsigned was) {
	enum { TURNS = 64, PATIENCE = 50000 }; // nanoseconds
	struct timespec begun, now;
	clock_gettime(CLOCK_MONOTONIC, &begun);
	do {
		for (int turn = 0; turn < TURNS; turn++) {
			if (atomic_load_explicit(number, memory_order_relaxed) != was) return 0;
#if defined(__x86_64__)
			__builtin_ia32_pause();
#endif
		}
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - begun.tv_sec) * 1000000000L + now.tv_nsec - begun.tv_nsec < PATIENCE);
	return 1;
}

static size_t begin(const Job *job, int part) { return job->tasks * (size_t)part / (size_t)job->threads; }

static int unbegun(Job *job) {
	for (int part = 0; part < job->threads; part++)
		if (atomic_load_explicit(&job->parts[part].next, memory_order_relaxed) < begin(job, part + 1)) return 1;
	return 0;
}

static void work(Job *job, int own) {
	for (int i = 0; i < job->threads; i++) {
		const int part = (own + i) % job->threads;
		const size_t end = begin(job, part + 1);
		for (size_t task; (task = atomic_fetch_add_explicit(&job->parts[part].next, 1, memory_order_relaxed)) < end;) job->task(job->arguments, task);
	}
}

// take gives a helper the oldest job that wants help, or null, and a part of it: 1 is that of helper 0. It is called
// under the mutex, and so is leave.
static Job *take(int helper, int *part) {
	for (Job *job = first; job; job = job->after) {
		if (job->wanted == 0 || !unbegun(job)) continue;
		for (int i = helper; job->parts[*part = 1 + i % (job->threads - 1)].taken; i++) {
		}
		job->parts[*part].taken = 1;
		job->wanted--;
		atomic_fetch_add_explicit(&job->helping, 1, memory_order_relaxed);
		return job;
	}
	return NULL;
}

static void leave(Job *job) {
	if (atomic_fetch_sub_explicit(&job->helping, 1, memory_order_relaxed) == 1 && job->waits) pthread_cond_broadcast(&left);
}

static void *help(void *number) {
	const int helper = (int)(intptr_t)number;
	pthread_setname_np(pthread_self(), "assay-compute");
	pthread_mutex_lock(&mutex);
	for (;;) {
		int part = 0;
		Job *job = take(helper, &part);
		if (job) {
			pthread_mutex_unlock(&mutex);
			work(job, part);
			pthread_mutex_lock(&mutex);
			leave(job);
			continue;
		}
		const unsigned seen = atomic_load_explicit(&posted, memory_order_relaxed);
		pthread_mutex_unlock(&mutex);
		const int none = stays(&posted, seen);
		pthread_mutex_lock(&mutex);
		if (!none || atomic_load_explicit(&posted, memory_order_relaxed) != seen) continue;
		asleep++;
		pthread_cond_wait(&come, &mutex);
		asleep--;
	}
	return NULL;
}

int assay_threads(int wanted) {
	pthread_mutex_lock(&mutex);
	for (pthread_t thread; helpers + 1 < wanted && !pthread_create(&thread, NULL, help, (void *)(intptr_t)helpers); helpers++) pthread_detach(thread);
	const int there = helpers + 1;
	pthread_mutex_unlock(&mutex);
	return there;
}

void assay_run(int threads, AssayTask task, void *arguments, size_t tasks) {
	if ((size_t)threads > tasks) threads = (int)tasks;
	if (threads < 2) {
		for (size_t i = 0; i < tasks; i++) task(arguments, i);
		return;
	}
	Part parts[threads];
	Job job = {.task = task, .arguments = arguments, .tasks = tasks, .parts = parts, .threads = threads, .wanted = threads - 1};
	for (int part = 0; part < threads; part++) {
		parts[part].taken = 0;
		atomic_init(&parts[part].next, begin(&job, part));
	}
	pthread_mutex_lock(&mutex);
	*last = &job;
	last = &job.after;
	atomic_fetch_add_explicit(&posted, 1, memory_order_relaxed);
	for (int i = 0; i < asleep && i < job.wanted; i++) pthread_cond_signal(&come);
	pthread_mutex_unlock(&mutex);
	work(&job, 0);
	for (unsigned n; (n = atomic_load_explicit(&job.helping, memory_order_relaxed)) && !stays(&job.helping, n);) {
	}
	pthread_mutex_lock(&mutex);
	Job **at = &first;
	while (*at != &job) at = &(*at)->after;
	*at = job.after;
	if (!job.after) last = at;
	job.waits = 1;
	while (atomic_load_explicit(&job.helping, memory_order_relaxed)) pthread_cond_wait(&left, &mutex);
	pthread_mutex_unlock(&mutex);
}

#define _GNU_SOURCE // rand_r
// Callers that ask for jobs of all sizes at once: every task runs once, no two threads write one number, and what tasks
// wrote is there when the call returns (threads_test.go).
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../processor_threads.h"

enum { CALLERS = 4, JOBS = 400, MOST = 40, THREADS = 3 };

typedef struct {
	int runs[MOST]; // plain numbers, so that the sanitizer sees who writes them
	atomic_int now, most;
} Counts;

static void count(void *arguments, size_t task) {
	Counts *c = arguments;
	int now = atomic_fetch_add(&c->now, 1) + 1, most = atomic_load(&c->most);
	while (now > most && !atomic_compare_exchange_weak(&c->most, &most, now)) {
	}
	c->runs[task]++;
	for (volatile int i = 0; i < (int)(task * 37 % 500); i++) {
	}
	atomic_fetch_sub(&c->now, 1);
}

static void *call(void *seed) {
	unsigned random = (unsigned)(size_t)seed;
	for (int job = 0; job < JOBS; job++) {
		Counts c = {0};
		const size_t tasks = (size_t)rand_r(&random) % (MOST + 1);
		const int threads = 1 + rand_r(&random) % (THREADS + 2); // more than there are, too
		assay_run(threads, count, &c, tasks);
		for (size_t task = 0; task < MOST; task++)
			if (c.runs[task] != (task < tasks)) {
				printf("task %zu of %zu ran %d times\n", task, tasks, c.runs[task]);
				exit(1);
			}
		if (c.most > threads || c.most > THREADS) {
			printf("%d threads ran a job for %d, and a caller has %d\n", c.most, threads, THREADS);
			exit(1);
		}
		if (job % 50 == 0) nanosleep(&(struct timespec){.tv_nsec = 300000}, NULL); // so that all sleep now and then
	}
	return NULL;
}

int main(void) {
	if (assay_threads(THREADS) != THREADS || assay_threads(1) != THREADS) return 2;
	pthread_t callers[CALLERS];
	for (size_t i = 0; i < CALLERS; i++)
		if (pthread_create(&callers[i], NULL, call, (void *)(i + 1))) return 3;
	for (int i = 0; i < CALLERS; i++) pthread_join(callers[i], NULL);
	return 0;
}

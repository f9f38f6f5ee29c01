#pragma once
#include "../../kernels/processor/processor.h"

// assay_threads sees to it that so many threads can compute at once, a caller's included, and says how many can. They
// are shared by all that call assay_run, and stay as long as the process.
int assay_threads(int wanted);

// assay_run has every task run once, by the caller and up to threads − 1 others, and returns when all have ended.
void assay_run(int threads, AssayTask task, void *arguments, size_t tasks);

// Every kernel on any processor.
#define TIER_PLAIN
#include "tier.h"

void assay_plain(AssayKernels *into) { fill(into, "plain C", 0); }

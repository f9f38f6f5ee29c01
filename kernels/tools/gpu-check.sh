#!/usr/bin/env bash
# The kernels on this machine's GPU: every test of the CUDA backend, then each kernel's rate and its share of the peak memory bandwidth.
# A machine without a GPU is a failure, not a skip. Usage: gpu-check.sh [TEST_BINARY], the one that test-cuda.sh leaves as
# .cuda/build/device.test, for a machine without Go; without it, test-cuda.sh runs first.
set -euo pipefail
tools=$(cd "$(dirname "$0")" && pwd)
binary=${1:-}
die() { printf 'gpu-check: %s\n' "$*" >&2; exit 1; }

# The driver is asked first: where it is missing, a program that is linked with it does not start, and gorgonia.org/cu ends it without a word.
python3 - <<'PY' || die "this machine has no GPU that its driver can use"
import ctypes
import sys
try:
    driver = ctypes.CDLL("libcuda.so.1")
except OSError as problem:
    sys.exit(f"the driver cannot be loaded: {problem}")
count = ctypes.c_int()
for status in (driver.cuInit(0), driver.cuDeviceGetCount(ctypes.byref(count))):
    if status:
        sys.exit(f"the driver answers with error {status}")
if not count.value:
    sys.exit("the driver finds no device")
PY

if [ -z "$binary" ]; then
  "$tools/test-cuda.sh"
  binary=$tools/../../.cuda/build/device.test
fi
export ASSAY_REQUIRE_GPU=1
unset FAKECUDA_SEED
"$binary" -test.v -test.bench . -test.benchtime 20x
if command -v compute-sanitizer >/dev/null; then
  for tool in memcheck racecheck initcheck; do
    compute-sanitizer --tool "$tool" --error-exitcode 1 "$binary" -test.run Kernels
  done
else
  printf 'gpu-check: compute-sanitizer is not installed, so it did not look at the kernels\n'
fi
